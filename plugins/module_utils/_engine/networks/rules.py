# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for networks in daemon.json that no engine checks before it fails, or cuts the host off.

What an engine does with a file that breaks them: C(dockerd --validate) says "configuration OK"; a bad C(bip) then kills
the engine at its start, and an address that is used elsewhere silently takes that other network away from the host. No
host is touched here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address, Interface, Network

from ..daemon_config.document import Config

UNCHANGED = "Nothing was changed."

DOCKER0 = "docker0"
SMALLEST_MTU = {4: 68, 6: 1280}  # RFC 791, RFC 8200
# What an engine without default-address-pools uses, in this order (libnetwork, ipamutils).
BUILT_IN_POOLS: list[dict[str, Any]] = [
    *({"base": f"172.{second}.0.0/16", "size": 16} for second in range(17, 32)),
    {"base": "192.168.0.0/16", "size": 20},
]


@dataclasses.dataclass
class Surroundings:
    """What the host has around docker0.

    routes: networks and the devices that they lead to, without default routes and without docker0's own.
    name_servers, peers: addresses that the host asks for names, and that it has open connections with.
    links: names of the network devices; None if not known.
    docker0: docker0's addresses now.
    networks: names and subnets of Docker's other networks.
    engine_version: as (28, 5, 2); None if not known.
    swarm: whether the engine is a member of a Swarm.
    """

    routes: list[tuple[Network, str]] = dataclasses.field(default_factory=list)
    name_servers: list[Address] = dataclasses.field(default_factory=list)
    peers: list[Address] = dataclasses.field(default_factory=list)
    links: frozenset[str] | None = None
    docker0: list[Interface] = dataclasses.field(default_factory=list)
    networks: list[tuple[str, Network]] = dataclasses.field(default_factory=list)
    engine_version: tuple[int, ...] | None = None
    swarm: bool = False

    def docker0_network(self, version: int) -> Network | None:
        return next((address.network for address in self.docker0 if address.version == version), None)


def check(config: Config, around: Surroundings) -> list[str]:
    """Raises Problem for the first rule that the configuration breaks. Returns warnings. Types are right already."""
    for complaint in _complaints(config, around):
        raise Problem(f"{complaint} {UNCHANGED}")
    return list(_warnings(config, around))


def _complaints(config: Config, around: Surroundings) -> Iterator[str]:
    yield from _exclusions(config, around)
    for key, version in (("bip", 4), ("bip6", 6)):
        if config.get(key):
            yield from _bridge_address(key, config[key], version, around)
    for version, names in (
        (4, ("bip", "fixed-cidr", "default-gateway")),
        (6, ("bip6", "fixed-cidr-v6", "default-gateway-v6")),
    ):
        yield from _inside(config, version, names, around)
    yield from _mtu(config)
    yield from _pools(config)
    yield from _addresses(config)


def _exclusions(config: Config, around: Surroundings) -> Iterator[str]:
    bridge = config.get("bridge", "")
    for key in ("bip", "bip6"):
        if bridge and config.get(key):
            yield (
                f"bridge ({bridge}) and {key} exclude each other: {key} is the address of docker0, and bridge takes"
                " another device instead of it; remove one of them."
            )
    if bridge not in ("", "none", DOCKER0) and around.links is not None and bridge not in around.links:
        yield f"bridge is {bridge}, and the host has no such device; make it first, or the engine does not start."
    if config.get("icc") is False and config.get("iptables") is False:
        yield "icc: false needs iptables, which is false; set iptables to true, or leave icc at true."
    if config.get("live-restore") and around.swarm:
        yield (
            "live-restore does not go together with Swarm, and this engine is a member of one; leave live-restore out,"
            " or leave the Swarm first."
        )
    has_network6 = config.get("fixed-cidr-v6") or config.get("bip6")
    if config.get("ipv6") and not has_network6 and around.engine_version and around.engine_version < (27,):
        version = ".".join(map(str, around.engine_version))
        yield f"ipv6: true needs fixed-cidr-v6 on an engine before 27, and this one is {version}; add it."


def _interface(key: str, text: str, version: int) -> tuple[Interface | None, str]:
    """The address, and what is wrong with it if it is none."""
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


def _bridge_address(key: str, text: str, version: int, around: Surroundings) -> Iterator[str]:
    address, wrong = _interface(key, text, version)
    if address is None:
        yield wrong
        return
    network, host = address.network, address.ip
    longest, shortest = (30, 8) if version == 4 else (126, 16)
    if network.prefixlen > longest:
        yield f"{key} {text} leaves no address for a container; use a prefix length of {longest} or less."
    if network.prefixlen < shortest:
        yield f"{key} {text} takes in half the internet; use a prefix length of {shortest} or more."
    for kind in ("loopback", "multicast", "link_local", "unspecified", "reserved"):
        if getattr(host, f"is_{kind}"):
            article = "an" if kind == "unspecified" else "a"
            yield f"{key} {text} is {article} {kind.replace('_', '-')} address; use one of a private network."
    instead = f"use one for a host, such as {network.network_address + 1}/{network.prefixlen}."
    if host == network.network_address:
        yield f"{key} {text} is the address of the network itself; {instead}"
    if version == 4 and host == network.broadcast_address:
        yield f"{key} {text} is the broadcast address of its network; {instead}"
    if network != around.docker0_network(version):  # where docker0 is already, nothing is taken away from anybody
        yield from _overlaps(key, text, network, around)


def _overlaps(key: str, text: str, network: Network, around: Surroundings) -> Iterator[str]:
    instead = "choose another network."
    for name, other in around.networks:
        if _overlap(network, other):
            yield f"{key} {text} overlaps the Docker network {name} ({other}); {instead}"
    for other, device in around.routes:
        if _overlap(network, other):
            yield f"{key} {text} overlaps {other}, to which the host has a route over {device}; {instead}"
    own = around.docker0_network(network.version)
    for server in around.name_servers:
        if server in network:
            yield f"{key} {text} takes in the host's name server {server}, which it would no longer reach; {instead}"
    for peer in around.peers:
        if peer in network and not (own and peer in own):
            yield f"{key} {text} takes in {peer}, to which the host has an open connection that would break; {instead}"


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)  # type: ignore[arg-type]


def _inside(config: Config, version: int, names: tuple[str, str, str], around: Surroundings) -> Iterator[str]:
    bridge, cidr, gateway = names
    network, of = _base(config, version, bridge, around)
    if config.get(cidr):
        part, wrong = _interface(cidr, config[cidr], version)
        if part is None:
            yield wrong
            return
        if network is not None and not (part.ip in network and part.network.prefixlen >= network.prefixlen):
            yield f"{cidr} {config[cidr]} does not lie inside {of} ({network}); choose a part of that network."
        if network is None and version == 6:
            network, of = part.network, cidr
    if config.get(gateway):
        text = config[gateway]
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or address.version != version:
            yield f'{gateway} is "{text}", and must be an IPv{version} address without a prefix length; change it.'
        elif network is not None and address not in network:
            yield f"{gateway} {text} does not lie inside {of} ({network}); choose an address of that network."
        elif network is not None and (
            address == network.network_address or (version == 4 and address == network.broadcast_address)
        ):
            yield (
                f"{gateway} {text} is the first or last address of {of} ({network}), which no host can have;"
                " choose another."
            )


def _base(config: Config, version: int, bridge: str, around: Surroundings) -> tuple[Network | None, str]:
    """The network of docker0 as it will be."""
    if config.get(bridge):
        address, _wrong = _interface(bridge, config[bridge], version)
        return (address.network if address else None), f"the network of {bridge}"
    return around.docker0_network(version), "the network of docker0"


def _mtu(config: Config) -> Iterator[str]:
    if "mtu" not in config:
        return
    smallest = SMALLEST_MTU[6 if config.get("ipv6") else 4]
    if config["mtu"] != 0 and not smallest <= config["mtu"] <= 65535:  # 0: the engine's default
        of = " with IPv6" if config.get("ipv6") else ""
        yield f"mtu is {config['mtu']}, and must lie between {smallest} and 65535{of}; change it."


def _pools(config: Config) -> Iterator[str]:
    seen: list[Network] = []
    for pool in config.get("default-address-pools", []):
        base, size = pool["base"], pool["size"]
        where = f"default-address-pools: the pool {base}"
        try:
            network = ipaddress.ip_network(base, strict=False)
        except ValueError:
            network = None
        if network is None or "/" not in base:
            yield f'default-address-pools: "{base}" is no network; write it like 10.100.0.0/16.'
            continue
        if base.split("/")[0] != str(network.network_address):
            yield f"{where} has an address of a host in it; the network is {network}."
        longest = 30 if network.version == 4 else 126
        if not network.prefixlen <= size <= longest:
            yield (
                f"{where} can't be cut into networks of size {size}; size is their prefix length, from"
                f" {network.prefixlen} to {longest}."
            )
        for other in seen:
            if _overlap(network, other):
                yield f"{where} overlaps the pool {other}; give each its own part."
        seen.append(network)


def _addresses(config: Config) -> Iterator[str]:
    for key, values in (("dns", config.get("dns", [])), ("ip", [config["ip"]] if config.get("ip") else [])):
        for value in values:
            try:
                ipaddress.ip_address(value)
            except ValueError:
                yield f'{key}: "{value}" is no IP address; change it.'
    for value in config.get("registry-mirrors", []):
        if not re.match(r"https?://[^/\s]", value):
            yield f'registry-mirrors: "{value}" is no URL; write it like https://mirror.example.com.'
    for value in config.get("insecure-registries", []):
        if "://" in value:
            yield (
                f'insecure-registries: "{value}" is a URL, and must be host:port or a network; remove what stands'
                " before the host."
            )


def _warnings(config: Config, around: Surroundings) -> Iterator[str]:
    for pool in config.get("default-address-pools", []):
        network = ipaddress.ip_network(pool["base"])
        for other, device in around.routes:
            if network.version == other.version and network.subnet_of(other):  # type: ignore[arg-type]
                yield (
                    f"default-address-pools: all of {network} lies in {other}, to which the host has a route over"
                    f" {device}; the engine takes no network from there."
                )


def default_bridge_address(config: Config, around: Surroundings) -> str:
    """The address that an engine without bip gives a docker0 that it makes anew."""
    for pool in config.get("default-address-pools") or BUILT_IN_POOLS:
        base = ipaddress.ip_network(pool["base"])
        if base.version != 4:
            continue
        for network in base.subnets(new_prefix=pool["size"]):
            taken = [other for _name, other in around.networks] + [other for other, _device in around.routes]
            servers = [server for server in around.name_servers if server in network]
            if not servers and not any(_overlap(network, other) for other in taken):
                return f"{network.network_address + 1}/{network.prefixlen}"
    raise Problem(f"No network is left for docker0 in the address pools; add one to default-address-pools. {UNCHANGED}")
