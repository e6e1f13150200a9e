# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Long work on the host in steps: its journal, its progress, and the order in which the steps are done.

What the work is belongs to who does it. In its folder are

    job.json       the record that a later run goes on from after a kill or a reboot; written after each step, for root
    journal.log    one line for each thing that happened, to be followed with tail -F
    progress.json  the numbers of the step that is being done
    output.log     what commands have printed
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
import traceback
from collections.abc import Sequence
from typing import Any, Callable, Generic, Literal, Protocol, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import atomic_file
from .state_dir import StateDir

Context = TypeVar("Context")
Recorded = TypeVar("Recorded")
Direction = Literal["forward", "back"]
JobOutcome = Literal["upgraded", "rolled_back", "refused", "broken"]

_RECORD = "job.json"
# A step at which a run ends again and again (a host that runs out of memory, for instance) is not tried for ever.
_TRIES = 3


class Course(Protocol):
    """What the record of a job that stops a service holds of its course.

    done: names of the steps that are done; those of a rollback begin with "back ". doing: the one begun last.
    direction: "back" once the rollback was taken. reason: why; None if it was requested.
    outcome: None as long as there is something to do.
    resumed: a sentence for each run that went on. down_since: when the service was stopped; None if it is up.
    """

    done: list[str]
    doing: str
    direction: Direction
    outcome: JobOutcome | None
    reason: str | None
    error_code: str | None
    resumed: list[str]
    down_since: float | None


class JobFolder(StateDir):
    """The folder of one job after the other, below /var/lib/dockyard."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.journal = self.file("journal.log")
        self.output = self.file("output.log")
        self._progress = self.file("progress.json")

    def read_job(
        self, decode: Callable[[dict[str, Any]], Recorded], broken: Callable[[str, Exception], DockyardError]
    ) -> Recorded | None:
        """Return the job that was recorded last; None if there is none.

        decode: makes the job of its record; it may raise ValueError, KeyError or TypeError.
        broken: makes the error for a record that can't be understood, of its path and the reason. It may be all that is
            known about a service that is down.
        """
        try:
            record = self.read_record(_RECORD)
            return None if record is None else decode(record)
        except (ValueError, KeyError, TypeError) as error:
            raise broken(self.file(_RECORD), error) from error

    def write_job(self, job: Any) -> None:
        """Record a job, which is a dataclass."""
        self.write_record(_RECORD, dataclasses.asdict(job))

    def log(self, text: str) -> None:
        """Add a line to the journal. A full disk must not stop the rollback."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime())} {' '.join(text.split())}\n"
        # The name of a file need not be in UTF-8.
        self._append(self.journal, line.encode(errors="replace"))

    def log_output(self, output: bytes) -> None:
        self._append(self.output, output)

    def _append(self, path: str, content: bytes) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)
        except OSError:
            return

    def journal_lines(self, first: int) -> list[str]:
        """Return the journal from this line on; the first line is 0."""
        content = atomic_file.read(self.journal) or b""
        return content.decode(errors="replace").splitlines()[first:]

    def write_progress(self, progress: dict[str, Any]) -> None:
        temporary = self._progress + ".new"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(progress, file)
            os.replace(temporary, self._progress)
        except OSError:
            return

    def progress(self) -> dict[str, Any]:
        try:
            found = json.loads(atomic_file.read(self._progress) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def begin_journal(self) -> None:
        """Begin a new journal for a new job; the one before it is kept under another name."""
        for path in (self.journal, self.output):
            if os.path.exists(path):
                os.replace(path, path + ".1")
        if os.path.exists(self._progress):
            os.unlink(self._progress)


@dataclasses.dataclass(frozen=True)
class Step(Generic[Context]):
    """text: what is being done, for the journal.

    repeat: what it found out ages, so that a later run does it again as long as nothing was stopped.
    """

    name: str
    text: str
    work: Callable[[Context], None]
    repeat: bool = False


def run_steps(
    context: Context,
    folder: JobFolder,
    todo: Sequence[Step[Context]],
    done: list[str],
    *,
    begin: Callable[[Step[Context], int, int], None],
    save: Callable[[], None],
    defect: Callable[[str], DockyardError],
) -> DockyardError | None:
    """Do the steps that are not done yet, one after the other. Return why one failed.

    done: names of the steps that are done, to which others are added.
    begin: records that a step begins, with its number and how many there are. save: writes the record.
    defect: makes an error of the sentence about an exception that no step should raise.
    """
    for number, step in enumerate(todo, 1):
        if step.name in done:
            continue
        try:
            begin(step, number, len(todo))
            step.work(context)
            done.append(step.name)
            save()
        except DockyardError as error:
            return error
        except Exception as error:
            # A defect of this collection. What is down must come back all the same.
            folder.log_output(traceback.format_exc().encode())
            return defect(f"{step.text} failed with {type(error).__name__}: {error} (see {folder.output})")
    return None


def resume_job(job: Course, steps: Sequence[Step[Any]], error_code: str, may_go_back: bool = True) -> str | None:
    """Make a job whose run was interrupted ready to go on. Return the sentence that says so; None for a new job.

    steps: of its way forward. error_code: of a rollback because a run ends at the same step again and again.
    may_go_back: whether it may be rolled back yet.
    """
    if not job.doing:
        return None
    sentence = f"The run before was interrupted at: {job.doing}; it goes on from there."
    if job.direction == "back":
        sentence = f"The run before was interrupted in its rollback, at: {job.doing}; the rollback goes on."
        job.outcome = None
    elif job.resumed.count(sentence) >= _TRIES and job.down_since is not None and may_go_back:
        turn_to_rollback(job, f"The run was interrupted {_TRIES + 1} times at: {job.doing}", error_code)
        sentence = f"The run before was interrupted at: {job.doing}, again and again; it is taken back."
    elif job.down_since is None and "stop" not in job.done:
        ages = {step.name for step in steps if step.repeat}
        job.done = [name for name in job.done if name not in ages]
    job.resumed.append(sentence)
    return sentence


def turn_to_rollback(job: Course, reason: str | None, error_code: str | None = None) -> None:
    """Turn a job to its rollback. reason: what has failed; None if the rollback was requested."""
    job.direction = "back"
    job.outcome = None
    job.reason = reason
    job.error_code = error_code
    job.done = [name for name in job.done if not name.startswith("back ")]


def as_sentence(text: str) -> str:
    """Return a reason as a sentence of its own."""
    return f"{text.strip().rstrip('.')}."
