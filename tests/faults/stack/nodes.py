# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to nodes: they are used, drained, restarted, killed."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any, Callable

import hosts
from managed_host import ManagedHost
from stack_cluster import CA, HOST, REGISTRY, Cluster

_REQUESTS, _A_SECOND = 2000, 40
_MAY_BE_LOST = _REQUESTS // 100
_CLIENT = "python3 /root/client.py {ca} {name} {path} {count} {rate} {addresses}"
# As many tasks of each service as there are to be.
_WHOLE = "docker service ls --format '{{.Replicas}}' | awk -F'[/ ]' '$1 < $2 {exit 1}'"
_TASKS_OF = "docker ps --quiet --filter label=com.docker.swarm.task.id"


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [
        ("run again", again),
        ("manager restarted", restarted),
        ("node drained and returned", drained),
        ("node killed", killed),
    ]


def ask(cluster: Cluster, count: int, rate: float, nodes: list[ManagedHost], path: str = "/hello/") -> dict[str, Any]:
    """Ask through Traefik on these nodes, and return what the client says."""
    done = cluster.first.must(_command(cluster, count, rate, nodes, path))
    return dict(json.loads(done.splitlines()[-1]))


def _command(cluster: Cluster, count: int, rate: float, nodes: list[ManagedHost], path: str) -> str:
    addresses = " ".join(cluster.address(node) for node in nodes)
    return _CLIENT.format(ca=CA, name=HOST, path=path, count=count, rate=rate, addresses=addresses)


def deployed(cluster: Cluster) -> tuple[str, list[str]]:
    """Deploy, where check mode meets hosts without a Swarm first, and use every service through every node."""
    checked = cluster.deploy(check=True)
    broken = [f"check mode on hosts without a Swarm: {checked['msg']}"] if checked["failed"] else []
    begin = time.monotonic()
    answer = cluster.deploy()
    seconds = time.monotonic() - begin
    if answer["failed"]:
        return "not deployed", [*broken, answer["msg"]]
    proven = answer["facts"]["traefik_stack_result"]["proven"]
    for node in cluster.nodes:
        found = ask(cluster, 10, 10, [node])
        broken += [f"{node.name}: {found}"] if found["lost"] else []
        for name, path, expected in ((HOST, "/portainer/api/system/status", "200"), (REGISTRY, "/v2/", "401")):
            curl = (
                f"curl -s -o /dev/null -w '%{{http_code}}' --cacert {CA} --resolve {name}:443:{cluster.address(node)}"
            )
            status = cluster.first.run(f"{curl} https://{name}{path}").stdout
            broken += [f"{node.name}: {name}{path} answers {status}"] if status != expected else []
    return f"{seconds:.0f} s, proven: {len(proven)}; each service answers on each of three nodes", broken


def again(cluster: Cluster) -> tuple[str, list[str]]:
    answer = cluster.deploy()
    return answer["facts"].get("traefik_stack_result", {}).get("message", ""), _unchanged(answer)


def _unchanged(answer: dict[str, Any]) -> list[str]:
    if answer["failed"]:
        return [answer["msg"]]
    return [f"changed: {', '.join(answer['changed'])}"] if answer["changed"] else []


def restarted(cluster: Cluster) -> tuple[str, list[str]]:
    """Restart the engine of a manager, and run again."""
    node = cluster.nodes[1]
    node.must("systemctl restart docker")
    seconds = cluster.until(_WHOLE, 180)
    answer = cluster.entry("main")
    return f"whole again after {seconds:.0f} s, and the next run changes nothing", _unchanged(answer)


class _Load:
    """Requests that are under way. end() waits for them."""

    def __init__(self, cluster: Cluster, count: int, rate: float, nodes: list[ManagedHost]) -> None:
        command = [
            "docker",
            "exec",
            cluster.first.container,
            "sh",
            "-c",
            _command(cluster, count, rate, nodes, "/hello/"),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self) -> dict[str, Any]:
        stdout, stderr = self._process.communicate(timeout=600)
        if self._process.returncode != 0:
            raise RuntimeError(f"the client failed: {stderr[-300:]}")
        return dict(json.loads(stdout.splitlines()[-1]))


def _spread(cluster: Cluster, node: ManagedHost) -> str:
    """Have a task of the service on a node. Return the condition for that.

    A Swarm moves no task to a node that has come back, unless it is to make them all again.
    """
    on_node = (
        "docker service ps edge_hello --filter desired-state=running --format '{{.Node}}'"
        f" | grep -qx {node.must('hostname')}"
    )
    cluster.first.must("docker service update --detach --force edge_hello >/dev/null")
    cluster.until(on_node, 120)
    time.sleep(5)
    cluster.until(_WHOLE, 120)
    return on_node


def drained(cluster: Cluster) -> tuple[str, list[str]]:
    """Drain a node and return it under load, which comes through the other nodes, as a balancer would have it."""
    node = cluster.nodes[2]
    identity = node.must("docker info --format '{{.Swarm.NodeID}}'")
    _spread(cluster, node)
    load = _Load(cluster, _REQUESTS, _A_SECOND, cluster.nodes[:2])
    time.sleep(3)
    cluster.until(f"docker node update --availability drain {identity}", 30)
    gone = cluster.until(f'test -z "$({_TASKS_OF})"', 120, node)
    cluster.until(_WHOLE, 120)
    cluster.until(f"docker node update --availability active {identity}", 30)
    back = cluster.until(_WHOLE, 120)
    found = load.end()
    broken = [f"{found['lost']} of {_REQUESTS} lost: {found['reasons']}"] if found["lost"] > _MAY_BE_LOST else []
    after = ask(cluster, 10, 10, [node])
    broken += [f"the returned node loses {after['lost']} of 10: {after['reasons']}"] if after["lost"] else []
    outcome = f"{found['lost']} of {_REQUESTS} requests lost; empty after {gone:.0f} s, returned after {back:.0f} s"
    return outcome, broken


def killed(cluster: Cluster) -> tuple[str, list[str]]:
    """Take a node's power away under load, and see when the last request is lost; then let it come back."""
    node = cluster.nodes[2]
    on_node = _spread(cluster, node)
    load = _Load(cluster, 60 * _A_SECOND, _A_SECOND, cluster.nodes[:2])
    time.sleep(2)
    begin = time.monotonic()
    hosts.docker("kill", node.container)
    running = "docker service ps edge_hello --filter desired-state=running --format '{{.CurrentState}}'"
    replaced = cluster.until(f"test $({running} | grep -c ^Running) = 3 && ! {on_node}", 180)
    found = load.end()
    healed = (found["last"] or 2.0) - 2.0
    after = ask(cluster, 100, _A_SECOND, cluster.nodes[:2])
    broken = [f"not healed: {after['lost']} of 100 lost afterwards, {after['reasons']}"] if after["lost"] else []
    hosts.docker("start", node.container)
    node.wait_for("systemctl is-system-running | grep -E 'running|degraded'")
    cluster.until(_WHOLE, 180)
    whole = time.monotonic() - begin
    broken += _unchanged(cluster.entry("main"))
    outcome = f"healed by itself: the last request was lost {healed:.1f} s after the kill ({found['lost']} in all)"
    return f"{outcome}, tasks replaced after {replaced:.0f} s; with the node back whole after {whole:.0f} s", broken
