#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# reach.sh CONTAINER TARGET: says yes or no, whether the container gets an answer from the target, a container or an address.
set -eu
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$2" 2>/dev/null) || address=$2
docker exec "$1" /bin/ping -c 1 -W 2 127.0.0.1 >/dev/null # it runs, and its ping does
if docker exec "$1" /bin/ping -c 1 -W 2 "$address" >/dev/null; then echo yes; else echo no; fi
