# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How a Redis or Valkey is upgraded: held, counted, stopped, copied, started again where no client reaches it, proven.

The new version listens on the loopback address of its container alone until it is proven. A client that wrote before
would lose that, should the proof fail.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, disk, tree_copy
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from .. import rdb, redis_family, version
from ..docker import Docker
from ..upgrade.job import Job, UpgradeContext
from ..upgrade.kind import Kind
from . import configuration, containers, scratch
from .definition import Definition
from .instance import CONF, Instance
from .resp import Refused
from .server import Census, program

_ALONE = "127.0.0.1 -::1"
_SPARE = 64 * 1024 * 1024  # bytes that stay free beside the copies
_SECONDS = 24 * 3600.0


class RedisKind(Kind):
    """One instance of the module redis_server."""

    def __init__(self, docker: Docker, job: Job) -> None:
        self._docker = docker
        self._name = job.container
        self._instance = Instance(job.folder)
        self._server = containers.admin(docker, job.container, self._instance)

    # --- as long as the old version is up

    def check(self, context: UpgradeContext) -> None:
        job = context.job
        self._write_record(job, containers.UPGRADING)
        if not containers.is_running(self._docker.container(self._name)):
            # A server that was killed has to be stopped properly by its own version.
            context.log(f"{self._name} does not run; starting it with {job.source}")
            self._docker.command("start", self._name)
        self._server.wait(job.timeout)
        now = version.shown(self._server.version())
        if now != job.source:
            raise DockyardError(
                "database_changed_since_plan", f"{self._name} was {job.source} in the plan and is {now} now."
            )
        require_space(job, self._instance.data)

    def try_configuration(self, context: UpgradeContext) -> None:
        files = {name: content.decode() for name, content in self._instance.files().items()}
        scratch.try_configuration(
            self._docker, self._after(context.job), context.job.image_after, self._name, self._instance, files
        )

    def back_up(self, context: UpgradeContext) -> None:
        job = context.job
        self._server.save(job.timeout)
        shutil.rmtree(job.backup, ignore_errors=True)
        os.makedirs(job.backup, mode=0o700)
        path = os.path.join(job.backup, redis_family.SNAPSHOT)
        # The server replaces its snapshot as a whole, so what is copied is one of them.
        tree_copy.bring_up_to_date(os.path.join(self._instance.data, redis_family.SNAPSHOT), path)
        if rdb.read_header(path) is None:
            raise DockyardError("database_backup_invalid", f"{path}, the backup, is no snapshot.")
        done = self._docker.try_command(
            *("run", "--rm", "--network", "none", "--user", self._before(job).user),
            # The file belongs to the server's user, and the folder that it is in to root.
            *("--mount", f"type=bind,source={path},target=/{redis_family.SNAPSHOT},readonly"),
            *("--entrypoint", program(job.flavour, "check-rdb"), job.image_before, f"/{redis_family.SNAPSHOT}"),
            seconds=_SECONDS,
        )
        if done.returncode != 0:
            raise DockyardError("database_backup_invalid", f"{path}, the backup, is damaged ({last_line(done)}).")
        sum_of = f"{_checksum(path)}  {redis_family.SNAPSHOT}\n"
        atomic_file.write(f"{path}.sha256", sum_of.encode(), mode=0o600)
        context.log(f"The backup is {path}, {os.path.getsize(path) >> 20} MiB, checked")

    # --- from the stop to the proof

    def stop(self, context: UpgradeContext) -> None:
        job = context.job
        if not containers.is_running(self._docker.container(self._name)):
            details = self._docker.container(self._name)
            if job.census is None or details is None or details["State"]["ExitCode"] != 0:
                raise DockyardError(
                    "database_changed_since_plan",
                    f"{self._name} was ended by another process, and not by this upgrade.",
                )
            return  # by a run that was killed right after
        try:
            context.mark_down()
            self._server.hold_writes()
            census = self._server.census()
            job.census = {**dataclasses.asdict(census), "text": str(census)}
            context.save()
            # After a reboot the engine would start it, and its clients would write into data that are copied already.
            self._docker.command("update", "--restart", "no", self._name)
            self._server.hold_writes()
            details = self._server.stop(job.stop_timeout)
        except DockyardError:
            if containers.is_running(self._docker.container(self._name)):
                self._docker.command("update", "--restart", self._before(job).restart_policy, self._name)
                self._server.release_writes()
                context.mark_up()
            raise
        context.log(f"Stopped with {details['State']['ExitCode']}; it had {census}")

    def copy(self, context: UpgradeContext) -> None:
        job = context.job
        if containers.is_running(self._docker.container(self._name)):
            # A reboot, or a user's hand. Whatever was written since is to be counted as well.
            self.stop(context)
        os.makedirs(job.work, mode=0o700, exist_ok=True)
        copied = tree_copy.bring_up_to_date(self._instance.data, job.copy, trust_times=False)
        job.copied_bytes = copied.bytes
        context.log(f"Copied {copied.bytes >> 20} MiB to {job.copy}")

    def start_new(self, context: UpgradeContext) -> None:
        job = context.job
        after = self._after(job)
        if self._docker.container(containers.previous_name(self._name)) is None:
            self._instance.set_aside()
            containers.set_aside(self._docker, self._name)
        # One that a run before has made was never proven.
        self._docker.remove(self._name)
        owner = self._owner(after)
        if self._instance.owner_differs(owner):
            self._instance.give_data_to(owner)
        self._write_conf(_ALONE, owner[1])
        containers.create(self._docker, self._name, after, job.image_after, restart=False)
        self._docker.command("start", self._name)
        self._server.wait(job.timeout)

    def prove(self, context: UpgradeContext) -> None:
        job = context.job
        self._require_up(context)
        now = version.shown(self._server.version())
        if now != job.target:
            raise DockyardError("database_not_proven", f"{self._name} answers as {now} and not as {job.target}.")
        job.census_after = self._compare(job)
        containers.prove_health(self._docker, self._name)

    def open(self, context: UpgradeContext) -> None:
        job = context.job
        self._require_up(context)
        bind = configuration.parse(self._instance.former(CONF))["bind"]
        self._write_conf(bind, self._owner(self._after(job))[1])
        job.opened = True
        context.save()
        self._set_bind(bind)
        self._docker.command("update", "--restart", self._after(job).restart_policy, self._name)

    def settle(self, context: UpgradeContext) -> None:
        job = context.job
        after = self._after(job)
        containers.prove_port(self._name, after)
        context.mark_up()
        context.log(f"{self._name} is up as {job.title} {job.target}; it was down for {job.downtime:.1f} s")
        # Until then the files say the old version, and a downgrade would not be recognised.
        self._server.save(job.timeout)
        if self._server.get("appendonly") == "yes":
            self._server.ask("BGREWRITEAOF")
        self._docker.remove(containers.previous_name(self._name))
        self._instance.drop_aside()
        self._write_record(job, "steady", after)
        if not job.keep_copy:
            shutil.rmtree(job.work, ignore_errors=True)
        self._remove_others(job)

    # --- the rollback

    def stop_new(self, context: UpgradeContext) -> None:
        context.mark_down()
        previous = containers.previous_name(self._name)
        if self._docker.container(previous) is not None:
            self._docker.remove(self._name)
            self._docker.command("rename", previous, self._name)
        elif containers.is_running(self._docker.container(self._name)) and "copy" in context.job.done:
            self._docker.terminate(self._name, context.job.stop_timeout)

    def restore_data(self, context: UpgradeContext) -> None:
        job = context.job
        self._instance.put_back()
        failed = f"{job.copy}.failed"
        if "copy" not in job.done or not os.path.isdir(job.copy):
            return  # nothing has written into the data, or a run that was killed has put them back
        if os.path.isdir(self._instance.data):
            shutil.rmtree(failed, ignore_errors=True)
            os.rename(self._instance.data, failed)
        os.rename(job.copy, self._instance.data)
        atomic_file.sync_folder(self._instance.folder)

    def start_old(self, context: UpgradeContext) -> None:
        if containers.is_running(self._docker.container(self._name)):
            return
        before = self._before(context.job)
        self._write_conf(_ALONE, self._owner(before)[1])
        self._docker.command("start", self._name)
        self._server.wait(context.job.timeout)

    def prove_old(self, context: UpgradeContext) -> None:
        job = context.job
        self._server.wait(job.timeout)
        job.census_after = self._compare(job)
        containers.prove_health(self._docker, self._name)
        before = self._before(job)
        bind = configuration.parse(self._instance.former(CONF))["bind"]
        if bind == _ALONE:
            bind = configuration.merged({})["bind"]
        self._write_conf(bind, self._owner(before)[1])
        self._set_bind(bind)
        self._docker.command("update", "--restart", before.restart_policy, self._name)
        containers.prove_port(self._name, before)
        context.mark_up()

    def remove_traces(self, context: UpgradeContext) -> None:
        job = context.job
        if job.direction == "forward" and not job.server["was_running"]:
            containers.stop(self._docker, self._name, self._instance, job.stop_timeout)
        scratch.sweep(self._docker, self._name, self._instance)
        self._instance.drop_aside()
        self._write_record(job, "steady")
        shutil.rmtree(f"{job.copy}.failed", ignore_errors=True)
        shutil.rmtree(job.work, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(job.work))

    # --- what the steps share

    @staticmethod
    def _before(job: Job) -> Definition:
        return Definition.decoded(job.server["before"])

    @staticmethod
    def _after(job: Job) -> Definition:
        return Definition.decoded(job.server["after"])

    def _owner(self, definition: Definition) -> tuple[int, int]:
        base = self._docker.user_base()
        uid, _colon, gid = definition.user.partition(":")
        return base[0] + int(uid), base[1] + int(gid)

    def _write_conf(self, bind: str, group: int) -> None:
        values = {**configuration.parse(self._instance.former(CONF)), "bind": bind}
        self._instance.write_file(CONF, configuration.render(values), group)

    def _set_bind(self, bind: str) -> None:
        try:
            self._server.set({"bind": bind})
        except Refused as error:
            raise DockyardError("database_not_opened", f"{self._name} can't let clients in ({error}).") from error

    def _require_up(self, context: UpgradeContext) -> None:
        """Start the new version again that a reboot has stopped since; the engine does not until it is proven."""
        if not containers.is_running(self._docker.container(self._name)):
            self._docker.command("start", self._name)
        self._server.wait(context.job.timeout)

    def _compare(self, job: Job) -> dict[str, Any] | None:
        if job.census is None:
            return None
        before = Census(**{key: value for key, value in job.census.items() if key != "text"})
        missing = self._server.missing(before)
        if missing:
            raise DockyardError(
                "database_contents_missing",
                f"{self._name} is up, but does not have what was in it before: {', '.join(missing[:5])}.",
            )
        after = self._server.census()
        return {"text": str(after), "keys": after.keys}

    def _write_record(self, job: Job, state: str, definition: Definition | None = None) -> None:
        record = self._instance.record()
        if record is None:
            raise DockyardError("database_changed_since_plan", f"The record of {job.folder} is gone.")
        if definition is not None:
            record = {**record, "definition": definition.encoded(), "image": job.image_after}
        self._instance.write_record({**record, "state": state})

    def _remove_others(self, job: Job) -> None:
        """Remove the copies of older upgrades: that of the last one is enough."""
        above = os.path.dirname(job.work)
        for name in os.listdir(above) if os.path.isdir(above) else []:
            if name != os.path.basename(job.work):
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(above)


def require_space(job: Job, data: str) -> None:
    """Raise DockyardError unless there is space for the backup, the copy, and the snapshot that the stop writes."""
    size = disk.content_bytes(data)
    needed = size + _SPARE if tree_copy.can_reflink(job.folder) else 3 * size + _SPARE
    free = disk.free_bytes(job.folder)
    if free < needed:
        raise DockyardError(
            "database_no_space",
            f"{job.folder} has {free >> 20} MiB free, and the upgrade takes about {needed >> 20} MiB for the backup and"
            " the copy of the data; free some space.",
        )


def _checksum(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
