# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Long work on the host in steps: its journal, its progress, and the order in which the steps are done.

What the work is, and the record that a later run goes on from, belong to who does it. In its folder are

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
from typing import Any, Callable, Generic, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import atomic_file
from .state_dir import StateDir

Context = TypeVar("Context")


class JobFolder(StateDir):
    """The folder of one job after the other, below /var/lib/dockyard."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.journal = self.file("journal.log")
        self.output = self.file("output.log")
        self._progress = self.file("progress.json")

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
        begin(step, number, len(todo))
        try:
            step.work(context)
        except DockyardError as error:
            return error
        except Exception as error:
            # A defect of this collection. What is down must come back all the same.
            folder.log_output(traceback.format_exc().encode())
            return defect(f"{step.text} failed with {type(error).__name__}: {error} (see {folder.output})")
        done.append(step.name)
        save()
    return None
