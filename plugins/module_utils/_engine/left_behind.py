# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find the rules and routes that people have on the host for a bridge or a network which a change takes away.

They stay, name what is gone, and do nothing any more: what they let through is dropped, what they kept apart is not.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Collection, Iterator, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Network

from .networks.rules import within
from .topology import rules_in_force

_WORD = re.compile(r"[0-9A-Za-z._:/-]+")
_SHOWN = 5


def sentence(devices: Collection[str], networks: Sequence[Network]) -> str | None:
    """Return what to say about rules and routes that name these devices and networks; None if there are none."""
    if not devices and not networks:
        return None
    firewall, _reasons = rules_in_force.in_force()
    rules = firewall.of_others() if firewall else []
    found = [rule for rule in rules if _names(rule, devices, networks)]
    found += [f"ip rule {shown}" for shown in _policies(devices, networks)]
    found += [f"ip route {shown}" for shown in _routes(devices, networks)]
    found = list(dict.fromkeys(found))
    if not found:
        return None
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    what = " and ".join([*devices, *map(str, networks)])
    return (
        f"Rules and routes of this host that the engine has not made are for {what} and do nothing after the change, or"
        f" are gone: {'; '.join(found[:_SHOWN])}{more}; write them for what comes in its place."
    )


def _names(text: str, devices: Collection[str], networks: Sequence[Network]) -> bool:
    return any(word in devices or _is_within(word, networks) for word in _WORD.findall(text))


def _is_within(word: str, networks: Sequence[Network]) -> bool:
    with contextlib.suppress(ValueError):
        named = ipaddress.ip_network(word, strict=False)
        return any(within(named, network) for network in networks)
    return False


def _policies(devices: Collection[str], networks: Sequence[Network]) -> Iterator[str]:
    for rule in host_network.read_policies():
        words = [str(rule[name]) for name in ("iif", "oif") if rule.get(name)]
        for end, size in (("src", "srclen"), ("dst", "dstlen")):
            if rule.get(end) and rule[end] != "all":
                words.append(f"{rule[end]}/{rule[size]}" if rule.get(size) else str(rule[end]))
        if any(word in devices or _is_within(word, networks) for word in words):
            yield f"{rule.get('priority', '')} {' '.join(words)}"


def _routes(devices: Collection[str], networks: Sequence[Network]) -> Iterator[str]:
    for route in host_network.read_routes():
        if route.get("protocol") == "kernel" or not (route.get("gateway") or route.get("dev")):
            continue
        if route.get("dev") in devices or _is_within(str(route.get("gateway", "")), networks):
            way = f" via {route['gateway']}" if route.get("gateway") else ""
            yield f"{route['dst']}{way} dev {route.get('dev', '')}"
