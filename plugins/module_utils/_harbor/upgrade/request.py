# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a user wants of a Harbor, and what that leads to: a plan, a new job, one that goes on, or one to watch."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes
from ansible_collections.dockyard.ops.plugins.module_utils._host.job import turn_to_rollback

from .. import installer_archive
from ..installation import Installation, inspect_installation
from ..version import Version
from . import runner, steps_offline, steps_rollback
from .context import Secrets, UpgradeContext
from .job import Hop, Job
from .job_store import JobStore
from .plan import DesiredUpgrade, Plan, build_plan

_NAME = re.compile(r"harbor-(?:offline|online)-installer-v?(\d+\.\d+\.\d+)[^/]*\.tgz")
_LOOK_EVERY = 0.5


State = Literal["upgraded", "planned", "rolled_back"]
OutcomeName = Literal["planned", "unchanged", "upgraded", "rolled_back", "refused", "broken", "interrupted", "running"]


@dataclasses.dataclass
class Archive:
    """A release. path: on this host, or where it will be; url: where it comes from, None if it is there already."""

    path: str
    url: str | None = None
    checksum: str | None = None
    signature: str | None = None
    keyring: str | None = None


@dataclasses.dataclass
class UpgradeRequest:
    """Seconds for timeout. job: only that job is of interest; journal_from: the first line of its journal to return."""

    path: str
    state: State
    archives: list[Archive]
    secrets: Secrets
    desired: DesiredUpgrade
    keep_backup: bool
    timeout: int
    wait: bool
    job: str | None
    journal_from: int
    only_plan: bool


@dataclasses.dataclass
class Outcome:
    """failed: whether the message is that of a failure, of which error_code tells the kind."""

    message: str
    changed: bool
    outcome: OutcomeName
    failed: bool = False
    error_code: str | None = None
    plan: Plan | None = None
    job: Job | None = None
    running: bool = False


def execute_request(request: UpgradeRequest) -> Outcome:
    """Plan, begin, resume, roll back or watch an upgrade, and return what has come of it."""
    store = JobStore(request.path)
    if request.only_plan:
        return _plan_only(request, store)
    lock = store.try_lock()
    if lock is None:
        # Another run is under way. It is watched, whatever this one was to do.
        return _watch(request, store) if _wait_for_other_plan(store) else execute_request(request)
    try:
        job = store.read()
        if request.job is not None and (job is None or job.id != request.job):
            # No exception: that would say that nothing was changed, and what that job has changed is not known.
            return Outcome(
                f"There is no job {request.job} of {request.path} on this host any more.",
                changed=False,
                outcome="refused",
                failed=True,
                error_code="harbor_job_gone",
            )
        # One whose rollback has failed too is tried again by a user who has fixed what it says, not by who watches.
        if request.job is not None and job is not None and job.outcome is not None:
            return _outcome_of(job)
        job_or_outcome = _job_or_outcome(request, store, job)
        if isinstance(job_or_outcome, Outcome):
            return job_or_outcome
        store.write(job_or_outcome)
        context = UpgradeContext(store, job_or_outcome, request.secrets)
        processes.detach(lambda: runner.execute(context))
    finally:
        os.close(lock)
    try:
        return _watch(request, store)
    except DockyardError as error:
        error.changed = True
        raise


def _wait_for_other_plan(store: JobStore) -> bool:
    """Wait while another run makes its plan.

    Return whether it works then; otherwise it has ended, refused for instance.
    """
    while store.is_locked():
        job = store.read()
        if job is not None and job.unfinished:
            return True
        time.sleep(_LOOK_EVERY)
    return False


def _watch(request: UpgradeRequest, store: JobStore) -> Outcome:
    while request.wait and store.is_locked():
        time.sleep(_LOOK_EVERY)
    busy = store.is_locked()
    job = store.read()
    if job is None:
        raise DockyardError("harbor_job_gone", f"Another run is beginning in {request.path}; run again to watch it.")
    if busy:
        return Outcome(f"{job.doing or 'The run'} is under way.", True, "running", job=job, running=True)
    if job.outcome is None:
        return Outcome(
            f"The run was ended from outside, at: {job.doing}; run again, and it goes on from there.",
            changed=True,
            outcome="interrupted",
            failed=True,
            error_code="harbor_run_interrupted",
            job=job,
        )
    return _outcome_of(job)


def _outcome_of(job: Job) -> Outcome:
    if job.outcome is None:
        raise AssertionError(f"job {job.id} has not ended")
    requested = job.outcome == "rolled_back" and job.reason is None
    failed = job.outcome != "upgraded" and not requested
    code = "harbor_rollback_failed" if job.outcome == "broken" else job.error_code
    message = " ".join([*job.resumed[-1:], job.message or ""])
    changed = job.outcome in ("upgraded", "broken") or requested
    return Outcome(message, changed, job.outcome, failed, code if failed else None, job=job)


# --- what is to be done


def _job_or_outcome(request: UpgradeRequest, store: JobStore, job: Job | None) -> Job | Outcome:
    """Return a job to execute, or the outcome if there is none."""
    if job is not None and job.unfinished:
        return _unfinished(request, store, job)
    if request.state == "rolled_back":
        return _rolled_back(request, job)
    plan = _plan(request)
    if not plan.hops:
        return _unchanged(plan)
    if plan.blockers:
        return _refused(plan, failed=True)
    store.begin_journal()
    return _job(request, plan)


def _unfinished(request: UpgradeRequest, store: JobStore, job: Job) -> Job | Outcome:
    versions = [archive.version for archive in _versioned_archives(request)]
    untouched = job.down_since is None and job.direction == "forward" and "stop" not in job.done
    other = bool(versions) and str(versions[-1]) != job.target
    if untouched and (request.state == "rolled_back" or other):
        context = UpgradeContext(store, job, request.secrets)
        context.end_orphans()
        steps_rollback.remove_traces(context)
        job.outcome, job.message = (
            "refused",
            f"Harbor {job.source} was not stopped; the upgrade to {job.target} was dropped.",
        )
        store.write(job)
        return _after_drop(request, store, job) if other else Outcome(job.message, True, "rolled_back", job=job)
    if request.state == "rolled_back" and job.direction == "forward":
        turn_to_rollback(job, None)
        job.resumed.append(f"The run before was interrupted at: {job.doing}; it is taken back.")
        return job
    sentence = runner.resume(job)
    if sentence is not None:
        store.log(sentence)
    return job


def _after_drop(request: UpgradeRequest, store: JobStore, job: Job) -> Job | Outcome:
    """Return what comes after another upgrade was dropped, which is a change in any case."""
    try:
        job_or_outcome = _job_or_outcome(request, store, job)
    except DockyardError as error:
        error.changed = True
        raise
    if isinstance(job_or_outcome, Outcome):
        job_or_outcome.changed = True
    return job_or_outcome


def _rolled_back(request: UpgradeRequest, job: Job | None) -> Job | Outcome:
    if job is None or job.outcome == "refused":
        raise DockyardError(
            "harbor_rollback_impossible",
            f"No upgrade of {request.path} is recorded on this host, so a rollback is impossible.",
        )
    if job.outcome == "rolled_back":
        return Outcome(f"Harbor was taken back to {job.source} already.", False, "unchanged", job=job)
    context = UpgradeContext(JobStore(request.path), job, request.secrets)
    if not os.path.isdir(steps_offline.folder_before(context)) or (job.parts and not os.path.isdir(job.backup)):
        raise DockyardError(
            "harbor_rollback_impossible",
            f"The copy that was made before the upgrade from {job.source} to {job.target} is gone, so a rollback is"
            " impossible; restore a backup of your own.",
        )
    turn_to_rollback(job, None)
    job.began, job.ended, job.downtime, job.resumed = time.time(), None, 0.0, []
    return job


def _job(request: UpgradeRequest, plan: Plan) -> Job:
    installation = _installation(request)
    identifier = f"{time.strftime('%Y%m%dT%H%M%S')}-{plan.source}-{plan.hops[-1]}"
    work = f"{installation.path}.dockyard"
    archives = {archive.version: archive.archive for archive in _versioned_archives(request)}
    hops = []
    for version in plan.hops:
        archive = archives[version]
        hops.append(
            Hop(
                version=str(version),
                archive=archive.path,
                release=os.path.join(work, "releases", str(version)),
                checksum=archive.checksum,
                signature=archive.signature,
                keyring=archive.keyring,
                url=archive.url,
            )
        )
    return Job(
        id=identifier,
        path=installation.path,
        source=str(plan.source),
        hops=hops,
        data_volume=installation.data_volume,
        work=work,
        backup=os.path.join(plan.backup_path, f"upgrade-{identifier}"),
        parts=plan.parts,
        flags=installation.flags,
        options={
            "keep_backup": request.keep_backup,
            "timeout": request.timeout,
            "database_backup_command": list(request.desired.database_backup_command),
            "database_restore_command": list(request.desired.database_restore_command),
        },
        database_major=installation.database.major,
        began=time.time(),
    )


# --- the plan


@dataclasses.dataclass
class _VersionedArchive:
    version: Version
    archive: Archive


def _versioned_archives(request: UpgradeRequest) -> list[_VersionedArchive]:
    """Return the archives in the order of their versions, which are in their names or in what is inside."""
    named = []
    for archive in request.archives:
        base = os.path.basename(archive.path)
        found = _NAME.fullmatch(base)
        if found:
            version = Version.parse(found[1])
        elif os.path.isfile(archive.path):
            version = installer_archive.inspect_archive(archive.path).version
        else:
            raise DockyardError(
                "harbor_archives_invalid",
                f"The version of {base} is not known; give the archive under the name that it was published with, such"
                " as harbor-offline-installer-v2.12.4.tgz.",
            )
        named.append(_VersionedArchive(version, archive))
    named.sort(key=lambda one: one.version)
    for one, other in zip(named, named[1:]):
        if one.version == other.version:
            raise DockyardError(
                "harbor_archives_invalid",
                f"Two archives are of Harbor {one.version} ({one.archive.path} and {other.archive.path}); give one of"
                " them.",
            )
    return named


def _installation(request: UpgradeRequest) -> Installation:
    installation = inspect_installation(request.path)
    if installation is None:
        raise DockyardError(
            "harbor_not_installed",
            f"There is no Harbor in {request.path}; give the folder with its harbor.yml as path, or install one (role"
            " dockyard.ops.harbor).",
        )
    return installation


def _plan(request: UpgradeRequest) -> Plan:
    named = _versioned_archives(request)
    if not named:
        raise DockyardError(
            "harbor_archives_invalid", "archives is empty; give the archive of the release to upgrade to."
        )
    request.desired.archive_sizes = [
        os.path.getsize(one.archive.path) if os.path.isfile(one.archive.path) else 0 for one in named
    ]
    installation = _installation(request)
    plan = build_plan(installation, [one.version for one in named], request.desired)
    if plan.hops and installation.running:
        _check_contents(request, plan)
    return plan


def _check_contents(request: UpgradeRequest, plan: Plan) -> None:
    """Check that its contents can be counted; finding that out after the upgrade would be too late."""
    from_job = Job(
        id="",
        path=request.path,
        source=str(plan.source),
        hops=[],
        data_volume="",
        work="",
        backup="",
        parts=[],
        flags=[],
        options={},
    )
    context = UpgradeContext(JobStore(request.path), from_job, request.secrets)
    try:
        missing = runner.why_not_up(context)
        if missing is None:
            context.api(str(plan.source)).counts()
        else:
            plan.blockers.append(f"Harbor {plan.source} is not up as it should be ({missing}); fix that first.")
    except DockyardError as error:
        plan.blockers.append(error.message)


def _plan_only(request: UpgradeRequest, store: JobStore) -> Outcome:
    job = store.read()
    if job is not None and (job.unfinished or store.is_locked()):
        state = "is under way" if store.is_locked() else "was interrupted"
        return Outcome(
            f"An upgrade from {job.source} to {job.target} {state}, at: {job.doing}; a run goes on with it.",
            changed=True,
            outcome="planned",
            job=job,
        )
    if request.state == "rolled_back":
        job_or_outcome = _rolled_back(request, job)
        if isinstance(job_or_outcome, Outcome):
            return job_or_outcome
        return Outcome(
            f"Harbor would be taken back from {job_or_outcome.target} to {job_or_outcome.source}.", True, "planned"
        )
    plan = _plan(request)
    if not plan.hops:
        return _unchanged(plan)
    if plan.blockers:
        return _refused(plan, failed=request.state != "planned")
    way = " to ".join(map(str, [plan.source, *plan.hops]))
    return Outcome(
        f"Harbor would go from {way}, and be down for about {plan.downtime} seconds.", True, "planned", plan=plan
    )


def _unchanged(plan: Plan) -> Outcome:
    return Outcome(f"Harbor {plan.source} is what was asked for.", False, "unchanged", plan=plan)


def _refused(plan: Plan, *, failed: bool) -> Outcome:
    message = f"Harbor {plan.source} can't be upgraded to {plan.hops[-1]}: {' '.join(plan.blockers)}"
    return Outcome(message, False, "refused", failed, "harbor_upgrade_refused" if failed else None, plan=plan)
