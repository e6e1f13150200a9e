# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find what keeps systemd from starting docker.service again, though it runs: what the unit names and what is gone.

All of it is as systemd has read the unit, see systemd.exec(5) and systemd.unit(5).
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._host.systemd import booted_by_systemd

from .service import SERVICE, bus_property

_PROGRAMS = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost")
# Without a unit of these nothing starts; those of Wants= are only tried.
_NEEDED_UNITS = ("Requires", "BindsTo", "Requisite")
_ELSEWHERE = ("RootDirectory", "RootImage")
_PROPERTIES = ("EnvironmentFiles", "WorkingDirectory", *_ELSEWHERE, *_PROGRAMS, *_NEEDED_UNITS)
_UNUSABLE = {"masked": "is masked", "not-found": "is not there", "bad-setting": "has a mistake", "error": "is unusable"}
_IGNORED = "ignore_errors=yes"


def _has_entries(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


# See ConditionPathExists= and what follows it in systemd.unit(5).
_ABOUT_PATHS: dict[str, Callable[[str], bool]] = {
    "PathExists": os.path.exists,
    "PathExistsGlob": lambda pattern: bool(glob.glob(pattern)),
    "PathIsDirectory": os.path.isdir,
    "PathIsSymbolicLink": os.path.islink,
    "PathIsMountPoint": os.path.ismount,
    "DirectoryNotEmpty": _has_entries,
    "FileNotEmpty": lambda path: os.path.isfile(path) and os.path.getsize(path) > 0,
    "FileIsExecutable": lambda path: os.path.isfile(path) and os.access(path, os.X_OK),
}


def refuse() -> None:
    """Raise DockyardError if the unit would not start again."""
    lacks = list(_lacking()) if booted_by_systemd() else []
    if lacks:
        raise DockyardError(
            "engine_unit_cant_start",
            f"{SERVICE} could not be started again, whatever its configuration is: {'; '.join(lacks)}. Bring that back,"
            f" or correct the unit (systemctl edit {SERVICE}), and run again.",
        )


def _lacking() -> Iterator[str]:
    shown = _properties([SERVICE], _PROPERTIES)
    of_unit = shown[0] if shown else {}
    if not any(of_unit.get(name) for name in _ELSEWHERE):  # whose paths are not those of the host
        yield from _lost_files(of_unit)
    needed = list(
        dict.fromkeys(unit for name in _NEEDED_UNITS for value in of_unit.get(name, []) for unit in value.split())
    )
    for other in _properties(needed, ("Id", "LoadState", "ActiveState", "What")) if needed else []:
        unit, state, active, device = (other.get(name, [""])[0] for name in ("Id", "LoadState", "ActiveState", "What"))
        if state in _UNUSABLE:
            yield f"it requires {unit}, which {_UNUSABLE[state]}"
        elif (
            unit.endswith(".mount") and active != "active" and device.startswith("/dev/") and not os.path.exists(device)
        ):
            yield f"it requires {unit}, which is not mounted and whose device {device} is not there"
    for kind in ("Condition", "Assert"):
        yield from _unmet(kind, _conditions(f"{kind}s"))


def _conditions(name: str) -> list[tuple[str, bool, bool, str]]:
    """Return the conditions of the unit: type, whether one such is enough, whether it is negated, and its path."""
    return [(each[0], bool(each[1]), bool(each[2]), each[3]) for each in bus_property("Unit", name) or []]


def _unmet(kind: str, conditions: Sequence[tuple[str, bool, bool, str]]) -> Iterator[str]:
    """Yield the conditions that do not hold. Those that are about no path are not judged."""
    enough: list[bool | None] = []
    for name, one, negated, about in conditions:
        look = _ABOUT_PATHS.get(name.removeprefix(kind))
        holds = None if look is None else look(about) != negated
        if one:
            enough.append(holds)
        elif holds is False:
            yield f"its {name}={'!' if negated else ''}{about} does not hold"
    if enough and all(holds is False for holds in enough):
        yield f"none of its conditions {kind}...=| holds"


def _lost_files(of_unit: dict[str, list[str]]) -> Iterator[str]:
    for value in of_unit.get("EnvironmentFiles", []):
        path, _separator, remark = value.rpartition(" (")
        if _IGNORED not in remark and not glob.glob(path):
            yield f"it reads the environment file {path}, which is not there"
    for folder in of_unit.get("WorkingDirectory", []):
        # "!" is before one that may be missing; "~" is the home of its user.
        if folder.startswith("/") and not os.path.isdir(folder):
            yield f"it works in the folder {folder}, which is not there"
    for name in _PROGRAMS:
        for value in of_unit.get(name, []):
            found = re.search(r"path=(.*?) ; argv\[\]=", value)
            if found and _IGNORED not in value and shutil.which(found[1]) is None:
                yield f"its {name} is the program {found[1]}, which is not there or can't be run"


def _properties(units: Sequence[str], names: Sequence[str]) -> list[dict[str, list[str]]]:
    """Return properties of units, of each with all its values: some have one line for each."""
    # The name of the root's mount begins like an option: "-.mount".
    done = commands.run(["systemctl", "show", f"--property={','.join(names)}", "--", *units], timeout=20)
    found = []
    for block in done.stdout.split("\n\n"):
        values: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _equals, value = line.partition("=")
            if value:
                values.setdefault(name, []).append(value)
        if values:
            found.append(values)
    return found
