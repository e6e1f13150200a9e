# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What somebody wants of a Harbor, and what that leads to: a plan, a new job, one that goes on, or one to watch."""

from __future__ import annotations

import dataclasses
import os
import re
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError, Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes

from .. import installer_archive
from ..installation import Installation, inspect_installation
from ..version import Version
from . import runner, steps_offline, steps_rollback
from .context import Run, Secrets
from .job import Hop, Job
from .job_store import JobStore
from .plan import DesiredUpgrade, Plan, build_plan

_NAME = re.compile(r"harbor-(?:offline|online)-installer-v?(\d+\.\d+\.\d+)[^/]*\.tgz")
_LOOK_EVERY = 0.5


@dataclasses.dataclass
class Archive:
    """A release. path: on this host, or where it will be; url: where it comes from, None if it is there already."""

    path: str
    url: str | None = None
    checksum: str | None = None
    signature: str | None = None
    keyring: str | None = None


@dataclasses.dataclass
class Order:
    """Seconds for timeout. job: only that job is of interest; journal_from: the first line of its journal to return."""

    path: str
    state: str
    archives: list[Archive]
    secrets: Secrets
    wanted: DesiredUpgrade
    keep_backup: bool
    timeout: int
    wait: bool
    job: str | None
    journal_from: int
    only_plan: bool


@dataclasses.dataclass
class Outcome:
    """failed: whether the message is that of a failure."""

    message: str
    changed: bool
    outcome: str
    failed: bool = False
    plan: Plan | None = None
    job: Job | None = None
    running: bool = False


def carry_out(order: Order) -> Outcome:
    folder = JobStore(order.path)
    if order.only_plan:
        return _planned(order, folder)
    lock = folder.lock()
    if lock is None:
        # Somebody's run is under way. It is watched, whatever this one was to do.
        return _watched(order, folder) if _has_begun(folder) else carry_out(order)
    try:
        job = folder.read()
        if order.job is not None and (job is None or job.id != order.job):
            raise Problem(f"There is no job {order.job} of {order.path} on this host any more.")
        # One whose way back has failed too is tried again by somebody who has mended what it says, not by who watches.
        if order.job is not None and job is not None and job.outcome is not None:
            return _ended(job)
        made = _to_do(order, folder, job)
        if isinstance(made, Outcome):
            return made
        folder.write(made)
        run = Run(folder, made, order.secrets)
        processes.detach(lambda: runner.carry_out(run))
    finally:
        os.close(lock)
    return _watched(order, folder)


def _has_begun(folder: JobStore) -> bool:
    """Waits while another run makes its plan. Whether it works then; otherwise it has ended, refused for instance."""
    while folder.busy():
        job = folder.read()
        if job is not None and job.unfinished:
            return True
        time.sleep(_LOOK_EVERY)
    return False


def _watched(order: Order, folder: JobStore) -> Outcome:
    while order.wait and folder.busy():
        time.sleep(_LOOK_EVERY)
    busy = folder.busy()
    job = folder.read()
    if job is None:
        raise Problem(f"Another run is beginning in {order.path}; run again to watch it.")
    if busy:
        return Outcome(f"{job.doing or 'The run'} is under way.", True, "running", job=job, running=True)
    if job.outcome is None:
        return Outcome(
            f"The run was ended from outside, at: {job.doing}; run again, and it goes on from there.",
            changed=True,
            outcome="broken_off",
            failed=True,
            job=job,
        )
    return _ended(job)


def _ended(job: Job) -> Outcome:
    asked = job.outcome == "rolled_back" and job.reason is None
    failed = job.outcome != "upgraded" and not asked
    message = " ".join([*job.resumed[-1:], job.message or ""])
    changed = job.outcome in ("upgraded", "broken") or asked
    return Outcome(message, changed, job.outcome or "", failed, job=job)


# --- what is to be done


def _to_do(order: Order, folder: JobStore, job: Job | None) -> Job | Outcome:
    """A job to carry out, or the outcome where there is none."""
    if job is not None and job.unfinished:
        return _unfinished(order, folder, job)
    if order.state == "rolled_back":
        return _rolled_back(order, job)
    plan = _plan(order)
    if not plan.hops:
        return _unchanged(plan)
    if plan.blockers:
        return Outcome(_refusal(plan), False, "refused", failed=True, plan=plan)
    folder.begin()
    return _job(order, plan)


def _unfinished(order: Order, folder: JobStore, job: Job) -> Job | Outcome:
    versions = [archive.version for archive in _named(order)]
    untouched = job.down_since is None and job.direction == "forward" and "stop" not in job.done
    other = bool(versions) and str(versions[-1]) != job.target
    if untouched and (order.state == "rolled_back" or other):
        run = Run(folder, job, order.secrets)
        run.end_orphans()
        steps_rollback.forget(run)
        job.outcome, job.message = (
            "refused",
            f"Harbor {job.source} was not stopped; the upgrade to {job.target} was dropped.",
        )
        folder.write(job)
        return Outcome(job.message, True, "rolled_back", job=job) if not other else _to_do(order, folder, job)
    if order.state == "rolled_back" and job.direction == "forward":
        runner.go_back(job, None)
        job.resumed.append(f"The run before was broken off at: {job.doing}; it is taken back.")
        return job
    said = runner.resume(job)
    if said is not None:
        folder.say(said)
    return job


def _rolled_back(order: Order, job: Job | None) -> Job | Outcome:
    if job is None or job.outcome == "refused":
        raise Problem(
            f"No upgrade of {order.path} is recorded on this host, so there is no way back. Nothing was changed."
        )
    if job.outcome == "rolled_back":
        return Outcome(f"Harbor was taken back to {job.source} already.", False, "unchanged", job=job)
    run = Run(JobStore(order.path), job, order.secrets)
    if not os.path.isdir(steps_offline.previous(run)) or (job.parts and not os.path.isdir(job.backup)):
        raise Problem(
            f"The copy that was made before the upgrade from {job.source} to {job.target} is gone, so there is no way"
            " back; restore a backup of your own. Nothing was changed."
        )
    runner.go_back(job, None)
    job.began, job.ended, job.downtime, job.resumed = time.time(), None, 0.0, []
    return job


def _job(order: Order, plan: Plan) -> Job:
    installation = _installation(order)
    identifier = f"{time.strftime('%Y%m%dT%H%M%S')}-{plan.source}-{plan.hops[-1]}"
    work = f"{installation.path}.dockyard"
    archives = {archive.version: archive.archive for archive in _named(order)}
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
            "keep_backup": order.keep_backup,
            "timeout": order.timeout,
            "database_backup_command": list(order.wanted.database_backup_command),
            "database_restore_command": list(order.wanted.database_restore_command),
        },
        database_major=installation.database.major,
        began=time.time(),
    )


# --- the plan


@dataclasses.dataclass
class _Named:
    version: Version
    archive: Archive


def _named(order: Order) -> list[_Named]:
    """The archives in the order of their versions, which stand in their names or in what is inside."""
    named = []
    for archive in order.archives:
        base = os.path.basename(archive.path)
        found = _NAME.fullmatch(base)
        if found:
            version = Version.parse(found[1])
        elif os.path.isfile(archive.path):
            version = installer_archive.inspect(archive.path).version
        else:
            raise Problem(
                f"The version of {base} can't be told; give the archive under the name that it was published with, such"
                " as harbor-offline-installer-v2.12.4.tgz. Nothing was changed."
            )
        named.append(_Named(version, archive))
    named.sort(key=lambda one: one.version)
    for one, other in zip(named, named[1:]):
        if one.version == other.version:
            raise Problem(
                f"Two archives are of Harbor {one.version} ({one.archive.path} and {other.archive.path}); give one of"
                " them. Nothing was changed."
            )
    return named


def _installation(order: Order) -> Installation:
    installation = inspect_installation(order.path)
    if installation is None:
        raise Problem(
            f"There is no Harbor in {order.path}; give the folder with its harbor.yml as path, or install one (role"
            " dockyard.ops.harbor). Nothing was changed."
        )
    return installation


def _plan(order: Order) -> Plan:
    named = _named(order)
    if not named:
        raise Problem("archives is empty; give the archive of the release to upgrade to. Nothing was changed.")
    order.wanted.archives = [
        os.path.getsize(one.archive.path) if os.path.isfile(one.archive.path) else 0 for one in named
    ]
    installation = _installation(order)
    plan = build_plan(installation, [one.version for one in named], order.wanted)
    if plan.hops and installation.running:
        _look_at_contents(order, plan)
    return plan


def _look_at_contents(order: Order, plan: Plan) -> None:
    """That its contents can be counted; finding that out after the upgrade would be too late."""
    from_job = Job(
        id="",
        path=order.path,
        source=str(plan.source),
        hops=[],
        data_volume="",
        work="",
        backup="",
        parts=[],
        flags=[],
        options={},
    )
    run = Run(JobStore(order.path), from_job, order.secrets)
    try:
        missing = runner.not_serving(run)
        if missing is None:
            run.api(str(plan.source)).counts()
        else:
            plan.blockers.append(f"Harbor {plan.source} does not serve as it should ({missing}); mend that first.")
    except DockyardError as problem:
        plan.blockers.append(problem.message)


def _planned(order: Order, folder: JobStore) -> Outcome:
    job = folder.read()
    if job is not None and (job.unfinished or folder.busy()):
        state = "is under way" if folder.busy() else "was broken off"
        return Outcome(
            f"An upgrade from {job.source} to {job.target} {state}, at: {job.doing}; a run goes on with it.",
            changed=True,
            outcome="planned",
            job=job,
        )
    if order.state == "rolled_back":
        made = _rolled_back(order, job)
        if isinstance(made, Outcome):
            return made
        return Outcome(f"Harbor would be taken back from {made.target} to {made.source}.", True, "planned")
    plan = _plan(order)
    if not plan.hops:
        return _unchanged(plan)
    if plan.blockers:
        return Outcome(_refusal(plan), False, "refused", failed=order.state != "planned", plan=plan)
    way = " to ".join(map(str, [plan.source, *plan.hops]))
    return Outcome(
        f"Harbor would go from {way}, and be down for about {plan.downtime} seconds.", True, "planned", plan=plan
    )


def _unchanged(plan: Plan) -> Outcome:
    return Outcome(f"Harbor {plan.source} is what was asked for.", False, "unchanged", plan=plan)


def _refusal(plan: Plan) -> str:
    return f"Harbor {plan.source} can't be upgraded to {plan.hops[-1]}: {' '.join(plan.blockers)} Nothing was changed."
