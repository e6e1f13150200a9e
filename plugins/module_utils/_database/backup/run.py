# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Make a backup of a running instance, note how that ended, and remove those that are not needed any more."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk

from .. import version
from ..checksum import checksum
from ..docker import Docker
from ..flavours import TITLES
from .families import kind_of
from .kind import BackupKind
from .store import Backup, Manifest, Store

FACTS = "/etc/ansible/facts.d"
_FACT = "dockyard_backups.fact"


@dataclasses.dataclass
class Outcome:
    """backup: None in check mode. removed: paths of backups that went, or would go."""

    message: str
    backup: Backup | None
    removed: list[str]


def back_up(
    docker: Docker, name: str, folder: str, keep: int, keep_days: float | None, seconds: float, only_plan: bool
) -> Outcome:
    """Make a backup. Raise DockyardError, with the failure noted as a fact, if it can't be made; others stay then."""
    store = Store(folder, name)
    try:
        kind, record = kind_of(docker, name)
        _require_outside(kind, folder)
        if not kind.keeper.is_running():
            raise DockyardError(
                "database_not_running", f"{name} does not run, so that it can't be backed up; start it first."
            )
        if only_plan:
            gone = [each.path for each in store.expired(keep - 1, keep_days, time.time())] if keep > 1 else []
            return Outcome(f"A backup of {name} would be made in {folder}.", None, gone)
        made = _make(kind, record, store, seconds)
    except (DockyardError, OSError) as error:
        failure = error if isinstance(error, DockyardError) else atomic_file.explain("write", folder, error)
        if not only_plan:
            _note(store, name, failure.message)
        raise failure from error
    removed = [each.path for each in store.expired(keep, keep_days, time.time())]
    for each in store.expired(keep, keep_days, time.time()):
        store.remove(each)
    _note(store, name, "")
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


def _make(kind: BackupKind, record: dict[str, Any], store: Store, seconds: float) -> Backup:
    store.prepare(disk.content_bytes(kind.folder.data))
    kind.keeper.running_server().wait(seconds)
    unfinished = store.begin()
    try:
        now = time.time()
        saved = kind.save(unfinished, seconds)
        path = os.path.join(unfinished, saved.file)
        manifest = Manifest(
            container=kind.keeper.name,
            flavour=record["flavour"],
            title=TITLES[record["flavour"]],
            version=version.shown(kind.keeper.running_server().version()),
            made=now,
            file=saved.file,
            bytes=os.path.getsize(path),
            sha256=checksum(path),
            census=saved.census,
        )
        return store.complete(unfinished, manifest)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _note(store: Store, name: str, failure: str) -> None:
    """Leave the outcome as a local fact of Ansible, by the name of the container."""
    path = os.path.join(FACTS, _FACT)
    found: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        found = json.loads(atomic_file.read(path) or b"{}")
    good = store.good()
    newest = good[0] if good else None
    found[name] = {
        "ok": not failure,
        "message": failure,
        "ended_at": int(time.time()),
        "last_good": newest.path if newest else "",
        "last_good_at": int(newest.manifest.made) if newest else 0,
        "good": len(good),
    }
    os.makedirs(FACTS, mode=0o755, exist_ok=True)
    atomic_file.write(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(), mode=0o644)
