#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Asks the kernel, the engine and the containers, not the file: in one script, because each question as a task costs more
# than its answer; each ends it with its own message. The other scripts of this folder come in the environment, as
# LOOK, REACH, MAKE_IMAGE and RUN_CONTAINERS; what is expected comes as BIP, STARTS, LABELS and LOG_OPTS (both JSON).
set -euo pipefail

die() {
    echo "$*" >&2
    exit 1
}

same_json() {
    python3 -c 'import json, sys; a, b = map(json.loads, sys.argv[1:]); order = lambda v: sorted(v, key=str) if isinstance(v, list) else v; sys.exit(order(a) != order(b))' "$1" "$2"
}

found=$(sh -c "$LOOK" look.sh address)
[ "$found" = "$BIP" ] || die "docker0 has the address $found, not $BIP."

# Two changes would be two starts, and an engine that starts without its file needs another one.
found=$(sh -c "$LOOK" look.sh starts)
[ "$found" = "$STARTS" ] || die "The engine was started $found times, not $STARTS."

if [ "$STARTS" = 2 ]; then
    found=$(docker container inspect --format '{{.State.Running}}' ann bob | paste -sd,)
    [ "$found" = true,true ] || die "The containers that ran do not run again: $found"
else
    said=$(sh -c "$MAKE_IMAGE" make_image.sh 2>&1) || die "No image can be made: $said"
fi
for containers in 'bridge ann bob gina' 'apart cora dirk' 'inside ella fred'; do
    # shellcheck disable=SC2086
    said=$(sh -c "$RUN_CONTAINERS" run_containers.sh $containers 2>&1) || die "$containers can't be run: $said"
done

# ann and bob are on docker0 without ICC, cora and dirk on a network without ICC, ella and fred on an internal one.
outside=$(sh -c "$LOOK" look.sh outside)
expected="ann:bob no
ann:$outside yes
ann:${BIP%/*} yes
bob:ann no
cora:10.90.0.1 yes
cora:$outside yes
cora:dirk no
ella:$outside no
ella:cora no
ella:fred yes"
# shellcheck disable=SC2046
found=$(sh -c "$REACH" reach.sh $(echo "$expected" | cut -d' ' -f1))
[ "$(sort <<< "$found")" = "$(sort <<< "$expected")" ] || die "Who reaches whom is not as it should be: $found"

found=$(docker inspect --format '{{json .HostConfig.LogConfig.Config}}' gina)
same_json "$found" "$LOG_OPTS" || die "A new container has the log options $found, not $LOG_OPTS."
found=$(docker info --format '{{json .Labels}}')
same_json "$found" "$LABELS" || die "The engine has the labels $found, not $LABELS."
found=$(docker network inspect bridge --format '{{index .Options "com.docker.network.driver.mtu"}}')
[ "$found" = 1450 ] || die "docker0 has the MTU $found, not 1450."

found=$(docker network inspect apart --format '{{.Labels.purpose}} {{index .Options "com.docker.network.driver.mtu"}}')
[ "$found" = 'test 1400' ] || die "The network apart has another label or MTU: $found"
found=$(docker network inspect apart --format '{{json .IPAM.Config}}')
same_json "$found" '[{"Subnet": "10.90.0.0/24", "IPRange": "10.90.0.128/25", "Gateway": "10.90.0.1"}]' \
    || die "The network apart has other subnets: $found"
found=$(docker inspect --format '{{.NetworkSettings.Networks.apart.IPAddress}}' cora)
[ "${found##*.}" -ge 128 ] || die "cora has an address outside of the range: $found"
