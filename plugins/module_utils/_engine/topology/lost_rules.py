# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find what the engine has written into the firewall and another program has removed since.

C(nft flush ruleset), C(iptables -F) or a restart of another firewall take the engine's rules away, and the engine
neither notices nor shows it (moby issue 12294). Rules that can't be read count as none that are lost.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator

from .. import naming
from ..api import EngineApi
from . import rules_in_force
from .engine_view import Json
from .firewall import Firewall
from .networks import declares, icc_in_force, netfilter
from .processes import read

# With these a network is routed or isolated, and has other rules than those that are looked for.
_GATEWAY_MODE = "com.docker.network.bridge.gateway_mode"


def find(api: EngineApi) -> list[str]:
    """Return what is declared and has no rule in force, each in a sentence.

    The engine must be one that writes rules.
    """
    firewall, _reasons = rules_in_force.in_force()
    if firewall is None:
        return []
    networks = {network["Name"]: network for network in api.get("/networks") if _is_judged(network)}
    found = [sentence for network in networks.values() for sentence in _of_network(network, firewall)]
    for container in api.get("/containers/json"):
        found += _of_ports(container, networks, firewall)
    return found


def _is_judged(network: Json) -> bool:
    bridge = naming.bridge_device(network)
    options: dict[str, str] = network.get("Options") or {}
    return (
        bridge is not None
        and os.path.exists(f"/sys/class/net/{bridge}")
        and not any(option.startswith(_GATEWAY_MODE) for option in options)
    )


def _subnets(network: Json) -> list[str]:
    configs = (network.get("IPAM") or {}).get("Config") or []
    return [str(ipaddress.ip_network(config["Subnet"], strict=False)) for config in configs if config.get("Subnet")]


def _of_network(network: Json, firewall: Firewall) -> Iterator[str]:
    name, options, subnets = network["Name"], network.get("Options") or {}, _subnets(network)
    if not declares(options, naming.ICC):
        bridge = naming.bridge_device(network) or ""
        in_force, reason = icc_in_force(bridge, subnets, _filtered(bridge), firewall)
        if in_force:
            yield f"ICC is off in {name}, and its containers reach each other: {reason}"
    if declares(options, naming.MASQUERADE) and not network.get("Internal"):
        for subnet in subnets:
            if ":" not in subnet and firewall.masquerades(subnet) is None:
                yield f"{name} declares masquerading, and no rule masquerades {subnet}."


def _filtered(bridge: str) -> list[int]:
    """Return for which versions of IP frames inside a bridge meet the firewall: by the switch of all, or its own."""
    own = {4: "nf_call_iptables", 6: "nf_call_ip6tables"}
    switches = {version: f"/sys/class/net/{bridge}/bridge/{name}" for version, name in own.items()}
    return [version for version, path in switches.items() if netfilter(version) or (read(path) or "0").strip() == "1"]


def _of_ports(container: Json, networks: dict[str, Json], firewall: Firewall) -> Iterator[str]:
    endpoints = (container.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = [end["IPAddress"] for name, end in endpoints.items() if name in networks and end.get("IPAddress")]
    for port in container.get("Ports") or []:
        outside = port.get("IP") or ""
        if not addresses or not port.get("PublicPort") or ":" in outside or ipaddress.ip_address(outside).is_loopback:
            continue
        inside, protocol = port["PrivatePort"], port.get("Type") or "tcp"
        if not any(firewall.published(protocol, address, inside, port["PublicPort"]) for address in addresses):
            name = naming.container_name(container)
            yield f"{name} publishes port {port['PublicPort']}/{protocol}, and no rule carries it there."
