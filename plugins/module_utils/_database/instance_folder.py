# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The folder of one database server on this host: data, configuration, secrets, and the record of how it runs.

data/           what the server writes; belongs to the user of the image
config/         its configuration and the health check; the server reads them
config.before/  during a change only: what a failure or the next run puts back
secrets/        what the container does not see
instance.json   the record; a folder without it is none of ours
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from typing import Any, ClassVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy

_RECORD = "instance.json"


class InstanceFolder:
    """The folder of one instance.

    SCRATCH: further folders that the server writes into, of which nothing has to be kept.
    """

    SCRATCH: ClassVar[tuple[str, ...]] = ()

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.config = os.path.join(folder, "config")
        self.before = os.path.join(folder, "config.before")
        self.secrets = os.path.join(folder, "secrets")

    # --- the record

    def record(self) -> dict[str, Any] | None:
        """Return the record; None if there is none."""
        content = atomic_file.read(os.path.join(self.folder, _RECORD))
        if content is None:
            return None
        try:
            found = json.loads(content)
            if found["format"] != 1:
                raise ValueError(f"format {found['format']}")
            return dict(found)
        except (ValueError, KeyError, TypeError) as error:
            raise DockyardError(
                "database_instance_invalid",
                f"{os.path.join(self.folder, _RECORD)}, the record of this instance, can't be understood ({error}); it"
                " was changed by hand, or written by a newer version of this collection.",
            ) from error

    def write_record(self, record: dict[str, Any]) -> None:
        content = (json.dumps({"format": 1, **record}, indent=1, sort_keys=True) + "\n").encode()
        path = os.path.join(self.folder, _RECORD)
        if atomic_file.read(path) != content:
            atomic_file.write(path, content, mode=0o600)

    def names(self) -> list[str]:
        """Return what is in its folder; nothing if there is no folder."""
        try:
            return [name for name in os.listdir(self.folder) if name != "lost+found"]
        except FileNotFoundError:
            return []

    # --- folders

    def make_folders(self, owner: tuple[int, int]) -> None:
        """Create what is missing. owner: numbers of the server's user and group on the host."""
        for path, mode, uid, gid in (
            # The group of the configuration may be one of the host's as well, with members that have no business here.
            (self.folder, 0o700, 0, 0),
            (self.data, 0o700, *owner),
            (self.config, 0o750, 0, owner[1]),
            (self.secrets, 0o700, 0, 0),
            *((os.path.join(self.folder, name), 0o700, *owner) for name in self.SCRATCH),
        ):
            try:
                os.makedirs(path, exist_ok=True)
                status = os.stat(path)
                if path != self.data and stat.S_IMODE(status.st_mode) != mode:
                    os.chmod(path, mode)
                if path == self.data and not os.listdir(path):
                    os.chmod(path, mode)
                if path != self.data and (status.st_uid, status.st_gid) != (uid, gid):
                    os.chown(path, uid, gid)
            except OSError as error:
                raise atomic_file.explain("create", path, error) from error

    def owner_differs(self, owner: tuple[int, int]) -> bool:
        """Return whether the data folder belongs to another user than the server's."""
        try:
            status = os.stat(self.data)
        except FileNotFoundError:
            return True
        return (status.st_uid, status.st_gid) != owner

    def give_data_to(self, owner: tuple[int, int]) -> None:
        """Give all data to the server's user. The folder itself comes last, so that a kill in between is seen."""
        try:
            for folder, _folders, files in os.walk(self.data, topdown=False):
                for name in files:
                    os.lchown(os.path.join(folder, name), *owner)
                os.chown(folder, *owner)
        except OSError as error:
            raise atomic_file.explain("give to its server", error.filename or self.data, error) from error

    # --- files of the configuration

    def files(self) -> dict[str, bytes]:
        """Return what the folder of the configuration holds, by name."""
        try:
            names = sorted(os.listdir(self.config))
        except FileNotFoundError:
            return {}
        return {name: atomic_file.read(os.path.join(self.config, name)) or b"" for name in names}

    def write_file(self, name: str, content: str, group: int, folder: str | None = None) -> None:
        """Write a file that the server reads and nobody else, in its folder or another one."""

        def set_attributes(temporary: str) -> None:
            os.chown(temporary, 0, group)
            os.chmod(temporary, 0o640)

        path = os.path.join(folder or self.config, name)
        atomic_file.write(path, content.encode(), mode=0o640, set_attributes=set_attributes)

    # --- a change

    def set_aside(self) -> None:
        """Keep the configuration as it is for the time of a change."""
        self.drop_aside()
        if os.path.isdir(self.config):
            staged = f"{self.before}.new"
            shutil.rmtree(staged, ignore_errors=True)
            tree_copy.bring_up_to_date(self.config, staged)
            os.rename(staged, self.before)
            atomic_file.sync_folder(self.folder)

    def put_back(self) -> bool:
        """Put the configuration that was set aside back. Return False if none was."""
        if not os.path.isdir(self.before):
            return False
        kept = {name: os.path.join(self.before, name) for name in os.listdir(self.before)}
        for name in os.listdir(self.config):
            if name not in kept:
                atomic_file.remove(os.path.join(self.config, name))
        for name, path in kept.items():
            status = os.stat(path)
            content = atomic_file.read(path) or b""
            if atomic_file.read(os.path.join(self.config, name)) != content:
                self.write_file(name, content.decode(), status.st_gid)
        return True

    def former(self, name: str) -> str:
        """Return a file of the configuration that was set aside; of the one in place if none was."""
        folder = self.before if os.path.isdir(self.before) else self.config
        return (atomic_file.read(os.path.join(folder, name)) or b"").decode(errors="replace")

    def drop_aside(self) -> None:
        shutil.rmtree(self.before, ignore_errors=True)
        shutil.rmtree(f"{self.before}.new", ignore_errors=True)
