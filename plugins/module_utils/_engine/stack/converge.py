# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Wait until services run as declared, and know that from a rollback, a failure, and too little time."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping
from typing import Any, Literal

from ..api import EngineApi, Unreachable
from . import compare, survey

State = Literal["converged", "working", "stuck", "failed", "rolled back"]
Task = dict[str, Any]
Service = dict[str, Any]

_INTERVAL = 0.5
# A task that no node can take, or that is not made again, is a failure after so many seconds: both happen for a moment
# while an update stops old tasks.
_STUCK = 30
_BAD = ("failed", "rejected", "orphaned")
# A Swarm may be without a leader for some seconds when a manager goes.
_SILENT = 60


@dataclasses.dataclass(frozen=True)
class Target:
    """A service that is waited for.

    changed: by this run. known: identifiers of the tasks before it. update: when the update before it began; only a
    newer one is ours.
    """

    name: str
    changed: bool = True
    known: frozenset[str] = frozenset()
    update: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a service is at one moment.

    missing: what is not as it should be, as words. task: the newest one that failed. running: identifiers of the tasks
    that run as declared. failing: whether tasks as declared have failed, which the Swarm may be starting in a loop.
    """

    state: State
    missing: str = ""
    task: Task | None = None
    running: frozenset[str] = frozenset()
    desired: int = 0
    failing: bool = False


def judge(
    service: Service | None, tasks: list[Task], target: Target, attempts: int, nodes: Mapping[str, str]
) -> Verdict:
    """Return how a service is.

    tasks: the newest first. attempts: tasks of one slot that may fail.
    """
    if service is None:
        return Verdict("failed", "it is not there any more")
    template = service["Spec"]["TaskTemplate"]
    # A program that ends well is started again and again, if it is not one that was to run once.
    bad = _BAD if _runs_once(service["Spec"]) else (*_BAD, "complete")
    failed = [task for task in tasks if task["ID"] not in target.known and task["Status"]["State"] in bad]
    newest = failed[0] if failed else None
    update = service.get("UpdateStatus") or {}
    state = update.get("State") if target.changed and update.get("StartedAt") not in (None, target.update) else None
    if state == "rollback_completed":
        # Not one of those that the rollback has made.
        of_update = [task for task in failed if not compare.same_task(task["Spec"], template)]
        return Verdict("rolled back", "the Swarm has rolled it back", of_update[0] if of_update else newest)
    if state in ("paused", "rollback_paused"):
        return Verdict("failed", str(update.get("Message") or state), _named(update, tasks) or newest)
    running, desired, missing = _tasks(service, tasks, nodes)
    if state in ("updating", "rollback_started"):
        words = "its update is under way" if state == "updating" else "the Swarm is rolling it back"
        missing = f"{words}; {missing}" if missing else words
    verdict = Verdict("working", missing, newest, running, desired)
    if not missing:
        failing = any(task["Status"]["State"] in bad and compare.same_task(task["Spec"], template) for task in tasks)
        return dataclasses.replace(verdict, state="converged", failing=failing)
    if not _watched(service, state) and any(count >= attempts for count in _by_slot(failed).values()):
        return dataclasses.replace(verdict, state="failed")
    waiting = [task for task in tasks if task["DesiredState"] in ("running", "ready") and task["ID"] not in running]
    # An old task that still starts, or runs, says nothing about whether a node can take a new one.
    new = [task for task in waiting if compare.same_task(task["Spec"], template)]
    if failed and not waiting or new and all(map(_homeless, new)):
        return dataclasses.replace(verdict, state="stuck", task=newest or (new[0] if new else None))
    return verdict


def _runs_once(spec: Mapping[str, Any]) -> bool:
    """Return whether tasks of a service may end."""
    condition = (spec["TaskTemplate"].get("RestartPolicy") or {}).get("Condition")
    return condition in ("none", "on-failure") or not {"Replicated", "Global"} & spec["Mode"].keys()


def _watched(service: Service, state: str | None) -> bool:
    """Return whether the Swarm itself counts failures, and pauses the update or rolls it back."""
    action = (service["Spec"].get("UpdateConfig") or {}).get("FailureAction")
    return state == "rollback_started" or (state == "updating" and action != "continue")


def _tasks(service: Service, tasks: list[Task], nodes: Mapping[str, str]) -> tuple[frozenset[str], int, str]:
    """Return the tasks that run as declared, how many are to, and what is missing."""
    template, mode = service["Spec"]["TaskTemplate"], service["Spec"]["Mode"]
    current = [task for task in tasks if compare.same_task(task["Spec"], template)]
    done = [task for task in current if task["Status"]["State"] == "complete"]
    running = [task for task in current if task["DesiredState"] == "running" and task["Status"]["State"] == "running"]
    status = service.get("ServiceStatus") or {}
    if "ReplicatedJob" in mode:
        desired = int(mode["ReplicatedJob"].get("TotalCompletions") or 1)
        running = done
    elif "GlobalJob" in mode:
        desired = len({task.get("NodeID") for task in current})
        running = done
    elif "Replicated" in mode:
        desired = int(mode["Replicated"].get("Replicas") or 0)
        running += done if _runs_once(service["Spec"]) else []
    else:
        desired = int(status.get("DesiredTasks") or 0)
    count = len(running)
    if count >= desired and (desired or "Replicated" in mode):
        return frozenset(task["ID"] for task in running), desired, ""
    held = {task["ID"] for task in running}
    of_now = {task["ID"] for task in current}
    late = [
        f"{name(task, service, nodes)} is"
        f" {task['Status']['State'] if task['ID'] in of_now else 'as before'}{_reason(task)}"
        for task in tasks
        if task["DesiredState"] in ("running", "ready") and task["ID"] not in held
    ]
    words = f"{count} of {desired} tasks run" if desired else "it has no task on any node"
    return frozenset(held), desired, f"{words} ({', '.join(late[:3])})" if late else words


def name(task: Task, service: Service, nodes: Mapping[str, str]) -> str:
    """Return a task's name, and the node that it is on."""
    full = service["Spec"]["Name"]
    node = nodes.get(task.get("NodeID") or "", task.get("NodeID") or "")
    slot = f"{full}.{task['Slot']}" if task.get("Slot") else full
    return f"{slot} on {node}" if node else slot


def _reason(task: Task) -> str:
    return f": {task['Status']['Err']}" if task["Status"].get("Err") else ""


def _homeless(task: Task) -> bool:
    """Return whether no node can take a task."""
    return task["Status"]["State"] == "pending" and bool(task["Status"].get("Err"))


def _by_slot(tasks: list[Task]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for task in tasks:
        slot = task.get("Slot") or task.get("NodeID")
        counts[slot] = counts.get(slot, 0) + 1
    return counts


def _named(update: Mapping[str, Any], tasks: list[Task]) -> Task | None:
    """Return the task that the words of an update name."""
    found = re.search(r"task (\w{20,})", str(update.get("Message") or ""))
    return next((task for task in tasks if found and task["ID"] == found[1]), None)


class Watch:
    """Waits for the services of one stack.

    settle: seconds that the same tasks must have run. attempts: tasks of one slot that may fail.
    """

    def __init__(self, api: EngineApi, stack: str, nodes: Mapping[str, str], settle: float, attempts: int) -> None:
        self._api = api
        self._stack = stack
        self._nodes = nodes
        self._settle = settle
        self._attempts = attempts
        self.services: dict[str, Service] = {}

    def look(self, targets: list[Target]) -> dict[str, Verdict]:
        """Return how services are now."""
        listed = self._api.get("/services", filters=survey.of_label(self._stack), status="true")
        self.services = {service["Spec"]["Name"]: service for service in listed}
        tasks = survey.tasks(self._api, self._stack)
        return {
            target.name: judge(
                self.services.get(target.name),
                tasks.get(self.services[target.name]["ID"], []) if target.name in self.services else [],
                target,
                self._attempts,
                self._nodes,
            )
            for target in targets
        }

    def wait(self, targets: list[Target], seconds: float) -> dict[str, Verdict]:
        """Return how services have ended: all converged, or one not, or as they are when time is over."""
        begin = time.monotonic()
        silent: float | None = None
        since: dict[str, tuple[object, float]] = {}
        while True:
            now = time.monotonic()
            try:
                found = self.look(targets)
            except Unreachable:
                silent = now if silent is None else silent
                if now - silent > _SILENT:
                    raise
                time.sleep(_INTERVAL)
                continue
            silent = None
            held = []
            for target in targets:
                verdict = found[target.name]
                if verdict.state in ("failed", "rolled back"):
                    return found
                # How long it has been so, with the same tasks.
                what = (verdict.state, verdict.running if verdict.state == "converged" else None)
                if since.get(target.name, (None, 0))[0] != what:
                    since[target.name] = (what, now)
                long = now - since[target.name][1]
                # With a short time limit, what was stuck for a moment at its end is none that only needs more time.
                enough = min(_STUCK, self._settle) if now - begin >= seconds else _STUCK
                if verdict.state == "stuck" and long >= enough:
                    return {**found, target.name: dataclasses.replace(verdict, state="failed")}
                # A service that was not touched, runs and has not failed has nothing to prove.
                proven = long >= self._settle or not (target.changed or verdict.failing)
                held.append(verdict.state == "converged" and proven)
            if all(held):
                return found
            if now - begin >= seconds:
                return found
            time.sleep(_INTERVAL)
