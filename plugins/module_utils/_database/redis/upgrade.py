# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How a Redis or Valkey is upgraded: held, counted, stopped, copied, started again where no client reaches it, proven.

The new version listens on the loopback address of its container alone until it is proven. A client that wrote before
would lose that, should the proof fail.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from .. import rdb, redis_family, server_container, version
from ..checksum import checksum
from ..container_definition import ContainerDefinition
from ..docker import Docker
from ..upgrade.container_kind import ContainerKind
from ..upgrade.job import Job, UpgradeContext
from . import configuration, scratch
from .containers import RedisKeeper
from .definition import Definition
from .instance import CONF, Instance
from .resp import Refused
from .server import Census, Server, program

_ALONE = "127.0.0.1 -::1"
_SECONDS = 24 * 3600.0


class RedisKind(ContainerKind):
    """One instance of the module redis_server."""

    def __init__(self, docker: Docker, job: Job) -> None:
        self._instance = Instance(job.folder)
        self._redis_keeper = RedisKeeper(docker, job.container, self._instance)
        super().__init__(docker, job, self._redis_keeper)

    def _redis(self) -> Server:
        return self._redis_keeper.running_server()

    def version(self) -> str:
        return version.shown(self._redis().version())

    def close(self, definition: ContainerDefinition) -> None:
        self._write_conf(_ALONE, self.owner(definition)[1])

    # --- as long as the old version is up

    def try_configuration(self, context: UpgradeContext) -> None:
        files = {name: content.decode() for name, content in self._instance.files().items()}
        after = Definition.decoded(context.job.server["after"])
        scratch.try_configuration(self._docker, after, context.job.image_after, self._name, self._instance, files)

    def back_up(self, context: UpgradeContext) -> None:
        job = context.job
        self._redis().save(job.timeout)
        shutil.rmtree(job.backup, ignore_errors=True)
        os.makedirs(job.backup, mode=0o700)
        path = os.path.join(job.backup, redis_family.SNAPSHOT)
        # The server replaces its snapshot as a whole, so what is copied is one of them.
        tree_copy.bring_up_to_date(os.path.join(self._instance.data, redis_family.SNAPSHOT), path)
        if rdb.read_header(path) is None:
            raise DockyardError("database_backup_invalid", f"{path}, the backup, is no snapshot.")
        done = self._docker.try_command(
            *("run", "--rm", "--network", "none", "--user", self.before(job).user),
            # The file belongs to the server's user, and the folder that it is in to root.
            *("--mount", f"type=bind,source={path},target=/{redis_family.SNAPSHOT},readonly"),
            *("--entrypoint", program(job.flavour, "check-rdb"), job.image_before, f"/{redis_family.SNAPSHOT}"),
            seconds=_SECONDS,
        )
        if done.returncode != 0:
            raise DockyardError("database_backup_invalid", f"{path}, the backup, is damaged ({last_line(done)}).")
        sum_of = f"{checksum(path)}  {redis_family.SNAPSHOT}\n"
        atomic_file.write(f"{path}.sha256", sum_of.encode(), mode=0o600)
        context.log(f"The backup is {path}, {os.path.getsize(path) >> 20} MiB, checked")

    # --- from the stop to the proof

    def stop(self, context: UpgradeContext) -> None:
        job = context.job
        if self.ended_by_this(job):
            return
        server = self._redis()
        stopping = False
        try:
            context.mark_down()
            server.hold_writes()
            census = server.census()
            job.census = {**dataclasses.asdict(census), "text": str(census)}
            context.save()
            self.hold_restart()
            server.hold_writes()
            stopping = True
            details = server.stop(job.stop_timeout)
        except DockyardError:
            if not stopping and self.ends_after_all(job):
                context.log("It has ended, as the run before has asked it to")
                return
            if self._keeper.is_running():
                self.allow_restart(self.before(job))
                server.release_writes()
                context.mark_up()
            raise
        context.log(f"Stopped with {details['State']['ExitCode']}; it had {census}")

    def prove(self, context: UpgradeContext) -> None:
        job = context.job
        self.require_up(context)
        self.require_target(job)
        job.census_after = self._compare(job)
        server_container.prove_health(self._docker, self._name)

    def open(self, context: UpgradeContext) -> None:
        job = context.job
        self.require_up(context)
        bind = configuration.parse(self._instance.former(CONF))["bind"]
        self._write_conf(bind, self.owner(self.after(job))[1])
        job.opened = True
        context.save()
        self._set_bind(bind)
        self.allow_restart(self.after(job))

    def settle(self, context: UpgradeContext) -> None:
        job = context.job
        after = self.after(job)
        server_container.prove_port(self._name, after)
        context.mark_up()
        context.log(f"{self._name} is up as {job.title} {job.target}; it was down for {job.downtime:.1f} s")
        # Until then the files say the old version, and a downgrade would not be recognised.
        server = self._redis()
        server.save(job.timeout)
        if server.get("appendonly") == "yes":
            server.ask("BGREWRITEAOF")
        self.finish(job, after)

    # --- the rollback

    def prove_old(self, context: UpgradeContext) -> None:
        job = context.job
        self._redis().wait(job.timeout)
        job.census_after = self._compare(job)
        server_container.prove_health(self._docker, self._name)
        before = self.before(job)
        bind = configuration.parse(self._instance.former(CONF))["bind"]
        if bind == _ALONE:
            bind = configuration.merged({})["bind"]
        self._write_conf(bind, self.owner(before)[1])
        self._set_bind(bind)
        self.allow_restart(before)
        server_container.prove_port(self._name, before)
        context.mark_up()

    # --- what the steps share

    def _write_conf(self, bind: str, group: int) -> None:
        values = {**configuration.parse(self._instance.former(CONF)), "bind": bind}
        self._instance.write_file(CONF, configuration.render(values), group)

    def _set_bind(self, bind: str) -> None:
        try:
            self._redis().set({"bind": bind})
        except Refused as error:
            raise DockyardError("database_not_opened", f"{self._name} can't let clients in ({error}).") from error

    def _compare(self, job: Job) -> dict[str, Any] | None:
        if job.census is None:
            return None
        before = Census(**{key: value for key, value in job.census.items() if key != "text"})
        server = self._redis()
        self.require_contents(server.missing(before))
        after = server.census()
        return {"text": str(after), "keys": after.keys}
