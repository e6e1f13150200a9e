# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Room on the disks between the plan and the proof: asked again, and some of it kept for the rollback.

Others write on the same disks. What was free in the plan may be gone at the stop, and what is free at the stop when the
new PostgreSQL makes a second database of the first. A rollback on a full disk needs room to begin with.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk

from .. import releases
from ..data_volume import database_bytes, database_major
from ..version import Version
from .context import UpgradeContext
from .job import Hop

# What is kept free in the plan: a file system that is full to the last byte stops the database.
RESERVE = 200 * 1024 * 1024
# Of that, what must still be there later: others may have taken a part of it.
_LEAST = RESERVE // 2
_FILE = ".dockyard-reserve"
_FILE_BYTES = 64 * 1024 * 1024


def require_before_stop(context: UpgradeContext) -> None:
    """Raise DockyardError if Harbor must not be stopped, since there is too little room for what comes then."""
    job = context.job
    largest = max((_upgrade_bytes(context, hop, before) for hop, before in _hops(context)), default=0)
    _require(os.path.join(job.data_volume, "database"), largest + _LEAST)
    for path in (job.backup, os.path.dirname(job.path), context.store.path):
        _require(path, _LEAST)


def require_before_install(context: UpgradeContext, hop: Hop) -> None:
    """Raise DockyardError if the new PostgreSQL would not find the room that its upgrade of the database takes.

    It would fail, and leave what it has written on a full disk.
    """
    volume = context.job.data_volume
    major = database_major(volume) if context.job.database_major is not None else None
    needed = _upgrade_bytes(context, hop, major)
    if needed:
        _require(os.path.join(volume, "database"), needed + _LEAST)


def _hops(context: UpgradeContext) -> list[tuple[Hop, str | None]]:
    """Return each hop with the major of the database before it; None if the database is none of Harbor's own."""
    major, found = context.job.database_major, []
    for hop in context.job.hops:
        found.append((hop, major))
        databases = releases.databases(Version.parse(hop.version))
        if major is not None and databases is not None:
            major = databases.leaves
    return found


def _upgrade_bytes(context: UpgradeContext, hop: Hop, major: str | None) -> int:
    databases = releases.databases(Version.parse(hop.version))
    if major is None or databases is None or databases.leaves == major:
        return 0
    return database_bytes(context.job.data_volume)


def _require(path: str, needed: int) -> None:
    free = disk.free_bytes(path)
    if free < needed:
        raise DockyardError(
            "harbor_no_room",
            f"There is too little room on the file system of {path} now: {needed >> 20} MiB are needed and"
            f" {free >> 20} MiB are free; free {((needed - free) >> 20) + 1} MiB there and run again",
        )


def keep_reserve(context: UpgradeContext) -> None:
    """Write a file on each file system that the rollback writes to, to be removed if it is full by then."""
    for path in _reserves(context):
        try:
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
        except OSError as error:
            free_reserve(context)
            raise DockyardError(
                "harbor_no_room", f"{_FILE_BYTES >> 20} MiB for a rollback can't be kept in {path} ({error.strerror})"
            ) from error


def free_reserve(context: UpgradeContext) -> None:
    for path in _reserves(context):
        with contextlib.suppress(OSError):
            os.unlink(path)


def _reserves(context: UpgradeContext) -> list[str]:
    """Return the file's path on each file system: of the data, of the install folder, and of the record."""
    job = context.job
    by_device: dict[int, str] = {}
    for folder in (job.data_volume, job.work, context.store.path):
        with contextlib.suppress(OSError):
            by_device.setdefault(os.stat(folder).st_dev, os.path.join(folder, f"{_FILE}-{job.id}"))
    return list(by_device.values())
