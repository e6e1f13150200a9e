# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get wrong: refused, or reported with the reason, and what ran before goes on."""

from __future__ import annotations

import functools
import re
from typing import Any, Callable

from stack_cluster import HELLO, Cluster

from stack.nodes import ask

_PORT = "systemd-run --quiet --unit=faults-port python3 -m http.server {port}"
_LISTED = "docker service ls --format '{{.ID}} {{.Name}} {{.Image}} {{.Replicas}}'"
_SERVICES = f"{_LISTED}; docker config ls -q; docker secret ls -q"
_WEB: dict[str, Any] = {"image": "scenario/hello:1", "networks": ["front"]}


def _hello(**changes: Any) -> dict[str, Any]:
    return {"traefik_stack_services": [{**HELLO, **changes}]}


# What is declared, and what the failure has to say.
_OF_ROLE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("image that no node has", _hello(image="scenario/none:1"), r"scenario/none:1"),
    ("rule without its end", _hello(path_prefix="", rule="Host(`a.test`"), r"in which a \( or a \) is missing"),
    ("rule that Traefik does not know", _hello(path_prefix="", rule="Hosts(`a.test`)"), r"with Hosts, which"),
    ("port missing", _hello(port=None), r"has no port, without which Traefik answers 404"),
    ("empty password of Portainer", {"traefik_stack_portainer_password": "\n"}, r"has a line break"),
    ("key that Traefik would ignore", {"traefik_stack_traefik_options": {"acessLog": {}}}, r"no option of Traefik"),
    ("dashboard without users", {"traefik_stack_dashboard": True}, r"has no users .* and would be open"),
)  # fmt: skip
# A stack by the module, and what its failure or its warning has to say.
_OF_MODULE: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "secret missing",
        {"services": {"web": {**_WEB, "networks": [], "secrets": ["key"]}}, "secrets": {"key": {"external": True}}},
        r"the Swarm has no secret key .*create it, or correct the name",
    ),
    (
        "wrong network name",
        {"services": {"web": _WEB}, "networks": {"front": {"external": True, "name": "edge_prxy"}}},
        r"the Swarm has no network edge_prxy \(it has .*edge_proxy",
    ),
    (
        "host-mode port with start-first",
        {
            "services": {
                "web": {
                    **_WEB,
                    "networks": [],
                    "ports": [{"target": 8080, "published": 8099, "mode": "host"}],
                    "deploy": {"update_config": {"order": "start-first"}},
                }
            }
        },
        r"start-first",
    ),
    (
        "label under labels",
        {"services": {"web": {**_WEB, "networks": [], "labels": {"traefik.enable": "true"}}}},
        r"write them under deploy.labels",
    ),
)


def faults() -> list[tuple[str, Callable[[Cluster], tuple[str, list[str]]]]]:
    return [
        *((name, functools.partial(_role, declared=declared, words=words)) for name, declared, words in _OF_ROLE),
        *((name, functools.partial(_module, compose=compose, words=words)) for name, compose, words in _OF_MODULE),
        ("port in use on another node", port_in_use),
        ("image that does not start", not_started),
    ]


def goes_on(cluster: Cluster, before: str) -> list[str]:
    """Return what of the stack that ran before is not as it was."""
    broken = [] if cluster.first.must(_SERVICES) == before else ["the Swarm has other services, configs or secrets"]
    found = ask(cluster, 6, 10, cluster.nodes)
    return broken + ([f"what ran before loses {found['lost']} of 6: {found['reasons']}"] if found["lost"] else [])


def _judge(answer: dict[str, Any], words: str) -> list[str]:
    if not answer["failed"]:
        return ["it was not refused"]
    return [] if re.search(words, answer["msg"]) else [f"it says: {answer['msg'][:300]}"]


def _role(cluster: Cluster, declared: dict[str, Any], words: str) -> tuple[str, list[str]]:
    before = cluster.first.must(_SERVICES)
    answer = cluster.entry("main", **declared)
    return answer["msg"][:140], _judge(answer, words) + goes_on(cluster, before)


def _module(cluster: Cluster, compose: dict[str, Any], words: str) -> tuple[str, list[str]]:
    before = cluster.first.must(_SERVICES)
    answer = cluster.first.module("swarm_stack", True, name="other", compose=compose)
    said = " ".join([answer["msg"] if answer.get("failed") else "", *answer.get("warnings", [])])
    broken = [] if re.search(words, said) else [f"it says: {said[:300]}"]
    return " ".join(said.split())[:140], broken + goes_on(cluster, before)


def port_in_use(cluster: Cluster) -> tuple[str, list[str]]:
    """Take a port on a node that is not the one that deploys."""
    before, node = cluster.first.must(_SERVICES), cluster.nodes[1]
    node.must(_PORT.format(port=8443))
    try:
        node.wait_for("ss -ltn | grep -q :8443")
        answer = cluster.deploy(traefik_stack_https_port=8443)
    finally:
        node.run("systemctl stop faults-port")
    return answer["msg"][:140], _judge(answer, r"Port 8443 .* is taken by python3") + goes_on(cluster, before)


def not_started(cluster: Cluster) -> tuple[str, list[str]]:
    """Update a service to one that does not start: the Swarm rolls it back, which is a failure."""
    before = cluster.first.must(_LISTED)
    answer = cluster.entry("main", **_hello(command=["--unknown"]))
    broken = _judge(
        answer, r"rolled edge_hello back.*non-zero exit \(2\).*unrecognized arguments.*everything is as before"
    )
    # A task that the rollback takes away may take its time to stop.
    cluster.first.run(f"for each in $(seq 15); do test \"$({_LISTED})\" = '{before}' && break; sleep 1; done")
    now = cluster.first.must(_LISTED)
    found = ask(cluster, 6, 10, cluster.nodes)
    broken += [f"what ran before loses {found['lost']} of 6: {found['reasons']}"] if found["lost"] else []
    return answer["msg"][:140], broken + ([] if now == before else [f"the services are {now}"])
