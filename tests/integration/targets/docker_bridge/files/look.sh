#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that a run may change.
find /etc/docker /var/lib/dockyard -type f -printf '%p %i %m %u:%g %s %T@ %C@\n' | sort
systemctl show docker.service --property=MainPID,ActiveState
ip -brief address show docker0 scope global | awk '{ $2 = ""; print }'
docker ps --all --no-trunc --format '{{ .ID }} {{ .Names }} {{ .State }}'
