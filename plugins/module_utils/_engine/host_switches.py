# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the engine switches on the host beside its own bridges, and whom that takes something from.

* IPv6 forwarding, with the first bridge that has IPv6: the kernel then drops default routes that it has learned.
* C(bridge-nf-call-iptables) and C(bridge-nf-call-ip6tables), with the first bridge without ICC, and since 28 also
  without the userland proxy: the firewall then filters inside all bridges, also those of virtual machines.

An engine never switches either off again. Sources: libnetwork, drivers/bridge, bridge_linux.go of 26.1, 28.5 and 29;
both were tried on 26.1.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import default_routes, sysctl
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network

from . import naming
from .topology import rules_in_force
from .topology.firewall import Firewall, Packet
from .topology.networks import TCP_ANY, declares, netfilter

# Addresses of documentation, which no rule of a host is about (RFC 5737, RFC 3849).
_ENDS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
_SWITCH = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
_FORWARD = "net.ipv4.ip_forward"
_BY_DEFAULT = ("policy of ", "No rule ")  # how a verdict begins that no rule has made
_PROGRAM = {4: "iptables", 6: "ip6tables"}


def refuse_forwarding(causes: Sequence[str]) -> None:
    """Raise DockyardError if the engine would switch IPv6 forwarding on and the host would lose its way out by it.

    causes: what has the engine switch it on, as the beginning of a sentence.
    """
    devices = default_routes.learned_devices() if causes else []
    if not devices:
        return
    names = [default_routes.accept_ra(device) for device in devices]
    raise DockyardError(
        "engine_ipv6_forwarding",
        f"{' and '.join(causes)} {'has' if len(causes) == 1 else 'have'} the engine switch IPv6 forwarding on"
        " (net.ipv6.conf.all.forwarding), and the kernel then drops the default route that it has learned by router"
        f" advertisement on {', '.join(devices)}, and learns no other, so that the host is cut off; set"
        f" {' and '.join(f'{name} = 2' for name in names)} first, now and in a file of /etc/sysctl.d.",
    )


def refuse_bridge_filter(causes: Mapping[int, Sequence[str]], own: Collection[str], sets_policy: bool = True) -> None:
    """Raise DockyardError if the firewall would filter inside bridges of others, and drop what passes there.

    causes: by the version of IP, what has the engine switch that on, as the beginning of a sentence.
    own: the engine's bridges.
    sets_policy: whether the engine has the firewall drop by default what is passed on, if it switches that on.
    """
    switched = [version for version in sorted(causes) if causes[version] and not netfilter(version)]
    others = sorted(_with_ports(host_network.bridges() - {*own})) if switched else []
    if not others:
        return
    firewall, _reasons = rules_in_force.in_force()
    if firewall is None:
        return
    for version in switched:
        dropped = list(_dropped(firewall, version, others, sets_policy))
        if not dropped:
            continue
        rules = "; ".join(
            f"{_PROGRAM[version]} -I FORWARD -i {bridge} -o {bridge} -j ACCEPT" for bridge, _reason in dropped
        )
        raise DockyardError(
            "engine_bridge_filter",
            f"{' and '.join(causes[version])} {'has' if len(causes[version]) == 1 else 'have'} the engine switch"
            f" {_SWITCH[version]} on, with which the host's firewall filters inside all bridges, and it would drop what"
            f" passes inside {', '.join(f'{bridge} ({reason})' for bridge, reason in dropped)}; let that pass first"
            f" ({rules}), now and at each boot.",
        )


def _dropped(firewall: Firewall, version: int, bridges: Sequence[str], sets_policy: bool) -> Iterator[tuple[str, str]]:
    """Yield the bridges inside of which the firewall drops what passes, and why."""
    will_drop = sets_policy and version == 4 and sysctl.now(_FORWARD) == "0"
    for bridge in bridges:
        verdict, reason = firewall.forward(Packet(bridge, bridge, "tcp", *_ENDS[version], dport=TCP_ANY))
        if verdict == "drop":
            yield bridge, reason
        elif will_drop and reason.startswith(_BY_DEFAULT):
            yield bridge, "the policy that the engine gives FORWARD"


def _with_ports(bridges: Collection[str]) -> Iterator[str]:
    for bridge in bridges:
        path = f"/sys/class/net/{bridge}/brif"
        if os.path.isdir(path) and os.listdir(path):
            yield bridge


def has_ipv6(network: Mapping[str, Any]) -> bool:
    """Return whether the engine, when it starts, makes a bridge with IPv6 for a network as it lists it."""
    return network.get("Driver") == "bridge" and bool(network.get("EnableIPv6"))


def is_apart(network: Mapping[str, Any]) -> bool:
    """Return whether a network as the engine lists it is a bridge without ICC."""
    return network.get("Driver") == "bridge" and not declares(network.get("Options") or {}, naming.ICC)
