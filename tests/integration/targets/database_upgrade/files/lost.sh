#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# lost.sh CONTAINER PASSWORD FOLDER: stop the writer, and print how many writes were acknowledged, and how many of these are lost.
touch "$3/stop"
sleep 1
last=$(cat "$3/acknowledged")
found=$({ echo "AUTH default $2"; seq "$last" | sed 's/^/GET w:/'; } | docker exec -i "$1" sh -c 'if command -v redis-cli >/dev/null; then exec redis-cli; else exec valkey-cli; fi' |
    sed 1d | grep -c '^[0-9][0-9]*$')
echo "$last acknowledged, $((last - found)) lost"
