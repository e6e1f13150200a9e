# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring back what an archive holds of a registry's instance, and put back what was there if that does not start.

Everything is checked and unpacked beside what is in use before the registry is stopped. Then folders change their
names, and a record says which, from before the first rename until finish() or undo(): the next run finds it after a
kill.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import archive, atomic_file

from . import backup, configuration, generations, proven
from .container import Container
from .record import read_record, write_record

_CONFIG = "config/config.yml"
_RECORD = ".restoring"
_NEW = ".restore"
_OLD = ".before-restore"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    base: the folder of the instance; folders: what an archive may hold.
    set_aside: what is set aside besides, because it belongs to what was there.
    required: files without which an archive is none of a registry.
    image: what is to run with what is restored, "" if that is not known; environment: that of its container.
    """

    container: Container
    base: str
    archive: str
    sha256: str
    folders: Sequence[str]
    set_aside: Sequence[str] = ()
    required: Sequence[str] = ()
    image: str = ""
    environment: Sequence[str] = ()


@dataclass(frozen=True)
class _Record:
    """An exchange that has begun. made: whether the folder of the instance is new; had: what was in it of all names."""

    old: str
    made: bool
    container: bool
    names: list[str]
    restored: list[str]
    had: list[str]


def check(request: Request) -> archive.Contents:
    """Return what the archive holds. Raise DockyardError if it can't be restored here."""
    contents = archive.check(request.archive, request.sha256, request.folders, request.required)
    for folder in contents.parts:
        path = os.path.join(request.base, folder)
        if os.path.ismount(path):
            raise DockyardError(
                "registry_restore_mount",
                f"{path} is a mount point and can't be set aside; mount the file system at {request.base} instead, or"
                f" restore {request.archive} by hand.",
            )
    archive.require_space(request.base, contents.bytes, request.archive)
    if request.image and _CONFIG in contents.names:
        where = f"{_CONFIG} in {request.archive}"
        document = configuration.parse(archive.read(request.archive, _CONFIG), where)
        version = generations.version_of(request.image)
        generations.require_known(document, request.environment, request.image, version, where)
    return contents


def restore(request: Request, check_mode: bool) -> dict[str, Any]:
    """Exchange the instance's folders for those of the archive; the registry is stopped afterwards.

    Return the module's results. To be completed by finish() or undo().
    """
    if pending(request.base):
        raise DockyardError(
            "registry_restore_pending",
            f"An earlier restore of {request.base} is neither complete nor undone, and its record says where what was"
            " there before is; complete it by finish_restore, or undo it by undo_restore.",
        )
    contents = check(request)
    described = {"changed": True, **backup.described(contents)}
    if check_mode:
        return described
    made = not os.path.isdir(request.base)
    new = os.path.join(request.base, _NEW)
    os.makedirs(request.base, mode=0o755, exist_ok=True)
    shutil.rmtree(new, ignore_errors=True)
    try:
        archive.unpack(request.archive, new)
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(request.base)
        raise
    names = [*request.folders, *request.set_aside]
    record = _Record(
        old=os.path.basename(archive.stamped(request.base, _OLD))[: -len(".tar")],
        made=made,
        container=request.container.details() is not None,
        names=names,
        restored=sorted(os.listdir(new)),
        had=[name for name in names if os.path.lexists(os.path.join(request.base, name))],
    )
    try:
        write_record(os.path.join(request.base, _RECORD), record)
        request.container.stop()
        _exchange(request, record)
    except (DockyardError, OSError) as error:
        if not undo(request.container, request.base, ""):
            shutil.rmtree(request.base if made else new, ignore_errors=True)
        message = error.message if isinstance(error, DockyardError) else str(error)
        raise DockyardError(
            "registry_restore_failed",
            f"{request.archive} was not restored, and what was there was put back: {message}",
            changed=True,
        ) from error
    return {
        **described,
        "previous": os.path.join(request.base, record.old) if record.had else "",
        "had_container": record.container,
    }


def undo(container: Container, base: str, previous_container: str) -> bool:
    """Put back what was there before a restore. Return False if there is none to undo.

    previous_container: the name under which the old container was set aside, "" for none.
    """
    record = _read_record(base)
    if record is None:
        return False
    try:
        _put_back(container, base, previous_container, record)
    except DockyardError as error:
        error.changed = True
        raise
    return True


def _put_back(container: Container, base: str, previous_container: str, record: _Record) -> None:
    container.stop()
    aside = Container(previous_container) if previous_container else None
    if record.container and aside and aside.details() is not None:
        container.remove()
        aside.rename(container.name)
    elif not record.container:
        container.remove()
    try:
        _move_back(base, record)
    except OSError as error:
        raise DockyardError(
            "registry_restore_not_undone",
            f"What was in {base} before the restore can't be put back ({error}); look at the disk and run again.",
            changed=True,
        ) from error
    if record.container:
        container.start()
    if not record.made:
        atomic_file.remove(os.path.join(base, _RECORD))
    else:
        shutil.rmtree(base, ignore_errors=True)


def finish(base: str, keep_previous: bool, proven_folders: Sequence[str]) -> str:
    """End a restore that is proven. Return the folder with what was there before, "" if none is left.

    proven_folders: those whose files an exchange of the container, later, goes back to.
    """
    record = _read_record(base)
    if record is None:
        return ""
    proven.keep(base, proven_folders)
    old = os.path.join(base, record.old)
    if not keep_previous or not record.had:
        shutil.rmtree(old, ignore_errors=True)
    atomic_file.remove(os.path.join(base, _RECORD))
    return old if os.path.isdir(old) else ""


def pending(base: str) -> bool:
    """Return whether a restore is neither finished nor undone."""
    return _read_record(base) is not None


def _exchange(request: Request, record: _Record) -> None:
    base, new, old = request.base, os.path.join(request.base, _NEW), os.path.join(request.base, record.old)
    os.mkdir(old, 0o700)
    for name in record.names:
        comes = name in record.restored
        if name in record.had and (comes or name in request.set_aside):
            os.rename(os.path.join(base, name), os.path.join(old, name))
        if comes:
            os.rename(os.path.join(new, name), os.path.join(base, name))
    os.rmdir(new)
    atomic_file.sync_folder(base)


def _move_back(base: str, record: _Record) -> None:
    """Undo an exchange from wherever it, or an earlier attempt to undo it, has come to."""
    new, old = os.path.join(base, _NEW), os.path.join(base, record.old)
    os.makedirs(new, mode=0o700, exist_ok=True)
    for name in record.names:
        here, restored, before = (os.path.join(folder, name) for folder in (base, new, old))
        # What has come, or was made since: what was there is in the other folder, or there was nothing.
        if os.path.lexists(here) and (os.path.lexists(before) or name not in record.had):
            if os.path.lexists(restored):
                _delete(restored)
            os.rename(here, restored)
        if os.path.lexists(before):
            os.rename(before, here)
    shutil.rmtree(new, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir(old)
    atomic_file.sync_folder(base)


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _read_record(base: str) -> _Record | None:
    path = os.path.join(base, _RECORD)
    return read_record(
        path,
        _Record,
        DockyardError(
            "registry_restore_record",
            f"{path}, which says what a restore has changed, can't be read; look into {base}/{_OLD}-* and put back what"
            " was there by hand, then remove that file.",
        ),
    )
