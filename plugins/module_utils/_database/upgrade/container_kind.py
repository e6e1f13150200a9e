# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the upgrade of every server in a container has in common: its containers, folders and copies."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import os
import shutil
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk, tree_copy

from .. import server_container
from ..container_definition import ContainerDefinition
from ..docker import Docker
from ..keeper import Keeper
from .job import Job, UpgradeContext
from .kind import Kind

_PAUSE = 0.1  # seconds
_RESERVE = "reserve"  # in the folder of the copies
_SPARE = 64 * 1024 * 1024  # bytes that stay free beside the copies


class ContainerKind(Kind):
    """One instance whose server runs in a container of its own."""

    def __init__(self, docker: Docker, job: Job, keeper: Keeper) -> None:
        self._docker = docker
        self._name = job.container
        self._keeper = keeper
        self._folder = keeper.folder
        self._user_base: tuple[int, int] | None = None

    # --- what a kind of server adds

    @abc.abstractmethod
    def version(self) -> str:
        """Return the version of the running server."""

    @abc.abstractmethod
    def close(self, definition: ContainerDefinition) -> None:
        """Write a configuration with which no client is let in."""

    def prepare(self, context: UpgradeContext) -> None:
        """Look at the server of before whether it can be upgraded now."""

    def after_start(self, context: UpgradeContext) -> None:
        """Have the data brought to the new version, if it does not do that itself."""

    # --- steps

    def check(self, context: UpgradeContext) -> None:
        job = context.job
        self.write_record(job, server_container.UPGRADING)
        if not self._keeper.is_running():
            # A server that was killed has to be stopped properly by its own version.
            context.log(f"{self._name} does not run; starting it with {job.source}")
            self._docker.command("start", self._name)
        self._keeper.running_server().wait(job.timeout)
        now = self.version()
        if now != job.source:
            raise DockyardError(
                "database_changed_since_plan", f"{self._name} was {job.source} in the plan and is {now} now."
            )
        self.prepare(context)
        require_space(job, self._folder.data)
        _reserve(job)

    def copy_ahead(self, context: UpgradeContext) -> None:
        job = context.job
        if tree_copy.can_reflink(job.folder):
            return
        os.makedirs(job.work, mode=0o700, exist_ok=True)
        copied = tree_copy.bring_up_to_date(self._folder.data, job.copy, in_use=True, trust_times=False)
        context.log(f"Copied {copied.bytes >> 20} MiB to {job.copy} ahead; what changes in them follows after the stop")

    def copy(self, context: UpgradeContext) -> None:
        job = context.job
        if self._keeper.is_running():
            # A reboot, or a user's hand. Whatever was written since is to be counted as well.
            self.stop(context)
        os.makedirs(job.work, mode=0o700, exist_ok=True)
        copied = tree_copy.bring_up_to_date(self._folder.data, job.copy, trust_times=False)
        job.copied_bytes = copied.bytes
        context.log(f"The copy of {copied.bytes >> 20} MiB in {job.copy} is complete")

    def start_new(self, context: UpgradeContext) -> None:
        job = context.job
        after = self.after(job)
        if self._docker.container(server_container.previous_name(self._name)) is None:
            self._folder.set_aside()
            server_container.set_aside(self._docker, self._name)
        # One that a run before has made was never proven.
        self._docker.remove(self._name)
        owner = self.owner(after)
        if self._folder.owner_differs(owner):
            self._folder.give_data_to(owner)
        self.close(after)
        server_container.create(self._docker, self._name, after, job.image_after, restart=False)
        self._docker.command("start", self._name)
        self._keeper.running_server().wait(job.timeout)
        self.after_start(context)

    def stop_new(self, context: UpgradeContext) -> None:
        context.mark_down()
        previous = server_container.previous_name(self._name)
        if self._docker.container(previous) is not None:
            self._docker.remove(self._name)
            self._docker.command("rename", previous, self._name)
        elif self._keeper.is_running() and "copy" in context.job.done:
            self._keeper.end(context.job.stop_timeout)

    def restore_data(self, context: UpgradeContext) -> None:
        job = context.job
        _release(job)
        self._folder.put_back()
        failed = f"{job.copy}.failed"
        if "copy" not in job.done:
            # Nothing has written into the data. A server needs some of the room that half of a copy takes.
            shutil.rmtree(job.copy, ignore_errors=True)
            return
        if not os.path.isdir(job.copy):
            return  # a run that was killed has put them back
        if os.path.isdir(self._folder.data):
            shutil.rmtree(failed, ignore_errors=True)
            os.rename(self._folder.data, failed)
        os.rename(job.copy, self._folder.data)
        atomic_file.sync_folder(self._folder.folder)

    def start_old(self, context: UpgradeContext) -> None:
        if self._keeper.is_running():
            return
        self.close(self.before(context.job))
        self._docker.command("start", self._name)
        self._keeper.running_server().wait(context.job.timeout)

    def remove_traces(self, context: UpgradeContext) -> None:
        job = context.job
        if job.direction == "forward" and not job.server["was_running"]:
            self._keeper.stop(job.stop_timeout)
        self._keeper.sweep()
        # Before the record, which takes room: a full disk may be why there are traces.
        shutil.rmtree(f"{job.copy}.failed", ignore_errors=True)
        shutil.rmtree(job.work, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(job.work))
        self._folder.drop_aside()
        self.write_record(job, "steady")

    # --- what the steps share

    def before(self, job: Job) -> ContainerDefinition:
        return self._keeper.definition_of({"definition": job.server["before"]})

    def after(self, job: Job) -> ContainerDefinition:
        return self._keeper.definition_of({"definition": job.server["after"]})

    def owner(self, definition: ContainerDefinition) -> tuple[int, int]:
        if self._user_base is None:
            self._user_base = self._docker.user_base()
        return definition.owner(self._user_base)

    def hold_restart(self) -> None:
        """Keep the engine from starting it after a reboot: clients would write into data that are copied already."""
        self._docker.command("update", "--restart", "no", self._name)

    def allow_restart(self, definition: ContainerDefinition) -> None:
        self._docker.command("update", "--restart", definition.restart_policy, self._name)

    def ended_by_this(self, job: Job) -> bool:
        """Return whether the server has ended already, by a run that was killed right after."""
        if self._keeper.is_running():
            return False
        details = self._docker.container(self._name)
        if job.census is None or details is None or details["State"]["ExitCode"] != 0:
            raise DockyardError(
                "database_changed_since_plan", f"{self._name} was ended by another process, and not by this upgrade."
            )
        return True

    def ends_after_all(self, job: Job) -> bool:
        """Return whether a server that gives no answer ends well: a run that was killed has asked it to."""
        deadline = time.monotonic() + job.stop_timeout
        while self._keeper.is_running():
            if not self._keeper.running_server().why_not_up() or time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        details = self._docker.container(self._name)
        return job.census is not None and details is not None and details["State"]["ExitCode"] == 0

    def require_up(self, context: UpgradeContext) -> None:
        """Start the new version again that a reboot has stopped since; the engine does not until it is proven."""
        if not self._keeper.is_running():
            self._docker.command("start", self._name)
        self._keeper.running_server().wait(context.job.timeout)

    def require_target(self, job: Job) -> None:
        """Raise DockyardError unless the running server is of the version that was planned."""
        now = self.version()
        if now != job.target:
            raise DockyardError("database_not_proven", f"{self._name} answers as {now} and not as {job.target}.")

    def require_contents(self, missing: list[str]) -> None:
        """Raise DockyardError if anything is missing."""
        if missing:
            raise DockyardError(
                "database_contents_missing",
                f"{self._name} is up, but does not have what was in it before: {', '.join(missing[:5])}.",
            )

    def finish(self, job: Job, after: ContainerDefinition) -> None:
        """Record that the new version is proven, and remove what nobody needs any more."""
        self._docker.remove(server_container.previous_name(self._name))
        self._folder.drop_aside()
        self.write_record(job, "steady", after)
        _release(job)
        if not job.keep_copy:
            shutil.rmtree(job.work, ignore_errors=True)
        # The copies of older upgrades: that of the last one is enough.
        above = os.path.dirname(job.work)
        for name in os.listdir(above) if os.path.isdir(above) else []:
            if name != os.path.basename(job.work):
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(above)

    def write_record(self, job: Job, state: str, definition: ContainerDefinition | None = None) -> None:
        record: dict[str, Any] | None = self._folder.record()
        if record is None:
            raise DockyardError("database_changed_since_plan", f"The record of {job.folder} is gone.")
        if definition is not None:
            record = {**record, "definition": definition.encoded(), "image": job.image_after}
        self._folder.write_record({**record, "state": state})


def changed_user(definition: ContainerDefinition, user: tuple[int, int]) -> ContainerDefinition:
    """Return how a container is created for an image with another user."""
    return dataclasses.replace(definition, user=f"{user[0]}:{user[1]}")


def _reserve(job: Job) -> None:
    """Take the room that the old server needs to start again, should others fill the disk in the meantime."""
    path = os.path.join(job.work, _RESERVE)
    try:
        os.makedirs(job.work, mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, _SPARE // 2)
    except OSError as error:
        raise atomic_file.explain("write", path, error) from error


def _release(job: Job) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(job.work, _RESERVE))


def require_space(job: Job, data: str) -> None:
    """Raise DockyardError unless there is space for the backup, the copy, and what the server writes at its stop."""
    size = disk.content_bytes(data)
    needed = size + _SPARE if tree_copy.can_reflink(job.folder) else 3 * size + _SPARE
    free = disk.free_bytes(job.folder)
    if free < needed:
        raise DockyardError(
            "database_no_space",
            f"{job.folder} has {free >> 20} MiB free, and the upgrade takes about {needed >> 20} MiB for the backup and"
            " the copy of the data; free some space.",
        )
