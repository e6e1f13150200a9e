# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service is, by its tasks and the Swarm's own update; and why one failed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import converge, failure
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.converge import Target, judge

TEMPLATE = {"ContainerSpec": {"Image": "x"}}
NODES = {"n1": "one"}


def service(update: dict[str, Any] | None = None, replicas: int = 1, **spec: Any) -> dict[str, Any]:
    found = {
        "ID": "s",
        "Spec": {"Name": "a_web", "TaskTemplate": TEMPLATE, "Mode": {"Replicated": {"Replicas": replicas}}, **spec},
    }
    return {**found, "UpdateStatus": update} if update else found


def task(identity: str, state: str = "running", desired: str = "running", **more: Any) -> dict[str, Any]:
    status = {"State": state, **({"Err": more.pop("error")} if "error" in more else {})}
    return {
        "ID": identity,
        "Slot": 1,
        "NodeID": "n1",
        "DesiredState": desired,
        "Status": status,
        "Spec": copy.deepcopy(TEMPLATE),
        **more,
    }


def state(found: Any, tasks: list[Any], target: Target | None = None) -> str:
    return judge(found, tasks, target or Target("a_web"), 3, NODES).state


def test_all_run() -> None:
    verdict = judge(service(replicas=2), [task("a"), task("b", Slot=2)], Target("a_web"), 3, NODES)
    assert (verdict.state, verdict.missing, verdict.desired) == ("converged", "", 2)
    assert state(service(replicas=0), []) == "converged"


@pytest.mark.parametrize(("image", "failing"), [("", True), ("y", False)])
def test_a_service_whose_tasks_fail_has_to_run_for_a_while(image: str, failing: bool) -> None:
    """A task that ends at once is seen to run as well, also that of a service which was not touched."""
    ended = task("z", "failed", "shutdown")
    ended["Spec"]["ContainerSpec"]["Image"] = image or ended["Spec"]["ContainerSpec"]["Image"]
    verdict = judge(service(), [task("a"), ended], Target("a_web", changed=False, known=frozenset("z")), 3, NODES)
    assert (verdict.state, verdict.failing) == ("converged", failing)


def test_some_are_missing() -> None:
    verdict = judge(service(replicas=2), [task("a"), task("b", "preparing", Slot=2)], Target("a_web"), 3, NODES)
    assert (verdict.state, verdict.missing) == ("working", "1 of 2 tasks run (a_web.2 on one is preparing)")


def test_tasks_from_before_an_update_do_not_count() -> None:
    old = task("a")
    old["Spec"]["ContainerSpec"]["Image"] = "y"
    verdict = judge(service(), [old], Target("a_web"), 3, NODES)
    assert (verdict.state, verdict.missing) == ("working", "0 of 1 tasks run (a_web.1 on one is as before)")


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("updating", "working"),
        ("completed", "converged"),
        ("rollback_started", "working"),
        ("rollback_completed", "rolled back"),
        ("paused", "failed"),
        ("rollback_paused", "failed"),
    ],
)
def test_only_an_update_that_is_newer_than_our_change_counts(update: str, expected: str) -> None:
    status = {"State": update, "StartedAt": "2", "Message": "update x"}
    assert state(service(status), [task("a")], Target("a_web", update="1")) == expected
    assert state(service(status), [task("a")], Target("a_web", update="2")) == "converged"
    assert state(service(status), [task("a")], Target("a_web", changed=False)) == "converged"


def test_the_task_that_the_swarm_names_is_the_one_that_failed() -> None:
    identity = "abcdefghijklmnopqrstuvwxy"
    status = {
        "State": "paused",
        "StartedAt": "2",
        "Message": f"update paused due to failure or early termination of task {identity}",
    }
    tasks = [task("newer", "failed", "shutdown"), task(identity, "failed", "shutdown")]
    verdict = judge(service(status), tasks, Target("a_web"), 3, NODES)
    assert verdict.task is tasks[1]


def test_a_task_that_the_rollback_has_made_is_not_why_there_was_one() -> None:
    of_rollback, of_update = task("b", "failed", "shutdown"), task("a", "failed", "shutdown")
    of_update["Spec"]["ContainerSpec"]["Image"] = "y"
    status = {"State": "rollback_completed", "StartedAt": "2"}
    tasks = [task("c"), of_rollback, of_update]
    assert judge(service(status), tasks, Target("a_web"), 3, NODES).task is of_update
    assert judge(service(status), tasks[:2], Target("a_web"), 3, NODES).task is of_rollback


def test_failures_are_counted_by_slot_and_only_the_new_ones() -> None:
    bad = [task(name, "failed", "shutdown") for name in "abc"]
    waiting = task("d", "ready", "ready")
    assert state(service(), [waiting, *bad]) == "failed"
    assert state(service(), [waiting, *bad[:2]]) == "working"
    assert state(service(), [waiting, *bad], Target("a_web", known=frozenset("a"))) == "working"
    bad[0]["Slot"] = 2
    assert state(service(replicas=2), [waiting, *bad]) == "working"


def test_failures_in_an_update_are_counted_by_the_swarm_unless_it_goes_on() -> None:
    bad = [task("d", "ready", "ready"), *(task(name, "failed", "shutdown") for name in "abc")]
    updating = {"State": "updating", "StartedAt": "2"}
    assert state(service(updating), bad) == "working"
    assert state(service(updating, UpdateConfig={"FailureAction": "continue"}), bad) == "failed"


def test_a_task_that_is_not_made_again_and_one_that_no_node_takes() -> None:
    assert state(service(), [task("a", "failed", "shutdown")]) == "stuck"
    assert state(service(), [task("a", "pending", error="no suitable node")]) == "stuck"
    assert state(service(), [task("a", "pending")]) == "working"
    two = [task("a", "pending", error="no suitable node"), task("b", "preparing", Slot=2)]
    assert state(service(replicas=2), two) == "working"
    # One from before, as of an update whose health check never passed, does not hide it.
    two[1]["Spec"]["ContainerSpec"]["Image"] = "y"
    assert state(service(replicas=2), two) == "stuck"


def test_what_was_to_run_once_has_run() -> None:
    once: dict[str, Any] = {"TaskTemplate": {**TEMPLATE, "RestartPolicy": {"Condition": "none"}}}
    assert state(service(**once), [task("a", "complete", "shutdown")]) == "converged"
    assert state(service(), [task("a", "complete", "shutdown"), task("b", "ready", "ready")]) == "working"
    ended = [task("d", "ready", "ready"), *(task(name, "complete", "shutdown") for name in "abc")]
    assert state(service(), ended) == "failed"
    job: dict[str, Any] = {"Mode": {"ReplicatedJob": {"TotalCompletions": 2}}}
    done = [task("a", "complete", "complete"), task("b", "complete", "complete")]
    assert state(service(**job), done) == "converged"
    assert state(service(**job), done[:1]) == "working"
    assert state(service(Mode={"GlobalJob": {}}), done[:1]) == "converged"


def test_a_global_service() -> None:
    found = {**service(Mode={"Global": {}}), "ServiceStatus": {"DesiredTasks": 1}}
    tasks = [task("a", Slot=None)]
    assert state(found, tasks) == "converged"
    verdict = judge({**found, "ServiceStatus": {"DesiredTasks": 0}}, [], Target("a_web"), 3, NODES)
    assert (verdict.state, verdict.missing) == ("working", "it has no task on any node")


def test_a_service_that_is_gone() -> None:
    assert state(None, []) == "failed"


def test_log_lines() -> None:
    pieces = b"\x01\0\0\0\0\0\0\x06hello\n\x02\0\0\0\0\0\0\x05\x1b[1m\n"
    assert failure.lines(pieces) == ["hello", "[1m"]
    assert failure.lines(b"from a terminal\r\n\r\nsecond") == ["from a terminal", "second"]
    assert failure.lines(b"") == []
    assert len(failure.lines(b"x\n" * 50)) == 10


def test_a_program_that_ends_well_and_was_to_run_on() -> None:
    verdict = converge.Verdict("failed", "", task("a", "complete", "shutdown"))
    found = failure.explain(EngineApi("/none"), service(), "a_web", verdict, NODES)
    assert str(found.cause) == "a_web does not run: its task a_web.1 on one ended by itself with 0"


def test_a_failure_without_a_task() -> None:
    verdict = converge.Verdict("failed", "it is not there any more")
    found = failure.explain(EngineApi("/none"), None, "a_web", verdict, NODES)
    assert (str(found.cause), found.cause.code) == (
        "a_web does not run: it is not there any more",
        "stack_service_failed",
    )


def test_the_log_of_a_node_that_does_not_answer_is_left_out() -> None:
    bad = task("a", "failed", "shutdown", error="task: non-zero exit (1)")
    bad["Status"]["ContainerStatus"] = {"ContainerID": "c"}
    found = failure.explain(EngineApi("/none"), service(), "a_web", converge.Verdict("failed", "", bad), NODES)
    assert str(found.cause) == 'a_web does not run: its task a_web.1 on one failed with "task: non-zero exit (1)"'
