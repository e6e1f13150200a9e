# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of a run, as they are planned and later done."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

from .objects import Content, Kind

Action = Literal["created", "updated", "replaced", "removed", "none"]
Spec = dict[str, Any]


@dataclasses.dataclass
class ServiceStep:
    """One service. All of them are in the plan, in declared order, then those that are removed.

    name: in the Swarm. image: as declared. spec: as it is to be, with names in place of the identifiers of networks,
    configs and secrets. found: as the engine shows it. places: in which it differs. before, after: what is compared.
    """

    name: str
    action: Action
    image: str = ""
    spec: Spec = dataclasses.field(default_factory=dict)
    found: Spec | None = None
    places: list[str] = dataclasses.field(default_factory=list)
    before: Spec = dataclasses.field(default_factory=dict)
    after: Spec = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class NetworkStep:
    """One network of the stack. spec: as it is to be. found: as the engine shows it."""

    name: str
    action: Action
    spec: Spec = dataclasses.field(default_factory=dict)
    found: Spec | None = None
    differences: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class ContentStep:
    """One config or secret of the stack. identity: of one that exists."""

    kind: Kind
    name: str
    action: Action
    content: Content | None = None
    identity: str = ""


@dataclasses.dataclass
class Plan:
    """Everything that a run is to do.

    left: what the stack has and the definition does not, and what is not removed.
    """

    stack: str
    services: list[ServiceStep] = dataclasses.field(default_factory=list)
    networks: list[NetworkStep] = dataclasses.field(default_factory=list)
    contents: list[ContentStep] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    left: list[str] = dataclasses.field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Return whether there is anything to do."""
        steps: Iterable[Any] = (*self.services, *self.networks, *self.contents)
        return any(step.action != "none" for step in steps)
