# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One upgrade of a Harbor as it is recorded on its host: what is to be done, what is done, and what is being done.

The record is what a later run goes on from after a kill or a reboot. There is one folder for each install folder:

    job.json       the job; written after each step, readable for root only
    journal.log    one line for each thing that happened, to be followed with tail -F
    progress.json  the numbers of the step that is being done
    output.log     what the commands have printed
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

FOLDER = "/var/lib/dockyard/harbor"


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
        """For instance: 3 projects, 12 repositories and 1 user"""
        projects = counted(self.projects, "project", "projects")
        repositories = counted(self.repositories, "repository", "repositories")
        return f"{projects}, {repositories} and {counted(self.users, 'user', 'users')}"

    @property
    def sampled(self) -> str:
        """For instance: 5 artifacts"""
        return counted(len(self.samples), "artifact", "artifacts")


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


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
    direction: "forward", or "back" once the way back was taken.
    outcome: None as long as there is something to do; "upgraded", "rolled_back", "refused" (nothing was touched) or
        "broken" (the way back failed as well, and is tried again by the next run).
    parts: the folders of the data volume that are copied, by their names.
    configuration: harbor.yml before and after, with fingerprints in place of secrets.
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
    direction: str = "forward"
    outcome: str | None = None
    reason: str | None = None
    message: str | None = None
    resumed: list[str] = dataclasses.field(default_factory=list)
    kept_values: list[str] = dataclasses.field(default_factory=list)
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

    def before(self, hop: Hop) -> str:
        """The version that this hop starts from."""
        place = [each.version for each in self.hops].index(hop.version)
        return self.hops[place - 1].version if place else self.source

    def downtime_now(self) -> float:
        return self.downtime + (time.time() - self.down_since if self.down_since is not None else 0.0)


class Folder:
    """The folder of one install folder's jobs."""

    def __init__(self, install: str) -> None:
        # As systemd-escape --path has it, so that /srv/a-b and /srv/a/b differ.
        name = os.path.realpath(install).strip("/").replace("-", "\\x2d").replace("/", "-")
        self.path = os.path.join(FOLDER, name)
        self.journal = os.path.join(self.path, "journal.log")
        self.output = os.path.join(self.path, "output.log")
        self._job = os.path.join(self.path, "job.json")
        self._progress = os.path.join(self.path, "progress.json")

    def lock(self) -> int | None:
        """A descriptor that keeps other runs out until the last process that has it has closed it; None if one runs."""
        self._make()
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.busy():
                    os.close(descriptor)
                    return None
                # Somebody was only looking, in that moment.
            else:
                return descriptor

    def busy(self) -> bool:
        """Whether a run holds the lock. Makes nothing, and keeps nobody out."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # Shared, so that two who look do not see each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _make(self) -> None:
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise atomic_file.explain("make", self.path, error) from error

    # --- the job

    def read(self) -> Job | None:
        content = atomic_file.read(self._job)
        if content is None:
            return None
        try:
            return _decoded(json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            # It may be all that is known about a Harbor that is down.
            raise Problem(
                f"{self._job}, the record of an upgrade of Harbor, can't be understood ({error}); it was changed by"
                " hand, or written by a newer version of this collection. Move it away if no upgrade is under way."
                " Nothing was changed."
            ) from error

    def write(self, job: Job) -> None:
        self._make()
        atomic_file.write(self._job, (json.dumps(dataclasses.asdict(job), indent=1) + "\n").encode(), mode=0o600)

    # --- what can be followed

    def say(self, text: str) -> None:
        """Adds a line to the journal. A full disk must not stop the way back."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime())} {' '.join(text.split())}\n"
        # The name of a file need not be in UTF-8.
        self._append(self.journal, line.encode(errors="replace"))

    def note(self, output: bytes) -> None:
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

    def lines(self, first: int) -> list[str]:
        """The journal from this line on; the first line is 0."""
        content = atomic_file.read(self.journal) or b""
        return content.decode(errors="replace").splitlines()[first:]

    def show_progress(self, progress: dict[str, Any]) -> None:
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

    def begin(self) -> None:
        """A new job has a new journal; the one before it is kept under another name."""
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
