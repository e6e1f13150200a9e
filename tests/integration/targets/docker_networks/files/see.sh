#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a container of the image $1 sees on the network $2, and what the host does with its packets.
docker run --rm --network "$2" "$1" sh -c 'ip -oneline address show eth0; ip route; ip link show eth0'
device=$(docker network inspect --format '{{ index .Options "com.docker.network.bridge.name" }}' "$2")
device=${device:-br-$(docker network inspect --format '{{ slice .Id 0 12 }}' "$2")}
ip -oneline address show "$device"
iptables-save | grep -- "$device"
docker network inspect --format 'labels {{ .Labels }}' "$2"
