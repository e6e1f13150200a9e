#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# questions.sh PASSWORD: ask the running servers; each complaint is a line, and no line is what is wanted.
password=$1
ask() { container=$1; client=$2; shift 2; for order in "$@"; do echo "$order"; done | docker exec -i "$container" "$client"; }
complain() { echo "$*"; }

ask queue redis-cli "AUTH default $password" 'SET jobs:0 done' 'CONFIG GET appendonly' | grep -qx yes || complain 'queue is not append-only'
ask queue redis-cli 'GET jobs:0' | grep -q NOAUTH || complain 'queue answers without a password'
ask queue redis-cli 'AUTH report report-Vie9ahth' 'GET jobs:0' | grep -qx done || complain 'report may not read what it may'
ask queue redis-cli 'AUTH report report-Vie9ahth' 'SET jobs:0 x' | grep -q NOPERM || complain 'report may write'
ask cache valkey-cli 'SET a b' 'CONFIG GET maxmemory-policy' | grep -qx allkeys-lru || complain 'cache has another policy'
for name in queue cache; do
    for attempt in $(seq 120); do
        health=$(docker inspect --format '{{.State.Health.Status}}' $name)
        [ "$health" = starting ] || break
        sleep 0.5
    done
    [ "$health" = healthy ] || complain "$name is $health"
    [ "$(stat --format %u /srv/redis/$name/data)" = 999 ] || complain "the data of $name belong to another user"
    docker inspect $name | grep -E "$password|report-Vie9ahth" && complain "a password is in what the engine knows of $name"
    docker logs $name 2>&1 | grep -E "$password|report-Vie9ahth" && complain "a password is in the log of $name"
done
ss --listening --tcp --numeric --no-header | awk '{print $4}' | grep -E ':638[01]$' | grep -v '^127\.0\.0\.1:' && complain 'a port is open on more than the loopback address'
docker kill --signal STOP queue > /dev/null
docker exec queue sh /etc/dockyard/health.sh > /dev/null 2>&1 & probe=$!
sleep 3
kill -0 $probe 2>/dev/null || complain 'the health check of a server that hangs ends well'
docker kill --signal CONT queue > /dev/null
wait $probe || complain 'the health check fails once the server goes on'
exit 0
