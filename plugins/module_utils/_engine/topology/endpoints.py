# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Describe the endpoints of a container: what the engine declares, and the interface that is there for it."""

from __future__ import annotations

import contextlib
import ipaddress

from .. import naming
from .engine_view import EngineView, Json
from .netlink import Link
from .visit import Host, Visit, link_row

_WITHOUT_ENDPOINT = ("host", "null")
_LOOPBACK = "lo"
_PEER_ELSEWHERE = (
    "The other end of this veth is in a network namespace that is neither the host's nor one of this engine's."
)


class Endpoints:
    """The endpoints of one container. visit: its network, if it was seen."""

    def __init__(self, view: EngineView, host: Host, details: Json, visit: Visit | None) -> None:
        self._view = view
        self._host = host
        self._details = details
        self._visit = visit
        self._missing: list[str] = []
        self._loose: list[str] = []

    def describe(self, row: Json) -> bool:
        """Fill in endpoints and capture line. Return whether each endpoint has its interface, if they could be seen."""
        settings = self._details.get("NetworkSettings") or {}
        used: set[int] = set()
        rows = []
        for name, endpoint in (settings.get("Networks") or {}).items():
            network = self._view.network(endpoint.get("NetworkID") or "")
            if network.get("Driver") in _WITHOUT_ENDPOINT or (not network and name in ("host", "none")):
                continue
            link = self._find(endpoint)
            if link is not None:
                used.add(link.index)
            elif self._visit is not None:
                self._missing.append(name)
            rows.append(self._row(name, endpoint, network, link))
        if self._visit is not None:
            for link in self._visit.links:
                if link.name != _LOOPBACK and link.index not in used and (self._visit.of(link) or link.kind == "veth"):
                    rows.append(self._unlisted(link))
        row["endpoints"] = sorted(rows, key=lambda one: (one["network"] is None, one["network"], one["index"] or 0))
        row["unknown"] += [
            {"field": f"endpoints.interface ({name})", "reason": "The container has no interface with this address."}
            for name in self._missing
        ]
        row["unknown"] += [{"field": f"endpoints.peer ({name})", "reason": _PEER_ELSEWHERE} for name in self._loose]
        if row["pid"] is not None:
            names = [one["interface"] for one in row["endpoints"] if one["interface"]]
            row["capture"] = f"nsenter -t {row['pid']} -n tcpdump -ni {names[0] if names else 'any'}"
        return not self._missing and not self._loose

    def _find(self, endpoint: Json) -> Link | None:
        """Return the interface of an endpoint: by its address, else by its MAC."""
        if self._visit is None:
            return None
        addresses = {endpoint.get("IPAddress") or "", endpoint.get("GlobalIPv6Address") or ""} - {""}
        wanted = {ipaddress.ip_address(address) for address in addresses}
        for link in self._visit.links:
            if any(address.interface.ip in wanted for address in self._visit.of(link)):
                return link
        mac = endpoint.get("MacAddress") or ""
        return next((link for link in self._visit.links if mac and link.mac == mac and not wanted), None)

    def _row(self, name: str | None, endpoint: Json, network: Json, link: Link | None) -> Json:
        row: Json = {
            "network": name,
            "network_id": network.get("Id") or endpoint.get("NetworkID") or None,
            "interface": None,
            "index": None,
            "mac": endpoint.get("MacAddress") or None,
            "ipv4": _with_prefix(endpoint.get("IPAddress"), endpoint.get("IPPrefixLen")),
            "ipv6": _with_prefix(endpoint.get("GlobalIPv6Address"), endpoint.get("GlobalIPv6PrefixLen")),
            "gateway": endpoint.get("Gateway") or None,
            "ipv6_gateway": endpoint.get("IPv6Gateway") or None,
            "mtu": None,
            "peer": None,
            "parent": None,
            "bridge": naming.bridge_device(network),
            "dns_names": self._dns_names(endpoint, network),
            "counters": None,
        }
        if link is not None and self._visit is not None:
            row.update(self._in_force(link, self._visit))
        return row

    def _in_force(self, link: Link, visit: Visit) -> Json:
        """Return what the kernel says of an interface."""
        addresses = visit.of(link)
        peer = self._host.peer(visit, link)
        if peer is None and link.kind == "veth":
            self._loose.append(link.name)
        master = self._host.links.get(peer.link.master or 0) if peer is not None and peer.namespace is None else None
        return {
            "interface": link.name,
            "index": link.index,
            "mac": link.mac or None,
            "ipv4": next((str(one.interface) for one in addresses if one.interface.version == 4), None),
            "ipv6": next((str(one.interface) for one in addresses if one.interface.version == 6), None),
            "gateway": _gateway(visit, link, 4),
            "ipv6_gateway": _gateway(visit, link, 6),
            "mtu": link.mtu,
            "peer": None if peer is None else {**(link_row(peer.link) or {}), "namespace": peer.namespace},
            "parent": link_row(self._host.parent(visit, link)),
            "bridge": None if master is None else master.name,
            "counters": dict(link.counters) or None,
        }

    def _unlisted(self, link: Link) -> Json:
        """Return a row for an interface that the engine does not list, for instance the one to docker_gwbridge."""
        row = self._row(None, {}, {}, link)
        for network in self._view.networks:
            if row["bridge"] is not None and naming.bridge_device(network) == row["bridge"]:
                row["network"], row["network_id"] = network["Name"], network["Id"]
        return row

    def _dns_names(self, endpoint: Json, network: Json) -> list[str]:
        if endpoint.get("DNSNames") is not None:  # from API 1.44 on
            return sorted(set(endpoint["DNSNames"]))
        if network.get("Name") == "bridge" or not network:
            return []
        own = [self._details["Name"].lstrip("/"), self._details["Id"][: naming.SHORT]]
        return sorted({*own, *(endpoint.get("Aliases") or [])})


def _with_prefix(address: str | None, prefix: int | None) -> str | None:
    with contextlib.suppress(ValueError):
        return f"{ipaddress.ip_address(address or '')}/{prefix}"
    return None


def _gateway(visit: Visit, link: Link, version: int) -> str | None:
    """Return the gateway of the default route, if that leads over an interface."""
    return next(
        (
            route.gateway
            for route in visit.routes
            if route.destination is None and route.family == version and route.index == link.index
        ),
        None,
    )
