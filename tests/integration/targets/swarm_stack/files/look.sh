#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that a run may change: services with their versions, networks, configs, secrets, volumes, containers.
format='{{ .ID }} {{ .Spec.Name }} {{ .Version.Index }}'
for kind in service config secret; do
    docker "$kind" ls --quiet | sort | while read -r identity; do docker "$kind" inspect --format "$kind $format" "$identity"; done
done
docker network ls --no-trunc --format '{{ .ID }} {{ .Name }} {{ .Driver }}' | sort
docker volume ls --quiet | sort
docker ps --no-trunc --format '{{ .ID }} {{ .Names }} {{ .State }}' | sort
