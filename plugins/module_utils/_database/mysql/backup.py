# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How a MySQL or MariaDB is backed up, and how a backup becomes data again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..backup.kind import BackupKind, Saved
from ..container_definition import ContainerDefinition
from ..docker import Docker
from . import census, configuration, dump
from .definition import Definition
from .instance import CONF, Instance
from .keeper import MySqlKeeper
from .server import Server
from .session import NoAnswer, Refused, no_answer, refused

_FILE = "all.sql.gz"
_LOCK_SECONDS = 60
# An older server's system tables are in the dump as well, and the data say that they are of this one.
_LOADED = {"mysql": {"upgrade": "FORCE"}}


class MySqlBackup(BackupKind):
    """One instance of the module mysql_server."""

    def __init__(self, docker: Docker, name: str, folder: str, flavour: str) -> None:
        self._mysql = MySqlKeeper(docker, name, Instance(folder), flavour)
        super().__init__(docker, self._mysql, flavour)
        self._trial = Server(docker, self.scratch, flavour)

    def save(self, folder: str, seconds: float) -> Saved:
        server = self._mysql.running_server()
        found: list[census.Census] = []
        with self._asking(server.container), server.session() as lock, server.long_session() as counting:
            # Nobody writes until both, the dump and the counting, look at the same moment.
            lock.ask(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}; FLUSH TABLES WITH READ LOCK;")

            def begun() -> None:
                counting.ask("START TRANSACTION WITH CONSISTENT SNAPSHOT;")
                lock.ask("UNLOCK TABLES;")

            dump.write(server.container, self.flavour, os.path.join(folder, _FILE), begun)
            found.append(census.take(counting))
        return Saved(_FILE, {**dataclasses.asdict(found[0]), "text": str(found[0])})

    @contextmanager
    def _asking(self, container: str) -> Iterator[None]:
        try:
            yield
        except NoAnswer as error:
            raise no_answer(container, error) from error
        except Refused as error:
            raise refused(container, error) from error

    def build(self, data: str, definition: ContainerDefinition, image: str, owner: tuple[int, int]) -> None:
        for name, content in self.folder.files().items():
            self.folder.write_file(name, content.decode(), owner[1], definition.config)
        self._write_conf(definition, owner, {"skip_networking": "ON"})
        alone = Definition.decoded(definition.encoded())
        self._mysql.install(alone, image, self.built)
        self.create_alone(alone, image)
        self._trial.wait(definition.start_timeout)
        dump.load(self._trial.client(), data)
        # The dump has the users of before; the accounts of this collection come back at the start.
        self._trial.stop(definition.stop_timeout)
        if self.flavour in _LOADED:
            self._write_conf(alone, owner, {"skip_networking": "ON", **_LOADED[self.flavour]})
        self.docker.command("start", self.scratch)
        self._trial.wait(definition.start_timeout)
        self._mysql.upgrade_data(self.scratch)

    def _write_conf(self, definition: ContainerDefinition, owner: tuple[int, int], further: dict[str, str]) -> None:
        values = configuration.parse(self.folder.files()[CONF].decode())
        self.folder.write_file(CONF, configuration.render({**values, **further}), owner[1], definition.config)

    def differing(self, counted: dict[str, Any]) -> list[str]:
        before = census.Census(**{key: value for key, value in counted.items() if key != "text"})
        with self._asking(self.scratch), self._trial.long_session() as session:
            after = census.take(session)
        more = [
            f"{after.rows[name]} in place of {count} rows of {name}"
            for name, count in before.rows.items()
            if after.rows.get(name, 0) > count
        ]
        return [*census.missing(before, after), *more]

    def close(self, seconds: float) -> None:
        self._trial.stop(seconds)
