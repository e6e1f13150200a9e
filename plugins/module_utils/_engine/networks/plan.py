# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What has to be done for the networks to be as declared, and what speaks against it. Changes nothing."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import naming
from ..api import EngineApi
from . import desired, devices, host_effects, rules, whole
from .desired import DesiredNetwork, Subnet
from .fixed_addresses import reconnected, taken_by_network
from .steps import Step, in_order
from .survey import Endpoint, ExistingNetwork, Survey, inspect_endpoints, services_of, stale_endpoints

# What an engine takes for the options of a bridge that it is not given.
_IF_NOT_GIVEN = {naming.ICC: "true", naming.MASQUERADE: "true"}
_LOSES_MAC = ((25,), (29,))  # engines that ignore the MAC address with which a container is to be connected


@dataclasses.dataclass
class Plan:
    """The steps in their order: what is removed first may make room for others."""

    steps: list[Step]
    around: rules.Surroundings
    warnings: list[str] = dataclasses.field(default_factory=list)


def build_plan(networks: list[DesiredNetwork], survey: Survey, replace_in_use: bool) -> Plan:
    """Return what has to be done. Raise DockyardError with everything that speaks against it."""
    networks = [whole.completed(network, survey.named(network.name)) for network in networks]
    _refuse(desired.problems(networks))
    steps = [step for step in (_step(network, survey) for network in networks) if step]
    steps = in_order(steps)
    changed = {step.name for step in steps}
    around = _around(survey, changed)
    _refuse(_problems(steps, networks, survey, around))
    if survey.api:
        _refuse_services(steps, survey, survey.api)
        for step in steps:
            if step.existing and step.existing.endpoints:
                step.endpoints = inspect_endpoints(survey.api, step.existing, survey.around.engine_version)
    _refuse(taken_by_network(steps))
    _refuse_by_id(steps)
    if not replace_in_use:
        _refuse_in_use(steps)
    if survey.api:
        _refuse_stale(steps, survey.api)
    host_effects.refuse_switches(steps, survey)
    if survey.api:
        host_effects.refuse_foreign_zones(steps, survey)
    warnings = [*_warnings(steps, around.engine_version), *host_effects.judge_listeners(steps)]
    warnings += host_effects.warnings_of_rules(steps)
    return Plan(steps, around, warnings)


def _refuse(problems: Iterator[str]) -> None:
    found = list(dict.fromkeys(problems))
    if found:
        raise DockyardError("network_refused", f"The networks can't be as declared: {'. Also: '.join(found)}.")


def _step(network: DesiredNetwork, survey: Survey) -> Step | None:
    existing = survey.named(network.name)
    if network.state == "absent":
        return Step("remove", network, existing) if existing else None
    if existing is None:
        return Step("create", network)
    found = differences(network, existing)
    return Step("replace", network, existing, found) if found else None


def differences(network: DesiredNetwork, existing: ExistingNetwork) -> list[str]:
    """Return the names of the options that a network does not have as declared."""
    found = []
    if network.driver != existing.driver:
        found.append("driver")
    if any(_differs(subnet, existing) for subnet in network.subnets):
        found.append("subnets")
    for option, value, key in (
        ("internal", network.internal, "Internal"),
        ("attachable", network.attachable, "Attachable"),
        ("ipv6", network.ipv6, "EnableIPv6"),
    ):
        if value is not None and value != bool(existing.raw.get(key)):
            found.append(option)
    for key, text in network.options.items():
        if existing.options.get(key, _IF_NOT_GIVEN.get(key)) != text:
            found.append({naming.ICC: "icc", naming.MTU: "mtu"}.get(key, f"driver_options.{key}"))
    has = whole.of_existing(existing).kept if network.kept else {}
    found += [key for key, value in network.kept.items() if has.get(key) != value]
    found += [f"labels.{key}" for key, text in network.labels.items() if existing.labels.get(key) != text]
    return found


def _differs(subnet: Subnet, existing: ExistingNetwork) -> bool:
    return not any(_has(part, subnet) for part in existing.ipam)


def _has(part: dict[str, Any], subnet: Subnet) -> bool:
    """Tell whether a subnet of the engine has everything that a declared one gives."""
    if not part.get("Subnet") or ipaddress.ip_network(part["Subnet"], strict=False) != subnet.network:
        return False
    if subnet.gateway and not _same_address(subnet.gateway, part.get("Gateway")):
        return False
    if subnet.ip_range:
        shown = part.get("IPRange")
        if not shown or ipaddress.ip_network(shown, strict=False) != ipaddress.ip_network(subnet.ip_range):
            return False
    shown_addresses = part.get("AuxiliaryAddresses") or {}
    return all(_same_address(text, shown_addresses.get(name)) for name, text in subnet.aux_addresses.items())


def _same_address(one: str, other: str | None) -> bool:
    return bool(other) and ipaddress.ip_address(one) == ipaddress.ip_address(str(other).partition("/")[0])


def _around(survey: Survey, changed: set[str]) -> rules.Surroundings:
    """Return what stays around the networks that change: without them, their bridges, and their containers."""
    gone = [network for network in survey.networks if network.name in changed]
    devices = {network.device for network in gone if network.device}
    subnets = [subnet for network in gone for subnet in network.subnets]
    around = survey.around
    return dataclasses.replace(
        around,
        routes=[route for route in around.routes if route[1] not in devices],
        addresses=[address for address in around.addresses if address[1] not in devices],
        gateways=[gateway for gateway in around.gateways if gateway[1] not in devices],
        peers=[
            peer
            for peer in around.peers
            if not any(peer in subnet for subnet in [*subnets, *(address.network for address in around.docker0)])
        ],
        networks=[
            (network.name, subnet)
            for network in survey.networks
            if network.name not in changed and not network.of_swarm and not network.config_only
            for subnet in network.subnets
        ],
    )


def _problems(
    steps: list[Step], networks: list[DesiredNetwork], survey: Survey, around: rules.Surroundings
) -> Iterator[str]:
    for network in networks:
        same = [existing.id[:12] for existing in survey.networks if existing.name == network.name]
        if len(same) > 1:
            yield (
                f"the engine has {len(same)} networks of the name {network.name}; remove those that are not needed"
                f" (docker network rm {' or '.join(same)})"
            )
    kept = {step.name for step in steps}
    # Networks of a Swarm have an address space of their own.
    others = {
        False: dataclasses.replace(around, networks=list(around.networks)),
        True: rules.Surroundings(
            networks=[
                (network.name, subnet)
                for network in survey.networks
                if network.of_swarm and network.name not in kept
                for subnet in network.subnets
            ]
        ),
    }
    removed = {step.name for step in steps if step.action == "remove"}
    for step in steps:
        if step.existing:
            yield from _problems_of_existing(step, step.existing)
            users = sorted(each.name for each in survey.networks if each.configuration == step.name)
            if users:
                yield (
                    f"{step.name} is the configuration of {', '.join(users)}, and can't be changed or removed as long"
                    " as these networks exist; remove them first"
                )
        if step.action != "remove":
            yield from _problems_of_engine(step.whole, survey)
            others_there = [each for each in survey.networks if each.name not in {*removed, step.name}]
            others_declared = [other.whole for other in steps if other.action != "remove" and other is not step]
            yield from devices.problems(step.whole, others_declared, others_there, survey.around)
            # The subnets of a configuration network are those of the networks that are made from it.
            if step.whole.kept.get("ConfigOnly"):
                continue
            yield from _problems_of_place(step.whole, others[step.whole.of_swarm], step.existing)


def _problems_of_existing(step: Step, existing: ExistingNetwork) -> Iterator[str]:
    """Yield why a network that exists can be neither replaced nor removed."""
    if existing.of_engine:
        yield (
            f"{step.name} carries the traffic of a Swarm node's services, and"
            + (
                " is removed when the node has left the Swarm"
                if step.action == "remove"
                else f" differs in {', '.join(step.differences)}"
            )
            + "; leave it out, and change it by hand as Docker's documentation of Swarm networks says"
        )
    elif step.action == "replace" and step.whole.of_configuration:
        given = [
            name for name in step.differences if name.partition(".")[0] not in ("driver", "internal", "attachable")
        ]
        if given:
            yield (
                f"{step.name} takes its configuration from the network {step.whole.of_configuration}, and differs in"
                f" {', '.join(given)}, which an engine does not take beside it; leave that out, or remove {step.name}"
                " first"
            )
    elif step.action == "replace" and existing.raw.get("ConfigOnly") and "driver" in step.differences:
        yield f"{step.name} is a configuration for other networks, which has no driver; leave driver out"


def _problems_of_engine(network: DesiredNetwork, survey: Survey) -> Iterator[str]:
    if network.driver == "overlay" and survey.api and not survey.manager:
        yield (
            f"{network.name} has the driver overlay, and this engine is no manager of a Swarm; declare it on one, or"
            " choose the driver bridge"
        )
    version = survey.around.engine_version
    of_ipv6 = any(subnet.version == 6 for subnet in network.networks)
    if network.ipv6 and not of_ipv6 and version and rules.IPV6_POOLS_SINCE > version > (0,):
        yield (
            f"{network.name} has ipv6 and no subnet of IPv6, which an engine before 27 needs, and this one is"
            f" {'.'.join(map(str, version))}; give it one"
        )


def _problems_of_place(
    network: DesiredNetwork, around: rules.Surroundings, existing: ExistingNetwork | None
) -> Iterator[str]:
    others = rules.Surroundings(networks=around.networks)
    kept = existing.subnets if existing and existing.driver == network.driver else []
    for subnet in network.networks:
        # A subnet that the network has already takes nothing more from the host.
        reason = next(rules.conflicts(subnet, around if network.on_host and subnet not in kept else others), None)
        if reason:
            yield f"the subnet {subnet} of {network.name} {reason}; choose another"
    around.networks += [(network.name, subnet) for subnet in network.networks]


def _refuse_in_use(steps: list[Step]) -> None:
    reasons = []
    for step in steps:
        if step.endpoints:
            reasons.append(
                f"{step.name} {_why(step)}, and the containers {_names(step.endpoints)} are connected to it; disconnect"
                " them first, or set replace_in_use: true"
            )
    if reasons:
        raise DockyardError("network_in_use", f"{'. Also: '.join(reasons)}.")


def _refuse_by_id(steps: list[Step]) -> None:
    """Refuse to take a network from containers that know it by its identifier, which a new one does not have."""
    reasons = []
    for step in steps:
        bound = [endpoint for endpoint in step.endpoints if endpoint.by_id]
        if bound:
            reasons.append(
                f"{step.name} {_why(step)}, and {_names(bound)} can't be connected to any other in its place, as they"
                " were created with its identifier and not with its name; remove them, or create them again by the name"
            )
    if reasons:
        raise DockyardError("network_bound_by_id", f"{'. Also: '.join(reasons)}.")


def _refuse_services(steps: list[Step], survey: Survey, api: EngineApi) -> None:
    """Refuse to take a network from a Swarm's services, which can't be connected to another one from outside."""
    reasons = []
    for step in steps:
        if step.existing is None:
            continue
        tasks = sorted(endpoint.name for endpoint in step.existing.endpoints if endpoint.task)
        services = services_of(api, step.existing) if survey.manager else []
        if not services and not tasks:
            continue
        users = f"the services {', '.join(services)} use" if services else f"the tasks {', '.join(tasks)} use"
        reasons.append(
            f"{step.name} {_why(step)}, and {users} it, which only a Swarm can take from it; remove the services first,"
            f" or take it from them on a manager (docker service update --network-rm {step.name} SERVICE), or declare"
            " another network"
        )
    if reasons:
        raise DockyardError("network_used_by_services", f"{'. Also: '.join(reasons)}.")


def _refuse_stale(steps: list[Step], api: EngineApi) -> None:
    reasons = []
    for step in steps:
        stale = stale_endpoints(api, step.existing) if step.existing else []
        if stale:
            reasons.append(stale_remedy(step.name, stale))
    if reasons:
        raise DockyardError("network_stale_endpoint", f"{'. Also: '.join(reasons)}.")


def stale_remedy(name: str, stale: Sequence[str]) -> str:
    """Return what keeps a network from being removed, and what to do."""
    commands = " && ".join(f"docker network disconnect -f {name} {endpoint}" for endpoint in stale)
    return (
        f"{name} has endpoints of containers that the engine does not have any more ({', '.join(stale)}), and can't be"
        f" removed with them; take them from it ({commands}), and run again"
    )


def _why(step: Step) -> str:
    if step.action == "remove":
        return "is to be removed"
    return f"differs in {', '.join(step.differences)} and can only be replaced by a new one"


def _names(endpoints: Sequence[Endpoint]) -> str:
    return ", ".join(sorted(endpoint.name for endpoint in endpoints))


def _warnings(steps: list[Step], version: tuple[int, ...] | None = None) -> Iterator[str]:
    """Yield what containers lose, so that it is said before it happens."""
    for step in steps:
        if step.action == "replace" and step.endpoints:
            yield from _losses(step, version)
        elif step.action == "remove" and step.endpoints:
            yield f"{step.name} is removed: the containers {_names(step.endpoints)} are disconnected from it."


def _losses(step: Step, version: tuple[int, ...] | None) -> Iterator[str]:
    said = f"{step.name} is replaced:"
    yield (
        f"{said} the containers {_names(step.endpoints)} lose their connections over it, and are connected to the new"
        " one; in those that run its device has another name (such as eth1 in place of eth0) until their next start."
    )
    lost = [endpoint for endpoint in step.endpoints if reconnected(endpoint, step.whole) != endpoint.config]
    if lost:
        yield f"{said} {_names(lost)} can't keep the fixed addresses, which are in none of its subnets."
    fixed = [endpoint for endpoint in step.endpoints if endpoint.fixed_mac]
    if fixed and version and _LOSES_MAC[0] <= version < _LOSES_MAC[1]:
        yield (
            f"{said} {_names(fixed)} can't keep the fixed MAC address, as this engine gives a container that it"
            " connects another one; create the container again to give it back."
        )
    closed = sorted(f"{each.name} ({', '.join(each.published)})" for each in step.endpoints if each.published)
    if closed and _publishes(step.existing) and (step.whole.internal or step.whole.driver != "bridge"):
        yield (
            f"{said} the ports that {', '.join(closed)} publish over it are closed, as"
            f" {'an internal network' if step.whole.internal else step.whole.driver} publishes none."
        )
        return
    ports = sorted(f"{each.name} ({'; '.join(each.chosen_ports)})" for each in step.endpoints if each.chosen_ports)
    if ports:
        yield (
            f"{said} the engine gives other ports of the host to {', '.join(ports)}, as it has chosen them by itself;"
            " publish fixed ones to keep them."
        )


def _publishes(existing: ExistingNetwork | None) -> bool:
    return existing is not None and existing.driver == "bridge" and not existing.raw.get("Internal")
