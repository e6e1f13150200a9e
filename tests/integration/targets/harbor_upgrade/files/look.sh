#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Shows all of the Harbor in the folder PATH with its DATA that an upgrade changes, and nothing that changes by itself.
set -eu
path=$1 data=$2
ls -A "$(dirname "$path")"
[ ! -d "$data" ] || ls -A "$data"
[ ! -d "$path" ] || find "$path" -maxdepth 1 -type f -size -1024k -exec sha256sum {} + | sort
docker ps --quiet | xargs --no-run-if-empty docker inspect --format '{{.Name}} {{.Config.Image}} {{.State.StartedAt}}' | sort
