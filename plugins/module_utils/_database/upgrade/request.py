# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a user wants of a database, and what that leads to: a plan, a new job, one that goes on, or one to watch."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes

from .. import flavours, server_container, version
from ..container_definition import INSTANCE_LABEL
from ..docker import Docker
from ..flavours import TITLES
from ..instance_folder import InstanceFolder
from ..server_image import ServerImage
from . import releases, runner
from .container_kind import ContainerKind, changed_user, require_space
from .families import FAMILIES, Family, family_of
from .job import Job, JobStore, UpgradeContext

_LOOK_EVERY = 0.2  # seconds
_COPIES = "upgrades"  # folder of the copies, in that of the instance


@dataclasses.dataclass(frozen=True)
class Request:
    """Seconds for the timeouts. only_plan: nothing is to be changed."""

    container: str
    image: str
    timeout: int
    stop_timeout: int | None
    keep_copy: bool
    wait: bool
    only_plan: bool


@dataclasses.dataclass
class Outcome:
    """failed: whether the message is that of a failure, of which error_code tells the kind."""

    message: str
    changed: bool
    outcome: str
    source: str
    target: str
    failed: bool = False
    error_code: str | None = None
    job: Job | None = None
    journal: str | None = None


def execute(request: Request, docker: Docker) -> Outcome:
    """Plan, begin, resume or watch an upgrade, and return what has come of it."""
    instance = _instance(request, docker)
    store = JobStore(instance.folder)
    if request.only_plan:
        job = store.read()
        if job is not None and job.unfinished:
            state = "is under way" if store.is_locked() else "was interrupted"
            message = f"An upgrade from {job.source} to {job.target} {state}, at: {job.doing}; a run goes on with it."
            return Outcome(message, True, "planned", job.source, job.target, job=job, journal=store.journal)
        return _planned(request, docker, instance)
    lock = store.try_lock()
    if lock is None:
        return _watch(request, store)
    try:
        job = store.read()
        if job is not None and job.unfinished:
            sentence = runner.resume(job, _kind(docker, job))
            store.log(sentence or "Beginning")
        else:
            _recover(request, docker, instance)
            planned = _planned(request, docker, instance)
            if planned.job is None:
                return planned
            job = planned.job
            store.create()
            store.begin_journal()
        store.write(job)
        context = UpgradeContext(store, job)
        kind = _kind(docker, job)
        processes.detach(lambda: runner.execute(context, kind))
    finally:
        os.close(lock)
    try:
        return _watch(request, store)
    except DockyardError as error:
        error.changed = True
        raise


def _kind(docker: Docker, job: Job) -> ContainerKind:
    return family_of(job.flavour, job.title).kind(docker, job)


def _watch(request: Request, store: JobStore) -> Outcome:
    while request.wait and store.is_locked():
        time.sleep(_LOOK_EVERY)
    busy = store.is_locked()
    job = store.read()
    if job is None or (busy and not job.unfinished):
        raise DockyardError(
            "database_busy",
            f"Another run is at work on the instance of {request.container}; run again when it has ended.",
        )
    outcome = Outcome("", True, "running", job.source, job.target, job=job, journal=store.journal)
    if busy:
        outcome.message = f"{job.doing or 'The upgrade'} is under way."
    elif job.outcome is None:
        outcome.message = f"The run was ended from outside, at: {job.doing}; run again, and it goes on from there."
        outcome.outcome, outcome.failed, outcome.error_code = "interrupted", True, "database_interrupted"
    else:
        outcome.message = " ".join([*job.resumed[-1:], job.message or ""])
        outcome.outcome, outcome.changed = job.outcome, job.outcome != "refused"
        outcome.failed = job.outcome != "upgraded" or job.error_code is not None
        outcome.error_code = "database_rollback_failed" if job.outcome == "broken" else job.error_code
    return outcome


def _instance(request: Request, docker: Docker) -> InstanceFolder:
    """Return the instance of a container, which may be set aside at the moment."""
    for name in (request.container, server_container.previous_name(request.container)):
        details = docker.container(name)
        folder = details["Config"]["Labels"].get(INSTANCE_LABEL) if details else None
        if folder:
            return InstanceFolder(folder)
    missing = docker.container(request.container) is None
    what = "There is no container" if missing else "No module of this collection has made the container"
    modules = " or ".join(family.module for family in FAMILIES)
    raise DockyardError(
        "database_container_unknown",
        f"{what} {request.container} on this host; its data can be taken over by {modules} (adopt: true), with the"
        " image that they were written with.",
    )


def _recover(request: Request, docker: Docker, instance: InstanceFolder) -> None:
    record = instance.record()
    if record is not None:
        family = family_of(record["flavour"], TITLES[record["flavour"]])
        family.keeper(docker, request.container, instance, record["flavour"]).recover()


def _planned(request: Request, docker: Docker, instance: InstanceFolder) -> Outcome:
    """Return a plan, with a job if there is something to do. Raise DockyardError for what must not be done."""
    record = instance.record()
    if record is None:
        raise DockyardError("database_container_unknown", f"The record in {instance.folder} is gone.")
    flavour = record["flavour"]
    title = TITLES[flavour]
    source = _source(docker, request, instance, record)
    family = family_of(flavour, title)
    _refuse_flavour(docker, request, flavour, source)
    target = family.inspect(docker, request.image, flavour)
    if target is None:
        raise DockyardError(
            "database_image_missing",
            f"This host has no image {request.image}; bring it first, for instance with the role images.",
        )
    was, will = version.shown(source), version.shown(target.version)
    if source == target.version:
        return Outcome(f"{request.container} is {title} {will} already.", False, "unchanged", was, will)
    releases.check_step(flavour, title, source, target.version)
    before = family.keeper(docker, request.container, instance, flavour).definition_of(record)
    after = changed_user(before, target.user)
    identity = f"{time.strftime('%Y%m%dT%H%M%S')}-{was}-{will}"
    job = Job(
        id=identity,
        folder=instance.folder,
        container=request.container,
        flavour=flavour,
        title=title,
        source=was,
        target=will,
        image_before=record["image"],
        image_after=request.image,
        work=os.path.join(instance.folder, _COPIES, identity),
        timeout=request.timeout,
        stop_timeout=request.stop_timeout or before.stop_timeout,
        keep_copy=request.keep_copy,
        server={
            "before": before.encoded(),
            "after": after.encoded(),
            "was_running": server_container.is_running(docker.container(request.container)),
        },
        began=time.time(),
    )
    require_space(job, instance.data)
    message = f"{request.container} would go from {title} {was} to {will}."
    return Outcome(message, True, "planned", was, will, job=job)


def _source(docker: Docker, request: Request, instance: InstanceFolder, record: dict[str, Any]) -> version.Version:
    """Return the newest version that has had the data: of their files, or of the image that runs with them."""
    data = flavours.recognise(instance.data).data
    flavour = record["flavour"]
    running = family_of(flavour, TITLES[flavour]).inspect(docker, record["image"], flavour)
    return max(data.version if data else (), running.version if running else ())


def _refuse_flavour(docker: Docker, request: Request, flavour: str, source: version.Version) -> None:
    """Refuse an image of another server, with what to do instead."""
    for family, other in [(each, name) for each in FAMILIES for name in each.flavours]:
        found = _found(family, docker, request.image, other) if other != flavour else None
        if found is not None:
            what = f"{request.container} is {TITLES[flavour]} {version.shown(source)}, and the image {request.image}"
            beside = f"Make an instance of {TITLES[other]} beside, and {family.how_to_copy}."
            raise DockyardError(
                "database_upgrade_refused",
                f"{what} is {found.title}; a flavour is not changed by an upgrade. {beside}",
            )


def _found(family: Family, docker: Docker, name: str, flavour: str) -> ServerImage | None:
    try:
        return family.inspect(docker, name, flavour)
    except DockyardError:
        return None
