# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The proof that a Harbor is up, as which version, and with everything that was in it before.

The installer says success whatever happens, and an empty database is as healthy as a full one. So both the API and
the contents are asked.
"""

from __future__ import annotations

import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .. import compose, database
from ..api import HarborApi, Sample, Unreachable
from ..containers import Container, run_docker
from ..logs import Watch
from ..version import Version
from .context import UpgradeContext
from .job import Census

_ASK_EVERY = 0.3  # seconds; nobody is served in the meantime
_INSPECT_EVERY = 1.0  # at the containers, which costs the engine more than an answer costs Harbor
# The engine does not try again with what was stopped by hand, nor, when it was restarted itself, with what could not
# start because harbor-log, to which all others log, was not there yet.
_STAYS_DOWN = ("created", "exited", "dead")
_START_AGAIN_EVERY = 20.0  # seconds
# The engine doubles its pause before each start of what has failed; from here on it is more than a second.
_LONG_PAUSE = 4
_START = 120.0


def wait_until_healthy(context: UpgradeContext, version: str, timeout: float) -> None:
    """Wait until Harbor is up as this version, all components healthy.

    Raise DockyardError with what it lacks and its log.
    """
    api = context.api(version)
    watch = Watch(context.job.path)
    deadline = time.monotonic() + timeout
    _start_again(context, watch, at_once=True)
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
            reason = _permanent_failure(context, watch)
            if reason:
                raise DockyardError("harbor_not_healthy", f"Harbor {version} does not come up ({reason})")
            inspected = time.monotonic()
        if time.monotonic() > deadline:
            said = _last_words(watch)
            details = f"{missing} ({said})" if said else missing
            raise DockyardError(
                "harbor_not_healthy", f"Harbor {version} is not healthy after {counted(timeout, 'second')}: {details}"
            )
        if time.monotonic() - started > _START_AGAIN_EVERY:
            _start_again(context, watch)
            started = time.monotonic()
        context.report_progress(0, 0)
        time.sleep(_ASK_EVERY)


def _start_again(context: UpgradeContext, watch: Watch, *, at_once: bool = False) -> None:
    """Start what is down, and is not started by anybody else.

    at_once: start what the engine lets wait for up to a minute as well, since it has failed so often: in the meantime
        a user may have fixed why.
    """
    containers = _containers(watch)
    down = [each.name for each in containers if each.state in _STAYS_DOWN]
    waiting = [each for each in containers if each.state == "restarting" and each.restarts >= _LONG_PAUSE]
    try:
        if at_once and waiting:
            context.log(f"Starting at once what has failed before: {', '.join(each.name for each in waiting)}")
            run_docker("restart", "-t", "1", *(each.id for each in waiting))
        if down:
            context.log(f"Starting what has stayed down: {', '.join(down)}")
            compose.up(context.job.path, _START)
    except DockyardError as error:
        # A port that a user holds may be free the next time.
        context.log(error.message)


def _last_words(watch: Watch) -> str:
    try:
        return watch.explain(watch.in_trouble())
    except DockyardError as error:
        return error.message


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


def _containers(watch: Watch) -> list[Container]:
    """Return the containers; none while the engine does not answer, which it may do again before the time is over."""
    try:
        return watch.containers()
    except DockyardError:
        return []


def _permanent_failure(context: UpgradeContext, watch: Watch) -> str | None:
    """Return what time does not fix; None if it may."""
    containers = _containers(watch)
    failed = [container for container in containers if watch.restarts(container)]
    cause = watch.cause(failed) if failed else None
    if cause is not None and cause.permanent:
        return str(cause)
    if not containers:
        return None
    volume = context.job.data_volume
    return database.interruption(volume, lambda: _containers(watch)) or database.failure(volume, containers, watch)


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
