# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Who backs up which flavour, and the instance that a container belongs to."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..container_definition import INSTANCE_LABEL
from ..docker import Docker
from ..instance_folder import InstanceFolder
from ..mysql.backup import MySqlBackup
from ..redis.backup import RedisBackup
from .kind import BackupKind


def kind_of(docker: Docker, name: str) -> tuple[BackupKind, dict[str, Any]]:
    """Return who backs up the instance of a container, and its record."""
    details = docker.container(name)
    folder = details["Config"]["Labels"].get(INSTANCE_LABEL) if details else None
    record = InstanceFolder(folder).record() if folder else None
    if folder is None or record is None:
        what = "There is no container" if details is None else "No module of this collection has made the container"
        raise DockyardError(
            "database_instance_unknown",
            f"{what} {name} on this host; only instances of redis_server and mysql_server are backed up and restored.",
        )
    kind = RedisBackup if record["flavour"] in ("redis", "valkey") else MySqlBackup
    return kind(docker, name, folder, record["flavour"]), record
