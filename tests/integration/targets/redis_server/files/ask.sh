#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ask.sh CONTAINER USER PASSWORD ORDER ...: give a server orders as a user, and print its answers. Nothing of ours is asked.
container=$1 user=$2 password=$3
shift 3
{
    [ -z "$user" ] || echo "AUTH $user $password"
    for order in "$@"; do echo "$order"; done
} | docker exec -i "$container" sh -c 'if command -v redis-cli >/dev/null; then exec redis-cli; else exec valkey-cli; fi' |
    if [ -n "$user" ]; then sed 1d; else cat; fi
