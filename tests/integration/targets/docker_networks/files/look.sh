#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that a run may change: networks with their ids, bridges, containers with their connections. Without a bridge's
# link-local address, which the kernel gives it some time after its first port.
docker network ls --no-trunc --format '{{ .ID }} {{ .Name }} {{ .Driver }}' | sort
ip -brief address show type bridge | sed -E 's/ fe80::[^ ]*//' | awk '{ $2 = ""; print }' | sort
docker ps --all --no-trunc --format '{{ .ID }} {{ .Names }} {{ .State }} {{ .Networks }}' | sort
[ ! -d /var/lib/dockyard ] || find /var/lib/dockyard -path '*docker_networks/*'
