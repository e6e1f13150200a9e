# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Remember what one run leaves for the next, in folders of /var/lib/dockyard that only root can read.

A folder has a lock, which keeps other runs out, and records: JSON files that are replaced in one step and are on the
disk before the call returns. Records may hold secrets, for instance those of daemon.json.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from typing import Any

from . import atomic_file

ROOT = "/var/lib/dockyard"


class InvalidRecord(ValueError):
    """A record that is not what was written there: changed by hand, or by a newer version of the collection."""


def escape_path(path: str) -> str:
    """Return a path as the name of one file, as C(systemd-escape --path) does, so that /etc/a-b and /etc/a/b differ."""
    return path.strip("/").replace("-", "\\x2d").replace("/", "-")


class StateDir:
    """One folder below ROOT."""

    def __init__(self, *names: str) -> None:
        self.path = os.path.join(ROOT, *names)

    def file(self, name: str) -> str:
        """Return the path of a file in it."""
        return os.path.join(self.path, name)

    def create(self) -> None:
        """Create the folder if it is missing."""
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            # makedirs gives the folders above it the mode of the umask.
            for folder in (os.path.dirname(self.path), self.path):
                if stat.S_IMODE(os.stat(folder).st_mode) != 0o700:  # a run that changes nothing does not touch it
                    os.chmod(folder, 0o700)
        except OSError as error:
            raise atomic_file.explain("create", self.path, error) from error

    @contextlib.contextmanager
    def locked(self, timeout: float) -> Iterator[None]:
        """Keep other runs out for the time of the block, after waiting up to so many seconds for one of them."""
        self.create()
        with atomic_file.locked(self.path, timeout):
            yield

    def try_lock(self) -> int | None:
        """Return a descriptor that keeps other runs out, or None if one runs.

        The lock is held until the last process that has the descriptor, by fork as well, has closed it.
        """
        self.create()
        descriptor = self._open()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.is_locked():
                    os.close(descriptor)
                    return None
                # Another process was in is_locked() in that moment.
            else:
                return descriptor

    def is_locked(self) -> bool:
        """Return whether a run holds the lock. Create nothing, and keep no run out."""
        try:
            descriptor = self._open()
        except OSError:
            return False
        try:
            # Shared, so that two processes that ask do not see each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _open(self) -> int:
        return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def read_record(self, name: str) -> dict[str, Any] | None:
        """Return a record, or None if there is none. Raise InvalidRecord if it is no JSON object."""
        content = atomic_file.read(self.file(name))
        if content is None:
            return None
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InvalidRecord(str(error)) from error
        if not isinstance(record, dict):
            raise InvalidRecord("not a JSON object")
        return record

    def write_record(self, name: str, record: dict[str, Any]) -> None:
        """Write a record in one step, if it differs from what is there."""
        self.create()
        content = (json.dumps(record, indent=1) + "\n").encode()
        if atomic_file.read(self.file(name)) != content:
            atomic_file.write(self.file(name), content, mode=0o600)
