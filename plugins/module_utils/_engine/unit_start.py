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

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands

from .service import SERVICE, booted_by_systemd

_PROGRAMS = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost")
# Without a unit of these nothing starts; those of Wants= are only tried.
_NEEDED_UNITS = ("Requires", "BindsTo", "Requisite")
_ELSEWHERE = ("RootDirectory", "RootImage")
_PROPERTIES = ("EnvironmentFiles", "WorkingDirectory", *_ELSEWHERE, *_PROGRAMS, *_NEEDED_UNITS)
_UNUSABLE = {"masked": "is masked", "not-found": "is not there", "bad-setting": "has a mistake", "error": "is unusable"}
_IGNORED = "ignore_errors=yes"


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
    for other in _properties(needed, ("Id", "LoadState")) if needed else []:
        state = other.get("LoadState", [""])[0]
        if state in _UNUSABLE:
            yield f"it requires {other.get('Id', [''])[0]}, which {_UNUSABLE[state]}"


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
