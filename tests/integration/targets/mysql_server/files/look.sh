#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# look.sh FOLDER: print the containers with their starts, and the files of all instances with their checksums.
docker ps --all --quiet --no-trunc | sort | xargs --no-run-if-empty docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}'
[ ! -d "$1" ] || find "$1" \( -path '*/data/*' -o -path '*/tmp/*' \) -prune -o -printf '%p %m %U:%G\n' | sort
[ ! -d "$1" ] || find "$1" -type f -not -path '*/data/*' -not -path '*/tmp/*' -exec sha256sum {} + | sort
