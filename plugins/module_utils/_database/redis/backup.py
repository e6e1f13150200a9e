# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How a Redis or Valkey is backed up, and how a backup becomes data again."""

from __future__ import annotations

import dataclasses
import gzip
import os
import shutil
from typing import Any

from .. import redis_family
from ..backup.kind import BackupKind, Saved
from ..container_definition import ContainerDefinition
from ..docker import Docker
from . import acl, configuration
from .containers import RedisKeeper
from .instance import CONF, Instance
from .server import Census, Server

_FILE = f"{redis_family.SNAPSHOT}.gz"
_SECONDS = 3600.0


class RedisBackup(BackupKind):
    """One instance of the module redis_server."""

    def __init__(self, docker: Docker, name: str, folder: str, flavour: str) -> None:
        self._redis = RedisKeeper(docker, name, Instance(folder))
        super().__init__(docker, self._redis, flavour)
        self._trial = Server(docker, self.scratch, acl.ADMIN, self._redis.instance.own_passwords()[acl.ADMIN])

    def save(self, folder: str, seconds: float) -> Saved:
        server = self._redis.running_server()
        server.hold_writes()
        try:
            census = server.census()
            server.save(seconds, server.release_writes)
        finally:
            server.release_writes()
        # The server replaces its snapshot as a whole, so what is copied is one of them.
        with (
            open(os.path.join(self.folder.data, redis_family.SNAPSHOT), "rb") as source,
            gzip.open(os.path.join(folder, _FILE), "wb", 1) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        return Saved(_FILE, {**dataclasses.asdict(census), "text": str(census)})

    def build(self, data: str, definition: ContainerDefinition, image: str, owner: tuple[int, int]) -> None:
        snapshot = os.path.join(self.built, redis_family.SNAPSHOT)
        with gzip.open(data, "rb") as source, open(snapshot, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        os.chown(snapshot, *owner)
        for name, content in self.folder.files().items():
            text = content.decode()
            if name == CONF:
                # With it the server would begin empty, and overwrite the snapshot.
                text = configuration.render({**configuration.parse(text), "appendonly": "no"})
            self.folder.write_file(name, text, owner[1], definition.config)
        self.create_alone(definition, image)
        self._trial.wait(definition.start_timeout)

    def differing(self, census: dict[str, Any]) -> list[str]:
        return self._trial.missing(Census(**{key: value for key, value in census.items() if key != "text"}))

    def close(self, seconds: float) -> None:
        values = configuration.parse(self.folder.files().get(CONF, b"").decode())
        if configuration.is_on(values, "appendonly"):
            self._trial.switch_append_only_on(_SECONDS)
        self._trial.stop(seconds)
