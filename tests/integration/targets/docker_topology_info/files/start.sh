#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts COUNT containers over five networks, each of which sends pings with a mark of its own to its gateway, and some others.
# start.sh IMAGE COUNT
set -eu
image=$1 count=$2
# What an engine that was reset has left of its containers.
for link in $(ip -brief link show type veth | cut -d' ' -f1 | cut -d@ -f1); do
    [ "$link" = eth0 ] || ip link delete "$link" 2>/dev/null || :
done
for number in 1 2 3 4 5; do
    docker network create --subnet "10.81.$number.0/24" --gateway "10.81.$number.1" "net$number" >/dev/null
done
docker network create --driver macvlan --opt parent=eth0 --subnet 10.82.0.0/24 --gateway 10.82.0.1 lan >/dev/null
docker network create --internal --subnet 10.83.0.0/24 inside >/dev/null
docker network create --opt com.docker.network.bridge.enable_icc=false --subnet 10.84.0.0/24 --ipv6 --subnet fd84::/64 --gateway 10.84.0.1 \
    --gateway fd84::1 apart >/dev/null
number=0
while [ "$number" -lt "$count" ]; do
    net=$((number % 5 + 1))
    docker run --detach --name "c$number" --network "net$net" "$image" \
        ping -q -i 0.3 -p "d0cc$(printf %04x "$number")a5" "10.81.$net.1" >/dev/null
    number=$((number + 1))
done
# The host's Python listens in it.
docker run --detach --name published --network net1 --publish 127.0.0.1:8081:81 --publish 8080:80 --dns-search example.test \
    --volume /usr:/usr:ro "$image" /usr/bin/python3 -m http.server 80 >/dev/null
docker network connect net2 published
docker run --detach --name joined --network container:published "$image" sleep 10000 >/dev/null
docker run --detach --name onhost --network host "$image" sleep 10000 >/dev/null
docker run --detach --name without --network none "$image" sleep 10000 >/dev/null
docker run --detach --name onlan --network lan --mac-address 02:82:00:00:00:07 "$image" ping -q -i 0.3 10.82.0.1 >/dev/null
docker run --detach --name closed --network inside "$image" sleep 10000 >/dev/null
docker run --detach --name apart1 --network apart --ip 10.84.0.11 "$image" sleep 10000 >/dev/null
docker run --detach --name apart2 --network apart --ip 10.84.0.12 "$image" sleep 10000 >/dev/null
docker run --detach --name frozen --network net3 "$image" sleep 10000 >/dev/null
docker pause frozen >/dev/null
docker run --name ended --network net4 "$image" sleep 0
# Two whose interfaces have one index, made by hand because engines before 28 number interfaces throughout the host.
for number in 1 2; do
    docker run --detach --name "twin$number" --network none "$image" sleep 10000 >/dev/null
    pid=$(docker inspect --format '{{.State.Pid}}' "twin$number")
    bridge=br-$(docker network inspect --format '{{.Id}}' net5 | cut -c1-12)
    nsenter -t "$pid" -n ip link add eth0 index 50 type veth peer name "twin$number" netns 1
    ip link set "twin$number" master "$bridge" up
    nsenter -t "$pid" -n ip address add "10.81.5.20$number/24" dev eth0
    nsenter -t "$pid" -n ip link set eth0 up
    nsenter -t "$pid" -n ping -q -w 900 -i 0.3 -p "d0ccfff${number}a5" 10.81.5.1 >/dev/null 2>&1 &
done
