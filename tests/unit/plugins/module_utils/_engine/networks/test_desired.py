# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of networks that are wrong by themselves, each by the text of its refusal, and what the engine is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import desired, whole


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "subnets": [{"subnet": subnet} for subnet in subnets], **options}


def parsed(networks: list[dict[str, Any]]) -> list[desired.DesiredNetwork]:
    """As they are on a host that has none of them."""
    return [whole.completed(network, None) for network in desired.parse(networks)]


def with_part(**part: Any) -> dict[str, Any]:
    return {"name": "a", "subnets": [{"subnet": "10.1.0.0/24", **part}]}


@pytest.mark.parametrize(
    ("networks", "problem"),
    [
        ([declared("a"), declared("b"), declared("a")], "a is declared 2 times; declare it once"),
        ([declared("host")], "host is a network of the engine itself; choose another name"),
        ([declared("default")], "default is a network of the engine itself; choose another name"),
        ([{"name": "", "state": "absent"}], "a network has no name; give it one"),
        ([{"name": "none", "state": "absent"}], "none is a network of the engine itself; choose another name"),
        (
            [declared("a", driver="overlay", icc=True)],
            "a has icc and the driver overlay; only the driver bridge has it, leave it out",
        ),
        ([declared("a", mtu=67)], "the mtu of a is 67, and must lie between 68 and 65535; change it"),
        (
            [declared("a", "fd00:1::/64", mtu=1000, ipv6=True)],
            "the mtu of a is 1000, and must lie between 1280 and 65535 with IPv6; change it",
        ),
        (
            [declared("a", "10.1.0.1/24")],
            "a has the subnet 10.1.0.1/24, which is none (10.1.0.1/24 has host bits set); write it like 10.90.0.0/24",
        ),
        (
            [declared("a", "10.1.0.0")],
            "a has the subnet 10.1.0.0, which is none (it has no prefix length); write it like 10.90.0.0/24",
        ),
        (
            [declared("a", "10.1.0.0/31")],
            "the subnet 10.1.0.0/31 of a leaves no address for a container; use a prefix length of 30 or less",
        ),
        (
            [declared("a", "10.1.0.0/32")],
            "the subnet 10.1.0.0/32 of a leaves no address for a container; use a prefix length of 30 or less",
        ),
        (
            [declared("a", "8.0.0.0/6")],
            "the subnet 8.0.0.0/6 of a takes in half the internet; use a prefix length of 8 or more",
        ),
        (
            [declared("a", "127.1.0.0/16")],
            "the subnet 127.1.0.0/16 of a is a loopback address; use one of a private network",
        ),
        (
            [declared("a", "169.254.0.0/16")],
            "the subnet 169.254.0.0/16 of a is a link-local address; use one of a private network",
        ),
        (
            [declared("a", "10.1.0.0/16", "10.1.3.0/24")],
            "the subnets 10.1.3.0/24 and 10.1.0.0/16 of a overlap; leave one of them out",
        ),
        (
            [declared("a", "fd00:1::/64")],
            "a has a subnet of IPv6 and not ipv6: true, without which the engine does not use it; set it",
        ),
        (
            [with_part(ip_range="banana")],
            "a has the ip_range banana, which is none ('banana' does not appear to be an IPv4 or IPv6 network); write"
            " it like a subnet",
        ),
        (
            [with_part(ip_range="10.1.0.0/23")],
            "a has the ip_range 10.1.0.0/23, which is no part of its subnet 10.1.0.0/24; choose one",
        ),
        (
            [with_part(gateway="fd00::1")],
            "a has the gateway fd00::1, which is no address in its subnet 10.1.0.0/24; choose one of that",
        ),
        (
            [with_part(gateway="10.1.0.255")],
            "a has the gateway 10.1.0.255, the first or last address of its subnet 10.1.0.0/24, which no host can have;"
            " choose another",
        ),
        (
            [with_part(aux_addresses={"router": "10.2.0.1"})],
            "a has the router 10.2.0.1, which is no address in its subnet 10.1.0.0/24; choose one of that",
        ),
    ],
)
def test_a_list_that_is_wrong_by_itself(networks: list[dict[str, Any]], problem: str) -> None:
    assert list(desired.problems(parsed(networks))) == [problem]


def test_a_list_that_is_right() -> None:
    part = {
        "subnet": "10.1.0.0/24",
        "gateway": "10.1.0.1",
        "ip_range": "10.1.0.128/25",
        "aux_addresses": {"x": "10.1.0.2"},
    }
    networks: list[dict[str, Any]] = [
        {
            "name": "a",
            "subnets": [part, {"subnet": "fd00:1::/64", "gateway": "fd00:1::1"}],
            "icc": False,
            "ipv6": True,
            "mtu": 1400,
        },
        {"name": "b", "driver": "macvlan", "subnets": [{"subnet": "10.3.0.0/31"}]},
        {"name": "c", "state": "absent", "subnets": [{"subnet": "whatever"}]},
        {"name": "d"},
    ]
    assert not list(desired.problems(parsed(networks)))


def test_what_the_engine_is_asked_for() -> None:
    (network,) = parsed(
        [
            {
                **with_part(gateway="10.1.0.1", ip_range="10.1.0.128/25", aux_addresses={"router": "10.1.0.2"}),
                "icc": False,
                "mtu": 1400,
                "internal": True,
                "driver_options": {"com.docker.network.bridge.name": "tenants", "flag": True, "number": 3},
                "labels": {"owner": "web", "paid": False},
            }
        ]
    )
    assert network.as_api() == {
        "Name": "a",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": True,
        "Options": {
            "com.docker.network.bridge.name": "tenants",
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.driver.mtu": "1400",
            "flag": "true",
            "number": "3",
        },
        "Labels": {"owner": "web", "paid": "false"},
        "IPAM": {
            "Config": [
                {
                    "Subnet": "10.1.0.0/24",
                    "Gateway": "10.1.0.1",
                    "IPRange": "10.1.0.128/25",
                    "AuxiliaryAddresses": {"router": "10.1.0.2"},
                }
            ]
        },
    }


def test_what_is_not_given_is_left_to_the_engine() -> None:
    (network,) = parsed([{"name": "a", "subnets": None, "driver": None, "state": None, "labels": None}])
    assert network.as_api() == {
        "Name": "a",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Options": {},
        "Labels": {},
    }
