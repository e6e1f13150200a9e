# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One upgrade of a Harbor as it is recorded on its host: what is to be done, what is done, what is being done."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.job import Direction, JobOutcome
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted


@dataclasses.dataclass
class Hop:
    """One step from a version to the next. release: where its archive is unpacked; images: its tarball of images."""

    version: str
    archive: str
    release: str
    checksum: str | None = None
    signature: str | None = None
    keyring: str | None = None
    url: str | None = None
    images: str | None = None


@dataclasses.dataclass
class Census:
    """What must be there afterwards as before. samples: pairs of repository and digest."""

    projects: int
    repositories: int
    users: int
    samples: list[list[str]] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        """Return, for instance, "3 projects, 12 repositories and 1 user"."""
        projects = counted(self.projects, "project", "projects")
        repositories = counted(self.repositories, "repository", "repositories")
        return f"{projects}, {repositories} and {counted(self.users, 'user', 'users')}"

    @property
    def sampled(self) -> str:
        """Return, for instance, "5 artifacts"."""
        return counted(len(self.samples), "artifact", "artifacts")


@dataclasses.dataclass
class Child:
    """A command that was started: its process group, and when that began in ticks since boot, in one boot."""

    pid: int
    started: int
    boot: str


@dataclasses.dataclass
class Job:
    """An upgrade from its first step to its last. Times are in seconds since the epoch.

    done: names of the steps that are done, in their order.
    doing: name of the step that was begun last.
    direction: "forward", or "back" once the rollback was taken.
    outcome: None as long as there is something to do; "upgraded", "rolled_back", "refused" (nothing was touched) or
        "broken" (the rollback failed as well, and is tried again by the next run).
    reason, error_code: why the upgrade failed, as a sentence and as a code.
    parts: the folders of the data volume that are copied, by their names.
    repaired_values, added_values: what was repaired in harbor.yml, in words; the keys that it has since.
    configuration: harbor.yml before and after, with placeholders for secrets.
    images_before: Harbor's images that were in the engine before the first was loaded; None until then.
    """

    id: str
    path: str
    source: str
    hops: list[Hop]
    data_volume: str
    work: str
    backup: str
    parts: list[str]
    flags: list[str]
    options: dict[str, Any]
    database_major: str | None = None
    done: list[str] = dataclasses.field(default_factory=list)
    doing: str = ""
    direction: Direction = "forward"
    outcome: JobOutcome | None = None
    reason: str | None = None
    error_code: str | None = None
    message: str | None = None
    resumed: list[str] = dataclasses.field(default_factory=list)
    kept_values: list[str] = dataclasses.field(default_factory=list)
    repaired_values: list[str] = dataclasses.field(default_factory=list)
    added_values: list[str] = dataclasses.field(default_factory=list)
    configuration: list[str] = dataclasses.field(default_factory=list)
    census: Census | None = None
    census_after: Census | None = None
    began: float = 0.0
    ended: float | None = None
    down_since: float | None = None
    downtime: float = 0.0
    copied_bytes: int = 0
    images_before: list[str] | None = None
    child: Child | None = None

    @property
    def target(self) -> str:
        return self.hops[-1].version

    @property
    def unfinished(self) -> bool:
        return self.outcome is None or self.outcome == "broken"

    def version_before(self, hop: Hop) -> str:
        """Return the version that this hop starts from."""
        place = [each.version for each in self.hops].index(hop.version)
        return self.hops[place - 1].version if place else self.source

    def downtime_now(self) -> float:
        return self.downtime + (time.time() - self.down_since if self.down_since is not None else 0.0)
