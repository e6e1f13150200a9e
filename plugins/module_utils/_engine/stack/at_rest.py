# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Stop services of a stack for a while, without a change of the stack: their tasks go, and come back."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from ..api import EngineApi
from . import changes, survey

# How many replicas a service had, for as long as it has none. A run that was killed leaves it to the next one.
NOTE = "dockyard.ops.replicas"
_INTERVAL = 0.5


class AtRest:
    """In its context, services have no tasks. names: in the Swarm. seconds: that each wait may take."""

    def __init__(self, api: EngineApi, stack: str, names: Sequence[str], seconds: float) -> None:
        self._api = api
        self._stack = stack
        self._names = names
        self._seconds = seconds

    def __enter__(self) -> AtRest:
        try:
            for name in self._names:
                self._scale(name, rest=True)
            self._wait({name: 0 for name in self._names})
        except DockyardError as error:
            error.changed = True
            self._return()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._return()

    def _return(self) -> None:
        wanted = {name: self._scale(name, rest=False) for name in self._names}
        self._wait(wanted)

    def _scale(self, name: str, rest: bool) -> int:
        """Take all tasks of a service away, or bring them back. Return how many it then has."""
        found = self._services().get(name)
        if found is None or "Replicated" not in found["Spec"]["Mode"]:
            raise DockyardError(
                "stack_not_there", f"The Swarm has no service {name} with replicas; deploy the stack, and run again."
            )
        spec: dict[str, Any] = copy.deepcopy(found["Spec"])
        labels = spec.setdefault("Labels", {})
        mode = spec["Mode"]["Replicated"]
        before = int(labels.get(NOTE) or mode.get("Replicas") or 0)
        mode["Replicas"] = 0 if rest else before
        labels.pop(NOTE, None)
        if rest:
            labels[NOTE] = str(before)
        if spec != found["Spec"]:
            changes.update_service(self._api, found["ID"], found["Spec"], spec, {})
        return int(mode["Replicas"])

    def _services(self) -> dict[str, dict[str, Any]]:
        listed = self._api.get("/services", filters=survey.of_label(self._stack), status="true")
        return {service["Spec"]["Name"]: service for service in listed}

    def _wait(self, wanted: dict[str, int]) -> None:
        deadline = time.monotonic() + self._seconds
        while True:
            services = self._services()
            tasks = survey.tasks(self._api, self._stack)
            counts = {
                name: sum(task["Status"]["State"] == "running" for task in tasks.get(services[name]["ID"], []))
                for name in wanted
                if name in services
            }
            if counts == wanted:
                return
            if time.monotonic() > deadline:
                late = ", ".join(f"{name} has {counts.get(name, 0)} of {number}" for name, number in wanted.items())
                raise DockyardError(
                    "stack_not_at_rest",
                    f"After {counted(self._seconds, 'second')} the tasks of the stack {self._stack} are not as wanted:"
                    f" {late}; see docker service ps, and run the deployment again.",
                    changed=True,
                )
            time.sleep(_INTERVAL)
