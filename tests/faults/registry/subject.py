# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of the role registry, on Docker Distribution 2.8 and on 3."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable

import table

from registry import operations
from registry.clients import ALL
from registry.host import Host
from registry.operations import Operation

SUITES = DEFAULT = ("2.8", "3")
Outcome = tuple[str, list[str]]
# An error that is only this says nothing to a person.
_NO_SENTENCE = ("no answer", "Traceback", "MODULE FAILURE")


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each fault. A host is started for them, and taken down afterwards."""
    faults = [fault for fault in _faults(suite, small) if wanted(fault[0])]
    if not faults:
        return
    host = Host(suite)
    with contextlib.ExitStack() as stack:
        stack.callback(host.down)
        host.up(small)
        stack.callback(ALL.down)
        result.inject(suite, "no fault, all clients", lambda: ("as it must be", host.locked_out()))
        for name, fault in faults:
            if not result.inject(suite, name, functools.partial(fault, host)):
                host.reset()


def _faults(generation: str, small: bool) -> list[tuple[str, Callable[[Host], Outcome]]]:
    found: list[tuple[str, Callable[[Host], Outcome]]] = []
    for operation in operations.of(generation):
        moments = operation.moments[:1] if small else operation.moments
        for moment in moments:
            for fault in (killed, lost_connection, engine_restarted):
                name = f"{operation.name}, {fault.__name__.replace('_', ' ')} at {moment.rpartition('/')[2]}"
                found.append((name, functools.partial(_fault, operation=operation, inject=fault, moment=moment)))
        found.append(
            (
                f"{operation.name}, disk full",
                functools.partial(_fault, operation=operation, inject=disk_full, moment=""),
            )
        )
    return found


def killed(host: Host, operation: Operation, moment: str) -> dict[str, Any]:
    """Kill the controller and what it runs on the host."""
    with host.looking(moment) as looking:
        running = operation.start(host)
        host.wait_for_moment(looking)
        running.kill()
    return {"failed": True, "msg": "killed"}


def lost_connection(host: Host, operation: Operation, moment: str) -> dict[str, Any]:
    """Take the controller away; what runs on the host goes on."""
    with host.looking(moment) as looking:
        running = operation.start(host)
        host.wait_for_moment(looking)
        running.lose()
    host.wait_for("! pgrep -f '[A]nsiballZ|[a]sync_wrapper'", 180)
    return {"failed": True, "msg": "the connection was lost"}


def engine_restarted(host: Host, operation: Operation, moment: str) -> dict[str, Any]:
    with host.looking(moment) as looking:
        running = operation.start(host)
        host.wait_for_moment(looking)
        host.must("systemctl restart docker")
    return running.answer()


def disk_full(host: Host, operation: Operation, moment: str) -> dict[str, Any]:
    """Fill the file system of the registry before the run, and free it afterwards."""
    host.run("cat /dev/zero > /srv/fill")
    try:
        answer = operation.start(host).answer()
        # What can be had of a registry on a full disk: everything but an upload.
        lost = [line for registry in operation.before_and_after(host)[:1] for line in host.lost(registry)]
        answer["lost"] = [line for line in lost if not line.startswith("no uploads")]
    finally:
        host.must("rm /srv/fill")
    return answer


def _fault(
    host: Host, operation: Operation, inject: Callable[[Host, Operation, str], dict[str, Any]], moment: str
) -> Outcome:
    operation.arrange(host)
    answer = inject(host, operation, moment)
    broken = [f"while the disk was full: {line}" for line in answer.get("lost", [])[:3]]
    if any(text in answer["msg"] for text in _NO_SENTENCE) or not answer["msg"]:
        broken.append(f"it ended without a sentence: {answer['msg']}")
    registries = operation.before_and_after(host)
    broken += [f"not up by itself: {line}" for line in (host.back_by_itself(registries) if registries else [])]
    again = operation.start(host).answer()
    if again["failed"]:
        broken.append(f"the next run failed: {again['msg']}")
    else:
        operation.done(host)
        broken += [f"after the next run: {line}" for line in operation.proof(host)]
        operation.tidy(host)
    return " ".join(answer["msg"].split())[:160], broken
