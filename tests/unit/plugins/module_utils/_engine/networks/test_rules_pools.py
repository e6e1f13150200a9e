# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address pools: the rules for them, and the address that docker0 gets from them by itself."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import (
    BUILT_IN_POOLS,
    Surroundings,
    check,
    default_bridge_address,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

AROUND = Surroundings(
    routes=[
        (ipaddress.ip_network("192.168.178.0/24"), "eth0"),
        (ipaddress.ip_network("10.8.0.0/16"), "tun0"),
    ],
    on_link=[ipaddress.ip_network("192.168.178.0/24"), ipaddress.ip_network("10.8.0.0/16")],
    docker0=[ipaddress.ip_interface("172.17.0.1/16")],
    networks=[("web", ipaddress.ip_network("172.18.0.0/16"))],
)


def pools(*pairs: tuple[str, int]) -> dict[str, Any]:
    return {"default-address-pools": [{"base": base, "size": size} for base, size in pairs]}


@pytest.mark.parametrize(
    "config, message",
    [
        (pools(("10.100.0.0", 24)), 'default-address-pools: "10.100.0.0" is no network; write it like 10.100.0.0/16.'),
        (pools(("banana/16", 24)), 'default-address-pools: "banana/16" is no network; write it like 10.100.0.0/16.'),
        (
            pools(("10.100.1.0/16", 24)),
            "default-address-pools: the pool 10.100.1.0/16 has an address of a host in it; the network is"
            " 10.100.0.0/16.",
        ),
        (
            pools(("10.100.0.0/16", 8)),
            "default-address-pools: the pool 10.100.0.0/16 can't be cut into networks of size 8; size is their prefix"
            " length, from 16 to 30.",
        ),
        (
            pools(("10.100.0.0/16", 31)),
            "default-address-pools: the pool 10.100.0.0/16 can't be cut into networks of size 31; size is their prefix"
            " length, from 16 to 30.",
        ),
        (
            pools(("fd00:100::/48", 127)),
            "default-address-pools: the pool fd00:100::/48 can't be cut into networks of size 127; size is their prefix"
            " length, from 48 to 126.",
        ),
        (
            pools(("10.100.0.0/16", 24), ("fd00::/48", 64), ("10.100.128.0/17", 24)),
            "default-address-pools: the pool 10.100.128.0/17 overlaps the pool 10.100.0.0/16; give each its own part.",
        ),
    ],
)
def test_a_pool_that_is_none(config: dict[str, Any], message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        check(config, AROUND)
    assert caught.value.message == message


def test_pools_that_are_right() -> None:
    assert check(pools(("10.100.0.0/16", 16), ("10.101.0.0/16", 30), ("fd00::/48", 64)), AROUND) == []
    assert check(pools(), AROUND) == []


def test_a_pool_that_the_host_can_not_use_is_a_warning() -> None:
    assert check(pools(("10.100.0.0/16", 24), ("10.8.4.0/22", 24)), AROUND) == [
        "default-address-pools: all of 10.8.4.0/22 is in 10.8.0.0/16, to which the host has a route over tun0; the"
        " engine takes no network from there."
    ]


# A VPN behind a gateway, and an address and a name server of it.
VPN = Surroundings(
    routes=[(ipaddress.ip_network("192.0.2.0/24"), "eth0"), (ipaddress.ip_network("10.20.0.0/16"), "tun0")],
    on_link=[ipaddress.ip_network("192.0.2.0/24")],
    gateways=[(ipaddress.ip_address("192.0.2.1"), "eth0")],
)


@pytest.mark.parametrize(
    ("base", "around", "reason"),
    [
        ("10.20.0.0/16", VPN, "overlaps 10.20.0.0/16, to which the host has a route over tun0"),
        ("10.16.0.0/12", VPN, "overlaps 10.20.0.0/16, to which the host has a route over tun0"),
        (
            "fd00:1::/48",  # for IPv6 no route at all is spared
            Surroundings(routes=[(ipaddress.ip_network("fd00:1:0:1::/64"), "eth0")]),
            "overlaps fd00:1:0:1::/64, to which the host has a route over eth0",
        ),
        (
            "10.20.0.0/16",
            Surroundings(peers=[ipaddress.ip_address("10.20.3.4")]),
            "takes in 10.20.3.4, to which the host has an open connection that would break",
        ),
    ],
)
def test_a_pool_that_the_engine_does_not_spare(base: str, around: Surroundings, reason: str) -> None:
    with pytest.raises(DockyardError) as caught:
        check(pools((base, 64 if ":" in base else 24)), around)
    assert caught.value.code == "bridge_pool_conflict"
    assert caught.value.message == f"default-address-pools: the pool {base} {reason}; choose another network."


def test_a_pool_around_what_the_engine_spares() -> None:
    assert check(pools(("192.0.0.0/16", 24)), VPN) == []


def networks(*texts: str) -> Surroundings:
    return Surroundings(networks=[("some", ipaddress.ip_network(text)) for text in texts])


EVERY_172 = [f"172.{second}.0.0/16" for second in range(17, 32)]


@pytest.mark.parametrize(
    "config, around, address",
    [
        ({}, Surroundings(), "172.17.0.1/16"),
        ({}, AROUND, "172.17.0.1/16"),
        ({}, networks("172.17.0.0/16"), "172.18.0.1/16"),
        ({}, networks("172.17.3.0/24", "172.16.0.0/15", "172.18.0.0/15"), "172.20.0.1/16"),
        ({}, Surroundings(routes=[(ipaddress.ip_network("172.16.0.0/12"), "tun0")]), "192.168.0.1/20"),
        ({}, networks(*EVERY_172, "192.168.0.0/24"), "192.168.16.1/20"),
        ({}, Surroundings(name_servers=[ipaddress.ip_address("172.17.0.53")]), "172.18.0.1/16"),
        (pools(("10.100.0.0/16", 24)), Surroundings(), "10.100.0.1/24"),
        (pools(("10.100.0.0/16", 24)), networks("10.100.0.0/23"), "10.100.2.1/24"),
        (pools(("10.100.0.0/24", 24), ("10.200.0.0/16", 20)), networks("10.100.0.0/30"), "10.200.0.1/20"),
        (pools(("fd00:100::/48", 64), ("10.100.0.0/16", 16)), Surroundings(), "10.100.0.1/16"),
    ],
)
def test_the_address_that_docker0_gets_by_itself(config: dict[str, Any], around: Surroundings, address: str) -> None:
    assert default_bridge_address(config, around) == address


@pytest.mark.parametrize(
    "config, around",
    [
        ({}, networks(*EVERY_172, "192.168.0.0/16")),
        (pools(("10.100.0.0/16", 24)), networks("10.0.0.0/8")),
        (pools(("fd00:100::/48", 64)), Surroundings()),
    ],
)
def test_no_network_is_left(config: dict[str, Any], around: Surroundings) -> None:
    with pytest.raises(DockyardError) as caught:
        default_bridge_address(config, around)
    assert caught.value.message == (
        "No network is left for docker0 in the address pools; add one to default-address-pools."
    )


def test_the_built_in_pools_are_those_of_the_engine() -> None:
    assert len(BUILT_IN_POOLS) == 16
    assert BUILT_IN_POOLS[0] == {"base": "172.17.0.0/16", "size": 16}
    assert BUILT_IN_POOLS[-1] == {"base": "192.168.0.0/16", "size": 20}
