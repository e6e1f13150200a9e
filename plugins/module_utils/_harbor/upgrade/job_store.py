# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The record of an upgrade of a Harbor on its host, its journal, and its progress.

The record is what a later run goes on from after a kill or a reboot. There is one folder for each install folder:

    job.json       the job; written after each step, readable for root only
    journal.log    one line for each thing that happened, to be followed with tail -F
    progress.json  the numbers of the step that is being done
    output.log     what the commands have printed
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import StateDir, escape_path

from .job import Census, Child, Hop, Job

FOLDER = "/var/lib/dockyard/harbor"


def record_folder(install: str) -> str:
    """Return the folder of the jobs of an install folder, in whose path there are no links."""
    return os.path.join(FOLDER, escape_path(install))


class JobStore(StateDir):
    """The folder of one install folder's jobs."""

    def __init__(self, install: str) -> None:
        super().__init__(record_folder(os.path.realpath(install)))
        self.journal = self.file("journal.log")
        self.output = self.file("output.log")
        self._job = self.file("job.json")
        self._progress = self.file("progress.json")

    # --- the job

    def read(self) -> Job | None:
        content = atomic_file.read(self._job)
        if content is None:
            return None
        try:
            return _decoded(json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            # It may be all that is known about a Harbor that is down.
            raise DockyardError(
                "harbor_record_invalid",
                f"{self._job}, the record of an upgrade of Harbor, can't be understood ({error}); it was changed by"
                " hand, or written by a newer version of this collection. Move it away if no upgrade is under way.",
            ) from error

    def write(self, job: Job) -> None:
        self.create()
        atomic_file.write(self._job, (json.dumps(dataclasses.asdict(job), indent=1) + "\n").encode(), mode=0o600)

    # --- what can be followed

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


def _decoded(found: dict[str, Any]) -> Job:
    nested = {
        "hops": [Hop(**hop) for hop in found["hops"]],
        "census": Census(**found["census"]) if found["census"] else None,
        "census_after": Census(**found["census_after"]) if found["census_after"] else None,
        "child": Child(**found["child"]) if found["child"] else None,
    }
    return Job(**{**found, **nested})
