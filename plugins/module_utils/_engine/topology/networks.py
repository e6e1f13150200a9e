# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Describe the networks: what is declared, and what the kernel and its rules make of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any

from .. import naming
from .engine_view import EngineView, Json
from .firewall import Firewall, Packet
from .netlink import Address, Link
from .processes import read

PORTS_OF_A_BRIDGE = 1023  # BR_MAX_PORTS of the kernel, of which the first is not used
_NETFILTER = {4: "/proc/sys/net/bridge/bridge-nf-call-iptables", 6: "/proc/sys/net/bridge/bridge-nf-call-ip6tables"}
_OF_KERNEL = ("bridge_index", "mtu", "ports_used", "icc.in_force", "masquerade.in_force")
TCP_ANY = 9  # the port of "discard"; which one it is makes no difference inside a bridge


def netfilter(version: int) -> bool:
    """Return whether frames inside all bridges of this namespace meet the firewall: not without br_netfilter."""
    return (read(_NETFILTER[version]) or "0").strip() == "1"


def declares(options: dict[str, str], option: str) -> bool:
    """Return whether a network is to have what an option switches; without it, it has."""
    return options.get(option, "true").lower() in ("true", "1")


def icc_in_force(
    bridge: str, subnets: list[str], filtered: Collection[int], firewall: Firewall
) -> tuple[bool | None, str | None]:
    """Return whether containers of a bridge reach each other, None if that can't be said, and why.

    filtered: for which versions of IP frames inside the bridge meet the firewall.
    """
    version = 4 if any(":" not in subnet for subnet in subnets) else 6
    subnets = [subnet for subnet in subnets if (":" in subnet) == (version == 6)]
    if not subnets:
        return None, None
    if version not in filtered:
        name = _NETFILTER[version].rpartition("/")[2]
        return True, f"{name} is 0, so that no rule is asked inside a bridge."
    network = ipaddress.ip_network(subnets[0])
    ends = (str(network[-3]), str(network[-2])) if network.num_addresses > 3 else (str(network[0]),) * 2
    verdict, text = firewall.forward(Packet(bridge, bridge, "tcp", ends[0], ends[1], TCP_ANY))
    return verdict == "accept", text


class Networks:
    """Describes networks.

    firewall: None if the rules are not wanted, or could not be read.
    filtered: for which versions of IP frames inside all bridges meet the firewall.
    """

    def __init__(
        self,
        view: EngineView,
        links: dict[int, Link],
        addresses: list[Address],
        firewall: Firewall | None,
        reasons: list[str],
        filtered: Collection[int] = (4, 6),
    ) -> None:
        self._filtered = filtered
        self._view = view
        self._links = links
        self._by_name = {link.name: link for link in links.values()}
        self._addresses = addresses
        self._firewall = firewall
        self._reasons = reasons

    def rows(self) -> list[Json]:
        """Return all networks by name."""
        return sorted((self._row(network) for network in self._view.networks), key=lambda row: (row["name"], row["id"]))

    def _row(self, network: Json) -> Json:
        options: dict[str, str] = network.get("Options") or {}
        bridge = naming.bridge_device(network)
        link = self._by_name.get(bridge or "")
        row: Json = {
            "id": network["Id"],
            "name": network["Name"],
            "driver": network["Driver"],
            "scope": network.get("Scope", "local"),
            "internal": bool(network.get("Internal")),
            "ipv6": bool(network.get("EnableIPv6")),
            "attachable": bool(network.get("Attachable")),
            "bridge": bridge,
            "bridge_index": None if link is None else link.index,
            "mtu": link.mtu if link is not None else _number(options.get(naming.MTU)),
            "subnets": self._subnets(network, link),
            "icc": {"declared": None, "in_force": None, "reason": None},
            "masquerade": {"declared": None, "in_force": None, "rule": None},
            "ports_used": None,
            "ports_limit": None,
            "labels": network.get("Labels") or {},
            "options": options,
            "unknown": [],
        }
        if bridge is not None:
            self._bridge(row, bridge, options, link)
        return row

    def _bridge(self, row: Json, bridge: str, options: dict[str, str], link: Link | None) -> None:
        row["icc"]["declared"] = declares(options, naming.ICC)
        # Of an internal network nothing leaves the host.
        row["masquerade"]["declared"] = declares(options, naming.MASQUERADE) and not row["internal"]
        if link is None:
            reason = self._view.hidden or f"The device {bridge} is not there; restart the engine, which makes it again."
            row["unknown"] += [{"field": field, "reason": reason} for field in _OF_KERNEL]
            return
        row["ports_limit"] = PORTS_OF_A_BRIDGE
        row["ports_used"] = sum(one.master == link.index for one in self._links.values())
        if self._firewall is None:
            row["unknown"] += [
                {"field": field, "reason": reason}
                for reason in self._reasons[:1]
                for field in ("icc.in_force", "masquerade.in_force", "masquerade.rule")
            ]
            return
        rules = [self._firewall.masquerades(one["subnet"]) for one in row["subnets"] if ":" not in one["subnet"]]
        row["masquerade"]["rule"] = next((rule for rule in rules if rule), None)
        row["masquerade"]["in_force"] = bool(rules) and all(rules)
        subnets = [one["subnet"] for one in row["subnets"]]
        in_force, why = icc_in_force(bridge, subnets, {*self._filtered, *link.filtered}, self._firewall)
        row["icc"].update(in_force=in_force, reason=why)

    def _subnets(self, network: Json, link: Link | None) -> list[Json]:
        taken = [
            ipaddress.ip_interface(container[field])
            for container in (network.get("Containers") or {}).values()
            for field in ("IPv4Address", "IPv6Address")
            if container.get(field)
        ]
        rows = []
        for config in (network.get("IPAM") or {}).get("Config") or []:
            subnet = ipaddress.ip_network(config["Subnet"], strict=False)
            gateway = (config.get("Gateway") or "").partition("/")[0] or self._address(link, subnet)
            pool = ipaddress.ip_network(config.get("IPRange") or config["Subnet"], strict=False)
            used = {one.ip for one in taken if one.version == subnet.version and one.ip in subnet}
            if gateway:
                used.add(ipaddress.ip_address(gateway))
            rows.append({"subnet": str(subnet), "gateway": gateway, "used": len(used), "size": _size(pool, subnet)})
        return rows

    def _address(self, link: Link | None, subnet: Any) -> str | None:
        """Return the address of a bridge in a subnet, which engines of old do not name."""
        for address in self._addresses:
            if link is not None and address.index == link.index and address.interface.ip in subnet:
                return str(address.interface.ip)
        return None


def _size(pool: Any, subnet: Any) -> int:
    """Return how many addresses of a pool can be given to hosts."""
    if pool.version == 6 or pool.prefixlen >= 31:
        return int(pool.num_addresses)
    reserved = (subnet.network_address in pool) + (subnet.broadcast_address in pool)
    return int(pool.num_addresses) - reserved


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
