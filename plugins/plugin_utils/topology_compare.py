# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Compare two readings of a host's wiring: what is reachable, published and isolated in each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from . import topology_text

Kind = Literal["added", "removed", "changed"]
Subject = Literal["network", "container", "address", "port", "isolation", "limit", "reachability"]
Json = Mapping[str, Any]
_SUBJECTS = ("network", "container", "address", "port", "isolation", "limit", "reachability")
# What belongs to one start of a container or engine is left out: processes, indexes, names of veths, MACs, counters.
_OF_NETWORK = ("driver", "internal", "ipv6", "mtu")
_OF_CONTAINER = ("state", "image", "network_mode")
_OF_ENDPOINT = ("ipv4", "ipv6", "gateway", "ipv6_gateway", "dns_names")
_LIMITS = ("memory", "cpu", "pids")


def compare(before: Json, after: Json) -> list[dict[str, Any]]:
    """Return what is no longer as it was, by subject. What could not be seen in either reading is left out."""
    found = itertools.chain(
        _networks(_by_name(before["networks"]), _by_name(after["networks"])),
        _containers(_by_name(before["containers"]), _by_name(after["containers"])),
        _reachability(before, after),
    )
    return sorted(
        found,
        key=lambda row: (
            _SUBJECTS.index(row["subject"]),
            row["network"] or "",
            row["container"] or "",
            row["message"],
        ),
    )


def _by_name(rows: list[Json]) -> dict[str, Json]:
    return {row["name"] or row["id"]: row for row in rows}


def _networks(before: dict[str, Json], after: dict[str, Json]) -> Iterator[dict[str, Any]]:
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            kind: Kind = "removed" if name in before else "added"
            yield _row(kind, "network", f"The network {name} was {kind}.", network=name)
            continue
        old, new = before[name], after[name]
        values = [(field, old[field], new[field]) for field in _OF_NETWORK]
        values += [
            ("subnets", _subnets(old), _subnets(new)),
            ("masquerading in force", old["masquerade"]["in_force"], new["masquerade"]["in_force"]),
            ("ICC in force", old["icc"]["in_force"], new["icc"]["in_force"]),
        ]
        for field, was, now in values:
            if was != now and None not in (was, now):
                message = f"The network {name} had {field} {_text(was)}, and has {_text(now)}."
                yield _row("changed", "network", message, was, now, network=name)


def _subnets(network: Json) -> list[str]:
    return [f"{one['subnet']} with gateway {one['gateway'] or 'none'}" for one in network["subnets"]]


def _containers(before: dict[str, Json], after: dict[str, Json]) -> Iterator[dict[str, Any]]:
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            kind: Kind = "removed" if name in before else "added"
            yield _row(kind, "container", f"The container {name} was {kind}.", container=name)
            continue
        old, new = before[name], after[name]
        for field in _OF_CONTAINER:
            if old[field] != new[field] and None not in (old[field], new[field]):
                message = f"{field.replace('_', ' ')} of {name} was {_text(old[field])} and is {_text(new[field])}."
                yield _row("changed", "container", message, old[field], new[field], container=name)
        alive = old["state"] in topology_text.ALIVE and new["state"] in topology_text.ALIVE
        yield from _endpoints(name, old, new, alive)
        yield from _ports(name, old, new)
        if alive:
            yield from _isolation(name, old, new)


def _endpoints(name: str, old: Json, new: Json, alive: bool) -> Iterator[dict[str, Any]]:
    """Compare the networks that a container is in. alive: its addresses as well."""
    was = {one["network"] or one["interface"]: one for one in old["endpoints"]}
    now = {one["network"] or one["interface"]: one for one in new["endpoints"]}
    for network in sorted({*was, *now}):
        if network not in now:
            text = was[network]["ipv4"] or was[network]["ipv6"]
            message = f"{name} is no longer in the network {network}{f', where it had {text}' if text else ''}."
            yield _row("removed", "address", message, text, None, network, name)
        elif network not in was:
            text = now[network]["ipv4"] or now[network]["ipv6"]
            message = f"{name} is now in the network {network}{f', with {text}' if text else ''}."
            yield _row("added", "address", message, None, text, network, name)
        elif alive:
            for field in _OF_ENDPOINT:
                mine, other = was[network][field], now[network][field]
                if mine != other:
                    what = f"{field.replace('_', ' ')} of {name} in the network {network}"
                    message = f"{what} was {_text(mine)} and is {_text(other)}."
                    yield _row("changed", "address", message, mine, other, network, name)


def _ports(name: str, old: Json, new: Json) -> Iterator[dict[str, Any]]:
    was, now = ({topology_text.port(port): bool(port["rules"]) for port in row["ports"]} for row in (old, new))
    for port in sorted({*was, *now}):
        if port not in now:
            yield _row("removed", "port", f"{name} no longer publishes {port}.", port, None, container=name)
        elif port not in was:
            yield _row("added", "port", f"{name} now publishes {port}.", None, port, container=name)
        elif was[port] != now[port] and not _unseen(old) and not _unseen(new):
            message = (
                f"{port} of {name} is {'carried by a rule now' if now[port] else 'no longer carried by any rule'}."
            )
            yield _row("changed", "port", message, was[port], now[port], container=name)


def _unseen(row: Json) -> bool:
    """Return whether the rules of a container's ports could not be read."""
    return any(one["field"] == "ports.rules" for one in row["unknown"])


def _isolation(name: str, old: Json, new: Json) -> Iterator[dict[str, Any]]:
    for kind, was in old["isolation"].items():
        now = new["isolation"].get(kind)
        if was != now and None not in (was, now):
            message = f"{name} {'has a' if now else 'no longer has a'} {kind} namespace of its own."
            yield _row("changed", "isolation", message, was, now, container=name)
    for resource in _LIMITS:
        was, now = old["cgroup"][resource], new["cgroup"][resource]
        # Without use nothing was read; without limit there is none.
        if was["limit"] != now["limit"] and None not in (was["used"], now["used"]):
            message = f"The {resource} limit of {name} was {_text(was['limit'])} and is {_text(now['limit'])}."
            yield _row("changed", "limit", message, was["limit"], now["limit"], container=name)


def _reachability(before: Json, after: Json) -> Iterator[dict[str, Any]]:
    """Compare which containers reach each other by the rules, of those that are in both readings."""
    was, now = _pairs(before), _pairs(after)
    both = _members(before) & _members(after)
    for pair in sorted({*was, *now}):
        if was.get(pair) == now.get(pair) or not set(pair) <= both:
            continue
        first, second = pair
        if pair not in now:
            network = was[pair][0]
            message = f"{first} and {second} no longer reach each other; they did over {', '.join(was[pair])}."
            yield _row("removed", "reachability", message, was[pair], [], network, first)
        elif pair not in was:
            network = now[pair][0]
            message = f"{first} and {second} now reach each other over {', '.join(now[pair])}."
            yield _row("added", "reachability", message, [], now[pair], network, first)
        else:
            message = (
                f"{first} and {second} reached each other over {', '.join(was[pair])}, and now over"
                f" {', '.join(now[pair])}."
            )
            yield _row("changed", "reachability", message, was[pair], now[pair], now[pair][0], first)


def _members(topology: Json) -> set[str]:
    return {row["name"] or row["id"] for row in topology["containers"] if row["state"] in topology_text.ALIVE}


def _pairs(topology: Json) -> dict[tuple[str, str], list[str]]:
    """Return the networks over which two containers reach each other, by their names."""
    open_ones = {network["name"] for network in topology["networks"] if network["icc"]["in_force"] is not False}
    members: dict[str, list[str]] = {}
    for row in topology["containers"]:
        if row["state"] in topology_text.ALIVE:
            for network in {one["network"] for one in row["endpoints"]} & open_ones:
                members.setdefault(network, []).append(row["name"] or row["id"])
    found: dict[tuple[str, str], list[str]] = {}
    for network in sorted(members):
        for first, second in itertools.combinations(sorted(members[network]), 2):
            found.setdefault((first, second), []).append(network)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _row(
    kind: Kind,
    subject: Subject,
    message: str,
    before: Any = None,
    after: Any = None,
    network: str | None = None,
    container: str | None = None,
) -> dict[str, Any]:
    return {
        **{"kind": kind, "subject": subject, "network": network, "container": container},
        **{"before": before, "after": after, "message": message},
    }
