# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Try a backup in a container of its own, and put it in the place of an instance's data once it is proven."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk

from .. import server_container, version
from ..docker import Docker
from ..flavours import TITLES
from .families import kind_of
from .kind import BackupKind
from .store import Backup, opened

_SPARE = 64 * 1024 * 1024
_GROWS = 12  # times that a compressed dump may take as data


@dataclasses.dataclass
class Restored:
    message: str
    changed: bool


def rehearse(docker: Docker, name: str, backup: Backup, secret: str = "") -> Restored:
    """Build the data of a backup beside, compare them with what was counted, and remove them again."""
    kind, record = kind_of(docker, name)
    _require(kind, record, docker, backup)
    definition = kind.keeper.definition_of(record)
    with kind.tried(lambda work: opened(backup, secret, work), definition, record["image"]):
        _compare(kind, backup)
    return Restored(f"{backup.path} can be restored: it has its {backup.manifest.census['text']}.", False)


def restore(docker: Docker, name: str, backup: Backup, secret: str = "") -> Restored:
    """Put a backup in the place of an instance's data. What fails leaves, or puts back, the data of before."""
    kind, record = kind_of(docker, name)
    if record["state"] == server_container.RESTORING:
        kind.keeper.end_restore(record)
        record = {**record, "state": "steady"}
    _require(kind, record, docker, backup)
    definition = kind.keeper.definition_of(record)
    running = kind.keeper.is_running()
    with kind.tried(lambda work: opened(backup, secret, work), definition, record["image"]):
        _compare(kind, backup)
        kind.close(definition.stop_timeout)
        docker.remove(kind.scratch)
        # From here on the next run ends it.
        kind.folder.write_record({**record, "state": server_container.RESTORING})
        try:
            kind.keeper.exchange_data(record, kind.built)
        except (DockyardError, OSError) as error:
            kind.keeper.put_back_data(record)
            kind.folder.write_record(record)
            reason = error.message if isinstance(error, DockyardError) else f"{error.strerror}."
            raise DockyardError(
                "database_restore_failed",
                f"{reason} The data of before were put back{' and are up' if running else ''}.",
                changed=True,
            ) from error
    kind.folder.write_record(record)
    kind.keeper.drop_data_before()
    census = backup.manifest.census["text"]
    return Restored(f"{name} was restored from {backup.path}, and is up with its {census}.", True)


def _require(kind: BackupKind, record: dict[str, Any], docker: Docker, backup: Backup) -> None:
    """Raise DockyardError if this instance can't take this backup."""
    manifest = backup.manifest
    kind.keeper.require_restored(record)
    if record["state"] != "steady":
        raise DockyardError(
            "database_change_unfinished",
            f"A change of {kind.keeper.name} was interrupted (it is {record['state']}); run its module or"
            " database_upgrade again first.",
        )
    if manifest.flavour != record["flavour"]:
        raise DockyardError(
            "database_backup_refused",
            f"{backup.path} is of {manifest.title}, and {kind.keeper.name} is {TITLES[record['flavour']]}; their data"
            " are not interchangeable. Restore into an instance of the same flavour.",
        )
    if not kind.keeper.is_running():
        raise DockyardError(
            "database_not_running",
            f"{kind.keeper.name} does not run, so that its version is unknown; start it first.",
        )
    now = kind.keeper.running_server().version()
    if version.parse(manifest.version) > now:
        raise DockyardError(
            "database_backup_refused",
            f"{backup.path} is of {manifest.title} {manifest.version}, and {kind.keeper.name} is {version.shown(now)};"
            " an older server does not read it. Upgrade the instance first.",
        )
    needed = manifest.bytes * _GROWS + _SPARE
    free = disk.free_bytes(kind.folder.folder)
    if free < needed:
        raise DockyardError(
            "database_no_space",
            f"{kind.folder.folder} has {free >> 20} MiB free, and the data of the backup may take {needed >> 20} MiB"
            " beside those that are there; free some space.",
        )


def _compare(kind: BackupKind, backup: Backup) -> None:
    lost = kind.differing(backup.manifest.census)
    if lost:
        raise DockyardError(
            "database_contents_missing",
            f"{backup.path} could be loaded, but does not have what was counted when it was made:"
            f" {', '.join(lost[:5])}.",
        )
