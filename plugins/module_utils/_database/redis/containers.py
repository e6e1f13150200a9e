# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Keep the server of a Redis or Valkey."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..docker import Docker
from ..keeper import Keeper
from . import acl, configuration, scratch
from .definition import Definition
from .instance import CONF, Instance
from .resp import Refused
from .server import Server


class RedisKeeper(Keeper):
    """The container of one instance."""

    def __init__(self, docker: Docker, name: str, instance: Instance) -> None:
        super().__init__(docker, name, instance)
        self.instance = instance

    def definition_of(self, record: dict[str, Any]) -> Definition:
        return Definition.decoded(record["definition"])

    def running_server(self) -> Server:
        return Server(self.docker, self.name, acl.ADMIN, self.instance.own_passwords()[acl.ADMIN])

    def sweep(self) -> None:
        scratch.sweep(self.docker, self.name, self.instance)

    def align(self, seconds: float) -> None:
        server = self.running_server()
        former = configuration.parse(self.instance.former(CONF))
        wanted = "yes" if configuration.is_on(former, "appendonly") else "no"
        if server.get("appendonly") == wanted:
            return
        if wanted == "yes":
            server.switch_append_only_on(seconds)
        else:
            server.save(seconds)
            server.ask("CONFIG", "SET", "appendonly", "no")

    def set_back(self) -> bool:
        server = self.running_server()
        values = configuration.parse(self.instance.files().get(CONF, b"").decode())
        with contextlib.suppress(Refused, DockyardError):
            differing = {key: value for key, value in values.items() if server.differs(key, value)}
            if differing:
                server.set(differing)
            server.ask("ACL", "LOAD")
            return True
        return False
