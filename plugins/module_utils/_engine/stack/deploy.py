# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Deploy a stack: networks, configs and secrets first, services in declared order, a wait, and last what is removed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from ..api import EngineApi, Unreachable
from . import changes
from . import plan as planning
from . import survey as surveys
from .converge import Target, Verdict, Watch
from .failure import Failure, StackError, explain
from .logins import Logins
from .put_back import PutBack
from .steps import Action, ContentStep, NetworkStep, Plan, ServiceStep
from .survey import Survey


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a deployment is waited for, in seconds. attempts: tasks of one slot that may fail."""

    wait: bool = True
    timeout: float = 300
    settle: float = 5
    attempts: int = 3
    one_by_one: bool = False
    put_back: bool = True


class Deployment:
    """One run.

    done, pending: its steps as words, for an error in the middle. warnings: the engine's own.
    """

    def __init__(self, api: EngineApi, plan: Plan, survey: Survey, logins: Logins, settings: Settings) -> None:
        self._api = api
        self._plan = plan
        self._survey = survey
        self._logins = logins
        self._settings = settings
        self._undo = PutBack(api, survey, plan.stack, settings.timeout, settings.settle, settings.attempts)
        self._watch = Watch(api, plan.stack, survey.nodes, settings.settle, settings.attempts)
        self._networks = {name: network["Id"] for name, network in survey.networks.items()}
        self._contents: dict[tuple[str, str], str] = {
            (kind, name): item["ID"] for kind in planning.KINDS for name, item in getattr(survey, kind).items()
        }
        tasks = surveys.tasks(api, plan.stack)
        self._known = {
            name: frozenset(task["ID"] for task in tasks.get(service["ID"], []))
            for name, service in survey.services.items()
        }
        self._steps = self._in_order()
        self._taken = 0
        self.warnings: list[str] = []

    @property
    def done(self) -> list[str]:
        return [f"{action} {what}" for action, what, _step in self._steps[: self._taken]]

    @property
    def pending(self) -> list[str]:
        return [f"{action[:-1]} {what}" for action, what, _step in self._steps[self._taken :]]

    def _in_order(self) -> list[tuple[Action, str, Callable[[], None]]]:
        """Return the steps before the last wait, with their words."""
        plan = self._plan
        steps: list[tuple[Action, str, Callable[[], None]]] = []
        for network in plan.networks:
            if network.action in ("created", "replaced"):
                steps.append((network.action, f"the network {network.name}", partial(self._network, network)))
        for content in plan.contents:
            if content.action == "created":
                words = f"the {changes.singular(content.kind)} {content.name}"
                steps.append((content.action, words, partial(self._content, content)))
        for service in plan.services:
            if service.action in ("created", "updated"):
                steps.append((service.action, f"the service {service.name}", partial(self._service, service)))
        return steps

    def run(self) -> dict[str, Verdict]:
        """Deploy. Return how the services have ended. Raise StackError if something failed, with what became of all."""
        try:
            for _action, _what, step in self._steps:
                step()
            verdicts = self._wait(self._targets())
        except StackError:
            raise
        except DockyardError as error:
            raise self._failed(error, None) from error
        except Unreachable as error:
            raise self._interrupted(error) from error
        self._prune()
        return verdicts

    def _network(self, step: NetworkStep) -> None:
        if step.action == "replaced":
            changes.remove_network(self._api, step, self._settings.timeout)
            self._undo.network_again(step)
        identity = changes.create_network(self._api, step.name, step.spec)
        self._undo.remove_network(step.name, identity)
        self._networks[step.name] = identity
        self._taken += 1

    def _content(self, step: ContentStep) -> None:
        identity = changes.create_content(self._api, step)
        self._undo.remove_content(step, identity)
        self._contents[(step.kind, step.name)] = identity
        self._taken += 1

    def _service(self, step: ServiceStep) -> None:
        spec = planning.with_identifiers(step.spec, self._networks, self._contents)
        headers = self._logins.headers(step.image)
        if step.found is None:
            self._undo.service(step)
            self.warnings += changes.create_service(self._api, spec, headers)
        else:
            self.warnings += changes.update_service(self._api, step.found["ID"], step.found["Spec"], spec, headers)
            self._undo.service(step)
        self._taken += 1
        if self._settings.one_by_one:
            self._wait([target for target in self._targets() if target.name == step.name])

    def _targets(self) -> list[Target]:
        return [
            Target(
                step.name,
                step.action != "none",
                self._known.get(step.name, frozenset()),
                str(((step.found or {}).get("UpdateStatus") or {}).get("StartedAt") or ""),
            )
            for step in self._plan.services
            if step.action != "removed"
        ]

    def _wait(self, targets: list[Target]) -> dict[str, Verdict]:
        if not self._settings.wait:
            return self._watch.look(targets)
        verdicts = self._watch.wait(targets, self._settings.timeout)
        bad = [name for name, verdict in verdicts.items() if verdict.state in ("failed", "rolled back")]
        if bad:
            verdict = verdicts[bad[0]]
            failure = explain(self._api, self._watch.services.get(bad[0]), bad[0], verdict, self._survey.nodes)
            raise self._failed(failure.cause, failure)
        late = [f"{name}: {verdict.missing}" for name, verdict in verdicts.items() if verdict.missing]
        if late:
            raise self._timed_out(verdicts, late)
        return verdicts

    def _timed_out(self, verdicts: dict[str, Verdict], late: list[str]) -> StackError:
        """Return the error for services that are not ready yet.

        Those of which tasks have failed are put back as others that fail; those that are only slow are left to it.
        """
        seconds = counted(self._settings.timeout, "second")
        sentence = f"The stack {self._plan.stack} does not run as declared after {seconds}; {'; '.join(late)}"
        failed = [name for name, verdict in verdicts.items() if verdict.missing and verdict.task is not None]
        if failed:
            failure = explain(
                self._api, self._watch.services.get(failed[0]), failed[0], verdicts[failed[0]], self._survey.nodes
            )
            return self._failed(DockyardError("stack_timed_out", f"{sentence}; {failure.cause}"), failure)
        return StackError(
            DockyardError("stack_timed_out", sentence),
            f"{sentence}; nothing has failed so far, so it is left to go on: run again to wait for it, or with a higher"
            f" timeout.{self._story()}",
            bool(self.done),
            self._details(None),
        )

    def _failed(self, cause: DockyardError, failure: Failure | None) -> StackError:
        sentence = str(cause).rstrip(".")
        if not self._undo.pending and not self.done:
            return StackError(cause, f"{sentence}.", False, self._details(failure))
        if not self._settings.put_back:
            return StackError(cause, f"{sentence}.{self._story()}", True, self._details(failure))
        story = self._undo.run()
        details = {**self._details(failure), "put_back": self._undo.done}
        return StackError(cause, f"{sentence}; {story}.", True, details)

    def _interrupted(self, error: Unreachable) -> StackError:
        return StackError(
            error,
            f"The Docker Engine ceased to answer ({error}); see its log, and run again to complete it.{self._story()}",
            bool(self._undo.pending or self.done),
            self._details(None),
        )

    def _story(self) -> str:
        parts = [
            f"{words}: {', '.join(steps)}"
            for words, steps in (("Done", self.done), ("not done", self.pending))
            if steps
        ]
        return f" {'; '.join(parts)}." if parts else ""

    def _details(self, failure: Failure | None) -> dict[str, Any]:
        details: dict[str, Any] = {"done": self.done, "not_done": self.pending}
        if failure is not None:
            details["failure"] = failure.returned()
        return details

    def _prune(self) -> None:
        try:
            remove(self._api, self._plan, self._settings.timeout)
        except (DockyardError, Unreachable) as error:
            raise StackError(
                error,
                f"The stack {self._plan.stack} runs as declared, and then not all of the rest could be removed:"
                f" {str(error).rstrip('.')}; run again.",
                True,
                self._details(None),
            ) from error


def remove(api: EngineApi, plan: Plan, seconds: float) -> None:
    """Remove what the plan removes: services, then networks, then configs and secrets."""
    services = [step for step in plan.services if step.action == "removed"]
    for step in services:
        changes.remove_service(api, (step.found or {})["ID"], step.name)
    networks = [step for step in plan.networks if step.action == "removed"]
    if services:
        changes.wait_for_tasks(api, plan.stack, services, seconds)
    for network in networks:
        changes.remove_network(api, network, seconds)
    for content in plan.contents:
        if content.action == "removed":
            changes.remove_content(api, content, seconds)
