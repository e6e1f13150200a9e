# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is known of a database's data: what it is, whose it is, how big, and which containers use it."""

from __future__ import annotations

import dataclasses
import grp
import os
import pwd
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk

from . import flavours, version
from .docker import Docker, Json
from .flavour import DataFound


@dataclasses.dataclass(frozen=True)
class User:
    """A container that has the folder mounted. target: the folder's path inside of it."""

    name: str
    image: str
    running: bool
    exit_code: int
    target: str
    read_only: bool

    @property
    def at_work(self) -> bool:
        """Whether it may write into the data now."""
        return self.running and not self.read_only


def users_of(folder: str, containers: list[Json]) -> list[User]:
    """Return the containers that have a folder, one above it or one inside of it mounted."""
    real = os.path.realpath(folder)
    found = []
    for details in containers:
        for mount in details.get("Mounts") or []:
            source = os.path.realpath(mount.get("Source") or "/proc")
            if not (_inside(real, source) or _inside(source, real)):
                continue
            below = os.path.relpath(real, source) if _inside(real, source) else "."
            state = details["State"]
            found.append(
                User(
                    name=details["Name"].lstrip("/"),
                    image=details["Config"]["Image"],
                    running=bool(state["Running"]),
                    exit_code=int(state["ExitCode"]),
                    target=os.path.normpath(os.path.join(mount["Destination"], below)),
                    read_only=not mount.get("RW", True),
                )
            )
            break
    return sorted(found, key=lambda user: user.name)


def folder_of(container: str, details: Json | None) -> str:
    """Return the folder on the host that a container has its data in. Raise DockyardError if that is not clear."""
    if details is None:
        raise DockyardError(
            "database_container_missing",
            f"There is no container {container} on this host; check its name, or give the folder as path.",
        )
    folders = [mount["Source"] for mount in details.get("Mounts") or [] if mount.get("RW") and mount.get("Source")]
    holding = [folder for folder in folders if flavours.recognise(folder).state == "database"]
    if len(holding) != 1:
        among = ", ".join(sorted(holding or folders)) or "none"
        raise DockyardError(
            "database_folder_unclear",
            f"The container {container} has {len(holding)} mounted folders with a database (of {among}); give the"
            " folder as path.",
        )
    return str(holding[0])


def describe(path: str, docker: Docker, measure: bool) -> dict[str, Any]:
    """Return what database_info returns for a folder."""
    folder = flavours.recognise(path)
    engine = docker.answers()
    users = users_of(path, docker.containers()) if engine else []
    data = folder.data
    return {
        "folder": path,
        "state": folder.state,
        "flavour": data.flavour if data else None,
        "version": version.shown(data.version) if data and data.version else None,
        "format": data.format if data else None,
        "source": list(data.source) if data else [],
        "clean": _clean(data, users) if data else None,
        "owner": _owner(path) if folder.state != "missing" else None,
        "bytes": disk.content_bytes(path) if measure and folder.state != "missing" else None,
        "containers": [dataclasses.asdict(user) for user in users] if engine else None,
    }


def _clean(data: DataFound, users: list[User]) -> bool | None:
    """Return whether the server was shut down properly; None while one runs, or if nothing tells."""
    if any(user.at_work for user in users):
        return None
    if data.clean is not None:
        return data.clean
    stopped = [user for user in users if not user.read_only]
    return all(user.exit_code == 0 for user in stopped) if stopped else None


def _owner(path: str) -> dict[str, Any]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error
    return {
        "uid": status.st_uid,
        "gid": status.st_gid,
        "user": _name(lambda: pwd.getpwuid(status.st_uid).pw_name),
        "group": _name(lambda: grp.getgrgid(status.st_gid).gr_name),
        "mode": f"{status.st_mode & 0o7777:04o}",
    }


def _name(ask: Any) -> str | None:
    try:
        return str(ask())
    except KeyError:
        return None


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
