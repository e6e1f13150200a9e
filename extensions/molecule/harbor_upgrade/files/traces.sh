#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what is another one on a host that was touched: containers with their starts, images, install folder, and what is beside.
set -eu
docker ps --all --quiet | xargs docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}' | sort
docker image ls --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort
find /opt/harbor -type f -exec sha256sum {} + | sort -k 2
ls -A /opt /data /data/dockyard-backups 2>/dev/null || :
