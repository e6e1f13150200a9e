# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The proof that a Harbor serves, as which version, and with everything that was in it before.

The installer says success whatever happens, and an empty database is as healthy as a full one. So both the API and
the contents are asked.
"""

from __future__ import annotations

import re
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError, Problem

from .. import compose, database
from ..api import HarborApi, Sample, Unreachable
from ..containers import Container, find_containers, recent_log_errors
from ..version import Version
from .context import Run
from .job import Census

_ASK_EVERY = 0.3  # seconds; nobody is served meanwhile
_LOOK_EVERY = 1.0  # at the containers, which costs the engine more than an answer costs Harbor
# What time does not mend: golang-migrate's words for a schema that is half migrated, or newer than the core knows.
_HOPELESS = re.compile(r"Dirty database version|no migration found for version", re.IGNORECASE)
# The database's container is restarted only when it has failed. The core and the job service exit as well
# while they wait for others.
_HOPELESS_RESTARTS = 4
# The engine does not try again with what was stopped by hand, nor, when it was restarted itself, with what could not
# start because harbor-log, to which all others log, was not there yet.
_STAYS_DOWN = ("created", "exited", "dead")
_START_AGAIN_EVERY = 20.0  # seconds
_START = 120.0


def wait(run: Run, version: str, timeout: float) -> None:
    """Waits until Harbor serves as this version, all components healthy. Problem: what it lacks, with its log."""
    api = run.api(version)
    deadline = time.monotonic() + timeout
    started = looked = time.monotonic()
    heard = ""
    while True:
        missing = lacks(api, version)
        if missing is None:
            return
        if missing != heard:
            run.say(f"Waiting: {missing}")
            heard = missing
        if time.monotonic() - looked > _LOOK_EVERY:
            hopeless = _hopeless(run)
            if hopeless:
                raise Problem(f"Harbor {version} does not come up ({hopeless})")
            looked = time.monotonic()
        if time.monotonic() > deadline:
            words = recent_log_errors(run.job.path)
            raise Problem(
                f"Harbor {version} is not healthy after {timeout:g} seconds: {missing}{f' ({words})' if words else ''}"
            )
        if time.monotonic() - started > _START_AGAIN_EVERY:
            _start_again(run)
            started = time.monotonic()
        run.show(0, 0)
        time.sleep(_ASK_EVERY)


def _start_again(run: Run) -> None:
    down = [each.name for each in _containers(run.job.path) if each.state in _STAYS_DOWN]
    if not down:
        return
    run.say(f"Starting what has stayed down: {', '.join(down)}")
    try:
        compose.up(run.job.path, _START)
    except DockyardError as problem:
        # A port that somebody holds may be free the next time.
        run.say(problem.message)


def lacks(api: HarborApi, version: str) -> str | None:
    """What this Harbor lacks to serve as this version; None if nothing."""
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
    """Empty while the engine does not answer, which it may do again before the time is over."""
    try:
        return find_containers(path)
    except DockyardError:
        return []


def _hopeless(run: Run) -> str | None:
    containers = _containers(run.job.path)
    for container in containers:
        if container.restarts == 0:
            continue
        words = recent_log_errors(container)
        if _HOPELESS.search(words):
            return words
        if container.service in database.SERVICES and container.restarts >= _HOPELESS_RESTARTS:
            return f"the database has failed {container.restarts} times: {words}"
    return database.interrupted(run.job.data_volume, containers) if containers else None


def compare(before: Census, after: Census) -> list[str]:
    """What is there no more, one phrase each. Something new may have come meanwhile."""
    counts = (
        ("projects", before.projects, after.projects),
        ("repositories", before.repositories, after.repositories),
        ("users", before.users, after.users),
    )
    return [f"{now} of {was} {what}" for what, was, now in counts if now < was]


def verify(run: Run, version: str) -> Census:
    """Proves that what was counted before is there. Problem: what is not."""
    before = run.job.census
    api = run.api(version)
    counts = api.counts()
    after = Census(counts.projects, counts.repositories, counts.users, before.samples if before else [])
    if before is None:
        return after
    missing = compare(before, after)
    missing += [
        f"{repository}@{digest} can't be fetched"
        for repository, digest in before.samples
        if not api.has(Sample(repository, digest))
    ]
    if missing:
        raise Problem(f"Harbor {version} is healthy, but does not have what was in it before: {', '.join(missing)}")
    return after
