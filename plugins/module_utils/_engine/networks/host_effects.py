# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a change of networks takes from others on the host: default routes, bridges of others, addresses.

Refused before anything is changed, or warned of.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address

from .. import firewall_zones, host_switches, left_behind, listeners, naming
from ..topology.networks import declares
from . import whole
from .desired import Subnet
from .rules import DOCKER0
from .steps import Step
from .survey import Survey


def refuse_switches(steps: Sequence[Step], survey: Survey) -> None:
    """Raise DockyardError if the engine would switch something on the host that takes others their network."""
    made = [step.whole for step in steps if step.action != "remove"]
    made = [network for network in made if network.on_host and not network.kept.get("ConfigOnly")]
    if survey.switches_forwarding:
        host_switches.refuse_forwarding([f"the network {network.name} (ipv6)" for network in made if network.ipv6])
    if not survey.writes_rules:
        return
    apart = [network for network in made if not declares(network.options, naming.ICC)]
    own = {DOCKER0, *(network.device for network in survey.networks)}
    causes = {
        4: [f"the network {network.name} (icc: false)" for network in apart],
        6: [f"the network {network.name} (icc: false)" for network in apart if network.ipv6],
    }
    host_switches.refuse_bridge_filter(causes, own)


def refuse_foreign_zones(steps: Sequence[Step], survey: Survey) -> None:
    """Raise DockyardError for a bridge that firewalld has in a zone from which the engine does not get it."""
    named: dict[str, str] = {}
    version, writes = survey.around.engine_version or (), survey.writes_rules
    for step in steps:
        # One that is replaced is also to be put back, should that fail.
        made = [whole.of_existing(step.existing)] if step.action == "replace" and step.existing else []
        made += [step.whole] if step.action != "remove" else []
        for network in made:
            device = network.options.get(naming.BRIDGE)
            if (
                device
                and network.driver == "bridge"
                and firewall_zones.is_bound(version, writes, bool(network.internal))
            ):
                named[device] = step.name
    elsewhere = firewall_zones.bound_elsewhere(named)
    if elsewhere:
        names = " and ".join(sorted({named[device] for device in elsewhere}))
        raise DockyardError(
            "network_zone_conflict",
            f"{names} can't be made, as firewalld has {firewall_zones.sentence(elsewhere)}, and refuses an engine that"
            f" binds its bridges to the zone docker; give it to that zone ({firewall_zones.remedy(elsewhere)}), and run"
            " again.",
        )


def judge_listeners(steps: Sequence[Step]) -> Iterator[str]:
    """Raise DockyardError for a program that listens on an address that goes with a network. Yield warnings."""
    gone: dict[Address, Step] = {}
    kept = {address for step in steps if step.action != "remove" for address in _addresses(step.whole.subnets)}
    for step in steps:
        if step.existing is not None and step.existing.device:
            here = host_network.addresses(step.existing.device)
            gone.update({one.ip: step for one in here if one.ip not in kept})
    bound = listeners.bound_to(gone)
    alone = [one for one in bound if not one.follows]
    if alone:
        names = " and ".join(sorted({_taken(gone[one.address], one.address) for one in alone}))
        raise DockyardError(
            "network_listener_address_gone",
            f"{names} from the host, and {listeners.sentence(alone)}, where nobody would reach it any more; have it"
            " listen on another address, or stop it, first.",
        )
    if bound:
        yield (
            f"The host loses an address on which {listeners.sentence(bound)}, as on other addresses of the host; look"
            " whether it takes the new one by itself, or restart it."
        )


def warnings_of_rules(steps: Sequence[Step]) -> Iterator[str]:
    """Yield what is said of rules and routes that people have for a network which goes, or for its bridge."""
    for step in steps:
        if step.existing is None or not step.existing.device:
            continue
        stay = step.whole if step.action != "remove" else None
        device = stay.options.get(naming.BRIDGE) if stay else None
        networks = [network for network in step.existing.subnets if stay is None or network not in stay.networks]
        found = left_behind.sentence([step.existing.device] if device != step.existing.device else [], networks)
        if found:
            yield found


def _taken(step: Step, address: Address) -> str:
    verb = "removed" if step.action == "remove" else f"replaced, as it differs in {', '.join(step.differences)}"
    return f"{step.name} is to be {verb}, which takes {address}"


def _addresses(subnets: Sequence[Subnet]) -> Iterator[Address]:
    """Yield the addresses that the host gets in subnets, as far as they are known before."""
    for subnet in subnets:
        if subnet.gateway:
            yield ipaddress.ip_address(subnet.gateway.partition("/")[0])
        else:
            network = ipaddress.ip_network(subnet.ip_range or subnet.subnet, strict=False)
            yield network[1 if network.num_addresses > 1 else 0]
