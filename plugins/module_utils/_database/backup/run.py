# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Make a backup of a running instance, note how that ended, and remove those that are not needed any more."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk

from .. import version
from ..checksum import checksum
from ..docker import Docker
from ..flavours import TITLES
from . import encryption, facts
from .families import kind_of
from .kind import BackupKind
from .store import ENCRYPTED, Backup, Manifest, Store

# Of each module that backs an instance up, now or by a timer.
OPTIONS: dict[str, dict[str, Any]] = {
    "keep": {"type": "int", "default": 7},
    "keep_days": {"type": "float"},
    "key_file": {"type": "path", "no_log": False},
    "timeout": {"type": "int", "default": 3600},
}


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be backed up, and how long it is kept.

    keep: good ones that always stay. keep_days: for which any stays; None if only keep counts. key_file: of the host,
    with which it is encrypted; "" for none. timeout: seconds in which the server has to answer.
    """

    container: str
    folder: str
    keep: int = 7
    keep_days: float | None = None
    key_file: str = ""
    timeout: float = 3600

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Request:
        """Return what the options of a module say."""
        return cls(
            params["container_name"],
            os.path.normpath(params["directory"]),
            params["keep"],
            params["keep_days"],
            params["key_file"] or "",
            params["timeout"],
        )


@dataclasses.dataclass
class Outcome:
    """backup: None in check mode. removed: paths of backups that went, or would go."""

    message: str
    backup: Backup | None
    removed: list[str]


def back_up(docker: Docker, request: Request, only_plan: bool) -> Outcome:
    """Make a backup. Raise DockyardError, with the failure noted as a fact, if it can't be made; others stay then."""
    name, folder = request.container, request.folder
    store = Store(folder, name)
    try:
        kind, record = kind_of(docker, name)
        _require_outside(kind, folder)
        kind.keeper.require_restored(record)
        secret = encryption.secret_of(request.key_file) if request.key_file else ""
        if not kind.keeper.is_running():
            raise DockyardError(
                "database_not_running", f"{name} does not run, so that it can't be backed up; start it first."
            )
        if only_plan:
            beyond = store.expired(request.keep - 1, request.keep_days, time.time()) if request.keep > 1 else []
            return Outcome(f"A backup of {name} would be made in {folder}.", None, [each.path for each in beyond])
        made = _make(kind, record, store, request.timeout, secret)
    except (DockyardError, OSError) as error:
        failure = error if isinstance(error, DockyardError) else atomic_file.explain("write", folder, error)
        if not only_plan:
            facts.note(name, store, failure.message)
        raise failure from error
    removed = [each.path for each in store.expired(request.keep, request.keep_days, time.time())]
    for each in store.expired(request.keep, request.keep_days, time.time()):
        store.remove(each)
    facts.note(name, store, "")
    census = made.manifest.census["text"]
    gone_text = f" {len(removed)} older {'one was' if len(removed) == 1 else 'ones were'} removed." if removed else ""
    return Outcome(f"{made.path} has {name} with its {census}.{gone_text}", made, removed)


def _require_outside(kind: BackupKind, folder: str) -> None:
    inside = os.path.realpath(folder) + "/"
    for taken in (kind.folder.data, kind.folder.config, kind.folder.secrets, kind.work):
        if inside.startswith(os.path.realpath(taken) + "/"):
            raise DockyardError(
                "database_backup_folder_invalid",
                f"{folder} is inside of {taken}, which belongs to the server; give another folder, better on another"
                " disk.",
            )


def _make(kind: BackupKind, record: dict[str, Any], store: Store, seconds: float, secret: str) -> Backup:
    # The compressed file and the encrypted one are there at the same time for a moment.
    store.prepare(disk.content_bytes(kind.folder.data) * (2 if secret else 1))
    kind.keeper.running_server().wait(seconds)
    unfinished = store.begin()
    try:
        now = time.time()
        saved = kind.save(unfinished, seconds)
        file = _encrypted(unfinished, saved.file, secret) if secret else saved.file
        path = os.path.join(unfinished, file)
        manifest = Manifest(
            container=kind.keeper.name,
            flavour=record["flavour"],
            title=TITLES[record["flavour"]],
            version=version.shown(kind.keeper.running_server().version()),
            made=now,
            file=file,
            bytes=os.path.getsize(path),
            sha256=checksum(path),
            census=saved.census,
            cipher=encryption.CIPHER if secret else "",
        )
        return store.complete(unfinished, manifest, secret)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _encrypted(folder: str, name: str, secret: str) -> str:
    """Put an encrypted file in the place of one in a folder. Return its name."""
    encryption.encrypt(os.path.join(folder, name), os.path.join(folder, f"{name}{ENCRYPTED}"), secret)
    for gone in (name, f"{name}.sha256"):
        atomic_file.remove(os.path.join(folder, gone))
    return f"{name}{ENCRYPTED}"
