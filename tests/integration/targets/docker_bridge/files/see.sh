#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a container of the image $1 sees, and what the host does with its packets.
ip -oneline address show docker0 scope global
docker run --rm "$1" sh -c 'ip -oneline address show eth0; ip route; ip -6 route; ip link show eth0'
iptables --table nat --list-rules POSTROUTING
