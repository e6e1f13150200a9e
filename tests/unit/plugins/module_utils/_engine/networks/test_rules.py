# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for docker0 and the address pools, each by the text of its refusal."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import (
    Surroundings,
    check,
    default_bridge_address,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

# A host with an office network, a VPN with a table of its own, user-defined networks, and docker0 as it comes.
AROUND = Surroundings(
    routes=[
        (ipaddress.ip_network("192.168.178.0/24"), "eth0"),
        (ipaddress.ip_network("10.8.0.0/16"), "tun0"),
        (ipaddress.ip_network("172.18.0.0/16"), "br-1f2e3d4c5b6a"),
        (ipaddress.ip_network("2001:db8:1::/64"), "eth0"),
    ],
    name_servers=[ipaddress.ip_address("10.1.0.53"), ipaddress.ip_address("2001:db8:53::53")],
    peers=[ipaddress.ip_address("203.0.113.9"), ipaddress.ip_address("172.17.0.5")],
    links=frozenset({"lo", "eth0", "tun0", "docker0", "br-1f2e3d4c5b6a", "br-own"}),
    docker0=[ipaddress.ip_interface("172.17.0.1/16")],
    networks=[("web", ipaddress.ip_network("172.18.0.0/16")), ("web", ipaddress.ip_network("fd00:18::/64"))],
    engine_version=(28, 5, 2),
)

# What is odd already, and does not get worse by naming docker0's network as it is.
ODD = Surroundings(
    routes=[(ipaddress.ip_network("172.16.0.0/12"), "tun0")],
    name_servers=[ipaddress.ip_address("172.17.0.53")],
    docker0=[ipaddress.ip_interface("172.17.0.1/16")],
)
IPV6_OLD = Surroundings(engine_version=(26, 1, 5))
SWARM = Surroundings(swarm=True)


def refusal(config: dict[str, Any], around: Surroundings) -> str:
    with pytest.raises(DockyardError) as caught:
        check(config, around)
    assert not caught.value.changed
    return caught.value.message


# A host of a cloud: an address of its own alone, a gateway that is "onlink", and no route to either.
CLOUD = Surroundings(
    addresses=[(ipaddress.ip_interface("10.88.0.5/32"), "eth0"), (ipaddress.ip_interface("fd00:88::5/128"), "eth0")],
    gateways=[(ipaddress.ip_address("10.89.0.254"), "eth0")],
    peers=[ipaddress.ip_address("10.90.0.7")],
    name_servers=[ipaddress.ip_address("10.91.0.53")],
    docker0=[ipaddress.ip_interface("172.17.0.1/16")],
)
OWN = "takes in 10.88.0.5, the host's own address on eth0"
GATEWAY = "takes in 10.89.0.254, the host's gateway on eth0, which it would no longer reach"
PEER = "takes in 10.90.0.7, to which the host has an open connection that would break"
NAME_SERVER = "takes in the host's name server 10.91.0.53, which it would no longer reach"


LIKE_4, LIKE_6 = "write it like 10.77.0.1/24.", "write it like fd00:77::1/64."


@pytest.mark.parametrize(
    "config, message",
    [
        # An address at all
        ({"bip": "banana"}, f'bip is "banana", and must be an address with a prefix length; {LIKE_4}'),
        ({"bip": "10.77.0.1"}, f'bip is "10.77.0.1", and must be an address with a prefix length; {LIKE_4}'),
        (
            {"bip": "10.77.0.1/255.255.255.0"},
            f'bip is "10.77.0.1/255.255.255.0", and must be an address with a prefix length; {LIKE_4}',
        ),
        ({"bip": " 10.77.0.1/24"}, f'bip is " 10.77.0.1/24", and must be an address with a prefix length; {LIKE_4}'),
        (
            {"bip": "10.77.0.1/33"},
            f"bip is \"10.77.0.1/33\", and that is no address ('10.77.0.1/33' does not appear to be an IPv4 or IPv6"
            f" interface); {LIKE_4}",
        ),
        (
            {"bip": "10.77.0.256/24"},
            f"bip is \"10.77.0.256/24\", and that is no address ('10.77.0.256/24' does not appear to be an IPv4 or IPv6"
            f" interface); {LIKE_4}",
        ),
        ({"bip": "fd00:77::1/64"}, "bip is fd00:77::1/64, an IPv6 address; that goes into bip6."),
        ({"bip6": "10.77.0.1/24"}, "bip6 is 10.77.0.1/24, an IPv4 address; that goes into bip."),
        ({"bip6": "fd00:77::1"}, f'bip6 is "fd00:77::1", and must be an address with a prefix length; {LIKE_6}'),
        (
            {"bip6": "fe80::1%eth0/64"},
            f'bip6 is "fe80::1%eth0/64", and must be an address with a prefix length; {LIKE_6}',
        ),
        # The address of a host
        (
            {"bip": "10.77.0.0/24"},
            "bip 10.77.0.0/24 is the address of the network itself; use one for a host, such as 10.77.0.1/24.",
        ),
        (
            {"bip": "10.77.0.255/24"},
            "bip 10.77.0.255/24 is the broadcast address of its network; use one for a host, such as 10.77.0.1/24.",
        ),
        (
            {"bip6": "fd00:77::/64"},
            "bip6 fd00:77::/64 is the address of the network itself; use one for a host, such as fd00:77::1/64.",
        ),
        (
            {"bip": "10.77.0.1/31"},
            "bip 10.77.0.1/31 leaves no address for a container; use a prefix length of 30 or less.",
        ),
        (
            {"bip": "10.77.0.1/32"},
            "bip 10.77.0.1/32 leaves no address for a container; use a prefix length of 30 or less.",
        ),
        (
            {"bip6": "fd00:77::1/127"},
            "bip6 fd00:77::1/127 leaves no address for a container; use a prefix length of 126 or less.",
        ),
        ({"bip": "10.77.0.1/7"}, "bip 10.77.0.1/7 takes in half the internet; use a prefix length of 8 or more."),
        (
            {"bip6": "fd00:77::1/15"},
            "bip6 fd00:77::1/15 takes in half the internet; use a prefix length of 16 or more.",
        ),
        ({"bip": "127.0.0.2/24"}, "bip 127.0.0.2/24 is a loopback address; use one of a private network."),
        ({"bip": "224.0.1.1/24"}, "bip 224.0.1.1/24 is a multicast address; use one of a private network."),
        ({"bip": "169.254.7.1/24"}, "bip 169.254.7.1/24 is a link-local address; use one of a private network."),
        ({"bip": "0.0.0.0/24"}, "bip 0.0.0.0/24 is an unspecified address; use one of a private network."),
        ({"bip": "245.1.2.3/24"}, "bip 245.1.2.3/24 is a reserved address; use one of a private network."),
        ({"bip6": "fe80::1/64"}, "bip6 fe80::1/64 is a link-local address; use one of a private network."),
        # Others
        (
            {"bip": "172.18.5.1/24"},
            "bip 172.18.5.1/24 overlaps the Docker network web (172.18.0.0/16); choose another network.",
        ),
        (
            {"bip6": "fd00:18::1/48"},
            "bip6 fd00:18::1/48 overlaps the Docker network web (fd00:18::/64); choose another network.",
        ),
        (
            {"bip": "10.8.3.1/24"},
            "bip 10.8.3.1/24 overlaps 10.8.0.0/16, to which the host has a route over tun0; choose another network.",
        ),
        (
            {"bip": "192.168.0.1/16"},
            "bip 192.168.0.1/16 overlaps 192.168.178.0/24, to which the host has a route over eth0; choose another"
            " network.",
        ),
        (
            {"bip6": "2001:db8:1::77/80"},
            "bip6 2001:db8:1::77/80 overlaps 2001:db8:1::/64, to which the host has a route over eth0; choose another"
            " network.",
        ),
        (
            {"bip": "10.1.0.1/24"},
            "bip 10.1.0.1/24 takes in the host's name server 10.1.0.53, which it would no longer reach; choose another"
            " network.",
        ),
        (
            {"bip6": "2001:db8:53::1/64"},
            "bip6 2001:db8:53::1/64 takes in the host's name server 2001:db8:53::53, which it would no longer reach;"
            " choose another network.",
        ),
        (
            {"bip": "203.0.113.1/24"},
            "bip 203.0.113.1/24 takes in 203.0.113.9, to which the host has an open connection that would break; choose"
            " another network.",
        ),
        # What belongs into the network
        (
            {"bip": "10.77.0.1/24", "fixed-cidr": "10.78.0.0/25"},
            "fixed-cidr 10.78.0.0/25 does not lie inside the network of bip (10.77.0.0/24); choose a part of that"
            " network.",
        ),
        (
            {"bip": "10.77.0.1/24", "fixed-cidr": "10.77.0.0/23"},
            "fixed-cidr 10.77.0.0/23 does not lie inside the network of bip (10.77.0.0/24); choose a part of that"
            " network.",
        ),
        (
            {"fixed-cidr": "10.77.0.0/25"},
            "fixed-cidr 10.77.0.0/25 does not lie inside the network of docker0 (172.17.0.0/16); choose a part of that"
            " network.",
        ),
        (
            {"bip6": "fd00:77::1/64", "fixed-cidr-v6": "fd00:78::/80"},
            "fixed-cidr-v6 fd00:78::/80 does not lie inside the network of bip6 (fd00:77::/64); choose a part of that"
            " network.",
        ),
        ({"fixed-cidr": "fd00:77::/64"}, "fixed-cidr is fd00:77::/64, an IPv6 address; that goes into fixed-cidr-v6."),
        (
            {"fixed-cidr-v6": "10.77.0.0/24"},
            "fixed-cidr-v6 is 10.77.0.0/24, an IPv4 address; that goes into fixed-cidr.",
        ),
        ({"fixed-cidr": "all"}, f'fixed-cidr is "all", and must be an address with a prefix length; {LIKE_4}'),
        (
            {"default-gateway": "10.77.0.254/24"},
            'default-gateway is "10.77.0.254/24", and must be an IPv4 address without a prefix length; change it.',
        ),
        (
            {"default-gateway": "fd00:77::1"},
            'default-gateway is "fd00:77::1", and must be an IPv4 address without a prefix length; change it.',
        ),
        (
            {"default-gateway-v6": "10.77.0.1"},
            'default-gateway-v6 is "10.77.0.1", and must be an IPv6 address without a prefix length; change it.',
        ),
        (
            {"bip": "10.77.0.1/24", "default-gateway": "10.78.0.1"},
            "default-gateway 10.78.0.1 does not lie inside the network of bip (10.77.0.0/24); choose an address of that"
            " network.",
        ),
        (
            {"default-gateway": "10.78.0.1"},
            "default-gateway 10.78.0.1 does not lie inside the network of docker0 (172.17.0.0/16); choose an address of"
            " that network.",
        ),
        (
            {"bip": "10.77.0.1/24", "default-gateway": "10.77.0.255"},
            "default-gateway 10.77.0.255 is the first or last address of the network of bip (10.77.0.0/24), which no"
            " host"
            " can have; choose another.",
        ),
        (
            {"bip": "10.77.0.1/24", "default-gateway": "10.77.0.0"},
            "default-gateway 10.77.0.0 is the first or last address of the network of bip (10.77.0.0/24), which no host"
            " can have; choose another.",
        ),
        (
            {"fixed-cidr-v6": "fd00:77::/64", "default-gateway-v6": "fd00:78::1"},
            "default-gateway-v6 fd00:78::1 does not lie inside fixed-cidr-v6 (fd00:77::/64); choose an address of that"
            " network.",
        ),
        (
            {"fixed-cidr-v6": "fd00:77::/64", "default-gateway-v6": "fd00:77::"},
            "default-gateway-v6 fd00:77:: is the first or last address of fixed-cidr-v6 (fd00:77::/64), which no"
            " host can"
            " have; choose another.",
        ),
        # Exclusions
        (
            {"bridge": "br-own", "bip": "10.77.0.1/24"},
            "bridge (br-own) and bip exclude each other: bip is the address of docker0, and bridge takes another device"
            " instead of it; remove one of them.",
        ),
        (
            {"bridge": "none", "bip6": "fd00:77::1/64"},
            "bridge (none) and bip6 exclude each other: bip6 is the address of docker0, and bridge takes another device"
            " instead of it; remove one of them.",
        ),
        (
            {"bridge": "br-typo"},
            "bridge is br-typo, and the host has no such device; make it first, or the engine does not start.",
        ),
        (
            {"icc": False, "iptables": False},
            "icc: false needs iptables, which is false; set iptables to true, or leave icc at true.",
        ),
        # Sizes
        (
            {"ip-masq": True, "iptables": False},
            "ip-masq: true needs iptables, which is false; set iptables to true, or leave ip-masq at false.",
        ),
        ({"mtu": 67}, "mtu is 67, and must lie between 68 and 65535; change it."),
        ({"mtu": -5}, "mtu is -5, and must lie between 68 and 65535; change it."),
        ({"mtu": 65536}, "mtu is 65536, and must lie between 68 and 65535; change it."),
        ({"mtu": 1279, "ipv6": True}, "mtu is 1279, and must lie between 1280 and 65535 with IPv6; change it."),
    ],
)
def test_a_rule_that_is_broken(config: dict[str, Any], message: str) -> None:
    assert refusal(config, AROUND) == message


@pytest.mark.parametrize(
    "config, around, message",
    [
        (
            {"live-restore": True},
            SWARM,
            "live-restore does not go together with Swarm, and this engine is a member of one; leave live-restore"
            " out, or"
            " leave the Swarm first.",
        ),
        (
            {"ipv6": True},
            IPV6_OLD,
            "ipv6: true needs fixed-cidr-v6 on an engine before 27, and this one is 26.1.5; add it.",
        ),
    ],
)
def test_a_rule_of_some_engines(config: dict[str, Any], around: Surroundings, message: str) -> None:
    assert refusal(config, around) == message


@pytest.mark.parametrize(
    "config, message",
    [
        ({"bip": "10.88.0.1/24"}, f"bip 10.88.0.1/24 {OWN}; choose another network."),
        ({"bip": "10.89.0.1/24"}, f"bip 10.89.0.1/24 {GATEWAY}; choose another network."),
        ({"bip": "10.90.0.1/24"}, f"bip 10.90.0.1/24 {PEER}; choose another network."),
        (
            {"fixed-cidr-v6": "fd00:88::/64"},
            "fixed-cidr-v6 fd00:88::/64 takes in fd00:88::5, the host's own address on eth0; choose another network.",
        ),
        *(
            (
                {"default-address-pools": [{"base": base, "size": 24}]},
                f"default-address-pools: the pool {base} {reason}; choose another network.",
            )
            for base, reason in (
                ("10.88.0.0/16", OWN),
                ("10.89.0.0/16", GATEWAY),
                ("10.90.0.0/16", PEER),
                ("10.91.0.0/16", NAME_SERVER),
            )
        ),
    ],
)
def test_what_the_host_reaches_without_a_route_of_its_own(config: dict[str, Any], message: str) -> None:
    assert refusal(config, CLOUD) == message


def test_an_engine_spares_what_needs_no_gateway_and_so_a_pool_may_hold_it() -> None:
    lan = ipaddress.ip_network("10.1.0.0/24")
    around = Surroundings(
        routes=[(lan, "eth0")],
        on_link=[lan],
        addresses=[(ipaddress.ip_interface("10.1.0.5/24"), "eth0")],
        gateways=[(lan[1], "eth0")],
        name_servers=[lan[53]],
        peers=[lan[7], ipaddress.ip_address("172.17.0.9")],
        docker0=[ipaddress.ip_interface("172.17.0.1/16")],
    )
    assert check({"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}, around) == []
    assert check({"default-address-pools": [{"base": "172.16.0.0/12", "size": 24}]}, around) == []


def test_no_network_takes_in_one_whose_packets_the_host_throws_away() -> None:
    around = Surroundings(refusing=[(ipaddress.ip_network("10.92.1.0/26"), "blackhole")])
    reason = "takes in 10.92.1.0/26, for which the host has a route of the type blackhole, which throws packets away"
    assert refusal({"bip": "10.92.1.1/24"}, around) == f"bip 10.92.1.1/24 {reason}; choose another network."
    assert refusal({"bip": "10.92.1.1/26"}, around) == f"bip 10.92.1.1/26 {reason}; choose another network."
    assert refusal({"default-address-pools": [{"base": "10.92.0.0/16", "size": 24}]}, around) == (
        f"default-address-pools: the pool 10.92.0.0/16 {reason}; choose another network."
    )


def test_a_network_within_one_whose_packets_are_thrown_away_goes_before_it() -> None:
    around = Surroundings(refusing=[(ipaddress.ip_network("10.0.0.0/8"), "unreachable")])
    assert check({"bip": "10.92.1.1/24"}, around) == []


def test_a_pool_that_the_engine_has_already_is_no_reason_to_refuse_another_change() -> None:
    around = dataclasses.replace(CLOUD, pools=[ipaddress.ip_network("10.88.0.0/16")])
    assert check({"default-address-pools": [{"base": "10.88.0.0/16", "size": 24}]}, around) == []


def test_the_network_of_docker0_in_ipv6_moves_in_one_step() -> None:
    around = Surroundings(docker0=[ipaddress.ip_interface("fd00:77::1/64")])
    assert check({"ipv6": True, "fixed-cidr-v6": "fd00:78::/64"}, around) == []


def test_docker0_gets_no_default_that_cuts_the_host_off() -> None:
    pools = {"default-address-pools": [{"base": "10.88.0.0/13", "size": 16}]}
    assert default_bridge_address(pools, CLOUD) == "10.92.0.1/16"
    with pytest.raises(DockyardError) as caught:
        default_bridge_address({"default-address-pools": [{"base": "10.88.0.0/15", "size": 16}]}, CLOUD)
    assert caught.value.message == (
        "No network is left for docker0 in the address pools; add one to default-address-pools."
    )


@pytest.mark.parametrize(
    "config, around",
    [
        ({}, AROUND),
        ({"bip": ""}, AROUND),
        ({"bip": "10.77.0.1/24"}, AROUND),
        ({"bip": "10.77.0.254/30"}, Surroundings()),
        # Where docker0 is already, nothing is taken away from anybody; not even from its own containers' connections.
        ({"bip": "172.17.0.1/16"}, AROUND),
        ({"bip": "172.17.0.9/16"}, AROUND),
        ({"bip": "172.17.0.1/17"}, AROUND),
        ({"bip": "172.17.0.1/16"}, ODD),
        ({"bip": "10.77.0.1/24", "fixed-cidr": "10.77.0.0/24", "default-gateway": "10.77.0.254"}, AROUND),
        ({"bip": "10.77.0.1/24", "fixed-cidr": "10.77.0.130/25"}, AROUND),
        ({"fixed-cidr": "172.17.4.0/24", "default-gateway": "172.17.255.254"}, AROUND),
        ({"ipv6": True, "bip6": "fd00:77::1/64", "fixed-cidr-v6": "fd00:77::/80"}, AROUND),
        ({"ipv6": True, "fixed-cidr-v6": "fd00:77::/64", "default-gateway-v6": "fd00:77::ffff"}, IPV6_OLD),
        ({"ipv6": True}, AROUND),
        ({"ipv6": True}, Surroundings()),
        ({"ipv6": False}, IPV6_OLD),
        ({"bridge": "br-own"}, AROUND),
        ({"bridge": "none"}, AROUND),
        ({"bridge": "", "bip": "10.77.0.1/24"}, AROUND),
        ({"bridge": "br-later"}, Surroundings()),
        ({"icc": False}, AROUND),
        ({"icc": True, "iptables": False}, AROUND),
        ({"live-restore": False}, SWARM),
        ({"live-restore": True}, AROUND),
        ({"mtu": 68}, AROUND),
        ({"mtu": 65535}, AROUND),
        ({"mtu": 0}, AROUND),
        ({"mtu": 1280, "ipv6": True}, AROUND),
        ({"ip-masq": False, "iptables": False}, AROUND),
    ],
)
def test_what_breaks_no_rule(config: dict[str, Any], around: Surroundings) -> None:
    assert check(config, around) == []
