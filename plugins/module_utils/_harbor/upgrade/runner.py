# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A Harbor upgrade as a list of steps, executed one after the other, and rolled back if one fails."""

from __future__ import annotations

import time
from functools import partial

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.job import (
    JobOutcome,
    Step,
    as_sentence,
    resume_job,
    run_steps,
    turn_to_rollback,
)

from .. import releases
from ..installation import inspect_installation
from ..version import Version
from . import configuration, images, proof, room, steps_offline, steps_online, steps_rollback
from .context import UpgradeContext
from .job import Job

# Until a Harbor that this run has not stopped is up again after another process has stopped it.
_COMES_UP = 180.0  # seconds


def upgrade_steps(job: Job) -> list[Step[UpgradeContext]]:
    """Return all steps of the upgrade. Their names are what the record holds."""
    serving = [Step("check", f"Looking at Harbor {job.source}", _check, repeat=True)]
    for hop in job.hops:
        version = hop.version
        serving += [
            Step(f"fetch {version}", f"Checking the archive of {version}", partial(steps_online.fetch, hop=hop)),
            Step(f"unpack {version}", f"Unpacking {version} beside", partial(steps_online.unpack, hop=hop)),
            Step(f"load {version}", f"Loading the images of {version}", partial(images.load, hop=hop)),
        ]
    serving += [
        Step("configuration", "Migrating harbor.yml in a copy", configuration.migrate_configuration, repeat=True),
        Step("copy", "Copying the data while Harbor is up", steps_online.copy, repeat=True),
        Step("count", "Counting what is in Harbor", steps_online.count, repeat=True),
    ]
    down = [
        Step("stop", f"Stopping Harbor {job.source}", steps_offline.stop),
        Step("copy_again", "Copying what has changed in the meantime", steps_offline.copy_again),
    ]
    before = Version.parse(job.source)
    for hop in job.hops:
        version = hop.version
        down.append(Step(f"swap {version}", f"Putting {version} in place", partial(steps_offline.swap, hop=hop)))
        if releases.migration(before, Version.parse(version)).databases:
            work = partial(steps_offline.migrate_database, hop=hop)
            down.append(Step(f"database {version}", f"Migrating the database to {version}", work))
        down += [
            Step(f"install {version}", f"Installing {version}", partial(steps_offline.install, hop=hop)),
            Step(f"wait {version}", f"Waiting until {version} is healthy", partial(steps_offline.wait, hop=hop)),
        ]
        before = Version.parse(version)
    return [
        *serving,
        *down,
        Step("verify", "Comparing what is in Harbor with before", steps_offline.verify),
        Step("tidy", "Tidying up", steps_offline.clean_up),
    ]


def rollback_steps(job: Job) -> list[Step[UpgradeContext]]:
    return [
        Step("back stop", "Back: stopping what runs", steps_rollback.stop),
        Step("back folder", f"Back: putting the folder of {job.source} in place", steps_rollback.restore_folder),
        Step("back data", f"Back: putting the data of {job.source} in place", steps_rollback.restore_data),
        Step("back start", f"Back: starting Harbor {job.source}", steps_rollback.start),
        Step("back verify", f"Back: comparing what is in Harbor {job.source} with before", steps_rollback.verify),
        Step("back tidy", "Back: tidying up", steps_rollback.clean_up),
    ]


def _check(context: UpgradeContext) -> None:
    """Check that nobody has changed this Harbor since the plan was made."""
    job = context.job
    installation = inspect_installation(job.path)
    if installation is None or str(installation.version) != job.source:
        now = "gone" if installation is None else f"Harbor {installation.version}"
        raise DockyardError(
            "harbor_changed_since_plan", f"{job.path} was Harbor {job.source} in the plan and is {now} now"
        )
    missing = why_not_up(context)
    if missing:
        raise DockyardError("harbor_not_healthy", f"Harbor {job.source} is not up ({missing})")


def why_not_up(context: UpgradeContext) -> str | None:
    """Return what the Harbor that the job starts from lacks; None if nothing."""
    return proof.why_not_healthy(context.api(context.job.source), context.job.source)


def resume(job: Job) -> str | None:
    """Make a job whose run was interrupted ready to go on. Return the sentence that says so; None for a new job."""
    return resume_job(job, upgrade_steps(job), "harbor_run_interrupted")


def execute(context: UpgradeContext) -> None:
    """Execute a job to its outcome, which is in its record then."""
    job = context.job
    context.end_orphans()
    if job.direction == "forward":
        failure = _execute_steps(context, upgrade_steps(job))
        if failure is None:
            _finish(context, "upgraded", _upgraded(job))
            return
        if job.down_since is None and "stop" not in job.done:
            # First, for an engine that is being restarted takes no order to remove images.
            state = _not_stopped(context)
            steps_rollback.remove_traces(context)
            job.error_code = failure.code
            _finish(context, "refused", f"{as_sentence(failure.message)} {state}")
            return
        if "verify" in job.done:
            # It is up and proven. What is left over is no reason to go back.
            _finish(context, "upgraded", f"{_upgraded(job)} Tidying up failed: {as_sentence(failure.message)}")
            return
        room.free_reserve(context)  # before the record is written, which may be on the disk that is full
        context.log(f"Failed: {failure.message}")
        turn_to_rollback(job, failure.message, failure.code)
        context.store.write(job)
    room.free_reserve(context)
    requested = job.reason is None
    failure = _execute_steps(context, rollback_steps(job))
    begin = "" if requested else f"{as_sentence(job.reason or '')} "
    if failure is not None and "back verify" not in job.done:
        rollback_failed = as_sentence(failure.message)
        _finish(
            context,
            "broken",
            f"{begin}Going back to {job.source} failed too: {rollback_failed} Harbor may be down; its data of"
            f" before are in {job.backup} or in their place already. Fix what is said here and run again, which goes on"
            " with the rollback.",
        )
        return
    _finish(context, "rolled_back", f"{begin}{_rolled_back(job)}")


def _not_stopped(context: UpgradeContext) -> str:
    """Prove that Harbor is up: what has ended this run, such as a restart of the engine, may have stopped it too."""
    source = context.job.source
    try:
        proof.wait_until_healthy(context, source, min(context.job.options["timeout"], _COMES_UP))
    except DockyardError as error:
        return f"This run has not stopped Harbor {source}, but it is not up: {as_sentence(error.message)}"
    return f"Harbor {source} was not stopped, and is up as before."


def _execute_steps(context: UpgradeContext, todo: list[Step[UpgradeContext]]) -> DockyardError | None:
    """Execute the steps that are not done yet. Return why one failed."""
    return run_steps(
        context,
        context.store,
        todo,
        context.job.done,
        begin=lambda step, number, count: context.begin_step(step.name, step.text, number, count),
        save=lambda: context.store.write(context.job),
        defect=lambda sentence: DockyardError("harbor_defect", sentence),
    )


def _finish(context: UpgradeContext, outcome: JobOutcome, message: str) -> None:
    job = context.job
    job.outcome = outcome
    job.message = message
    job.ended = time.time()
    context.store.write(job)
    context.log(message)


def _upgraded(job: Job) -> str:
    over = [hop.version for hop in job.hops[:-1]]
    now = job.census_after
    has = ""
    if now is not None:
        has = f", and has its {now} and the {now.sampled} that {_were(len(now.samples))} looked at"
    return (
        f"Harbor went from {job.source} to {job.target}{f' over {_joined(over)}' if over else ''}, was down for"
        f" {job.downtime:.0f} seconds{has}."
    )


def _rolled_back(job: Job) -> str:
    now = job.census_after
    has = f" with its {now}" if now else ""
    return f"Harbor {job.source} is up again{has}, after {job.downtime:.0f} seconds without."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _joined(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
