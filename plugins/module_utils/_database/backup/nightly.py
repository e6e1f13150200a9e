# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the timer of a host runs: a backup of one instance, its rehearsal, and the hook that takes it elsewhere.

It is the program of the archive that timer.py makes, and is given the file with its settings.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from typing import Any, TextIO

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, run

from ..docker import Docker
from ..instance_lock import lock_of
from . import encryption, facts, restore
from .run import Request, back_up
from .store import Backup, Store

_LOCK_SECONDS = 3600.0
_HOOK_SECONDS = 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is done at each time. rehearse: whether the backup is tried. hook: a program of the host; "" for none."""

    request: Request
    rehearse: bool = False
    hook: str = ""

    def encoded(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def decoded(cls, content: str) -> Settings:
        data: dict[str, Any] = json.loads(content)
        return cls(**{**data, "request": Request(**data["request"])})


def _say(what: object, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(f"{what}\n")


def main(arguments: list[str]) -> int:
    """Back up as the file says whose path is given. Return the exit status; the reason of a failure is printed."""
    if len(arguments) != 1:
        _say("Give the file with the settings of one instance's backup.", sys.stderr)
        return 2
    content = atomic_file.read(arguments[0])
    if content is None:
        _say(f"{arguments[0]} does not exist.", sys.stderr)
        return 2
    return _run(Settings.decoded(content.decode()))


def _run(settings: Settings) -> int:
    request = settings.request
    docker = Docker()
    try:
        lock = lock_of(docker, request.container)
        with lock.locked(_LOCK_SECONDS) if lock else contextlib.nullcontext():
            outcome = back_up(docker, request, False)
            _say(outcome.message)
            if outcome.backup and settings.rehearse and not _rehearsed(docker, request, outcome.backup):
                return 1
    except (DockyardError, OSError) as error:
        facts.note(request.container, Store(request.folder, request.container), str(error))
        _say(error, sys.stderr)
        return 1
    return 0 if outcome.backup and _taken_elsewhere(settings, outcome.backup) else 1


def _rehearsed(docker: Docker, request: Request, backup: Backup) -> bool:
    try:
        secret = encryption.secret_of(request.key_file) if request.key_file else ""
        _say(restore.rehearse(docker, request.container, backup, secret).message)
        failure = ""
    except DockyardError as error:
        failure = error.message
        _say(failure, sys.stderr)
    facts.note_further(request.container, "rehearsal", failure)
    return not failure


def _taken_elsewhere(settings: Settings, backup: Backup) -> bool:
    if not settings.hook:
        return True
    name = settings.request.container
    try:
        done = run(["env", *_environment(settings, backup), settings.hook], _HOOK_SECONDS)
        failure = "" if done.returncode == 0 else f"{settings.hook} failed ({last_line(done)})."
    except DockyardError as error:
        failure = error.message
    _say(failure or f"{settings.hook} has {backup.path}.", sys.stderr if failure else sys.stdout)
    facts.note_further(name, "elsewhere", failure)
    return not failure


def _environment(settings: Settings, backup: Backup) -> list[str]:
    """Return what the hook gets to know."""
    found = {"CONTAINER": settings.request.container, "DIRECTORY": settings.request.folder, "PATH": backup.path}
    return [f"DOCKYARD_BACKUP_{key}={value}" for key, value in found.items()] + [
        f"HOME={os.environ.get('HOME', '/root')}"
    ]
