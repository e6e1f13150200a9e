# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Networks of a stack: a Swarm changes none, so one that differs is replaced if unused, and refused otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .objects import Network
from .steps import NetworkStep
from .survey import Survey, of_stack

Spec = dict[str, Any]
_FLAGS = {"Internal": "internal", "Attachable": "attachable", "EnableIPv6": "enable_ipv6"}
# What the engine adds by itself.
_OF_ENGINE = ("com.docker.network.driver.overlay.vxlanid_list", "com.docker.network.enable_ipv4")


def compared(network: Network, survey: Survey, stack: str) -> NetworkStep:
    """Return what is to be done with a network of the stack. Raise DockyardError if that can't be done."""
    found = survey.networks.get(network.name)
    if found is None:
        return NetworkStep(network.name, "created", network.spec)
    if found.get("Scope") != "swarm" or not of_stack(found, stack):
        raise DockyardError(
            "stack_name_taken",
            f"There is a network {network.name} that is not of the stack {stack}; choose another name, or declare it"
            " with"
            " external: true.",
        )
    differing = differences(network.spec, found)
    if not differing:
        return NetworkStep(network.name, "none", network.spec, found)
    users = users_of(found, survey)
    if users:
        raise DockyardError(
            "stack_network_differs",
            f"The network {network.name} differs in {', '.join(differing)}, which a Swarm can't change, and"
            f" {', '.join(users)} {'uses' if len(users) == 1 else 'use'} it; declare a network of another name in its"
            " place, or remove the stack first.",
        )
    return NetworkStep(network.name, "replaced", network.spec, found, differing)


def differences(spec: Spec, found: Spec) -> list[str]:
    """Return the options in which a network differs from what is declared."""
    differing = []
    if spec["Driver"] != found.get("Driver"):
        differing.append(f"driver ({found.get('Driver')}, declared is {spec['Driver']})")
    wanted, given = _subnets(spec.get("IPAM")), _subnets(found.get("IPAM"))
    # What is not declared is the engine's choice.
    if any(part not in [{key: other.get(key, "") for key in part} for other in given] for part in wanted):
        shown = [{key: part[key] for key in wanted[0] if key in part} for part in given]
        differing.append(f"subnet ({_shown(shown)}, declared is {_shown(wanted)})")
    differing += [option for key, option in _FLAGS.items() if bool(spec.get(key)) != bool(found.get(key))]
    options = {key: value for key, value in (found.get("Options") or {}).items() if key not in _OF_ENGINE}
    differing += [f"driver_opts.{key}" for key in sorted(_differing(spec.get("Options") or {}, options))]
    differing += [f"labels.{key}" for key in sorted(_differing(spec["Labels"], found.get("Labels") or {}))]
    return differing


def _differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _subnets(ipam: Spec | None) -> list[dict[str, str]]:
    return [
        {key: part[key] for key in ("Subnet", "Gateway", "IPRange") if part.get(key)}
        for part in (ipam or {}).get("Config") or []
    ]


def _shown(parts: list[dict[str, str]]) -> str:
    return ", ".join(" ".join(part.values()) for part in parts) or "none"


def users_of(found: Spec, survey: Survey) -> list[str]:
    """Return the services that use a network, of whatever stack."""
    names = (found["Id"], found["Name"])
    return sorted(
        name
        for name, service in survey.services.items()
        for spec in [service["Spec"]]
        if any(
            attachment.get("Target") in names
            for attachment in [*(spec["TaskTemplate"].get("Networks") or []), *(spec.get("Networks") or [])]
        )
    )
