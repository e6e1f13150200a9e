# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Traefik costs, and what an unchanged run of swarm_stack costs.

Rows of requests: GET /v2/ with a login, one after the other on one connection, from the host itself: through Traefik's
TLS, and at the registry's own port with its own TLS, by the two ways of the role. Unit is a millisecond; the least of
seven times so many requests, for both, as other work on the machine is in the others.
Row of the module: a whole ansible-playbook run with one task over a stack that is as declared, against
community.docker.docker_stack with the same compose file. The shortest of seven counts, for both, which take turns.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "hosts"), str(ROOT / "tests" / "faults")]

from stack_cluster import CA, HOST, REGISTRY, Cluster  # noqa: E402  found through the path set above

NAME = "dockyard-bench-stack"
RUNS, REQUESTS = 7, 1000
_CLIENT = """
import base64, http.client, json, socket, ssl, sys, time
ca, name, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
connection = http.client.HTTPSConnection(name, port, context=context)
connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=name)
login = {"Authorization": "Basic " + base64.b64encode(b"alice:alice-Loh5eeng").decode()}
times = []
for each in range(count):
    begin = time.perf_counter()
    connection.request("GET", "/v2/", headers=login)
    answer = connection.getresponse()
    answer.read()
    times.append(time.perf_counter() - begin)
    assert answer.status == 200, answer.status
times.sort()
print(json.dumps([1000 * times[count // 2], 1000 * times[count * 99 // 100]]))
"""
_COMPOSE = """
services:
  web:
    image: scenario/hello:1
  api:
    image: scenario/hello:1
    environment: {MODE: api}
"""
_PLAY = """
- hosts: stack_hosts
  gather_facts: false
  tasks:
    - TASK
"""
_OURS = "dockyard.ops.swarm_stack: {name: ours, compose_file: /root/compose.yml, resolve_image: never}"
_THEIRS = "community.docker.docker_stack: {name: theirs, compose: [/root/compose.yml], resolve_image: never}"


def percentiles(cluster: Cluster, name: str, port: int) -> tuple[float, float]:
    cluster.first.write(_CLIENT, "/root/bench.py")
    ask = f"python3 /root/bench.py {CA} {name} {port} {REQUESTS}"
    halves, mosts = zip(*(json.loads(cluster.first.must(ask)) for _each in range(RUNS)))
    return min(halves), min(mosts)


def play(cluster: Cluster, task: str) -> tuple[float, int]:
    """Run a playbook of one task. Return the seconds, and how many tasks changed something."""
    with tempfile.TemporaryDirectory() as folder:
        inventory, playbook = pathlib.Path(folder, "inventory.json"), pathlib.Path(folder, "play.yml")
        inventory.write_text(json.dumps(cluster.inventory()))
        playbook.write_text(_PLAY.replace("TASK", task))
        begin = time.monotonic()
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), str(playbook)], capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - begin
    recap = re.search(r"changed=(\d+)", done.stdout)
    if done.returncode != 0 or recap is None:
        sys.exit(f"{done.stdout}{done.stderr}\nThe task failed: {task}")
    return seconds, int(recap.group(1))


def row(subject: str, ours: float, peer: str, theirs: float, wanted: str, held: bool, **more: Any) -> dict[str, object]:
    return {
        "subject": subject,
        "ours_seconds": ours,
        "peer": peer,
        "peer_seconds": theirs,
        "ratio": ours / theirs,
        "wanted": wanted,
        "held": held,
        **more,
    }


def _requests(cluster: Cluster) -> list[dict[str, object]]:
    require(cluster.deploy())
    routed = percentiles(cluster, REGISTRY, 443)
    require(cluster.entry("main", traefik_stack_registry_access="published"))
    direct = percentiles(cluster, HOST, 5000)
    return [
        row(
            f"{REQUESTS} requests to a registry through Traefik's TLS, {what}",
            ours,
            "the registry's own port and TLS",
            theirs,
            "at most 5 ms more",
            ours - theirs <= 5,
            unit="ms",
        )
        for what, ours, theirs in zip(("p50", "p99"), routed, direct)
    ]


def require(answer: dict[str, Any]) -> None:
    if answer["failed"]:
        sys.exit(f"The stack could not be deployed: {answer['msg']}")


def _module(cluster: Cluster) -> dict[str, object]:
    cluster.first.write(_COMPOSE, "/root/compose.yml")
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-jsondiff python3-yaml >/dev/null"
    cluster.first.must(f"apt-get update -qq && {install}")
    for task in (_OURS, _THEIRS):
        play(cluster, task)
    # In turns, so that other work on the machine meets both.
    pairs = [(play(cluster, _OURS), play(cluster, _THEIRS)) for _each in range(RUNS)]
    ours, theirs = (min(side) for side in zip(*pairs))
    subject = f"`swarm_stack` run again, unchanged (changed={ours[1]})"
    peer = f"`community.docker.docker_stack`, unchanged (changed={theirs[1]})"
    return row(subject, ours[0], peer, theirs[0], "faster, and changed=0", ours[0] < theirs[0] and ours[1] == 0)


def rows() -> list[dict[str, object]]:
    cluster = Cluster((NAME,), "trixie")
    cluster.declared["traefik_stack_services"] = []
    try:
        cluster.up()
        return [*_requests(cluster), _module(cluster)]
    finally:
        cluster.down()
