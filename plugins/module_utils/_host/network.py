# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the network of the managed host from its kernel: routes, addresses, name servers, open connections."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Union

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import commands, sysctl

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Route = dict[str, Any]

_DEFAULT_IN_PARTS = 1
# Routes that throw packets away. Calico and people who block networks have them.
_REFUSING = ("blackhole", "unreachable", "prohibit")
_ESTABLISHED = "01"  # include/net/tcp_states.h
# systemd-resolved puts the servers that it asks itself there; /etc/resolv.conf then only names its own stub.
_RESOLV_CONF = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


def _ip(*arguments: str) -> list[dict[str, Any]]:
    """Return what a command of iproute2 prints; nothing if it fails."""
    try:
        done = commands.run(["ip", "-json", *arguments], timeout=30)
    except DockyardError as error:
        if error.code != "host_command_missing":
            raise
        raise DockyardError(
            "host_command_missing",
            "The command ip is missing, and without it networks can't be compared with the host's routes; install"
            " iproute2.",
        ) from error
    # A kernel without IPv6 has no such routes.
    return json.loads(done.stdout or "[]") if done.returncode == 0 else []


def read_routes() -> list[Route]:
    """Return all routes, as iproute2 shows them. Of all routing tables, because VPNs often have one of their own."""
    return [route for family in ("-4", "-6") for route in _ip(family, "route", "show", "table", "all")]


def read_policies() -> list[dict[str, Any]]:
    """Return the rules that choose a routing table, as iproute2 shows them."""
    return [rule for family in ("-4", "-6") for rule in _ip(family, "rule", "show")]


def routed_networks(routes: Sequence[Route], without: str) -> list[tuple[Network, str]]:
    """Return the networks of routes and the devices that they lead to, without default routes.

    without: a device whose routes are left out.
    """
    routed: list[tuple[Network, str]] = []
    for route in routes:
        device = route.get("dev", "")
        if route["dst"] == "default" or device in ("lo", without) or route.get("type", "unicast") != "unicast":
            continue
        network = ipaddress.ip_network(route["dst"], strict=False)
        # Two halves of all addresses are how VPNs write a default route that comes before the host's own.
        if network.prefixlen <= _DEFAULT_IN_PARTS:
            continue
        if not (network.is_link_local or network.is_multicast) and (network, device) not in routed:
            routed.append((network, device))
    return routed


def refused_networks(routes: Sequence[Route]) -> list[tuple[Network, str]]:
    """Return the networks of routes that throw packets away, and the types of these routes."""
    return [
        (ipaddress.ip_network(route["dst"], strict=False), route["type"])
        for route in routes
        if route.get("type") in _REFUSING and route["dst"] != "default"
    ]


def on_link_networks() -> list[Network]:
    """Return the networks of IPv4 that the main routing table reaches without a gateway."""
    found = _ip("-4", "route", "show", "table", "main", "scope", "link")
    return [ipaddress.ip_network(route["dst"], strict=False) for route in found if route["dst"] != "default"]


def gateways(routes: Sequence[Route], without: str = "") -> list[tuple[Address, str]]:
    """Return the gateways of routes and the devices that they are on, without link-local ones.

    A gateway need not be in a network that the host has a route to: hosts of a cloud often have an address of their own
    alone (/32) and a gateway that is "onlink".

    without: a device whose gateways are left out.
    """
    found: list[tuple[Address, str]] = []
    for route in routes:
        for hop in [route, *route.get("nexthops", [])]:
            # A route of IPv4 over a gateway of IPv6 has the word "via" for it.
            gateway = hop.get("gateway") or hop.get("via", {}).get("host")
            device = hop.get("dev", "")
            if not gateway or device == without:
                continue
            address = ipaddress.ip_address(gateway)
            if not address.is_link_local and (address, device) not in found:
                found.append((address, device))
    return found


def addresses(device: str) -> list[Interface]:
    """Return the addresses of a device, without link-local ones; none if there is no such device."""
    if not os.path.exists(f"/sys/class/net/{device}"):
        return []
    return [address for address, _device in _addresses("dev", device)]


def all_addresses(without: str = "") -> list[tuple[Interface, str]]:
    """Return the host's own addresses and the devices that have them, without loopback and link-local ones.

    without: a device whose addresses are left out.
    """
    return [(address, device) for address, device in _addresses() if device != without and not address.ip.is_loopback]


def _addresses(*arguments: str) -> Iterator[tuple[Interface, str]]:
    for link in _ip("address", "show", *arguments):
        for address in link.get("addr_info", []):
            if "local" in address and not ipaddress.ip_address(address["local"]).is_link_local:
                yield ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}"), link.get("ifname", "")


def binds(address: Address, own: Collection[Address]) -> bool:
    """Return whether programs can listen on an address.

    own: the host's addresses.
    """
    if address in own or address.is_unspecified or address.is_loopback:
        return True
    return sysctl.now(f"net.ipv{address.version}.ip_nonlocal_bind") == "1"


def remove_address(address: str, device: str) -> None:
    """Remove an address from a device."""
    _ip("address", "del", address, "dev", device)


def links() -> frozenset[str]:
    """Return the names of all network devices."""
    return frozenset(os.listdir("/sys/class/net"))


def bridges() -> frozenset[str]:
    """Return the names of the network devices that are bridges."""
    return frozenset(name for name in links() if os.path.isdir(f"/sys/class/net/{name}/bridge"))


def name_servers() -> list[Address]:
    """Return the name servers that the host asks, without its own."""
    servers: list[Address] = []
    for path in _RESOLV_CONF:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                words = [line.split() for line in file]
        except OSError:
            continue
        for word in words:
            if len(word) > 1 and word[0] == "nameserver":
                try:
                    address = ipaddress.ip_address(word[1].split("%")[0])
                except ValueError:
                    continue
                if not address.is_loopback and address not in servers:
                    servers.append(address)
    return servers


def peers() -> list[Address]:
    """Return the other ends of the host's open TCP connections, among them the one that Ansible came over."""
    remote_ends: list[Address] = []
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as file:
                lines = file.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            _slot, _local, remote, state = line.split()[:4]
            if state == _ESTABLISHED:
                address = _decode_address(remote.split(":")[0])
                if not address.is_loopback and address not in remote_ends:
                    remote_ends.append(address)
    return remote_ends


def _decode_address(digits: str) -> Address:
    """Return an address that /proc/net/tcp writes as words of 32 bits in the byte order of the host."""
    words = [int(digits[place : place + 8], 16) for place in range(0, len(digits), 8)]
    packed = b"".join(
        socket.htonl(word).to_bytes(4, "big") if _little_endian() else word.to_bytes(4, "big") for word in words
    )
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _little_endian() -> bool:
    """Return whether the host has its bytes in this order."""
    return socket.htonl(1) != 1
