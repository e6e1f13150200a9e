# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of a plan, and their order, in which each network finds its subnets free."""

from __future__ import annotations

import dataclasses
import graphlib
import ipaddress
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import whole
from .desired import DesiredNetwork
from .rules import overlap
from .survey import Endpoint, ExistingNetwork

Action = Literal["create", "replace", "remove"]


@dataclasses.dataclass
class Step:
    """What is done to one network.

    desired: what is declared; whole: the network as it will be, also in what is not declared.
    existing: the network that is there; None for one that is created.
    differences: the options in which it differs.
    endpoints: the containers that are connected to it, and are connected to the new one.
    """

    action: Action
    desired: DesiredNetwork
    existing: ExistingNetwork | None = None
    differences: list[str] = dataclasses.field(default_factory=list)
    endpoints: list[Endpoint] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.desired.name

    @property
    def whole(self) -> DesiredNetwork:
        return whole.laid_over(self.desired, self.existing) if self.existing else self.desired


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
