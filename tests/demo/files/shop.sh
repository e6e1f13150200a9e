#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs on the demo's host: 30 containers on five networks, and three things that are not as they are declared.
# What runs in the containers is Perl, which listens on a port under the name of what it is taken for.
set -eu
files=$(ldd /usr/bin/perl | grep -o '/[^ ]*')
# shellcheck disable=SC2086
tar --create --dereference --file /tmp/image.tar --directory / usr/bin/perl $files "$(echo /usr/lib/*/perl-base)" 2>/dev/null
docker import /tmp/image.tar demo/base:1 >/dev/null
rm /tmp/image.tar

network() { # NAME SUBNET OPTION...
    name=$1 subnet=$2
    shift 2
    docker network create --subnet "$subnet" "$@" "$name" >/dev/null
}

container() { # NAME PROGRAM PORT NETWORK OPTION...
    name=$1 program=$2 port=$3 network=$4
    shift 4
    docker tag demo/base:1 "registry.example.com/shop/$program:1"
    # shellcheck disable=SC2016
    docker create --init --name "$name" --network "$network" "$@" "registry.example.com/shop/$program:1" \
        /usr/bin/perl -MIO::Socket::INET -e '
            $0 = shift; $port = shift;
            $socket = IO::Socket::INET->new(LocalPort => $port, Listen => 5, ReuseAddr => 1) if $port;
            sleep' "$program" "$port" >/dev/null
}

network frontend 10.81.0.0/24
network backend 10.82.0.0/24
network database 10.83.0.0/24 --internal
network monitoring 10.84.0.0/24 --opt com.docker.network.bridge.enable_icc=false

container proxy traefik 80 frontend --publish 80:80 --publish 443:443
for number in 1 2 3 4 5 6; do container "web-$number" nginx 8080 frontend; done
for number in 1 2 3 4 5; do container "api-$number" api 9000 backend; done
for number in 1 2 3 4; do container "worker-$number" worker 0 backend; done
container db mysqld 3306 database
container db-replica mysqld 3306 database
container cache-1 redis-server 6379 database
container cache-2 redis-server 6379 database
container prometheus prometheus 9090 monitoring --publish 127.0.0.1:9090:9090
container grafana grafana 3000 monitoring --publish 3000:3000
container alerts alertmanager 9093 monitoring
container mirror registry 5000 bridge --publish 5000:5000
container runner-1 runner 0 bridge
container runner-2 runner 0 bridge
container batch batch 0 none
container node-exporter node_exporter 9100 host
container db-exporter exporter 9104 container:db
container old-import import 0 backend
for name in web-1 web-2 web-3 web-4 web-5 web-6; do docker network connect backend "$name"; done
for name in api-1 api-2 api-3 api-4 api-5 prometheus; do docker network connect database "$name"; done
docker network connect frontend grafana
docker network connect monitoring proxy
docker ps --all --filter status=created --format '{{.Names}}' | grep -v -e '^old-import$' -e '^db-exporter$' | sort | xargs docker start >/dev/null
docker start db-exporter >/dev/null

# What a firewall script or a careless hand leaves behind.
bridge=br-$(docker network inspect --format '{{.Id}}' monitoring | cut -c1-12)
iptables --delete FORWARD --in-interface "$bridge" --out-interface "$bridge" --jump DROP
bridge=br-$(docker network inspect --format '{{.Id}}' backend | cut -c1-12)
iptables --table nat --delete POSTROUTING --source 10.82.0.0/24 ! --out-interface "$bridge" --jump MASQUERADE
ip link add veth0ddba11 type veth peer name forgotten
ip link set veth0ddba11 master docker0
