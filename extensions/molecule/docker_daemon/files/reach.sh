#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# reach.sh CONTAINER:TARGET ...: says yes or no for each, whether the container gets an answer from the target, which is a
# container or an address. All at once, because silence takes its time.
set -eu
for pair in "$@"; do
    from=${pair%%:*}
    to=${pair#*:}
    address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$to" 2>/dev/null) || address=$to
    docker exec "$from" /bin/ping -c 1 -W 2 127.0.0.1 >/dev/null # it runs, and its ping does
    { docker exec "$from" /bin/ping -c 1 -W 2 "$address" >/dev/null && answer=yes || answer=no; echo "$pair $answer"; } &
done | sort
wait
