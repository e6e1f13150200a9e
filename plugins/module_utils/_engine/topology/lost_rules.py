# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find what the engine has written into the firewall and another program has removed since.

C(nft flush ruleset), C(iptables -F) or a restart of another firewall take the engine's rules away, and the engine
neither notices nor shows it (moby issue 12294). Rules that can't be read count as none that are lost.

A firewall that starts after the engine can leave these rules alone and still reject what they let pass, in a chain of
its own: firewalld does, until the engine, when it starts, has given its bridges to the zone docker.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
from collections.abc import Iterator

from .. import naming
from ..api import EngineApi
from . import forwarding, rules_in_force
from .engine_view import EngineView, Json
from .firewall import Firewall, Packet
from .networks import declares, icc_in_force, netfilter
from .processes import read

# With these a network is routed or isolated, and has other rules than those that are looked for.
_GATEWAY_MODE = "com.docker.network.bridge.gateway_mode"


_FIREWALLD = "firewalld"  # the name of its table


@dataclasses.dataclass
class InForce:
    """What the rules in force lack, each in a sentence.

    lost: what the engine writes, or has another program write, when it starts.
    foreign: what others have that leaves no use of the engine's own rules, which a start of the engine does not change.
    """

    lost: list[str] = dataclasses.field(default_factory=list)
    foreign: list[str] = dataclasses.field(default_factory=list)


def find(api: EngineApi) -> InForce:
    """Return what is declared and not in force. The engine must be one that writes rules."""
    firewall, _reasons = rules_in_force.in_force()
    found = InForce()
    if firewall is None:
        return found
    listed = sorted(api.get("/networks"), key=lambda network: str(network["Name"]))
    networks = {network["Name"]: network for network in listed if _is_judged(network)}
    for network in networks.values():
        found.lost += _of_network(network, firewall)
    for container in api.get("/containers/json"):
        found.lost += _of_ports(container, networks, firewall)
    _find_cut_off(api, networks, firewall, found)
    return found


def _find_cut_off(api: EngineApi, networks: dict[str, Json], firewall: Firewall, found: InForce) -> None:
    """Add the networks of which nothing gets out of the host, whatever the engine's own rules say."""
    writes = EngineView("", api, info=api.get("/info")).firewall_backend
    foreign: dict[str, list[str]] = {}
    for name, network in networks.items():
        bridge, subnets = naming.bridge_device(network) or "", [one for one in _subnets(network) if ":" not in one]
        if network.get("Internal") or not subnets:
            continue
        into = [block.chain for block in forwarding.blocked(firewall, bridge, subnets[0], "in")]
        for block in forwarding.blocked(firewall, bridge, subnets[0], "out"):
            if block.chain.table == _FIREWALLD:
                found.lost.append(
                    f"firewalld has {bridge} of {name} in no zone, and lets nothing pass that its containers send out:"
                    f" {_ended(block.text)}"
                )
            elif writes == "iptables" and (block.chain.table, block.chain.name) == ("filter", "FORWARD"):
                found.lost.append(f"No rule lets pass what the containers of {name} send out: {_ended(block.text)}")
            elif block.chain in into:
                foreign.setdefault(block.text, []).append(name)
    found.foreign += [
        f"Nothing gets out of the containers of {', '.join(names)}, and nothing to them, though the engine's own rules"
        f" let it pass: {text.rstrip('.')} drops it, and every chain has to let it pass. Add rules for these bridges"
        " there, or make the network an internal one if that is wanted."
        for text, names in foreign.items()
    ]


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
    name = naming.container_name(container)
    ends = (container.get("NetworkSettings") or {}).get("Networks") or {}
    reached = {
        end["IPAddress"]: naming.bridge_device(networks[network]) or ""
        for network, end in ends.items()
        if network in networks and end.get("IPAddress")
    }
    for port in container.get("Ports") or []:
        outside = port.get("IP") or ""
        if not reached or not port.get("PublicPort") or ":" in outside or ipaddress.ip_address(outside).is_loopback:
            continue
        inside, public, protocol = port["PrivatePort"], port["PublicPort"], port.get("Type") or "tcp"
        bound = None if ipaddress.ip_address(outside).is_unspecified else outside
        carried = [address for address in reached if firewall.translates(protocol, address, inside, public)]
        if not carried:
            yield f"{name} publishes port {public}/{protocol}, and no rule carries it there."
        for address in carried:
            packet = Packet("", reached[address], protocol, None, address, inside, True, bound, public)
            verdict, text = firewall.forward(packet)
            if verdict == "drop" and not firewall.lets_pass(protocol, address, inside):
                yield f"{name} publishes port {public}/{protocol}, and no rule lets it pass there: {_ended(text)}"


def _ended(text: str) -> str:
    """Return a rule as the end of a sentence."""
    return f"{text.rstrip('.')}."
