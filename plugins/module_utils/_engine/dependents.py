# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find the units of systemd that stop with docker.service, and bring those back that ran.

A restart of docker.service restarts them as well; after a start that failed systemd leaves them stopped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._host.systemd import booted_by_systemd

from .service import SERVICE, SOCKET

_STOP_WITH_IT = "RequiredBy,RequisiteOf,BoundBy,ConsistsOf"


def running_dependents() -> list[str]:
    """Return the units that stop when docker.service stops, and that are active or on their way now."""
    if not booted_by_systemd():
        return []
    shown = commands.run(["systemctl", "show", SERVICE, f"--property={_STOP_WITH_IT}"], timeout=20).stdout
    units = {unit for line in shown.splitlines() for unit in line.partition("=")[2].split()}
    return sorted(unit for unit in units - {SOCKET} if _state(unit) in ("active", "activating", "reloading"))


def units_on_their_way() -> bool:
    """Return whether systemd has jobs to do, or units that are starting: what is not there yet may still come."""
    if not booted_by_systemd():
        return False
    jobs = commands.run(["systemctl", "list-jobs", "--no-legend", "--no-pager"], timeout=20).stdout
    units = ["systemctl", "list-units", "--state=activating", "--no-legend", "--no-pager", "--plain"]
    return bool(jobs.replace("No jobs running.", "").strip() or commands.run(units, timeout=20).stdout.strip())


def bring_dependents_back(units: Sequence[str], timeout: float) -> list[str]:
    """Start those that do not run, and wait for all. Return a complaint for each that does not run in time."""
    deadline = time.monotonic() + timeout
    for unit in units:
        if _state(unit) in ("inactive", "failed"):
            commands.run(["systemctl", "start", "--no-block", unit], timeout=20)
    while True:
        down = [unit for unit in units if _state(unit) != "active"]
        if not down or time.monotonic() >= deadline:
            return [f"the unit {unit}, which depends on the engine, does not run" for unit in down]
        time.sleep(0.25)


def _state(unit: str) -> str:
    return commands.run(["systemctl", "is-active", unit], timeout=20).stdout.strip()
