# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Describe the host: its engine and other ones, what it forwards, and its uplinks."""

from __future__ import annotations

import ipaddress
import platform
from collections.abc import Sequence

from .. import naming
from . import networks
from .engine_view import EngineView, Json
from .netlink import Address, Link, Route
from .processes import Process, other_engines, read
from .visit import Host

_VIRTUAL = ("veth", "tun", "vxlan")
_FORWARDING = {"ipv4": "/proc/sys/net/ipv4/ip_forward", "ipv6": "/proc/sys/net/ipv6/conf/all/forwarding"}


def row(view: EngineView, table: Sequence[Process], uplinks: list[Json], unknown: list[Json], home: Host) -> Json:
    """Return what is returned of the host. home: where the engine has its bridges."""
    unseen = {"ipv4": None, "ipv6": None} if view.hidden else None
    if view.hidden:
        fields = ("uplinks", "bridge_netfilter", "forwarding")
        unknown = unknown + [{"field": field, "reason": view.hidden} for field in fields]
    return {
        "name": platform.node(),
        "engine": {
            "version": view.version.get("Version"),
            "api_version": view.version.get("ApiVersion"),
            "rootless": view.rootless if view.api is not None else None,
            "firewall_backend": view.firewall_backend,
        },
        "other_engines": other_engines(table, home.inode),
        "bridge_netfilter": unseen or home.do(_filtered),
        "forwarding": unseen or home.do(_forwards),
        "uplinks": uplinks,
        "unknown": unknown,
    }


def _filtered() -> dict[str, bool]:
    return {f"ipv{version}": networks.netfilter(version) for version in (4, 6)}


def _forwards() -> dict[str, bool | None]:
    return {name: _switch(path) for name, path in _FORWARDING.items()}


def _switch(path: str) -> bool | None:
    text = read(path)
    return None if text is None else text.strip() != "0"


def uplinks(
    view: EngineView, links: dict[int, Link], addresses: Sequence[Address], routes: Sequence[Route]
) -> list[Json]:
    """Return the host's own interfaces that have addresses, with those of the default routes first.

    A bridge that has nothing but veths and taps on it is another engine's, or that of virtual machines.
    """
    bridges = {naming.bridge_device(network) for network in view.networks}
    inner = {link.index for link in links.values() if link.kind == "bridge"}
    inner -= {link.master for link in links.values() if link.kind not in _VIRTUAL and link.master is not None}
    leading = {route.index for route in routes if route.destination is None}
    rows = []
    for link in links.values():
        own = [one.interface for one in addresses if one.index == link.index and not one.interface.ip.is_link_local]
        if link.index in inner and link.index not in leading:
            continue
        if link.name in bridges or link.master is not None or not own or any(one.ip.is_loopback for one in own):
            continue
        rows.append(
            {
                "name": link.name,
                "index": link.index,
                "mtu": link.mtu,
                "addresses": sorted(map(str, own)),
                "default_route": link.index in leading,
            }
        )
    return sorted(rows, key=lambda one: (not one["default_route"], one["name"]))


def routed(links: dict[int, Link], routes: Sequence[Route]) -> list[tuple[str, str]]:
    """Return the networks that the host has routes to, and the device of each."""
    return [
        (str(route.destination), links[route.index].name)
        for route in routes
        if route.destination is not None and route.index in links and not _link_local(str(route.destination))
    ]


def _link_local(network: str) -> bool:
    parsed = ipaddress.ip_network(network)
    return parsed.is_link_local or parsed.is_multicast
