# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network rules against an oracle that knows nothing of them: integers, and which of them lie between which."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import (
    Surroundings,
    check,
    default_bridge_address,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from hypothesis import example, given, settings
from hypothesis import strategies as st

runs = settings(max_examples=120, deadline=None)

TEN = 10 << 24  # 10.0.0.0, in which no address is special
FD = 0xFD00 << 112  # fd00::


@dataclasses.dataclass(frozen=True)
class Range:
    """Addresses from first to last, as integers."""

    first: int
    last: int
    width: int  # bits of an address

    @classmethod
    def around(cls, address: int, prefix: int, width: int) -> Range:
        size = 1 << (width - prefix)
        first = address - address % size
        return cls(first, first + size - 1, width)

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def meets(self, other: Range) -> bool:
        return self.width == other.width and self.first <= other.last and other.first <= self.last

    def lies_in(self, other: Range) -> bool:
        return other.first <= self.first and self.last <= other.last


def text(address: int, width: int) -> str:
    if width == 32:
        return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
    return ":".join(f"{address >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))


# Addresses close together, so that they meet; and prefixes of every length.
addresses4 = st.builds(lambda high, low: TEN + (high << 16) + low, st.integers(0, 3), st.integers(0, 0xFFFF))
addresses4 |= st.integers(TEN, TEN + 0xFFFFFF)
addresses6 = st.builds(lambda high, low: FD + (high << 64) + low, st.integers(0, 3), st.integers(0, 0xFFFF))
prefixes4, prefixes6 = st.integers(0, 32), st.integers(0, 128)


def accepted(config: dict[str, Any], around: Surroundings) -> bool:
    try:
        check(config, around)
    except DockyardError as error:
        assert error.message.endswith(".")
        return False
    return True


def surroundings(
    routes: Sequence[tuple[int, int]] = (),
    networks: Sequence[tuple[int, int]] = (),
    servers: Sequence[int] = (),
    peers: Sequence[int] = (),
    docker0: tuple[int, int] | None = None,
    gateways: Sequence[int] = (),
    own: Sequence[int] = (),
    on_link: Sequence[tuple[int, int]] = (),
) -> Surroundings:
    def network(address: int, prefix: int) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network((Range.around(address, prefix, 32).first, prefix))

    return Surroundings(
        routes=[(network(*route), "eth0") for route in routes],
        on_link=[network(*route) for route in on_link],
        networks=[("some", network(*each)) for each in networks],
        addresses=[(ipaddress.IPv4Interface((address, 32)), "eth0") for address in own],
        gateways=[(ipaddress.IPv4Address(gateway), "eth0") for gateway in gateways],
        name_servers=[ipaddress.IPv4Address(server) for server in servers],
        peers=[ipaddress.IPv4Address(peer) for peer in peers],
        docker0=[ipaddress.IPv4Interface(docker0)] if docker0 else [],
    )


@runs
@given(addresses4, prefixes4)
@example(TEN + 1, 7)
@example(TEN + 1, 8)
@example(TEN + 5, 30)
@example(TEN + 5, 31)
def test_an_address_is_taken_if_a_host_can_have_it(address: int, prefix: int) -> None:
    network = Range.around(address, prefix, 32)
    may = 8 <= prefix <= 30 and network.first < address < network.last
    assert accepted({"bip": f"{text(address, 32)}/{prefix}"}, Surroundings()) is may


@runs
@given(addresses6, prefixes6)
@example(FD + 3, 126)
@example(FD + 1, 127)
@example(FD, 64)
def test_an_address_of_ipv6_is_taken_if_a_host_can_have_it(address: int, prefix: int) -> None:
    # There is no broadcast address in IPv6.
    may = 16 <= prefix <= 126 and address != Range.around(address, prefix, 128).first
    assert accepted({"bip6": f"{text(address, 128)}/{prefix}"}, Surroundings()) is may


others = st.lists(st.tuples(addresses4, st.integers(8, 32)), max_size=3)
hosts = st.lists(addresses4, max_size=2)


@runs
@given(
    addresses4,
    st.integers(8, 30),
    others,
    others,
    st.tuples(hosts, hosts, hosts, hosts),
    st.none() | st.tuples(addresses4, st.integers(8, 30)),
)
def test_an_address_is_taken_if_it_takes_nothing_from_anybody(
    address: int,
    prefix: int,
    routes: list[tuple[int, int]],
    networks: list[tuple[int, int]],
    alone: tuple[list[int], list[int], list[int], list[int]],
    docker0: tuple[int, int] | None,
) -> None:
    servers, peers, gateways, mine = alone
    wanted = Range.around(address, prefix, 32)
    own = Range.around(*docker0, 32) if docker0 else None
    free = (
        not any(wanted.meets(Range.around(*other, 32)) for other in [*routes, *networks])
        and not any(address in wanted for address in [*servers, *gateways, *mine])
        # Whoever is in docker0's network already is one of its containers.
        and not any(peer in wanted and not (own and peer in own) for peer in peers)
    )
    may = wanted.first < address < wanted.last and (free or wanted == own)
    around = surroundings(routes, networks, servers, peers, docker0, gateways, mine)
    assert accepted({"bip": f"{text(address, 32)}/{prefix}"}, around) is may


@runs
@given(addresses4, st.integers(8, 30), addresses4, st.integers(8, 32), addresses4)
def test_range_and_gateway_have_to_lie_inside(
    address: int, prefix: int, part: int, part_prefix: int, gateway: int
) -> None:
    network = Range.around(address, prefix, 32)
    if not network.first < address < network.last:
        address = network.first + 1
    bip = {"bip": f"{text(address, 32)}/{prefix}"}
    inside = Range.around(part, part_prefix, 32).lies_in(network)
    assert accepted({**bip, "fixed-cidr": f"{text(part, 32)}/{part_prefix}"}, Surroundings()) is inside
    may = network.first < gateway < network.last
    assert accepted({**bip, "default-gateway": text(gateway, 32)}, Surroundings()) is may
    # Without bip, that docker0 stays where it is counts the same.
    around = surroundings(docker0=(address, prefix))
    assert accepted({"fixed-cidr": f"{text(part, 32)}/{part_prefix}"}, around) is inside
    assert accepted({"default-gateway": text(gateway, 32)}, around) is may


@runs
@given(st.lists(st.tuples(addresses4, st.integers(8, 32), st.integers(0, 33)), max_size=4), st.booleans())
def test_pools_are_networks_that_can_be_cut_and_that_do_not_overlap(
    pools: list[tuple[int, int, int]], clean: bool
) -> None:
    ranges = [Range.around(base, prefix, 32) for base, prefix, _size in pools]
    bases = [found.first if clean else base for found, (base, _prefix, _size) in zip(ranges, pools)]
    may = (
        all(base == found.first for base, found in zip(bases, ranges))
        and all(prefix <= size <= 30 for _base, prefix, size in pools)
        and not any(one.meets(other) for place, one in enumerate(ranges) for other in ranges[:place])
    )
    config = [{"base": f"{text(base, 32)}/{prefix}", "size": size} for base, (_base, prefix, size) in zip(bases, pools)]
    assert accepted({"default-address-pools": config}, Surroundings()) is may


@runs
@given(addresses4, st.integers(8, 24), others, others, st.tuples(hosts, hosts, hosts, hosts))
def test_a_pool_is_taken_if_the_engine_gives_away_nothing_of_it_that_the_host_needs(
    base: int,
    prefix: int,
    routes: list[tuple[int, int]],
    behind: list[tuple[int, int]],
    alone: tuple[list[int], list[int], list[int], list[int]],
) -> None:
    pool = Range.around(base, prefix, 32)
    servers, peers, gateways, mine = alone
    routed = [Range.around(*route, 32) for route in routes]
    needed = [address for addresses in alone for address in addresses if address in pool]
    may = all(any(address in route for route in routed) for address in needed)
    # Networks behind a gateway, which the engine gives away unless a route without one holds them.
    for far in (Range.around(*route, 32) for route in behind):
        spared = any(route.first <= far.first and far.last <= route.last for route in routed)
        may = may and (spared or not far.meets(pool))
    around = surroundings([*routes, *behind], (), servers, peers, None, gateways, mine, on_link=routes)
    config = {"default-address-pools": [{"base": f"{text(pool.first, 32)}/{prefix}", "size": 24}]}
    assert accepted(config, around) is may


@runs
@given(
    st.lists(st.tuples(addresses4, st.integers(12, 24), st.integers(0, 4)), max_size=2),
    others,
    st.lists(st.tuples(st.integers(0xAC100000, 0xAC1FFFFF), st.integers(12, 24)), max_size=4),
    st.lists(addresses4 | st.integers(0xAC100000, 0xAC1FFFFF), max_size=3),
)
def test_the_address_that_docker0_gets_by_itself_is_the_first_that_is_free(
    pools: list[tuple[int, int, int]],
    routes: list[tuple[int, int]],
    networks: list[tuple[int, int]],
    servers: list[int],
) -> None:
    around = surroundings(routes, networks, servers)
    cut = [(Range.around(base, prefix, 32), prefix + more) for base, prefix, more in pools]
    config = [
        {"base": f"{text(base.first, 32)}/{prefix}", "size": size} for (base, size), (_b, prefix, _m) in zip(cut, pools)
    ]
    if not cut:  # the engine's own: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of 20
        cut = [(Range.around((172 << 24) + (second << 16), 16, 32), 16) for second in range(17, 32)]
        cut.append((Range.around((192 << 24) + (168 << 16), 16, 32), 20))

    def free(candidate: Range) -> bool:
        return not any(candidate.meets(Range.around(*other, 32)) for other in [*routes, *networks]) and not any(
            server in candidate for server in servers
        )

    expected = next(
        (
            (candidate.first + 1, size)
            for base, size in cut
            for start in range(base.first, base.last + 1, 1 << (32 - size))
            if free(candidate := Range.around(start, size, 32))
        ),
        None,
    )
    try:
        found = default_bridge_address({"default-address-pools": config}, around)
    except DockyardError as error:
        assert expected is None
        assert error.message.startswith("No network is left for docker0 in the address pools;")
        return
    assert expected is not None
    assert found == f"{text(expected[0], 32)}/{expected[1]}"
    # What docker0 gets by itself, it may be given by name as well.
    assert accepted({"bip": found}, around)


@runs
@given(st.text("0123456789./:abcdef%x -", max_size=20) | st.text(max_size=8))
def test_any_text_is_taken_or_refused_in_one_sentence(word: str) -> None:
    for key in ("bip", "bip6", "fixed-cidr", "fixed-cidr-v6", "default-gateway", "default-gateway-v6"):
        accepted({key: word}, Surroundings())
    accepted({"default-address-pools": [{"base": word, "size": 24}]}, Surroundings())
