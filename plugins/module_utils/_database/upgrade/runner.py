# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""An upgrade of a database as a list of steps, done one after the other, and rolled back if one fails."""

from __future__ import annotations

import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.job import (
    JobOutcome,
    Step,
    as_sentence,
    resume_job,
    run_steps,
    turn_to_rollback,
)

from .job import Job, UpgradeContext
from .kind import Kind

Steps = list[Step[UpgradeContext]]


def upgrade_steps(job: Job, kind: Kind) -> Steps:
    """Return all steps of the upgrade. Their names are what the record holds."""
    was, will = f"{job.title} {job.source}", f"{job.title} {job.target}"
    ahead = Step("ahead", f"Copying the data of {was} while it is up", kind.copy_ahead, repeat=True)
    return [
        Step("check", f"Looking at {was}", kind.check, repeat=True),
        Step("configuration", f"Trying the configuration with {will}", kind.try_configuration, repeat=True),
        Step("backup", f"Backing up {was} while it is up", kind.back_up, repeat=True),
        *([ahead] if kind.COPIES_AHEAD else []),
        Step("stop", f"Counting what is in {was}, and stopping it", kind.stop),
        Step("copy", "Copying the data", kind.copy),
        Step("start", f"Starting {will}", kind.start_new),
        Step("prove", "Comparing what is in it with before", kind.prove),
        Step("open", "Letting clients in", kind.open),
        Step("settle", "Tidying up", kind.settle),
    ]


def rollback_steps(job: Job, kind: Kind) -> Steps:
    was = f"{job.title} {job.source}"
    return [
        Step("back stop", f"Back: stopping {job.title} {job.target}", kind.stop_new),
        Step("back data", f"Back: putting the data of {job.source} in place", kind.restore_data),
        Step("back start", f"Back: starting {was}", kind.start_old),
        Step("back prove", f"Back: comparing what is in {was} with before", kind.prove_old),
        Step("back tidy", "Back: tidying up", kind.remove_traces),
    ]


def resume(job: Job, kind: Kind) -> str | None:
    """Make a job whose run was interrupted ready to go on. Return the sentence that says so; None for a new job."""
    return resume_job(job, upgrade_steps(job, kind), "database_interrupted", may_go_back=not job.opened)


def execute(context: UpgradeContext, kind: Kind) -> None:
    """Do a job to its outcome, which is in its record then."""
    job = context.job
    if job.direction == "forward":
        failure = _run(context, upgrade_steps(job, kind))
        if failure is None:
            _finish(context, "upgraded", _upgraded(job))
            return
        if job.opened:
            # Clients may have written. The old data would be a loss.
            job.error_code = failure.code
            _finish(context, "upgraded", f"{_upgraded(job)} What came after failed: {as_sentence(failure.message)}")
            return
        if job.down_since is None:
            job.error_code = failure.code
            kind.remove_traces(context)
            was = f"{job.title} {job.source}"
            _finish(context, "refused", f"{as_sentence(failure.message)} {was} was not stopped, and is as before.")
            return
        context.log(f"Failed: {failure.message}")
        turn_to_rollback(job, failure.message, failure.code)
        context.save()
    failure = _run(context, rollback_steps(job, kind))
    begin = as_sentence(job.reason or "")
    if failure is not None and "back prove" not in job.done:
        _finish(
            context,
            "broken",
            f"{begin} Going back to {job.source} failed too: {as_sentence(failure.message)} {job.container} may be"
            f" down. Its data of before are in {job.copy} or in their place already. Fix what is said here and run"
            " again, which goes on with the rollback.",
        )
        return
    _finish(
        context,
        "rolled_back",
        f"{begin} {job.title} {job.source} is up again with its data, after {job.downtime:.1f} seconds without.",
    )


def _run(context: UpgradeContext, todo: Steps) -> DockyardError | None:
    return run_steps(
        context,
        context.store,
        todo,
        context.job.done,
        begin=lambda step, number, count: context.begin_step(step.name, step.text, number, count),
        save=context.save,
        defect=lambda sentence: DockyardError("database_defect", sentence),
    )


def _finish(context: UpgradeContext, outcome: JobOutcome, message: str) -> None:
    job = context.job
    job.outcome, job.message, job.ended = outcome, message, time.time()
    context.save()
    context.log(message)


def _upgraded(job: Job) -> str:
    has = (job.census_after or job.census or {}).get("text", "")
    return (
        f"{job.container} went from {job.title} {job.source} to {job.target}, was down for {job.downtime:.1f} seconds,"
        f" and has its {has}."
    )
