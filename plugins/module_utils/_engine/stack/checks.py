# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is looked at before anything is deployed: what a Swarm would refuse later, or do without a word."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .compose import Definition
from .logins import Logins
from .networks import users_of
from .objects import Objects
from .plan import KINDS
from .steps import Plan
from .survey import Survey

# Networks that each engine has; a service may name them.
_OF_ENGINE = ("bridge", "host", "none")
# Programs that read the labels of services, and not those of containers, in a Swarm.
_READ_FROM_SERVICES = ("traefik.", "caddy", "swarm.cronjob.", "shepherd.")


def require_external(objects: Objects, survey: Survey) -> None:
    """Raise DockyardError for an external network, config or secret that the Swarm does not have."""
    for key, network in objects.networks.items():
        if not network.external or network.name in _OF_ENGINE:
            continue
        found = survey.networks.get(network.name)
        if found is None:
            raise _missing(f"networks.{key}", "network", network.name, list(survey.networks))
        if found.get("Scope") != "swarm":
            raise DockyardError(
                "stack_network_local",
                f"networks.{key} names {network.name}, which is a network of this host alone; create one with the"
                " driver"
                " overlay.",
            )
    for kind in KINDS:
        existing = getattr(survey, kind)
        for key, content in objects.contents[kind].items():
            if content.data is None and content.name not in existing:
                raise _missing(f"{kind}.{key}", kind[:-1], content.name, list(existing))


def _missing(place: str, what: str, name: str, there: list[str]) -> DockyardError:
    known = f"it has {', '.join(sorted(there))}" if there else "it has none"
    return DockyardError(
        "stack_external_missing",
        f"{place} is external, and the Swarm has no {what} {name} ({known}); create it, or correct the name.",
    )


def require_free_ports(plan: Plan, survey: Survey) -> None:
    """Raise DockyardError for a published port that another service has on all nodes."""
    changed = {step.name for step in plan.services}
    taken = {
        port: name
        for name, service in survey.services.items()
        if name not in changed
        for port in _of_all_nodes(service["Spec"])
    }
    for step in plan.services:
        if step.action == "removed":
            continue
        for number, protocol in _of_all_nodes(step.spec):
            other = taken.setdefault((number, protocol), step.name)
            if other != step.name:
                raise DockyardError(
                    "stack_port_taken",
                    f"{step.name} publishes port {number}/{protocol}, which {other} has on all nodes; choose another.",
                )


def warnings_of_listeners(plan: Plan, survey: Survey) -> list[str]:
    """Return what is to be said of ports that services get on all nodes, and that a program of this host listens on.

    The Swarm deploys such a service without a word. Ports that it has already are its own.
    """
    new = {
        number: step.name
        for step in plan.services
        if step.action != "removed"
        for number, protocol in _of_all_nodes(step.spec or {})
        if protocol == "tcp"
        and (number, protocol) not in _of_all_nodes((survey.services.get(step.name) or {}).get("Spec") or {})
    }
    return [
        f"{new[number]} publishes port {number} on all nodes, and on this one a program listens on it, which may answer"
        f" in its place; stop that ('ss -ltnp sport = :{number}' names it), or choose another port."
        for number in sorted(filter(_is_taken, new))
    ]


def _is_taken(port: int) -> bool:
    """Return whether a program of this host listens on a port, at any of its addresses."""
    with socket.socket() as asking:
        # Otherwise the rest of a connection that has ended would count too.
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asking.bind(("", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def require_free_subnets(plan: Plan, survey: Survey) -> None:
    """Raise DockyardError for a declared subnet that overlaps another network of the Swarm or of this host."""
    replaced = {step.name for step in plan.networks}
    taken = [
        (name, subnet)
        for name, network in survey.networks.items()
        if name not in replaced
        for subnet in _subnets(network)
    ]
    for step in plan.networks:
        if step.action not in ("created", "replaced"):
            continue
        for subnet in _subnets(step.spec):
            for name, other in taken:
                if subnet.version == other.version and subnet.overlaps(other):
                    raise DockyardError(
                        "stack_subnet_taken",
                        f"The subnet {subnet} of the network {step.name} overlaps the network {name} ({other}); choose"
                        " another.",
                    )
            taken.append((step.name, subnet))


def _subnets(network: dict[str, Any]) -> list[Any]:
    found = []
    for part in (network.get("IPAM") or {}).get("Config") or []:
        if part.get("Subnet"):
            try:
                found.append(ipaddress.ip_network(part["Subnet"]))
            except ValueError as error:
                raise DockyardError(
                    "stack_value_invalid",
                    f"The network {network['Name']} has the subnet {part['Subnet']}, which is none ({error}); correct"
                    " it.",
                ) from error
    return found


def _of_all_nodes(spec: dict[str, Any]) -> list[tuple[int, str]]:
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or []
    return [
        (port["PublishedPort"], port.get("Protocol") or "tcp")
        for port in ports
        if port.get("PublishedPort") and port.get("PublishMode", "ingress") == "ingress"
    ]


def require_unused_networks(plan: Plan, survey: Survey) -> None:
    """Raise DockyardError for a network that is to be removed and that services which stay use."""
    removed = {step.name for step in plan.services if step.action == "removed"}
    # A service that is updated may leave the network by that.
    updated = {step.name for step in plan.services if step.action == "updated"}
    for step in plan.networks:
        if step.action != "removed" or step.found is None:
            continue
        others = [name for name in users_of(step.found, survey) if name not in removed | updated]
        if others:
            raise DockyardError(
                "stack_network_used",
                f"The network {step.name} is to be removed, and {', '.join(others)}"
                f" {'uses' if len(others) == 1 else 'use'} it; take it from there first.",
            )


def warnings(definition: Definition, logins: Logins) -> list[str]:
    """Return what a Swarm does without a word and users do not expect."""
    found = [
        f"services.{name} has {', '.join(keys)}, which a Swarm ignores."
        for name, keys in sorted(definition.ignored.items())
    ]
    for name, service in definition.services.items():
        labels = service.get("labels") or {}
        wrong = [
            str(label).partition("=")[0]
            for label in (labels if isinstance(labels, (dict, list)) else [])
            if str(label).lower().startswith(_READ_FROM_SERVICES)
        ]
        if wrong:
            found.append(
                f"services.{name} has {wrong[0]} under labels, which are those of its containers; in a Swarm such"
                " labels"
                " are read from the service, write them under deploy.labels."
            )
        helper = logins.out_of_reach(str(service.get("image") or ""))
        if helper:
            found.append(
                f"The login for the image of services.{name} is in the credential helper {helper}, from which it does"
                " not"
                " go along; give it in logins."
            )
    return found
