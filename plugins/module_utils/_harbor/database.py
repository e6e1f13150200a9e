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
from collections.abc import Callable, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .containers import DATABASES, Container
from .data_volume import find_databases
from .logs import Watch
from .upgrade.context import UpgradeContext

# The container is restarted only when it has failed. The core and the job service exit as well while they wait for
# others.
_PERMANENT_RESTARTS = 4
_UPGRADE_FAILED = "fail to upgrade."
_INSPECT_EVERY = 1.0


def interruption(data_volume: str, look: Callable[[], Sequence[Container]]) -> str | None:
    """Return why the database is what an interrupted upgrade has left; None if it is not, or may be upgraded now.

    look: returns the containers as they are. An upgrade that fails is tried again every two seconds, and removes the
    new folder each time: only what is the same before and after a look at the folders says something of both.
    """
    before = look()
    databases = find_databases(data_volume)
    if len(databases) < 2:
        return None
    after = look()
    if _runs(before) != _runs(after) or any(map(_may_upgrade, after)):
        return None
    return f"the upgrade of its database was interrupted: {' and '.join(databases.values())} are both there"


def _runs(containers: Sequence[Container]) -> set[tuple[str, str, int, int]]:
    return {(each.id, each.state, each.restarts, each.pid) for each in containers if each.service in DATABASES}


def failure(data_volume: str, containers: Sequence[Container], watch: Watch) -> str | None:
    """Return why the database's container fails at every start; None if it does not, or has not failed since."""
    for container in containers:
        often = container.service in DATABASES and container.restarts >= _PERMANENT_RESTARTS
        if not often or not watch.restarts(container):
            continue
        reason = f"the database has failed {container.restarts} times: {watch.explain([container])}"
        databases = find_databases(data_volume)
        if len(databases) > 1 and not any(_UPGRADE_FAILED in line for line in watch.lines(container)):
            reason += f"; an interrupted upgrade has left {' and '.join(databases.values())}"
        return reason
    return None


def wait_for_upgrade(context: UpgradeContext) -> None:
    """Wait while the container that an earlier run has started upgrades the database.

    The installer would end it in its midst.
    """
    timeout = context.job.options["timeout"]
    deadline = time.monotonic() + timeout
    watch = Watch(context.job.path)
    while len(find_databases(context.job.data_volume)) > 1:
        reason = interruption(context.job.data_volume, watch.containers) or failure(
            context.job.data_volume, watch.containers(), watch
        )
        if reason:
            raise DockyardError("harbor_database_interrupted", f"The installer can't go on, as {reason}")
        if time.monotonic() > deadline:
            raise DockyardError(
                "harbor_database_interrupted",
                f"The upgrade of the database did not end within {counted(timeout, 'second')}",
            )
        context.report_progress(0, 0)
        time.sleep(_INSPECT_EVERY)


def _may_upgrade(container: Container) -> bool:
    """Return whether its first process is not the server yet, or can't be seen, or will be started."""
    if container.service not in DATABASES:
        return False
    if container.state == "restarting":
        return True
    if container.state != "running":
        return False
    try:
        with open(f"/proc/{container.pid}/cmdline", "rb") as file:
            program = os.path.basename(file.read().split(b"\0")[0])
    except OSError:
        return True
    # A server may show more of itself than its name.
    return not program.startswith(b"postgres")
