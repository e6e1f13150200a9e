# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How a MySQL or MariaDB is upgraded: locked, counted, stopped, copied, started where no client reaches it, proven.

The new version listens on the socket of its container alone until it is proven. A client that wrote before would lose
that, should the proof fail.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .. import server_container, version
from ..container_definition import ContainerDefinition
from ..docker import Docker
from ..upgrade.container_kind import ContainerKind
from ..upgrade.job import Job, UpgradeContext
from . import accounts, census, configuration, dump
from .definition import Definition
from .instance import CONF, Instance
from .keeper import MySqlKeeper
from .server import Server
from .session import NoAnswer, Refused, Session, no_answer, refused

DUMP = "all.sql.gz"
_LOCK_SECONDS = 60
_PAUSE = 0.5  # seconds
_FEW_PAGES = 100
_FLUSH_SECONDS = 5.0
# In the job: the settings of the server as they were before, and who had all privileges.
_SETTINGS, _ALL = "settings", "all_privileges"
# What the stop has to do is done before, as far as it can be; and it is to leave nothing to the new version that only
# the old one knows how to do. The last one follows the one above it, and is set for no other reason than to come back.
_ENDING = {"innodb_fast_shutdown": "0", "innodb_max_dirty_pages_pct": "0", "innodb_max_dirty_pages_pct_lwm": None}
_READY = "ready for connections"


class MySqlKind(ContainerKind):
    """One instance of the module mysql_server."""

    COPIES_AHEAD = True

    def __init__(self, docker: Docker, job: Job) -> None:
        self._instance = Instance(job.folder)
        self._mysql = MySqlKeeper(docker, job.container, self._instance, job.flavour)
        super().__init__(docker, job, self._mysql)

    def _server(self) -> Server:
        return self._mysql.running_server()

    def version(self) -> str:
        return version.shown(self._server().version())

    def close(self, definition: ContainerDefinition) -> None:
        self._write_conf({"skip_networking": "ON"}, definition)

    def _write_conf(self, further: dict[str, str], definition: ContainerDefinition) -> None:
        values = {**configuration.parse(self._instance.former(CONF)), **further}
        if not further:
            values.pop("skip_networking", None)
        self._instance.write_file(CONF, configuration.render(values), self.owner(definition)[1])

    # --- as long as the old version is up

    def prepare(self, context: UpgradeContext) -> None:
        if self._server().ask("XA RECOVER;"):
            raise DockyardError(
                "database_transactions_pending",
                f"{self._name} has distributed transactions that are prepared and neither committed nor rolled back (XA"
                " RECOVER), which a newer version may not be able to; end them first.",
            )

    def try_configuration(self, context: UpgradeContext) -> None:
        files = {name: content.decode() for name, content in self._instance.files().items()}
        after = Definition.decoded(context.job.server["after"])
        self._mysql.try_configuration(after, context.job.image_after, files)

    def back_up(self, context: UpgradeContext) -> None:
        job = context.job
        shutil.rmtree(job.backup, ignore_errors=True)
        os.makedirs(job.backup, mode=0o700)
        path = os.path.join(job.backup, DUMP)
        size = dump.write(self._name, job.flavour, path)
        context.log(f"The backup is {path}, {size >> 20} MiB, {os.path.getsize(path) >> 20} MiB compressed, complete")

    def copy_ahead(self, context: UpgradeContext) -> None:
        job = context.job
        server = self._server()
        job.server[_ALL] = accounts.holders_of_all(server.all_grants())
        if _SETTINGS not in job.server:
            values = server.ask(f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in _ENDING)};")[0]
            job.server[_SETTINGS] = dict(zip(_ENDING, values))
            context.save()
        self._set({name: value for name, value in _ENDING.items() if value is not None})
        left = self._wait_for_pages()
        context.log(f"{counted(left, 'page')} that are not on the disk are left to the stop")
        super().copy_ahead(context)

    def _set(self, values: dict[str, str]) -> None:
        self._server().ask("\n".join(f"SET GLOBAL {name} = {value};" for name, value in values.items()))

    def _wait_for_pages(self) -> int:
        """Wait as long as the server has fewer and fewer pages that are not on the disk. Return how many are left."""
        least = fewer_at = None
        while True:
            rows = self._server().ask("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty';")
            dirty = int(rows[0][1]) if rows else 0
            if least is None or fewer_at is None or dirty < least:
                least, fewer_at = dirty, time.monotonic()
            if dirty <= _FEW_PAGES or time.monotonic() - fewer_at > _FLUSH_SECONDS:
                return dirty
            time.sleep(_PAUSE)

    # --- from the stop to the proof

    def stop(self, context: UpgradeContext) -> None:
        job = context.job
        if self.ended_by_this(job):
            return
        stopping = False
        try:
            with self._server().long_session() as session:
                context.mark_down()
                # Held until the server ends, so that nothing is written after it was counted.
                session.ask(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}; FLUSH TABLES WITH READ LOCK;")
                found = self._count(session)
                job.census = {**dataclasses.asdict(found), "text": str(found)}
                context.save()
                self.hold_restart()
                stopping = True
                details = self._server().stop(job.stop_timeout)
        except (DockyardError, NoAnswer, Refused) as error:
            if not stopping and self.ends_after_all(job):
                context.log("It has ended, as the run before has asked it to")
                return
            if self._keeper.is_running():
                self.allow_restart(self.before(job))
                context.mark_up()
            raise self._explained(error) from error
        context.log(f"Stopped with {details['State']['ExitCode']}; it had {found}")

    def _count(self, session: Session) -> census.Census:
        return census.take(session)

    def _explained(self, error: Exception) -> DockyardError:
        if isinstance(error, DockyardError):
            return error
        return no_answer(self._name, error) if isinstance(error, NoAnswer) else refused(self._name, error)

    def after_start(self, context: UpgradeContext) -> None:
        self._mysql.upgrade_data(self._name)
        server = self._server()
        more = accounts.all_again(context.job.server.get(_ALL, []), server.all_grants())
        if more:
            server.ask("\n".join(more))
            context.log(f"{counted(len(more), 'account')} that had ALL PRIVILEGES got what this version has more")

    def prove(self, context: UpgradeContext) -> None:
        job = context.job
        self.require_up(context)
        self.require_target(job)
        job.census_after = self._compare(job)
        # All of it, and not only what the counting has read.
        dump.read_all(self._docker, self._name, job.flavour)
        context.log("All databases were dumped, as a proof")
        server_container.prove_health(self._docker, self._name)

    def open(self, context: UpgradeContext) -> None:
        job = context.job
        after = self.after(job)
        self._stop_closed(job)
        self._write_conf({}, after)
        job.opened = True
        context.save()
        try:
            self.require_up(context)
        except DockyardError:
            if not self._has_been_ready():
                job.opened = False
                context.save()
            raise
        self.allow_restart(after)

    def _stop_closed(self, job: Job) -> None:
        if self._keeper.is_running():
            self._server().stop(job.stop_timeout)

    def _has_been_ready(self) -> bool:
        """Return whether a client can have been let in since the last start."""
        details = self._docker.container(self._name)
        if details is None:
            return True
        since = details["State"]["StartedAt"]
        done = self._docker.try_command("logs", "--since", since, self._name)
        return _READY in done.stdout + done.stderr

    def settle(self, context: UpgradeContext) -> None:
        job = context.job
        after = self.after(job)
        server_container.prove_port(self._name, after)
        context.mark_up()
        context.log(f"{self._name} is up as {job.title} {job.target}; it was down for {job.downtime:.1f} s")
        self.finish(job, after)

    # --- the rollback

    def prove_old(self, context: UpgradeContext) -> None:
        job = context.job
        before = self.before(job)
        self.require_up(context)
        job.census_after = self._compare(job)
        self._stop_closed(job)
        self._write_conf({}, before)
        self.require_up(context)
        server_container.prove_health(self._docker, self._name)
        self.allow_restart(before)
        server_container.prove_port(self._name, before)
        context.mark_up()

    def remove_traces(self, context: UpgradeContext) -> None:
        settings = context.job.server.get(_SETTINGS)
        if settings and self._keeper.is_running():
            with contextlib.suppress(DockyardError):
                self._set(settings)
        super().remove_traces(context)

    def _compare(self, job: Job) -> dict[str, Any] | None:
        if job.census is None:
            return None
        before = census.Census(**{key: value for key, value in job.census.items() if key != "text"})
        try:
            with self._server().long_session() as session:
                after = self._count(session)
        except (NoAnswer, Refused) as error:
            raise self._explained(error) from error
        self.require_contents(census.missing(before, after))
        return {"text": str(after), "rows": after.rows}
