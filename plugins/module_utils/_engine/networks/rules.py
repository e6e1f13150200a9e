# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for networks that no engine checks before it fails, or cuts the host off: of docker0, pools and others.

What an engine does with a daemon.json that breaks them: C(dockerd --validate) says "configuration OK"; a bad C(bip)
then kills the engine at its start. And an address that is used elsewhere silently takes that other network away from
the host, also as the subnet of a user-defined network. No host is touched here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address, Interface, Network

Config = dict[str, Any]

DOCKER0 = "docker0"
SMALLEST_MTU = {4: 68, 6: 1280}  # RFC 791, RFC 8200
IPV6_POOLS_SINCE = (27,)  # before, an engine takes no IPv6 network by itself
# What an engine without default-address-pools uses, in this order (libnetwork, ipamutils).
BUILT_IN_POOLS: list[dict[str, Any]] = [
    *({"base": f"172.{second}.0.0/16", "size": 16} for second in range(17, 32)),
    {"base": "192.168.0.0/16", "size": 20},
]


@dataclasses.dataclass
class Surroundings:
    """What the host has around a network of the engine.

    routes: networks and the devices that they lead to, without default routes and without docker0's own.
    on_link: those networks of them that the main table reaches without a gateway, IPv4 only: just these an engine
        spares when it takes a network out of a pool (libnetwork, netutils.InferReservedNetworks; seen on 26.1).
    refusing: networks for which routes throw packets away, and the types of these routes. One with a longer prefix goes
        before the route; one with the same comes after it.
    addresses: the host's own and their devices, without docker0's; gateways: those of its routes and their devices.
    name_servers, peers: addresses that the host asks for names, and that it has open connections with.
    links: names of the network devices; None if not known. bridges: those of them that are bridges.
    docker0: docker0's addresses now.
    networks: names and subnets of Docker's other networks.
    pools: the address pools that the running engine has from its configuration.
    engine_version: as (28, 5, 2); None if not known.
    swarm: whether the engine is a member of a Swarm.
    """

    routes: list[tuple[Network, str]] = dataclasses.field(default_factory=list)
    on_link: list[Network] = dataclasses.field(default_factory=list)
    refusing: list[tuple[Network, str]] = dataclasses.field(default_factory=list)
    addresses: list[tuple[Interface, str]] = dataclasses.field(default_factory=list)
    gateways: list[tuple[Address, str]] = dataclasses.field(default_factory=list)
    name_servers: list[Address] = dataclasses.field(default_factory=list)
    peers: list[Address] = dataclasses.field(default_factory=list)
    links: frozenset[str] | None = None
    bridges: frozenset[str] = frozenset()
    docker0: list[Interface] = dataclasses.field(default_factory=list)
    networks: list[tuple[str, Network]] = dataclasses.field(default_factory=list)
    pools: list[Network] = dataclasses.field(default_factory=list)
    engine_version: tuple[int, ...] | None = None
    swarm: bool = False

    def docker0_network(self, version: int) -> Network | None:
        return next((address.network for address in self.docker0 if address.version == version), None)


def overlap(one: Network, other: Network) -> bool:
    """Return whether two networks share addresses."""
    return one.version == other.version and one.overlaps(other)  # type: ignore[arg-type]


def within(one: Network, other: Network) -> bool:
    """Return whether a network is a part of another one."""
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def conflicts(network: Network, around: Surroundings, own: Network | None = None) -> Iterator[str]:
    """Yield what a network of the engine would take away from the host or from another network, as "overlaps ...".

    own: the network that its bridge has now; peers in there are its own containers.
    """
    for name, other in around.networks:
        if overlap(network, other):
            yield f"overlaps the Docker network {name} ({other})"
    for other, device in around.routes:
        if overlap(network, other):
            yield f"overlaps {other}, to which the host has a route over {device}"
    for other, kind in around.refusing:
        if within(other, network):
            yield f"takes in {other}, for which the host has a route of the type {kind}, which throws packets away"
    yield from _taken_addresses(network, around, own)


def _taken_addresses(network: Network, around: Surroundings, own: Network | None = None) -> Iterator[str]:
    for address, device in around.addresses:
        if address.ip in network:
            yield f"takes in {address.ip}, the host's own address on {device}"
    for gateway, device in around.gateways:
        if gateway in network:
            yield f"takes in {gateway}, the host's gateway on {device}, which it would no longer reach"
    for server in around.name_servers:
        if server in network:
            yield f"takes in the host's name server {server}, which it would no longer reach"
    for peer in around.peers:
        if peer in network and not (own and peer in own):
            yield f"takes in {peer}, to which the host has an open connection that would break"


def unusable(network: Network, host: Address) -> Iterator[str]:
    """Yield why no bridge can have a network, as "is a ..., what to do".

    host: the address that is judged by its kind.
    """
    longest, shortest = (30, 8) if network.version == 4 else (126, 16)
    if network.prefixlen > longest:
        yield f"leaves no address for a container; use a prefix length of {longest} or less"
    if network.prefixlen < shortest:
        yield f"takes in half the internet; use a prefix length of {shortest} or more"
    for kind in ("loopback", "multicast", "link_local", "unspecified", "reserved"):
        if getattr(host, f"is_{kind}"):
            article = "an" if kind == "unspecified" else "a"
            yield f"is {article} {kind.replace('_', '-')} address; use one of a private network"


def at_the_edge(address: Address, network: Network) -> bool:
    """Return whether an address is the first or last one of a network, which no host can have."""
    last = network.version == 4 and address == network.broadcast_address
    return address == network.network_address or last


@dataclasses.dataclass(frozen=True)
class Complaint:
    """A rule that a daemon.json breaks.

    keys: those that it is about.
    by: other keys whose change can break it, even if they are not there any more.
    taken: whether every engine starts with it all the same.
    at_start: whether an engine may run with it and yet not start with it.
    """

    keys: tuple[str, ...]
    error: DockyardError
    taken: bool = False
    at_start: bool = False
    by: tuple[str, ...] = ()


def check(config: Config, around: Surroundings) -> list[str]:
    """Raise DockyardError for the first rule that a daemon.json breaks. Return warnings. Types are right already."""
    for complaint in complaints(config, around):
        raise complaint.error
    return list(warnings(config, around))


def complaints(config: Config, around: Surroundings) -> Iterator[Complaint]:
    """Yield every rule that a daemon.json breaks. Types are right already."""
    yield from _exclusions(config, around)
    for key, version in (("bip", 4), ("bip6", 6)):
        if config.get(key):
            for error in _bridge_address(key, config[key], version, around):
                yield Complaint((key,), error)
    for version, names in (
        (4, ("bip", "fixed-cidr", "default-gateway")),
        (6, ("bip6", "fixed-cidr-v6", "default-gateway-v6")),
    ):
        for error in _inside(config, version, names, around):
            yield Complaint(tuple(name for name in names if config.get(name)), error, by=names)
    for error in _mtu(config):
        yield Complaint(("mtu",), error, by=("ipv6",))
    for error, taken in _pools(config, around):
        yield Complaint(("default-address-pools",), error, taken)


def _exclusions(config: Config, around: Surroundings) -> Iterator[Complaint]:
    bridge = config.get("bridge", "")
    for key in ("bip", "bip6"):
        if bridge and config.get(key):
            error = DockyardError(
                "bridge_exclusive_keys",
                f"bridge ({bridge}) and {key} exclude each other: {key} is the address of docker0, and bridge takes"
                " another device instead of it; remove one of them.",
            )
            yield Complaint(("bridge", key), error)
    if bridge not in ("", "none", DOCKER0) and around.links is not None and bridge not in around.links:
        error = DockyardError(
            "bridge_no_device",
            f"bridge is {bridge}, and the host has no such device; make it first, or the engine does not start.",
        )
        yield Complaint(("bridge",), error, at_start=True)
    if config.get("iptables") is False:
        for key, wrong in (("icc", False), ("ip-masq", True)):
            if config.get(key) is wrong:
                error = DockyardError(
                    "bridge_icc_without_iptables",
                    f"{key}: {str(wrong).lower()} needs iptables, which is false; set iptables to true, or leave {key}"
                    f" at {str(not wrong).lower()}.",
                )
                # Without iptables the engine silently masquerades nothing.
                yield Complaint((key, "iptables"), error, taken=key == "ip-masq")
    if config.get("live-restore") and around.swarm:
        error = DockyardError(
            "daemon_live_restore_in_swarm",
            "live-restore does not go together with Swarm, and this engine is a member of one; leave live-restore out,"
            " or leave the Swarm first.",
        )
        yield Complaint(("live-restore",), error, at_start=True)
    has_network6 = config.get("fixed-cidr-v6") or config.get("bip6")
    if config.get("ipv6") and not has_network6 and around.engine_version and around.engine_version < IPV6_POOLS_SINCE:
        version = ".".join(map(str, around.engine_version))
        error = DockyardError(
            "bridge_ipv6_network",
            f"ipv6: true needs fixed-cidr-v6 on an engine before 27, and this one is {version}; add it.",
        )
        yield Complaint(("ipv6",), error, by=("fixed-cidr-v6", "bip6"))


def _interface(key: str, text: str, version: int) -> tuple[Interface | None, str]:
    """Return the address, and what is wrong with it if it is none."""
    example = "10.77.0.1/24" if version == 4 else "fd00:77::1/64"
    if not re.fullmatch(r"[0-9A-Fa-f.:]+/\d{1,3}", text):
        return None, f'{key} is "{text}", and must be an address with a prefix length; write it like {example}.'
    try:
        address = ipaddress.ip_interface(text)
    except ValueError as error:
        return None, f'{key} is "{text}", and that is no address ({error}); write it like {example}.'
    if address.version != version:
        other = {"bip": "bip6", "bip6": "bip", "fixed-cidr": "fixed-cidr-v6", "fixed-cidr-v6": "fixed-cidr"}[key]
        return None, f"{key} is {text}, an IPv{address.version} address; that goes into {other}."
    return address, ""


def _bridge_address(key: str, text: str, version: int, around: Surroundings) -> Iterator[DockyardError]:
    address, wrong = _interface(key, text, version)
    if address is None:
        yield DockyardError("bridge_invalid_address", wrong)
        return
    network, host = address.network, address.ip
    for reason in unusable(network, host):
        yield DockyardError("bridge_invalid_address", f"{key} {text} {reason}.")
    instead = f"use one for a host, such as {network.network_address + 1}/{network.prefixlen}."
    if host == network.network_address:
        yield DockyardError("bridge_invalid_address", f"{key} {text} is the address of the network itself; {instead}")
    if version == 4 and host == network.broadcast_address:
        yield DockyardError(
            "bridge_invalid_address", f"{key} {text} is the broadcast address of its network; {instead}"
        )
    yield from _bridge_conflicts(key, text, network, around)


def _bridge_conflicts(key: str, text: str, network: Network, around: Surroundings) -> Iterator[DockyardError]:
    own = around.docker0_network(network.version)
    if network == own:  # where docker0 is already, nothing is taken away from the host
        return
    for reason in conflicts(network, around, own):
        yield DockyardError("bridge_conflict", f"{key} {text} {reason}; choose another network.")


def _inside(config: Config, version: int, names: tuple[str, str, str], around: Surroundings) -> Iterator[DockyardError]:
    bridge, cidr, gateway = names
    network, of = _base(config, version, bridge, around)
    if config.get(cidr):
        part, wrong = _interface(cidr, config[cidr], version)
        if part is None:
            yield DockyardError("bridge_invalid_address", wrong)
            return
        if version == 6 and not config.get(bridge):  # the engine takes it for the network of docker0
            network, of = part.network, cidr
            yield from _bridge_conflicts(cidr, config[cidr], network, around)
        if network is not None and not (part.ip in network and part.network.prefixlen >= network.prefixlen):
            yield DockyardError(
                "bridge_outside_network",
                f"{cidr} {config[cidr]} does not lie inside {of} ({network}); choose a part of that network.",
            )
    if config.get(gateway):
        yield from _gateway(gateway, config[gateway], version, network, of)


def _gateway(key: str, text: str, version: int, network: Network | None, of: str) -> Iterator[DockyardError]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or address.version != version:
        yield DockyardError(
            "bridge_invalid_address",
            f'{key} is "{text}", and must be an IPv{version} address without a prefix length; change it.',
        )
    elif network is not None and address not in network:
        yield DockyardError(
            "bridge_outside_network",
            f"{key} {text} does not lie inside {of} ({network}); choose an address of that network.",
        )
    elif network is not None and at_the_edge(address, network):
        yield DockyardError(
            "bridge_outside_network",
            f"{key} {text} is the first or last address of {of} ({network}), which no host can have; choose another.",
        )


def _base(config: Config, version: int, bridge: str, around: Surroundings) -> tuple[Network | None, str]:
    """Return the network of docker0 as it will be, and what it is called."""
    if config.get(bridge):
        address, _wrong = _interface(bridge, config[bridge], version)
        return (address.network if address else None), f"the network of {bridge}"
    return around.docker0_network(version), "the network of docker0"


def wrong_mtu(mtu: int, ipv6: bool) -> str:
    """Return what is wrong with the size of a packet, as "and must ...", or an empty string. 0 is the default."""
    smallest = SMALLEST_MTU[6 if ipv6 else 4]
    if mtu == 0 or smallest <= mtu <= 65535:
        return ""
    return f"and must lie between {smallest} and 65535{' with IPv6' if ipv6 else ''}; change it"


def _mtu(config: Config) -> Iterator[DockyardError]:
    wrong = wrong_mtu(config.get("mtu", 0), bool(config.get("ipv6")))
    if wrong:
        yield DockyardError("bridge_mtu", f"mtu is {config['mtu']}, {wrong}.")


def _pools(config: Config, around: Surroundings) -> Iterator[tuple[DockyardError, bool]]:
    seen: list[Network] = []
    for pool in config.get("default-address-pools", []):
        base, size = pool["base"], pool["size"]
        where = f"default-address-pools: the pool {base}"
        try:
            network = ipaddress.ip_network(base, strict=False)
        except ValueError:
            network = None
        if network is None or "/" not in base:
            error = DockyardError(
                "bridge_invalid_pool", f'default-address-pools: "{base}" is no network; write it like 10.100.0.0/16.'
            )
            yield error, False
            continue
        if base.split("/")[0] != str(network.network_address):
            error = DockyardError(
                "bridge_invalid_pool", f"{where} has an address of a host in it; the network is {network}."
            )
            yield error, True
        longest = 30 if network.version == 4 else 126
        if not network.prefixlen <= size <= longest:
            error = DockyardError(
                "bridge_invalid_pool",
                f"{where} can't be cut into networks of size {size}; size is their prefix length, from"
                f" {network.prefixlen} to {longest}.",
            )
            yield error, False
        for other in seen:
            if overlap(network, other):
                error = DockyardError(
                    "bridge_invalid_pool", f"{where} overlaps the pool {other}; give each its own part."
                )
                yield error, True
        for reason in _given_away(network, around):
            yield DockyardError("bridge_pool_conflict", f"{where} {reason}; choose another network."), False
        seen.append(network)


def _given_away(pool: Network, around: Surroundings) -> Iterator[str]:
    """Yield what the engine could take away from the host with a network of a new pool.

    It spares what the host reaches without a gateway, and nothing else.
    """
    if pool in around.pools:
        return
    own = [address.network for address in around.docker0]
    unspared = dataclasses.replace(
        around,
        networks=[],  # the engine knows its own
        routes=[route for route in around.routes if not _is_spared(route[0], around)],
        addresses=[each for each in around.addresses if not _is_spared(each[0].ip, around)],
        gateways=[each for each in around.gateways if not _is_spared(each[0], around)],
        name_servers=[server for server in around.name_servers if not _is_spared(server, around)],
        peers=[
            peer
            for peer in around.peers
            if not _is_spared(peer, around) and not any(peer in network for network in own)
        ],
    )
    yield from conflicts(pool, unspared)


def _is_spared(what: Address | Network, around: Surroundings) -> bool:
    return any(within(ipaddress.ip_network(what), network) for network in around.on_link)


def warnings(config: Config, around: Surroundings) -> Iterator[str]:
    """Yield what is no mistake and yet not what it seems."""
    for pool in config.get("default-address-pools", []):
        network = ipaddress.ip_network(pool["base"], strict=False)
        for other, device in around.routes:
            if other in around.on_link and within(network, other):
                yield (
                    f"default-address-pools: all of {network} is in {other}, to which the host has a route over"
                    f" {device}; the engine takes no network from there."
                )


def default_bridge_address(config: Config, around: Surroundings) -> str:
    """Return the address that an engine without bip gives a docker0 that it makes."""
    for pool in config.get("default-address-pools") or BUILT_IN_POOLS:
        base = ipaddress.ip_network(pool["base"], strict=False)
        if base.version != 4:
            continue
        for network in base.subnets(new_prefix=pool["size"]):
            if next(conflicts(network, around, around.docker0_network(4)), None) is None:
                return f"{network.network_address + 1}/{network.prefixlen}"
    raise DockyardError(
        "bridge_no_pool_left",
        "No network is left for docker0 in the address pools; add one to default-address-pools.",
    )
