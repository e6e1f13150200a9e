# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Save on the host between two runs: the configuration that the engine took over, and a change under way.

The first is how a pending restart is found: nothing that an engine reports shows all of what it has loaded. The second
is how a run that was killed, or interrupted by a reboot, is completed or reverted by the next one.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, state_dir
from ansible_collections.dockyard.ops.plugins.module_utils._host.default_routes import DefaultRoutes

from ..containers import Container
from ..inventory import Inventory
from ..service import Engine
from .document import Config


@dataclasses.dataclass
class Change:
    """A change from its first step to its last.

    old: the file before it; None if there was none.
    engine: the run of the engine before it; None if none ran.
    containers: those that ran before it and must run after it.
    bip: docker0's address before it, to which the engine would not go back by itself; None if not known.
    inventory: what the engine had before it; None if it did not run, or was not to be restarted.
    moves_data: whether the engine was to look for its data somewhere else, so that it need not have all of that.
    dependents: units of systemd that ran before it, and that stop with the engine.
    written: digests of the files that it writes, by which another program's is recognized.
    routes: the host's default routes before it, as far as they were read.
    """

    old: bytes | None
    engine: Engine | None
    containers: list[Container]
    bip: str | None = None
    inventory: Inventory | None = None
    moves_data: bool = False
    dependents: list[str] = dataclasses.field(default_factory=list)
    written: list[str] = dataclasses.field(default_factory=list)
    routes: DefaultRoutes = dataclasses.field(default_factory=dict)

    def is_foreign(self, content: bytes | None) -> bool:
        """Return whether a file is neither the old one nor one that this change writes, as far as that is known."""
        return bool(self.written) and content not in (None, self.old) and digest(content) not in self.written


def digest(content: bytes | None) -> str:
    """Return what stands for a file, or for none."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


@dataclasses.dataclass
class SavedState:
    """What is known of the engine from earlier runs.

    engine: the run of the engine that has loaded the configuration. Both are None if that is not known.
    change: one that is not complete yet.
    down: the engine was stopped because it did not start, so that it counts as failed and not as stopped by a user.
    brought: keys that runs have written and that no engine has taken over since.
    """

    engine: Engine | None = None
    loaded: Config | None = None
    change: Change | None = None
    down: bool = False
    brought: Config = dataclasses.field(default_factory=dict)


def _folder() -> state_dir.StateDir:
    return state_dir.StateDir("docker_daemon")


def locked(timeout: float) -> contextlib.AbstractContextManager[None]:
    """Keep other runs that change the engine out."""
    return _folder().locked(timeout)


def read(daemon_file: str) -> SavedState:
    """Return what is saved for a daemon.json.

    What can't be read counts as nothing: a restart too many is better than a run that can't begin.
    """
    try:
        record = _folder().read_record(state_dir.escape_path(daemon_file))
        return _decoded(record) if record is not None else SavedState()
    except (ValueError, KeyError, TypeError):
        return SavedState()


def check_writable(daemon_file: str) -> None:
    """Raise DockyardError if the state of a file could not be saved now."""
    atomic_file.check_writable(_folder().file(state_dir.escape_path(daemon_file)))


def write(daemon_file: str, saved: SavedState) -> None:
    """Save the state of a daemon.json, if it is not saved already."""
    _folder().write_record(state_dir.escape_path(daemon_file), _encoded(saved))


def _encoded(saved: SavedState) -> dict[str, Any]:
    change = saved.change
    return {
        "engine": dataclasses.asdict(saved.engine) if saved.engine else None,
        "loaded": saved.loaded,
        "brought": saved.brought,
        "change": change
        and {
            "old": None if change.old is None else base64.b64encode(change.old).decode(),
            "engine": dataclasses.asdict(change.engine) if change.engine else None,
            "containers": [dataclasses.asdict(container) for container in change.containers],
            "bip": change.bip,
            "inventory": change.inventory.encoded() if change.inventory else None,
            "moves_data": change.moves_data,
            "dependents": change.dependents,
            "written": change.written,
            "routes": change.routes,
        },
        "down": saved.down,
    }


def _decoded(encoded: dict[str, Any]) -> SavedState:
    change = encoded["change"]
    return SavedState(
        engine=_engine(encoded["engine"]),
        loaded=encoded["loaded"],
        brought=encoded.get("brought", {}),
        change=change
        and Change(
            old=None if change["old"] is None else base64.b64decode(change["old"], validate=True),
            engine=_engine(change["engine"]),
            containers=[Container(**container) for container in change["containers"]],
            bip=change["bip"],
            inventory=Inventory.decoded(change["inventory"]) if change.get("inventory") else None,
            moves_data=change.get("moves_data", False),
            dependents=change.get("dependents", []),
            written=change.get("written", []),
            routes=change.get("routes", {}),
        ),
        down=encoded.get("down", False),
    )


def _engine(encoded: dict[str, Any] | None) -> Engine | None:
    return Engine(**encoded) if encoded else None
