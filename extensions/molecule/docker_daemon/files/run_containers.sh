#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# run_containers.sh NETWORK NAME ...: runs them, unless they are there.
set -eu
network=$1
shift
for name in "$@"; do
    docker inspect "$name" >/dev/null 2>&1 || docker run --detach --init --name "$name" --network "$network" ping:1 /bin/sleep 10000
done
