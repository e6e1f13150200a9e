# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The folder with the backups of one instance: which of them are good, and which may go.

Each backup is a folder NAME-TIME with one file of data and manifest.json. It gets that name only when it is complete:
what a killed run has left begins with a dot. The manifest says how large the file is, its SHA-256, and what was counted
in the server at that moment; it has a checksum of its own, so that an altered one is noticed as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk, mounts

from ..checksum import checksum
from . import encryption

ENCRYPTED = ".enc"
_MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished-"
_SPARE = 64 * 1024 * 1024
_IN_MEMORY = ("tmpfs", "ramfs")
_DAY = 86400
_PAUSE = 0.2


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    made: seconds since the epoch. bytes, sha256: of the file. census: what was counted, as its kind of server counts.
    cipher: how the file is encrypted, and code: by which is noticed that it was altered without the key.
    """

    container: str
    flavour: str
    title: str
    version: str
    made: float
    file: str
    bytes: int
    sha256: str
    census: dict[str, Any]
    cipher: str = ""
    code: str = ""


@dataclasses.dataclass(frozen=True)
class Backup:
    path: str
    manifest: Manifest

    @property
    def data(self) -> str:
        return os.path.join(self.path, self.manifest.file)


def read(path: str, thoroughly: bool = True) -> Backup:
    """Return a backup. Raise DockyardError unless it is complete and unaltered.

    thoroughly: read all of its file; without it, only its size is looked at.
    """
    content = atomic_file.read(os.path.join(path, _MANIFEST))
    if content is None:
        raise _refuse(path, f"it has no {_MANIFEST}, so that it was never completed")
    try:
        record = json.loads(content)
        said = record.pop("checksum")
        manifest = Manifest(**record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refuse(path, f"its {_MANIFEST} can't be understood ({error})") from error
    if said != _checksum_of(record) or os.path.basename(manifest.file) != manifest.file:
        raise _refuse(path, f"its {_MANIFEST} was altered")
    backup = Backup(path, manifest)
    try:
        size = os.stat(backup.data).st_size
    except OSError:
        size = -1
    if size != manifest.bytes:
        raise _refuse(path, f"its file {manifest.file} has {max(size, 0)} of {manifest.bytes} bytes")
    if thoroughly and checksum(backup.data) != manifest.sha256:
        raise _refuse(path, f"its file {manifest.file} was altered: its SHA-256 is another one")
    return backup


def opened(backup: Backup, secret: str, folder: str) -> str:
    """Return a file with the data of a backup as the server wrote them, in a folder if they have to be decrypted."""
    manifest = backup.manifest
    if not manifest.cipher:
        return backup.data
    if not secret:
        raise DockyardError(
            "database_backup_key_missing", f"{backup.path} is encrypted; give key_file, the key that it was made with."
        )
    if manifest.code != encryption.code_of(_without_code(manifest), secret):
        raise _refuse(backup.path, "it was encrypted with another key, or altered")
    plain = os.path.join(folder, manifest.file.removesuffix(ENCRYPTED))
    encryption.decrypt(backup.data, plain, secret)
    return plain


def _without_code(manifest: Manifest) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(manifest).items() if key != "code"}


def _refuse(path: str, reason: str) -> DockyardError:
    return DockyardError(
        "database_backup_refused", f"{path} is no backup that can be used: {reason}. Take another one."
    )


def _checksum_of(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _file_system_of(folder: str) -> str:
    """Return the kind of the file system that a folder is on."""
    real = os.path.realpath(folder)
    kind, longest = "", -1
    for mount in mounts.read_mounts():
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        # Of several at one place the last one is on top.
        if inside and len(mount.point) >= longest:
            kind, longest = mount.kind, len(mount.point)
    return kind


def require_absolute(folder: str) -> None:
    """Raise DockyardError for a folder that would depend on where the program was started."""
    if not os.path.isabs(folder):
        raise DockyardError(
            "database_backup_folder_invalid", f"'{folder}' is no absolute path; give the folder of the backups."
        )


class Store:
    """The folder in which the backups of an instance are. container: its name."""

    def __init__(self, folder: str, container: str) -> None:
        require_absolute(folder)
        self.folder = folder
        self._name = re.compile(re.escape(container) + r"-\d{8}T\d{6}")
        self._container = container

    def good(self) -> list[Backup]:
        """Return the backups that are complete, the newest first. What is none is left out."""
        found = []
        for name in sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []:
            if self._name.fullmatch(name):
                with contextlib.suppress(DockyardError):
                    found.append(read(os.path.join(self.folder, name), thoroughly=False))
        return sorted(found, key=lambda backup: backup.manifest.made, reverse=True)

    def newest(self) -> Backup:
        """Return the newest backup. Raise DockyardError if there is none, or it is damaged."""
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        chosen = sorted(name for name in names if self._name.fullmatch(name))
        if not chosen:
            raise DockyardError(
                "database_backup_missing",
                f"{self.folder} has no backup of {self._container}; make one with the module database_backup.",
            )
        return read(os.path.join(self.folder, chosen[-1]))

    def prepare(self, needed: int) -> None:
        """Create the folder, and raise DockyardError if it does not keep what is written there, or has no room.

        needed: bytes that a backup may take.
        """
        existing = disk.existing_folder(self.folder)
        kind = _file_system_of(existing)
        if kind in _IN_MEMORY:
            raise DockyardError(
                "database_backup_folder_invalid",
                f"{self.folder} is on a file system of the kind {kind}, which does not survive a reboot; give a folder"
                " on a disk, better on another one than that of the data.",
            )
        free = disk.free_bytes(existing)
        if free < needed + _SPARE:
            raise DockyardError(
                "database_no_space",
                f"{self.folder} has {free >> 20} MiB free, and a backup may take {(needed + _SPARE) >> 20} MiB; free"
                " some space.",
            )
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise atomic_file.explain("create", self.folder, error) from error
        for name in os.listdir(self.folder):
            if name.startswith(f"{_UNFINISHED}{self._container}-"):
                shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def begin(self) -> str:
        """Return a new folder for the file of a backup."""
        path = os.path.join(self.folder, f"{_UNFINISHED}{self._container}-{os.getpid()}")
        os.mkdir(path, 0o700)
        return path

    def complete(self, unfinished: str, manifest: Manifest, secret: str = "") -> Backup:
        """Give a backup its name, once all of it is on the disk."""
        if secret:
            manifest = dataclasses.replace(manifest, code=encryption.code_of(_without_code(manifest), secret))
        record = dataclasses.asdict(manifest)
        content = json.dumps({**record, "checksum": _checksum_of(json.loads(json.dumps(record)))}, indent=1) + "\n"
        atomic_file.write(os.path.join(unfinished, _MANIFEST), content.encode(), mode=0o600)
        read(unfinished)
        path = self._free_name()
        os.rename(unfinished, path)
        atomic_file.sync_folder(self.folder)
        return Backup(path, manifest)

    def _free_name(self) -> str:
        while True:
            path = os.path.join(self.folder, f"{self._container}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
            if not os.path.lexists(path):
                return path
            time.sleep(_PAUSE)

    def expired(self, keep: int, keep_days: float | None, now: float) -> list[Backup]:
        """Return the backups that may go: never one of the newest good ones, and none that is not old enough."""
        beyond = self.good()[max(keep, 1) :]
        return [each for each in beyond if keep_days is None or each.manifest.made < now - keep_days * _DAY]

    @staticmethod
    def remove(backup: Backup) -> None:
        """Remove a backup, the manifest first, so that half of one is none."""
        atomic_file.remove(os.path.join(backup.path, _MANIFEST))
        shutil.rmtree(backup.path, ignore_errors=True)
