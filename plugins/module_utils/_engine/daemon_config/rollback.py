# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Put the state before a change back and prove it, and complete or revert what an interrupted run has left."""

from __future__ import annotations

import ipaddress
import os
import time
from typing import Any, Callable, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, network

from .. import service
from ..api import find_answering
from ..containers import bring_back, joined_names, running
from ..networks.rules import DOCKER0
from . import state
from .document import Config, InvalidDaemonConfig, parse, render
from .state import SavedState

SetAttributes = Callable[[str], object]

# Seconds beyond the timeout that a stop may take: the engine gives each container its stop timeout and then kills it.
STOP_TIMEOUT = 300


class RolledBack(DockyardError):
    """The change failed after the file was swapped.

    complete: whether all is as it was before; the message says what is not.
    """

    def __init__(self, message: str, complete: bool) -> None:
        # The engine was restarted, so that it is not said that nothing was changed.
        super().__init__("daemon_rolled_back" if complete else "daemon_rollback_incomplete", message, changed=True)
        self.complete = complete

    def returned(self) -> dict[str, Any]:
        return {"rolled_back": self.complete, "changed": not self.complete}


class Rollback:
    """The way from a change back to what saved.change holds.

    set_attributes: sets the file's owner, mode and SELinux context on a path, see atomic_file.write().
    timeout: seconds for the engine to answer, and for its containers to run.
    """

    def __init__(self, path: str, saved: SavedState, set_attributes: SetAttributes, timeout: float) -> None:
        self.path = path
        self.saved = saved
        self.set_attributes = set_attributes
        self.timeout = timeout

    def run(self, verb: Literal["reload", "restart"]) -> str:
        """Put the old file back, and prove the engine and its containers. Return what has come of it.

        saved.change is None afterwards if all is as it was before.
        """
        try:
            return self._run(verb)
        except DockyardError as error:
            return f"The rollback is not complete: {error.message}"

    def _run(self, verb: Literal["reload", "restart"]) -> str:
        change = self.saved.change
        if change is None:
            return f"What was in {self.path} before is not known any more."
        try:
            self._put_back(change.old)
        except DockyardError as error:
            return f"Putting the old file back failed too, and the engine may be down: {error.message}"
        restored = (
            "The old file is back"
            if change.old is not None
            else f"{self.path}, which was not there before, is removed again"
        )
        if change.engine is None:
            # It was down before, and its old file is the reason. It stays down, and systemd stops trying.
            service.control("stop", self.timeout + STOP_TIMEOUT)
            self._complete(None, {})
            return f"{restored}, and the engine is down, as it was before."
        since = time.time()
        old = _parsed(change.old, self.path)
        if verb == "reload":
            service.reload()
        else:
            self._restart()
            if change.bip and not old.get("bip") and not _docker0_has(change.bip):
                try:
                    self._move_docker0_back(change.old, {**old, "bip": change.bip})
                except DockyardError as error:
                    return f"{restored}, but docker0 is not: {error.message}"
        unit = service.inspect_unit()
        api = find_answering(unit.engine_sockets(old.get("hosts")), self.timeout) if unit.run else None
        if api is None and verb == "reload":
            return f"{restored}, but the engine does not answer. It was not restarted, because its containers may run."
        if api is None:
            return f"{restored}, but the engine does not start with it either: {service.recent_log_errors(since)}"
        if change.bip and verb != "reload" and not _docker0_has(change.bip):
            return f"{restored} and the engine answers, but docker0 did not go back to {change.bip}."
        complaints = bring_back(api, change.containers, self.timeout)
        if complaints:
            return f"{restored} and the engine answers, but not all containers run again: {'; '.join(complaints)}."
        names = joined_names([container for container in change.containers if not container.of_swarm])
        self._complete(unit.run, old)
        return f"{restored}, and the engine answers with it{f'; {names} run' if names and verb != 'reload' else ''}."

    def _put_back(self, content: bytes | None) -> None:
        if content is None:
            atomic_file.remove(self.path)
        else:
            atomic_file.write(self.path, content, set_attributes=self.set_attributes)

    def _restart(self) -> None:
        service.control("restart", self.timeout + STOP_TIMEOUT)

    def _move_docker0_back(self, old: bytes | None, with_bip: Config) -> None:
        # The engine would keep the new address, see DaemonConfigUpdate._restart().
        atomic_file.write(self.path, render(with_bip), set_attributes=self.set_attributes)
        self._restart()
        self._put_back(old)
        self._restart()

    def _complete(self, engine: service.Engine | None, loaded: Config) -> None:
        self.saved.engine, self.saved.loaded = (engine, loaded) if engine else (None, None)
        change, self.saved.change = self.saved.change, None
        try:
            state.write(self.path, self.saved)
        except DockyardError:
            self.saved.change = change
            raise


def _docker0_has(bip: str) -> bool:
    return ipaddress.ip_interface(bip) in network.addresses(DOCKER0)


def _parsed(content: bytes | None, path: str) -> Config:
    try:
        return parse(content, path) if content is not None else {}
    except InvalidDaemonConfig:
        return {}


def resume_interrupted(path: str, saved: SavedState, set_attributes: SetAttributes, timeout: float) -> str | None:
    """Complete or revert what a run that was killed, or interrupted by a reboot, has left. Return what was done.

    Nothing is done if that run was killed before it had touched the engine: the next one starts from there.
    """
    change = saved.change
    if change is None:
        return None
    unit = service.inspect_unit(settle=timeout + STOP_TIMEOUT)
    if unit.state == "failed":
        if atomic_file.read(path) == change.old:
            return None
        outcome = Rollback(path, saved, set_attributes, timeout).run("restart")
        return f"An earlier run was interrupted, and the engine was down with its file. {outcome}"
    if unit.run is None or unit.run == change.engine:
        return None
    content = atomic_file.read(path)
    api = find_answering(unit.engine_sockets(_parsed(content, path).get("hosts")), timeout)
    if api is None:
        return None
    down = len(change.containers) - len({c.id for c in running(api)} & {c.id for c in change.containers})
    complaints = bring_back(api, change.containers, timeout)
    if complaints:
        raise DockyardError(
            "daemon_interrupted_restart",
            "An earlier run was interrupted during a restart of the engine, and not all containers run again:"
            f" {'; '.join(complaints)}; start or remove them and run again.",
            changed=True,
        )
    if content is not None and os.stat(path).st_mtime <= unit.started_at:
        saved.engine, saved.loaded = unit.run, _parsed(content, path)
    saved.change = None
    try:
        state.write(path, saved)
    except DockyardError as error:
        error.changed = down > 0
        raise
    return (
        "Completed a restart in which an earlier run was interrupted"
        f"{f' ({down} containers started)' if down else ''}."
    )
