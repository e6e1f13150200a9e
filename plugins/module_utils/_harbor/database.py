# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The upgrade of PostgreSQL that Harbor's database container makes when it starts, and one that was interrupted.

Its entrypoint (make/photon/db/docker-entrypoint.sh) makes the new folder, runs pg_upgrade, removes the old folder, and
only then becomes the server. Started again in the midst of that, it finds the new folder and serves what was made by
half, with the old one still beside it.
"""

from __future__ import annotations

import os
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .containers import Container, find_containers
from .data_volume import find_databases
from .upgrade.context import UpgradeContext

SERVICES = ("postgresql", "database")
_INSPECT_EVERY = 1.0


def interruption(data_volume: str, containers: list[Container]) -> str | None:
    """Return why the database is what an interrupted upgrade has left; None if it is not, or may be upgraded now."""
    # Looked at first, for the old folder goes before the container becomes the server.
    if any(_may_upgrade(container) for container in containers):
        return None
    databases = find_databases(data_volume)
    if len(databases) < 2:
        return None
    return f"the upgrade of its database was interrupted: {' and '.join(databases.values())} are both there"


def wait_for_upgrade(context: UpgradeContext) -> None:
    """Wait while the container that an earlier run has started upgrades the database.

    The installer would end it in its midst.
    """
    timeout = context.job.options["timeout"]
    deadline = time.monotonic() + timeout
    while len(find_databases(context.job.data_volume)) > 1:
        reason = interruption(context.job.data_volume, find_containers(context.job.path))
        if reason:
            raise DockyardError("harbor_database_interrupted", f"The installer can't go on, as {reason}")
        if time.monotonic() > deadline:
            raise DockyardError(
                "harbor_database_interrupted", f"The upgrade of the database did not end within {timeout} seconds"
            )
        context.report_progress(0, 0)
        time.sleep(_INSPECT_EVERY)


def _may_upgrade(container: Container) -> bool:
    """Return whether its first process is not the server yet, or can't be seen."""
    if container.service not in SERVICES or container.state != "running":
        return False
    try:
        with open(f"/proc/{container.pid}/cmdline", "rb") as file:
            program = os.path.basename(file.read().split(b"\0")[0])
    except OSError:
        return True
    # A server may show more of itself than its name.
    return not program.startswith(b"postgres")
