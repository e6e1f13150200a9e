# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Swarm of two hosts: the veths of overlay networks, in the namespaces that the engine has for these."""

from __future__ import annotations

import json
import time

from wiring.host import IMAGE, SCRIPTS, Host, Row, by_name

_ADDRESS = "ip -4 -oneline address show eth0 | awk '{print $4}' | cut -d/ -f1"
_RUN = "docker run --detach --name {name} --network mesh {image} ping -q -i 0.3 -p d0cc000{mark}a5 {peer} >/dev/null"
_SERVICE = (
    f"docker service create --detach --name task --network mesh --publish 8099:80 --replicas 2 {IMAGE} sleep 100000"
)
_SECONDS = 60


def overlay(first: Host, second: Host) -> tuple[str, list[str]]:
    for host in (first, second):
        host.engine_answers()
        host.empty()
    try:
        first.must("docker swarm init >/dev/null")
        token = first.must("docker swarm join-token --quiet worker")
        second.must(f"docker swarm join --token {token} {first.must(_ADDRESS)}:2377")
        first.must("docker network create --driver overlay --attachable --subnet 10.60.0.0/24 mesh >/dev/null")
        first.must(_RUN.format(name="here", image=IMAGE, mark=1, peer="10.60.0.1"))
        first.must(_RUN.format(name="also", image=IMAGE, mark=2, peer="here"))
        second.must(_RUN.format(name="there", image=IMAGE, mark=3, peer="here"))
        first.must(_SERVICE + " >/dev/null")
        first.wait_for("docker ps --format '{{.Names}}' | grep -q ^task")
        second.wait_for("docker ps --format '{{.Names}}' | grep -q ^task")
        time.sleep(2)
        broken = [what for host, names in ((first, "here also"), (second, "there")) for what in _judge(host, names)]
    finally:
        for host in (second, first):
            host.run("docker service rm task; docker swarm leave --force")
            host.empty()
    return (
        "veths of two hosts' overlay networks, each heard on the one that was named in the network's namespace",
        broken,
    )


def _judge(host: Host, names: str) -> list[str]:
    topology = host.topology()
    rows = by_name(topology)
    broken = [f"{host.name}: a finding that is none: {one['message']}" for one in topology["findings"]]
    broken += [f"{host.name}: a stray that is none: {one['name']}" for one in topology["stray_links"]]
    marks = {"here": "0001", "also": "0002", "there": "0003"}
    for name in names.split():
        (endpoint,) = (one for one in rows[name]["endpoints"] if one["network"] == "mesh")
        peer = endpoint["peer"] or {"name": None, "namespace": None}
        if not str(peer["namespace"]).startswith("/run/docker/netns/"):
            broken.append(f"{name}: {peer}, which is in no namespace of the engine's")
            continue
        heard = json.loads(host.must(f"nsenter --net={peer['namespace']} python3 {SCRIPTS}/truth.py 2"))["marks"]
        if heard.get(marks[name]) != [peer["name"]]:
            broken.append(f"{name}: named is {peer['name']}, heard on {heard.get(marks[name])}")
        broken += _outside(name, rows[name])
    for name, row in rows.items():
        if name.startswith("task"):
            broken += _outside(name, row)
            unknown = [one["field"] for one in row["unknown"] if not one["field"].startswith("cgroup.")]
            if row["network_mode"] != "mesh" or unknown != ["ports"]:
                broken.append(f"{name}: mode {row['network_mode']}, unknown {unknown}")
    return broken


def _outside(name: str, row: Row) -> list[str]:
    """Return what is wrong with the interface by which a container reaches the outside."""
    found = [one for one in row["endpoints"] if one["network"] == "docker_gwbridge"]
    right = [one for one in found if one["bridge"] == "docker_gwbridge" and one["peer"] and one["gateway"]]
    return (
        [] if len(right) == 1 else [f"{name}: {len(found)} interfaces to docker_gwbridge, {len(right)} of them right"]
    )
