#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes a Harbor in the folder PATH with its DATA, its containers and images, and the test's own FOLDER.
set -eu
path=$1 data=$2 folder=$3
# An upgrade goes on by itself where a test has failed.
for job in /var/lib/dockyard/harbor/*/; do
    [ ! -d "$job" ] || flock --timeout 300 "$job" true
done
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes
docker network prune --force
docker image ls --quiet 'goharbor/*' | sort -u | xargs --no-run-if-empty docker image rm --force
rm -rf "$path" "$path.dockyard" "$folder" /var/log/harbor /var/lib/dockyard/harbor
[ ! -d "$data" ] || find "$data" -mindepth 1 -delete
