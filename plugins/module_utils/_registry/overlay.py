# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Lay a file that is in memory over one on a disk that is full.

A container that is started afterwards sees it, because its mounts bring along what is mounted below them. The file
itself stays as it is, and a reboot of the host takes the overlay away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, run
from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

_FOLDER = "/run/dockyard.ops"
_SECONDS = 60


def lay(path: str, content: bytes) -> str:
    """Lay a file with this content over path. Return why that is not possible, "" if it is done."""
    copy = _copy(path)
    try:
        os.makedirs(_FOLDER, mode=0o700, exist_ok=True)
        status = os.stat(path)
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
    except OSError as error:
        return f"{copy} can't be written: {error.strerror}"
    done = run(["mount", "--bind", copy, path], _SECONDS)
    if done.returncode != 0:
        _forget(path)
        return last_line(done)
    return ""


def lift(path: str) -> str:
    """Take away what is mounted over path. Return why that is not possible, "" if nothing is any more."""
    while lies_over(path):
        done = run(["umount", path], _SECONDS)
        if done.returncode != 0:
            return last_line(done)
    _forget(path)
    return ""


def lies_over(path: str) -> bool:
    """Return whether something is mounted at path itself."""
    wanted = os.path.realpath(path)
    return any(mount.point == wanted for mount in read_mounts())


def _copy(path: str) -> str:
    return os.path.join(_FOLDER, f"{hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]}.yml")


def _forget(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_copy(path))
