# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_engine says to networks before it touches them. On real hosts: the scenario docker_daemon."""

from __future__ import annotations

import importlib.util
import ipaddress
import pathlib
from typing import Any

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "docker_engine" / "files" / "check_networks.py"
_spec = importlib.util.spec_from_file_location("check_networks", SCRIPT)
assert _spec and _spec.loader
checks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(checks)


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "subnets": [{"subnet": subnet} for subnet in subnets], **options}


def listed(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    """As an engine lists it."""
    config = [{"Subnet": subnet} for subnet in subnets]
    return {"Name": name, "Id": "0123456789abcdef", "Scope": "local", "IPAM": {"Config": config}, **options}


def route(network: str, device: str) -> tuple[Any, str]:
    return ipaddress.ip_network(network), device


@pytest.mark.parametrize(
    ("networks", "problem"),
    [
        ([declared("a"), declared("b"), declared("a")], "a stands there 2 times; declare it once."),
        ([declared("host")], "host is a network of the engine itself; choose another name."),
        ([{"name": "none", "state": "absent"}], "none is a network of the engine itself; choose another name."),
        (
            [declared("a", driver="overlay", icc=True)],
            "a has icc and the driver overlay; only the driver bridge has it, leave it out.",
        ),
        (
            [declared("a", "10.1.0.1/24")],
            "a has the subnet 10.1.0.1/24, which is none (10.1.0.1/24 has host bits set); write it like 10.90.0.0/24.",
        ),
        (
            [declared("a", "10.1.0.0")],
            "a has the subnet 10.1.0.0, which is none (it has no prefix length); write it like 10.90.0.0/24.",
        ),
        (
            [{"name": "a", "subnets": [{"subnet": "10.1.0.0/24", "ip_range": "banana"}]}],
            "a has the ip_range banana, which is none ('banana' does not appear to be an IPv4 or IPv6 network); write"
            " it like a subnet.",
        ),
        (
            [{"name": "a", "subnets": [{"subnet": "10.1.0.0/24", "ip_range": "10.1.0.0/23"}]}],
            "a has the ip_range 10.1.0.0/23, which is no part of its subnet 10.1.0.0/24; choose one.",
        ),
        (
            [{"name": "a", "subnets": [{"subnet": "10.1.0.0/24", "gateway": "fd00::1"}]}],
            "a has the gateway fd00::1, which is no address in its subnet 10.1.0.0/24; choose one of that.",
        ),
        (
            [{"name": "a", "subnets": [{"subnet": "10.1.0.0/24", "aux_addresses": {"router": "10.2.0.1"}}]}],
            "a has the router 10.2.0.1, which is no address in its subnet 10.1.0.0/24; choose one of that.",
        ),
    ],
)
def test_a_list_that_is_wrong_by_itself(networks: list[dict[str, Any]], problem: str) -> None:
    assert list(checks.problems_of_list(networks)) == [problem]


def test_a_list_that_is_right() -> None:
    part = {
        "subnet": "10.1.0.0/24",
        "gateway": "10.1.0.1",
        "ip_range": "10.1.0.128/25",
        "aux_addresses": {"x": "10.1.0.2"},
    }
    networks = [
        {"name": "a", "subnets": [part, {"subnet": "fd00:1::/64", "gateway": "fd00:1::1"}], "icc": False},
        {"name": "b", "driver": "macvlan", "subnets": None},
        {"name": "c", "state": "absent", "subnets": [{"subnet": "whatever"}]},
    ]
    assert not list(checks.problems_of_list(networks))


@pytest.mark.parametrize(
    ("made", "staying", "ways", "problems"),
    [
        (
            [declared("a", "10.1.0.0/25")],
            [listed("old", "10.1.0.0/16")],
            [],
            ["the subnet 10.1.0.0/25 of a overlaps 10.1.0.0/16 of the network old; choose another."],
        ),
        (
            [declared("a", "10.1.0.0/24"), declared("b", "10.1.0.0/25")],
            [],
            [],
            ["the subnet 10.1.0.0/25 of b overlaps 10.1.0.0/24 of the network a; choose another."],
        ),
        (
            [declared("a", "10.1.0.0/24")],
            [],
            [route("10.0.0.0/8", "tun0")],
            [
                "the subnet 10.1.0.0/24 of a overlaps 10.0.0.0/8, to which the host has a route over tun0; choose"
                " another."
            ],
        ),
        # Said once: the other network, and not also the route to it.
        (
            [declared("a", "10.1.0.0/24")],
            [listed("old", "10.1.0.0/24")],
            [route("10.1.0.0/24", "br-0123456789ab")],
            ["the subnet 10.1.0.0/24 of a overlaps 10.1.0.0/24 of the network old; choose another."],
        ),
        ([declared("lan", "10.1.0.0/24", driver="macvlan")], [], [route("10.1.0.0/24", "eth0")], []),
        ([declared("a", "10.1.0.0/24", driver="overlay")], [listed("old", "10.1.0.0/24")], [], []),
        (
            [declared("a", "10.1.0.0/24", driver="overlay")],
            [listed("old", "10.1.0.0/24", Scope="swarm")],
            [],
            ["the subnet 10.1.0.0/24 of a overlaps 10.1.0.0/24 of the network old; choose another."],
        ),
        ([declared("a", "fd00:1::/64")], [listed("old", "10.1.0.0/24")], [route("10.0.0.0/8", "tun0")], []),
        ([declared("a")], [listed("none"), listed("odd", "10.2.0.3/24")], [route("10.0.0.0/8", "tun0")], []),
    ],
)
def test_overlaps(
    made: list[dict[str, Any]], staying: list[dict[str, Any]], ways: list[tuple[Any, str]], problems: list[str]
) -> None:
    assert list(checks.problems_of_overlap(made, staying, ways)) == problems


def test_who_uses_a_network() -> None:
    containers = [
        {"Names": ["/web"], "NetworkSettings": {"Networks": {"a": {}, "b.c": {}}}},
        {"Names": ["/db"], "NetworkSettings": {"Networks": {"a": {}}}},
        {"Names": ["/alone"], "NetworkSettings": {"Networks": {"none": {}}}},
        {"Names": ["/odd"], "NetworkSettings": None},
    ]
    users = checks.users_of(containers, ["a", "b.c", "unused"])
    assert users == {"a": ["db", "web"], "b.c": ["web"]}
    assert list(checks.problems_of_use(users, ["b.c"], {"a": ["internal", "labels"], "b.c": []})) == [
        "a differs in internal, labels and can only be replaced by a new one, and the containers db, web are connected"
        " to it; disconnect them first, or set docker_engine_networks_replace_in_use: true.",
        "b.c is to be removed, and the containers web are connected to it; disconnect them first, or set"
        " docker_engine_networks_replace_in_use: true.",
    ]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"actions": [], "diff": {"differences": []}}, (False, [], "")),
        ({"actions": ["Removed"], "diff": {"differences": ["internal"]}}, (True, ["internal"], "")),
        ({"skipped": True, "__docker_engine_network": {"name": "a"}}, (True, [], "")),
        ({"skipped": True, "__docker_engine_network": {"name": "a", "state": "absent"}}, (False, [], "")),
        ({"msg": "Error connecting\n"}, (False, [], "Error connecting")),
    ],
)
def test_what_docker_network_said(result: dict[str, Any], expected: tuple[bool, list[str], str]) -> None:
    assert checks.outcome(result) == expected


def test_the_device_of_a_network() -> None:
    assert checks.device(listed("a")) == "br-0123456789ab"
    assert checks.device(listed("a", Options={"com.docker.network.bridge.name": "tenants"})) == "tenants"
