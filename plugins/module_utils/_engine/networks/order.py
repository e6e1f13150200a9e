# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Order the steps of a plan, so that each network finds its subnets free."""

from __future__ import annotations

import graphlib
import ipaddress
from typing import TYPE_CHECKING

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .rules import overlap

if TYPE_CHECKING:
    from .plan import Step


def in_order(steps: list[Step]) -> list[Step]:
    """Return removals first, and then each step after those that give up what it takes.

    Raise DockyardError for networks that take subnets from each other.
    """
    by_name = {step.name: step for step in steps}
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for step in sorted(steps, key=lambda step: step.action != "remove"):
        sorter.add(step.name, *(other.name for other in steps if other is not step and _takes_from(step, other)))
    try:
        return [by_name[name] for name in sorter.static_order()]
    except graphlib.CycleError as error:
        names = error.args[1][:-1]
        raise DockyardError(
            "network_refused",
            f"The networks can't be as declared: {' and '.join(sorted(names))} take subnets from each other, and a"
            " network is made when the old one is gone; give one of them another subnet first, or remove it first.",
        ) from error


def _takes_from(step: Step, other: Step) -> bool:
    """Return whether a step makes a network with addresses that another step's network has now."""
    if step.action == "remove" or other.existing is None:
        return False
    held = [part["Subnet"] for part in other.existing.ipam if part.get("Subnet")]
    return any(
        overlap(wanted, ipaddress.ip_network(subnet, strict=False)) for wanted in step.whole.networks for subnet in held
    )
