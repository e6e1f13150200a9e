# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run is killed at every step, forward and back, and run again."""

from __future__ import annotations

import functools
import time
from typing import Any, Callable

from harbor.host import BEYOND, SOURCE, TARGET, Host

Fault = Callable[[Host], "tuple[str, list[str]]"]

FORWARD = (
    *("check", f"fetch {TARGET}", f"unpack {TARGET}", f"load {TARGET}", "configuration", "copy", "count"),
    *("stop", "copy_again", f"swap {TARGET}", f"install {TARGET}", f"wait {TARGET}", "verify", "tidy"),
)
SECOND_HOP = (f"swap {BEYOND}", f"install {BEYOND}", f"wait {BEYOND}")
BACK = ("back stop", "back folder", "back data", "back start", "back verify", "back tidy")
# Steps that last long enough to be killed in their midst, and after how many seconds that is.
MIDST = {f"load {TARGET}": 1.0, "copy": 0.2, "stop": 2.0, f"install {TARGET}": 4.0, f"wait {TARGET}": 1.0}
SMALL = ("copy", f"install {TARGET}", "back data")


def _forward(
    host: Host, step: str, delay: float, archives: list[dict[str, Any]], version: str
) -> tuple[str, list[str]]:
    at = host.killed_at(step, *archives, delay=delay)
    if at is None:
        return "not killed", ["the run was never at this step"]
    answer = host.upgrade(*archives)
    broken = []
    if answer.get("failed"):
        broken.append(f"the next run failed: {answer.get('msg')}")
    said = " ".join(answer.get("resumed", []))
    if f"interrupted at: {at}" not in said or "goes on" not in said:
        broken.append(f"the next run does not say that it goes on from {at}: {answer.get('msg')}")
    broken += host.lost(version)
    return f"killed at {at}, then {answer.get('outcome')}", broken


def _back(host: Host, step: str) -> tuple[str, list[str]]:
    archive = host.archive(TARGET, "migration-fails")
    at = host.killed_at(step, archive)
    if at is None:
        return "not killed", ["the run was never at this step"]
    answer = host.upgrade(archive)
    broken = []
    if answer.get("outcome") != "rolled_back":
        broken.append(f"the next run did not end with the rollback: {answer.get('msg')}")
    if "the rollback goes on" not in " ".join(answer.get("resumed", [])):
        broken.append(f"the next run does not say that the rollback goes on: {answer.get('msg')}")
    broken += host.lost(SOURCE)
    return f"killed at {at}, then {answer.get('outcome')}", broken


def not_killed(host: Host) -> tuple[str, list[str]]:
    """Upgrade with no kill: the steps are those of the tables above, none is left out; a second run changes nothing."""
    answer = host.upgrade()
    broken = host.lost(TARGET)
    if answer.get("failed") or not answer.get("changed"):
        broken.append(f"it failed: {answer.get('msg')}")
    if tuple(answer.get("steps", ())) != FORWARD:
        broken.append(f"there are other steps: {answer.get('steps')}")
    begin = time.monotonic()
    again = host.upgrade()
    seconds = time.monotonic() - begin
    if again.get("changed") or again.get("failed"):
        broken.append(f"the second run changed something: {again.get('msg')}")
    return f"{answer.get('msg')} The second run: {again.get('msg')} ({seconds:.1f} s)", broken


def of(small: bool) -> list[tuple[str, Fault]]:
    faults: list[tuple[str, Fault]] = [("not killed, then run again", not_killed)]
    for step in FORWARD:
        for delay in sorted({0.0, MIDST.get(step, 0.0)}):
            if small and (step not in SMALL or delay):
                continue
            when = f"killed at: {step}" + (f", {delay:g} s later" if delay else "")
            faults.append((when, functools.partial(_one_hop, step=step, delay=delay)))
    for step in () if small else SECOND_HOP:
        faults.append((f"killed at: {step}, of two hops", functools.partial(_two_hops, step=step)))
    for step in BACK:
        if not small or step in SMALL:
            faults.append((f"killed at: {step}", functools.partial(_back, step=step)))
    return faults


def _one_hop(host: Host, step: str, delay: float) -> tuple[str, list[str]]:
    return _forward(host, step, delay, [host.archive(TARGET)], TARGET)


def _two_hops(host: Host, step: str) -> tuple[str, list[str]]:
    return _forward(host, step, 0.0, [host.archive(TARGET), host.archive(BEYOND)], BEYOND)
