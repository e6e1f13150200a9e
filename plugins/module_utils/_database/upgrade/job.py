# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One upgrade of a database as it is recorded on its host, and the folder that the record is in."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.job import Direction, JobFolder, JobOutcome
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import escape_path


@dataclasses.dataclass
class Job:
    """An upgrade from its first step to its last. Times are in seconds since the epoch.

    folder: of the instance. work: where its copies are.
    server: what only the kind of server understands: how its container is created, before and after.
    done: names of the steps that are done, in their order. doing: name of the step that was begun last.
    direction: "forward", or "back" once the rollback was taken.
    outcome: None as long as there is something to do; "refused" if nothing was stopped; "broken" if the rollback failed
        as well, which the next run tries again.
    opened: clients may have written into the new version, so that a rollback would lose that.
    census, census_after: what was in the database before and after, as its kind of server counts.
    """

    id: str
    folder: str
    container: str
    flavour: str
    title: str
    source: str
    target: str
    image_before: str
    image_after: str
    work: str
    timeout: int
    stop_timeout: int
    keep_copy: bool
    server: dict[str, Any]
    done: list[str] = dataclasses.field(default_factory=list)
    doing: str = ""
    direction: Direction = "forward"
    outcome: JobOutcome | None = None
    opened: bool = False
    reason: str | None = None
    error_code: str | None = None
    message: str | None = None
    resumed: list[str] = dataclasses.field(default_factory=list)
    census: dict[str, Any] | None = None
    census_after: dict[str, Any] | None = None
    began: float = 0.0
    ended: float | None = None
    down_since: float | None = None
    downtime: float = 0.0
    copied_bytes: int = 0

    @property
    def unfinished(self) -> bool:
        return self.outcome is None or self.outcome == "broken"

    @property
    def copy(self) -> str:
        """Return where the cold copy of the data is."""
        return os.path.join(self.work, "data")

    @property
    def backup(self) -> str:
        """Return the folder of the backup that is made before the stop."""
        return os.path.join(self.work, "backup")


class JobStore(JobFolder):
    """The folder of one instance's upgrades; it is the lock of the instance as well."""

    def __init__(self, folder: str) -> None:
        super().__init__("databases", escape_path(os.path.realpath(folder)))

    def read(self) -> Job | None:
        return self.read_job(lambda record: Job(**record), _broken)

    def write(self, job: Job) -> None:
        self.write_job(job)


def _broken(path: str, error: Exception) -> DockyardError:
    return DockyardError(
        "database_record_invalid",
        f"{path}, the record of an upgrade, can't be understood ({error}); it was changed by hand, or written by a"
        " newer version of this collection. Move it away if no upgrade is under way.",
    )


class UpgradeContext:
    """One run over a job. The lock of its folder is held by the caller."""

    def __init__(self, store: JobStore, job: Job) -> None:
        self.store = store
        self.job = job

    def log(self, text: str) -> None:
        self.store.log(text)

    def save(self) -> None:
        self.store.write(self.job)

    def begin_step(self, name: str, text: str, number: int, count: int) -> None:
        """Record that a step begins."""
        self.job.doing = name
        self.save()
        self.log(f"{number}/{count} {text}")
        self.store.write_progress(
            {"step": name, "text": text, "number": number, "count": count, "down_since": self.job.down_since}
        )

    def mark_down(self) -> None:
        if self.job.down_since is None:
            self.job.down_since = time.time()
            self.save()

    def mark_up(self) -> None:
        if self.job.down_since is not None:
            self.job.downtime += time.time() - self.job.down_since
            self.job.down_since = None
        self.save()
