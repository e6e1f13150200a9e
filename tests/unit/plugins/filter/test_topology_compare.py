# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two readings of one host, of which the later is changed in one thing at a time."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any, Callable

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.topology_compare import topology_compare

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "helpers" / "topology.json"
Topology = dict[str, Any]


@pytest.fixture
def topology() -> Topology:
    found: Topology = json.loads(SAMPLE.read_text())["topology"]
    return found


def container(topology: Topology, name: str) -> dict[str, Any]:
    return next(row for row in topology["containers"] if row["name"] == name)  # type: ignore[no-any-return]


def network(topology: Topology, name: str) -> dict[str, Any]:
    return next(row for row in topology["networks"] if row["name"] == name)  # type: ignore[no-any-return]


def compared(topology: Topology, change: Callable[[Topology], object]) -> list[str]:
    after = copy.deepcopy(topology)
    change(after)
    return [row["message"] for row in topology_compare(topology, after)]


def test_what_belongs_to_one_start_is_no_difference(topology: Topology) -> None:
    def restarted(after: Topology) -> None:
        for row in after["containers"]:
            row["id"] += "0"
            row["pid"] = 1 if row["pid"] else None
            row["namespace"]["inode"] = 2
            for endpoint in row["endpoints"]:
                endpoint.update(index=3, mac="02:00:00:00:00:01", peer={"name": "veth", "index": 1, "namespace": None})
                endpoint["counters"] = None
            for port in row["ports"]:
                port["proxy_pid"] = 9

    assert compared(topology, lambda after: None) == []
    assert compared(topology, restarted) == []


def test_a_container_that_has_ended(topology: Topology) -> None:
    def end(after: Topology) -> None:
        web = container(after, "web")
        web.update(state="exited", pid=None, ports=[], isolation=dict.fromkeys(web["isolation"]))
        web["endpoints"][0].update(ipv4=None, ipv6=None, gateway=None)

    assert compared(topology, end) == [
        "state of web was running and is exited.",
        "web no longer publishes 0.0.0.0:443 to 443/tcp.",
        "web no longer publishes 0.0.0.0:80 to 80/tcp.",
    ]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            lambda after: after["containers"].remove(container(after, "cache")),
            ["The container cache was removed."],
        ),
        (
            lambda after: container(after, "cache")["endpoints"][0].update(ipv4="10.20.2.44/24"),
            ["ipv4 of cache in the network backend was 10.20.2.4/24 and is 10.20.2.44/24."],
        ),
        (
            lambda after: container(after, "web")["ports"][0].update(host_port=81),
            ["web no longer publishes 0.0.0.0:80 to 80/tcp.", "web now publishes 0.0.0.0:81 to 80/tcp."],
        ),
        (
            lambda after: container(after, "web")["ports"][0].update(rules=[]),
            ["0.0.0.0:80 to 80/tcp of web is no longer carried by any rule."],
        ),
        (
            lambda after: container(after, "db")["isolation"].update(pid=False),
            ["db no longer has a pid namespace of its own."],
        ),
        (
            lambda after: container(after, "db")["cgroup"]["memory"].update(limit=None),
            ["The memory limit of db was 2147483648 and is none."],
        ),
        (
            lambda after: network(after, "frontend")["icc"].update(in_force=False),
            [
                "The network frontend had ICC in force on, and has off.",
                "api and web no longer reach each other; they did over frontend.",
            ],
        ),
        (
            lambda after: network(after, "backend")["subnets"][0].update(subnet="10.9.0.0/24", gateway="10.9.0.1"),
            [
                "The network backend had subnets 10.20.2.0/24 with gateway 10.20.2.1, and has 10.9.0.0/24 with gateway"
                " 10.9.0.1."
            ],
        ),
        (
            lambda after: network(after, "frontend")["masquerade"].update(in_force=False),
            ["The network frontend had masquerading in force on, and has off."],
        ),
        # What could not be seen is not compared.
        (lambda after: network(after, "frontend")["masquerade"].update(in_force=None), []),
    ],
)
def test_one_difference(topology: Topology, change: Callable[[Topology], object], messages: list[str]) -> None:
    assert compared(topology, change) == messages


def test_a_network_that_was_left(topology: Topology) -> None:
    def leave(after: Topology) -> None:
        container(after, "db")["endpoints"].pop(1)

    after = copy.deepcopy(topology)
    leave(after)
    rows = topology_compare(topology, after)
    assert [(row["kind"], row["subject"], row["network"], row["container"]) for row in rows] == [
        ("removed", "address", "vault", "db"),
        ("removed", "reachability", "vault", "db"),
    ]
    assert rows[0]["message"] == "db is no longer in the network vault, where it had 10.20.3.5/24."
    assert [row["kind"] for row in topology_compare(after, topology)] == ["added", "added"]


def test_something_else_than_a_reading(topology: Topology) -> None:
    with pytest.raises(AnsibleFilterError, match="takes two readings of docker_topology_info"):
        topology_compare(topology, {"topology": topology})
