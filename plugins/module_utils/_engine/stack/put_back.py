# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Put a stack back to what it was before a run that failed, and prove that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..api import EngineApi, Unreachable
from . import changes, compare
from . import survey as surveys
from .converge import Target, Watch
from .steps import ContentStep, NetworkStep, ServiceStep
from .survey import Survey

_KEPT_OF_NETWORK = ("Name", "Driver", "Internal", "Attachable", "Ingress", "EnableIPv6", "IPAM", "Options", "Labels")


class PutBack:
    """What takes a run back, from its last step to its first. done: as words, of what was taken back."""

    def __init__(
        self, api: EngineApi, survey: Survey, stack: str, timeout: float, settle: float, attempts: int
    ) -> None:
        self._api = api
        self._survey = survey
        self._timeout = timeout
        self._watch = Watch(api, stack, survey.nodes, settle, attempts)
        self._stack = stack
        self._actions: list[tuple[str, Callable[[], None]]] = []
        self._restored: list[Target] = []
        self.done: list[str] = []

    @property
    def pending(self) -> bool:
        """Return whether there is anything to take back."""
        return bool(self._actions)

    def remove_network(self, name: str, identity: str) -> None:
        step = NetworkStep(name, "removed", found={"Id": identity})
        self._actions.append(
            (f"removed the network {name}", partial(changes.remove_network, self._api, step, self._timeout))
        )

    def network_again(self, step: NetworkStep) -> None:
        found = step.found or {}
        spec = {key: found[key] for key in _KEPT_OF_NETWORK if key in found}
        self._actions.append((f"created the network {step.name} again", partial(self._create_network, step.name, spec)))

    def _create_network(self, name: str, spec: dict[str, Any]) -> None:
        changes.create_network(self._api, name, spec)

    def remove_content(self, step: ContentStep, identity: str) -> None:
        gone = ContentStep(step.kind, step.name, "removed", identity=identity)
        self._actions.append(
            (
                f"removed the {changes.singular(step.kind)} {step.name}",
                partial(changes.remove_content, self._api, gone, self._timeout),
            )
        )

    def service(self, step: ServiceStep) -> None:
        if step.found is None:
            self._actions.append((f"removed the service {step.name}", partial(self._remove_service, step.name)))
        else:
            self._actions.append((f"restored the service {step.name}", partial(self._restore, step)))

    def _remove_service(self, name: str) -> None:
        found = [service for service in self._listed() if service["Spec"]["Name"] == name]
        for service in found:
            changes.remove_service(self._api, service["ID"], name)
            changes.wait_for_tasks(self._api, self._stack, [ServiceStep(name, "removed", found=service)], self._timeout)

    def _listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.get("/services", filters=surveys.of_label(self._stack), status="true")
        return found

    def _restore(self, step: ServiceStep) -> None:
        found = step.found or {}
        now = next((service for service in self._listed() if service["ID"] == found["ID"]), None)
        if now is None:
            raise DockyardError("stack_changed_meanwhile", f"the service {step.name} is not there any more")
        known = frozenset(task["ID"] for task in surveys.tasks(self._api, self._stack).get(now["ID"], []))
        names = self._survey.network_names
        update = str((now.get("UpdateStatus") or {}).get("StartedAt") or "")
        # A Swarm that has rolled it back has done so already.
        if compare.comparable(now["Spec"], names) != step.before:
            changes.update_service(self._api, now["ID"], None, found["Spec"], {})
        status = found.get("ServiceStatus") or {}
        # One that did not run before has nothing that could be proven.
        if int(status.get("RunningTasks") or 0) >= int(status.get("DesiredTasks") or 0):
            self._restored.append(Target(step.name, True, known, update))

    def run(self) -> str:
        """Take everything back. Return how that has ended, as the end of a sentence."""
        complaints = []
        for words, action in reversed(self._actions):
            try:
                action()
                self.done.append(words)
            except (DockyardError, Unreachable) as error:
                complaints.append(str(error).rstrip("."))
        try:
            verdicts = self._watch.wait(self._restored, self._timeout) if self._restored else {}
        except Unreachable as error:
            complaints.append(f"the Docker Engine does not answer ({error})")
        else:
            complaints += [
                f"{name} does not run as before ({verdict.missing or verdict.state})"
                for name, verdict in verdicts.items()
                if verdict.state != "converged"
            ]
        if complaints:
            return f"and not everything could be put back ({'; '.join(complaints)})"
        return "everything is as before"
