# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A Harbor upgrade as a list of steps, carried out one after the other, and taken back where one fails."""

from __future__ import annotations

import dataclasses
import time
import traceback
from functools import partial
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError, Problem

from .. import releases
from ..installation import inspect_installation
from ..version import Version
from . import images, proof, steps_offline, steps_online, steps_rollback
from .context import Run
from .job import Job

# A step at which a run ends again and again (a host that runs out of memory, for instance) is not tried for ever.
_TRIES = 3
# Until a Harbor that this run has not stopped is up again after somebody else has stopped it.
_COMES_UP = 180.0  # seconds


@dataclasses.dataclass(frozen=True)
class Step:
    """text: what is being done, for the journal.

    anew: what it found out ages while Harbor serves, so that a later run does it again.
    """

    name: str
    text: str
    work: Callable[[Run], None]
    anew: bool = False


def steps(job: Job) -> list[Step]:
    """All steps of the way forward. Their names are what the record holds."""
    serving = [Step("check", f"Looking at Harbor {job.source}", _check, anew=True)]
    for hop in job.hops:
        version = hop.version
        serving += [
            Step(f"fetch {version}", f"Checking the archive of {version}", partial(steps_online.fetch, hop=hop)),
            Step(f"unpack {version}", f"Unpacking {version} beside", partial(steps_online.unpack, hop=hop)),
            Step(f"load {version}", f"Loading the images of {version}", partial(images.load, hop=hop)),
        ]
    serving += [
        Step("configuration", "Migrating harbor.yml in a copy", steps_online.migrate_configuration, anew=True),
        Step("copy", "Copying the data while Harbor serves", steps_online.copy, anew=True),
        Step("count", "Counting what is in Harbor", steps_online.count, anew=True),
    ]
    down = [
        Step("stop", f"Stopping Harbor {job.source}", steps_offline.stop),
        Step("copy_again", "Copying what has changed meanwhile", steps_offline.copy_again),
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
        Step("tidy", "Tidying up", steps_offline.tidy),
    ]


def steps_back(job: Job) -> list[Step]:
    return [
        Step("back stop", "Back: stopping what runs", steps_rollback.stop),
        Step("back folder", f"Back: putting the folder of {job.source} in place", steps_rollback.folder),
        Step("back data", f"Back: putting the data of {job.source} in place", steps_rollback.data),
        Step("back start", f"Back: starting Harbor {job.source}", steps_rollback.start),
        Step("back verify", f"Back: comparing what is in Harbor {job.source} with before", steps_rollback.verify),
        Step("back tidy", "Back: tidying up", steps_rollback.tidy),
    ]


def _check(run: Run) -> None:
    """That nobody has changed this Harbor since the plan was made."""
    job = run.job
    installation = inspect_installation(job.path)
    if installation is None or str(installation.version) != job.source:
        now = "gone" if installation is None else f"Harbor {installation.version}"
        raise Problem(f"{job.path} was Harbor {job.source} in the plan and is {now} now")
    missing = not_serving(run)
    if missing:
        raise Problem(f"Harbor {job.source} does not serve ({missing})")


def not_serving(run: Run) -> str | None:
    """What the Harbor that the job starts from lacks; None if nothing."""
    return proof.lacks(run.api(run.job.source), run.job.source)


def resume(job: Job) -> str | None:
    """Makes a job whose run was broken off ready to go on. Returns the sentence that says so; None for a new job."""
    if not job.doing:
        return None
    said = f"The run before was broken off at: {job.doing}; it goes on from there."
    if job.direction == "back":
        said = f"The run before was broken off on its way back, at: {job.doing}; the way back goes on."
        job.outcome = None
    elif job.resumed.count(said) >= _TRIES and job.down_since is not None:
        go_back(job, f"The run was broken off {_TRIES + 1} times at: {job.doing}")
        said = f"The run before was broken off at: {job.doing}, again and again; it is taken back."
    else:
        if job.down_since is None and "stop" not in job.done:
            ages = {step.name for step in steps(job) if step.anew}
            job.done = [name for name in job.done if name not in ages]
    job.resumed.append(said)
    return said


def go_back(job: Job, reason: str | None) -> None:
    """Turns a job round. reason: what has failed; None if the way back was asked for."""
    job.direction = "back"
    job.outcome = None
    job.reason = reason
    job.done = [name for name in job.done if not name.startswith("back ")]


def carry_out(run: Run) -> None:
    """Carries a job out to its outcome, which then stands in its record."""
    job = run.job
    run.end_orphans()
    if job.direction == "forward":
        reason = _do(run, steps(job))
        if reason is None:
            _end(run, "upgraded", _upgraded(job))
            return
        if job.down_since is None and "stop" not in job.done:
            # First, for an engine that is being restarted takes no order to remove images.
            serves = _not_stopped(run)
            steps_rollback.forget(run)
            _end(run, "refused", f"{_sentence(reason)} {serves}")
            return
        if "verify" in job.done:
            # It serves and is proven. What is left over is no reason to go back.
            _end(run, "upgraded", f"{_upgraded(job)} Tidying up failed: {_sentence(reason)}")
            return
        run.say(f"Failed: {reason}")
        go_back(job, reason)
        run.folder.write(job)
    asked = job.reason is None
    failure = _do(run, steps_back(job))
    begin = "" if asked else f"{_sentence(job.reason or '')} "
    if failure is not None and "back verify" not in job.done:
        _end(
            run,
            "broken",
            f"{begin}Going back to {job.source} failed too: {_sentence(failure)} Harbor may be down; its data of before"
            f" are in {job.backup} or in their place already. Mend what is said here and run again, which goes on with"
            " the way back.",
        )
        return
    _end(run, "rolled_back", f"{begin}{_rolled_back(job)}")


def _not_stopped(run: Run) -> str:
    """That Harbor serves, proven: what has ended this run, such as a restart of the engine, may have stopped it too."""
    source = run.job.source
    try:
        proof.wait(run, source, min(run.job.options["timeout"], _COMES_UP))
    except DockyardError as problem:
        return f"This run has not stopped Harbor {source}, but it does not serve: {_sentence(problem.message)}"
    return f"Harbor {source} was not stopped, and serves as before."


def _do(run: Run, todo: list[Step]) -> str | None:
    """Does the steps that are not done yet. Returns why one failed."""
    job = run.job
    for number, step in enumerate(todo, 1):
        if step.name in job.done:
            continue
        run.enter(step.name, step.text, number, len(todo))
        try:
            step.work(run)
        except DockyardError as problem:
            return problem.message
        except Exception as error:
            # A defect of this collection. A Harbor that is down must come back all the same.
            run.folder.note(traceback.format_exc().encode())
            return f"{step.text} failed with {type(error).__name__}: {error} (see {run.folder.output})"
        job.done.append(step.name)
        run.folder.write(job)
    return None


def _end(run: Run, outcome: str, message: str) -> None:
    job = run.job
    job.outcome = outcome
    job.message = message
    job.ended = time.time()
    run.folder.write(job)
    run.say(message)


def _upgraded(job: Job) -> str:
    over = [hop.version for hop in job.hops[:-1]]
    now = job.census_after
    has = ""
    if now is not None:
        has = f", and has its {now} and the {now.sampled} that {_were(len(now.samples))} looked at"
    return (
        f"Harbor went from {job.source} to {job.target}{f' over {_and(over)}' if over else ''}, was down for"
        f" {job.downtime:.0f} seconds{has}."
    )


def _rolled_back(job: Job) -> str:
    now = job.census_after
    has = f" with its {now}" if now else ""
    return f"Harbor {job.source} serves again{has}, after {job.downtime:.0f} seconds without."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _sentence(text: str) -> str:
    """A reason as a sentence of its own. What the parts say about having changed nothing is not true of the whole."""
    return f"{text.replace(' Nothing was changed.', '').strip().rstrip('.')}."
