# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The proof that a Harbor is up, as which version, and with everything that was in it before.

The installer says success whatever happens, and an empty database is as healthy as a full one. So both the API and
the contents are asked.
"""

from __future__ import annotations

import re
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import compose, database
from ..api import HarborApi, Sample, Unreachable
from ..containers import Container, find_containers, recent_log_errors
from ..version import Version
from .context import UpgradeContext
from .job import Census

_ASK_EVERY = 0.3  # seconds; nobody is served in the meantime
_INSPECT_EVERY = 1.0  # at the containers, which costs the engine more than an answer costs Harbor
# What time does not fix: golang-migrate's words for a schema that is half migrated, or newer than the core knows.
_PERMANENT = re.compile(r"Dirty database version|no migration found for version", re.IGNORECASE)
# The database's container is restarted only when it has failed. The core and the job service exit as well
# while they wait for others.
_PERMANENT_RESTARTS = 4
# The engine does not try again with what was stopped by hand, nor, when it was restarted itself, with what could not
# start because harbor-log, to which all others log, was not there yet.
_STAYS_DOWN = ("created", "exited", "dead")
_START_AGAIN_EVERY = 20.0  # seconds
_START = 120.0


def wait_until_healthy(context: UpgradeContext, version: str, timeout: float) -> None:
    """Wait until Harbor is up as this version, all components healthy.

    Raise DockyardError with what it lacks and its log.
    """
    api = context.api(version)
    deadline = time.monotonic() + timeout
    started = inspected = time.monotonic()
    logged = ""
    while True:
        missing = why_not_healthy(api, version)
        if missing is None:
            return
        if missing != logged:
            context.log(f"Waiting: {missing}")
            logged = missing
        if time.monotonic() - inspected > _INSPECT_EVERY:
            reason = _permanent_failure(context)
            if reason:
                raise DockyardError("harbor_not_healthy", f"Harbor {version} does not come up ({reason})")
            inspected = time.monotonic()
        if time.monotonic() > deadline:
            log_errors = recent_log_errors(context.job.path)
            details = f"{missing} ({log_errors})" if log_errors else missing
            raise DockyardError(
                "harbor_not_healthy", f"Harbor {version} is not healthy after {timeout:g} seconds: {details}"
            )
        if time.monotonic() - started > _START_AGAIN_EVERY:
            _start_again(context)
            started = time.monotonic()
        context.report_progress(0, 0)
        time.sleep(_ASK_EVERY)


def _start_again(context: UpgradeContext) -> None:
    down = [each.name for each in _containers(context.job.path) if each.state in _STAYS_DOWN]
    if not down:
        return
    context.log(f"Starting what has stayed down: {', '.join(down)}")
    try:
        compose.up(context.job.path, _START)
    except DockyardError as error:
        # A port that a user holds may be free the next time.
        context.log(error.message)


def why_not_healthy(api: HarborApi, version: str) -> str | None:
    """Return what this Harbor lacks to be up as this version; None if nothing."""
    try:
        health = api.health()
        if not health.healthy:
            ill = [name for name, status in health.components.items() if status != "healthy"]
            return f"not healthy: {', '.join(sorted(ill)) or health.status}"
        running = api.version()
    except Unreachable as error:
        return str(error)
    if running is not None and Version.parse(running) != Version.parse(version):
        return f"it answers as {running}"
    return None


def _containers(path: str) -> list[Container]:
    """Return the containers; none while the engine does not answer, which it may do again before the time is over."""
    try:
        return find_containers(path)
    except DockyardError:
        return []


def _permanent_failure(context: UpgradeContext) -> str | None:
    containers = _containers(context.job.path)
    for container in containers:
        if container.restarts == 0:
            continue
        log_errors = recent_log_errors(container)
        if _PERMANENT.search(log_errors):
            return log_errors
        if container.service in database.SERVICES and container.restarts >= _PERMANENT_RESTARTS:
            return f"the database has failed {container.restarts} times: {log_errors}"
    return database.interruption(context.job.data_volume, containers) if containers else None


def missing_contents(before: Census, after: Census) -> list[str]:
    """Return what is there no more, one phrase each. Something new may have come in the meantime."""
    counts = (
        ("projects", before.projects, after.projects),
        ("repositories", before.repositories, after.repositories),
        ("users", before.users, after.users),
    )
    return [f"{now} of {was} {what}" for what, was, now in counts if now < was]


def verify_contents(context: UpgradeContext, version: str) -> Census:
    """Prove that what was counted before is there. Raise DockyardError with what is not."""
    before = context.job.census
    api = context.api(version)
    counts = api.counts()
    after = Census(counts.projects, counts.repositories, counts.users, before.samples if before else [])
    if before is None:
        return after
    missing = missing_contents(before, after)
    missing += [
        f"{repository}@{digest} can't be fetched"
        for repository, digest in before.samples
        if not api.has(Sample(repository, digest))
    ]
    if missing:
        raise DockyardError(
            "harbor_contents_missing",
            f"Harbor {version} is healthy, but does not have what was in it before: {', '.join(missing)}",
        )
    return after
