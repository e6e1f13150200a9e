# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find what is declared and not in force, and what is about to go wrong."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from .containers import Seen
from .engine_view import Json
from .firewall import Firewall, Packet
from .ports import addresses

Severity = Literal["error", "warning", "notice"]
Kind = Literal[
    "subnets_overlap",
    "no_default_route",
    "masquerade_missing",
    "icc_not_in_force",
    "stray_veth",
    "bridge_nearly_full",
    "stale_namespace_link",
    "port_conflict",
    "port_dropped",
    "port_not_published",
    "mtu_above_uplink",
]
_ORDER = ("error", "warning", "notice")
_NEARLY_FULL = 0.9
_ON_THE_LAN = ("macvlan", "ipvlan")
_EVERYWHERE = ("0.0.0.0", "::")


@dataclasses.dataclass
class Findings:
    """Everything that findings are made from.

    routed: networks that the host has routes to, and the device of each.
    busy: host ports that a process other than the engine's own has open, with its name.
    stale_links: links in /run/netns that lead nowhere, with the reason.
    """

    host: Json
    networks: list[Json]
    seen: list[Seen]
    stray_links: list[Json]
    firewall: Firewall | None
    routed: Sequence[tuple[str, str]] = ()
    busy: Sequence[tuple[str, str, int, str]] = ()
    stale_links: Sequence[tuple[str, str]] = ()

    def rows(self) -> list[Json]:
        """Return the findings, the gravest first."""
        found = itertools.chain(
            self._overlaps(),
            self._without_route(),
            self._not_masqueraded(),
            self._icc(),
            self._strays(),
            self._full(),
            self._stale(),
            self._conflicts(),
            self._dropped(),
            self._not_published(),
            self._mtu(),
        )
        return sorted(
            found,
            key=lambda row: (
                _ORDER.index(row["severity"]),
                row["kind"],
                row["network"] or "",
                row["container"] or "",
                row["message"],
            ),
        )

    def _overlaps(self) -> Iterator[Json]:
        subnets = [
            (network, ipaddress.ip_network(one["subnet"])) for network in self.networks for one in network["subnets"]
        ]
        for (first, mine), (second, other) in itertools.combinations(subnets, 2):
            if mine.overlaps(other) and not {first["driver"], second["driver"]} & set(_ON_THE_LAN):
                yield _row(
                    "subnets_overlap",
                    "error",
                    f"{mine} of {first['name']} and {other} of {second['name']} overlap; give one of them another"
                    " subnet.",
                    first["name"],
                )
        for network, mine in subnets:
            for text, device in self.routed:
                other = ipaddress.ip_network(text)
                if network["driver"] == "bridge" and not self._is_bridge(device) and mine.overlaps(other):
                    yield _row(
                        "subnets_overlap",
                        "error",
                        f"{mine} of {network['name']} overlaps {other}, which this host reaches over {device}; give the"
                        " network another subnet.",
                        network["name"],
                    )

    def _is_bridge(self, device: str) -> bool:
        return any(network["bridge"] == device for network in self.networks)

    def _without_route(self) -> Iterator[Json]:
        internal = {network["id"] for network in self.networks if network["internal"]}
        for seen in self.seen:
            open_ones = [one for one in seen.row["endpoints"] if one["interface"] and one["network_id"] not in internal]
            # What another program has put into a container without a network is not for the engine to route.
            if seen.visit is None or not open_ones or seen.row["network_mode"] == "none":
                continue
            if seen.visit.gateway(4) is None and seen.visit.gateway(6) is None:
                yield _row(
                    "no_default_route",
                    "warning",
                    f"{seen.row['name']} has no default route, and reaches only its own networks; start it again.",
                    open_ones[0]["network"],
                    seen.row["name"],
                )

    def _not_masqueraded(self) -> Iterator[Json]:
        for network in self.networks:
            if network["masquerade"]["declared"] and network["masquerade"]["in_force"] is False:
                subnets = ", ".join(one["subnet"] for one in network["subnets"] if ":" not in one["subnet"])
                if subnets:
                    yield _row(
                        "masquerade_missing",
                        "error",
                        f"{network['name']} declares masquerading, and no rule masquerades {subnets}; restart the"
                        " engine, which writes its rules again.",
                        network["name"],
                    )

    def _icc(self) -> Iterator[Json]:
        for network in self.networks:
            icc = network["icc"]
            if icc["declared"] is False and icc["in_force"]:
                yield _row(
                    "icc_not_in_force",
                    "error",
                    f"ICC is off in {network['name']}, and its containers reach each other: {icc['reason']}",
                    network["name"],
                )
            elif icc["declared"] and icc["in_force"] is False:
                yield _row(
                    "icc_not_in_force",
                    "warning",
                    f"ICC is on in {network['name']}, and its containers don't reach each other: {icc['reason']}",
                    network["name"],
                )

    def _strays(self) -> Iterator[Json]:
        for link in self.stray_links:
            where = f" on {link['bridge']}" if link["bridge"] else ""
            network = next((one["name"] for one in self.networks if where and one["bridge"] == link["bridge"]), None)
            yield _row(
                "stray_veth",
                "notice",
                f"{link['name']}{where} belongs to no container; remove it with" f" ip link delete {link['name']}.",
                network,
            )

    def _full(self) -> Iterator[Json]:
        for network in self.networks:
            if network["ports_used"] and network["ports_used"] >= _NEARLY_FULL * network["ports_limit"]:
                yield _row(
                    "bridge_nearly_full",
                    "warning",
                    f"{network['bridge']} of {network['name']} has {network['ports_used']} of at most"
                    f" {network['ports_limit']} ports; put further containers on another network.",
                    network["name"],
                )

    def _stale(self) -> Iterator[Json]:
        for path, reason in self.stale_links:
            yield _row("stale_namespace_link", "notice", f"{path} {reason}; dockyard.ops.docker_netns removes it.")

    def _conflicts(self) -> Iterator[Json]:
        wanted = [
            (seen.row["name"], protocol, address, port)
            for seen in self.seen
            for protocol, address, port in _bindings(seen)
        ]
        for (mine, *first), (other, *second) in itertools.combinations(sorted(wanted), 2):
            if mine != other and _clash(first, second):
                yield _row(
                    "port_conflict",
                    "warning",
                    f"{mine} and {other} both publish port {first[2]}/{first[0]}, and only one of them can have it;"
                    " give one another port.",
                    None,
                    mine,
                )
        for name, protocol, address, port in sorted(wanted):
            for *taken, process in self.busy:
                if _clash((protocol, address, port), taken):
                    yield _row(
                        "port_conflict",
                        "warning",
                        f"{name} publishes port {port}/{protocol}, on which {process} listens on this host; give one of"
                        " them another port.",
                        None,
                        name,
                    )

    def _dropped(self) -> Iterator[Json]:
        uplink = next((one for one in self.host["uplinks"] if one["default_route"]), None)
        if self.firewall is None or uplink is None:
            return
        for seen in self.seen:
            for port in seen.row["ports"]:
                for endpoint in seen.row["endpoints"]:
                    dropped, doubts = self._verdict(uplink, port, endpoint)
                    publishes = f"{seen.row['name']} publishes port {port['host_port']}/{port['protocol']}, and"
                    if dropped:
                        message = f"{publishes} this host's firewall drops what comes for it: {dropped}"
                    elif doubts:
                        message = (
                            f"{publishes} whether this host's firewall drops what comes for it can't be said: the"
                            f" condition of this rule is not understood: {doubts[0]}"
                        )
                    else:
                        continue
                    severity: Severity = "error" if dropped else "notice"
                    yield _row("port_dropped", severity, message, endpoint["network"], seen.row["name"])

    def _not_published(self) -> Iterator[Json]:
        for seen in self.seen:
            row = seen.row
            if row["state"] != "running" or (row["network_mode"] or "none").partition(":")[0] in (
                "host",
                "none",
                "container",
            ):
                continue
            published = {f"{port['container_port']}/{port['protocol']}" for port in row["ports"]}
            bindings = (seen.details.get("HostConfig") or {}).get("PortBindings") or {}
            missing = sorted(port for port, wanted in bindings.items() if wanted and port not in published)
            if missing:
                yield _row(
                    "port_not_published",
                    "error",
                    f"{row['name']} is to publish {', '.join(missing)}, and the engine does not: its default route has"
                    " to be by a bridge network that is not internal; connect it to one, and take it from networks of"
                    " other drivers.",
                    None,
                    row["name"],
                )

    def _verdict(self, uplink: Json, port: Json, endpoint: Json) -> tuple[str | None, list[str]]:
        """Return the rule that drops packets for a published port, and those of which that can't be said.

        There is none if it gets the packets, leads to another endpoint, or is published for the host itself alone.
        """
        six = ":" in port["host_ip"]
        found = addresses({"endpoints": [endpoint]}, six)
        if not found or endpoint["bridge"] is None or self.firewall is None:
            return None, []
        if ipaddress.ip_address(port["host_ip"]).is_loopback:  # nothing comes for it from outside
            return None, []
        if not any(f"{found[0]}:" in rule or f"{found[0]}]:" in rule for rule in port["rules"]):
            return None, []
        outside = port["host_ip"] if port["host_ip"] not in _EVERYWHERE else None
        if outside is None:
            own = [one.partition("/")[0] for one in uplink["addresses"] if (":" in one) == six]
            outside = own[0] if own else None
        packet = Packet(
            uplink["name"],
            endpoint["bridge"],
            port["protocol"],
            None,
            found[0],
            port["container_port"],
            True,
            outside,
            port["host_port"],
        )
        verdict, text, doubts = self.firewall.deliver(packet)
        return (text if verdict == "drop" else None), doubts

    def _mtu(self) -> Iterator[Json]:
        uplink = next((one for one in self.host["uplinks"] if one["default_route"]), None)
        for network in self.networks:
            leaves = network["driver"] == "bridge" and not network["internal"]
            if uplink and leaves and (network["mtu"] or 0) > uplink["mtu"]:
                yield _row(
                    "mtu_above_uplink",
                    "warning",
                    f"The MTU of {network['name']} is {network['mtu']}, and that of {uplink['name']} is"
                    f" {uplink['mtu']}, so that large packets may be lost; set the network's MTU to that.",
                    network["name"],
                )


def _bindings(seen: Seen) -> Iterator[tuple[str, str, int]]:
    """Return protocol, address and port that a container wants to publish, whether it runs or not."""
    bindings = (seen.details.get("HostConfig") or {}).get("PortBindings") or {}
    for name, wanted in bindings.items():
        for one in wanted or []:
            if (one.get("HostPort") or "").isdigit():  # else the engine chooses one
                yield name.partition("/")[2] or "tcp", one.get("HostIp") or "0.0.0.0", int(one["HostPort"])


def _clash(first: Sequence[object], second: Sequence[object]) -> bool:
    """Return whether two sockets (protocol, address, port) can't be there at once."""
    if first[0] != second[0] or first[2] != second[2]:
        return False
    return first[1] == second[1] or first[1] in _EVERYWHERE or second[1] in _EVERYWHERE


def _row(
    kind: Kind, severity: Severity, message: str, network: str | None = None, container: str | None = None
) -> Json:
    return {"kind": kind, "severity": severity, "network": network, "container": container, "message": message}
