# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What keeps two runs out of one instance: changes, upgrades, backups and restores."""

from __future__ import annotations

import os

from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import StateDir, escape_path

from .container_definition import INSTANCE_LABEL
from .docker import Docker


def folder_lock(folder: str) -> StateDir:
    """Return the lock of the instance in a folder."""
    return StateDir("databases", escape_path(os.path.realpath(folder)))


def lock_of(docker: Docker, container: str) -> StateDir | None:
    """Return the lock of the instance that a container belongs to; None if it is of none."""
    details = docker.container(container)
    folder = details["Config"]["Labels"].get(INSTANCE_LABEL) if details else None
    return folder_lock(folder) if folder else None
