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
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, default_routes, network

from .. import dependents, engine_log, inventory, service
from ..api import EngineApi, Unreachable, find_answering
from ..containers import BroughtBack, bring_back, joined_names, reattach, running
from ..networks.rules import DOCKER0
from . import data_root, state
from .document import Config, InvalidDaemonConfig, parse, render
from .live import read_live, remove_stale_ipv6
from .state import Change, SavedState

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
    socket: the engine's, where a user names it.
    """

    def __init__(
        self, path: str, saved: SavedState, set_attributes: SetAttributes, timeout: float, socket: str = ""
    ) -> None:
        self.path = path
        self.saved = saved
        self.set_attributes = set_attributes
        self.timeout = timeout
        self.socket = socket

    def run(self, verb: Literal["reload", "restart"]) -> str:
        """Put the old file back, and prove the engine and its containers. Return what has come of it.

        saved.change is None afterwards if all is as it was before.
        """
        try:
            return self._run(verb)
        except DockyardError as error:
            return f"The rollback is not complete: {error.message}"
        except Unreachable as error:
            return f"The rollback is not complete: the engine ceased to answer ({error})."

    def _run(self, verb: Literal["reload", "restart"]) -> str:
        change = self.saved.change
        if change is None:
            return f"What was in {self.path} before is not known any more."
        failed = _parsed(atomic_file.read(self.path), self.path)
        try:
            restored = self._restore_file(change)
        except DockyardError as error:
            return f"Putting the old file back failed too, and the engine may be down: {error.message}"
        if change.engine is None:
            # It was down before, and its old file is the reason. It stays down, and systemd stops trying.
            service.control("stop", self.timeout + STOP_TIMEOUT)
            self.saved.down = True
            return self._completed(f"{restored}, and the engine is down, as it was before", None, {})
        since = time.time()
        complaint = None
        old = _parsed(change.old, self.path)
        if verb == "reload":
            service.reload()
        else:
            complaint = self._restart()
            if change.bip and not old.get("bip") and not _docker0_has(change.bip):
                try:
                    self._start_once_with(change.old, {**old, "bip": change.bip})
                except DockyardError as error:
                    return f"{restored}, but docker0 is not: {error.message}"
        api = self._answering(old)
        if api is None and verb == "reload":
            return f"{restored}, but the engine does not answer. It was not restarted, because its containers may run."
        if api is None:
            reason = engine_log.recent_errors(since) or complaint or "it has logged nothing"
            return f"{restored}, but the engine does not start with it either: {reason}"
        if change.bip and verb != "reload" and not _docker0_has(change.bip):
            return f"{restored} and the engine answers, but docker0 did not go back to {change.bip}."
        if failed.get("ipv6") and not old.get("ipv6"):
            remove_stale_ipv6(read_live(api))
        if verb == "restart" and change.inventory is not None:
            api = self._switch_storage_back(api, change.old, old, change.inventory)
        down = dependents.bring_dependents_back(change.dependents, self.timeout) if verb == "restart" else []
        lost = default_routes.put_back(change.routes) if verb == "restart" else []
        found, missing = return_inventory(api, change, self.timeout)
        if lost:
            return f"{restored} and the engine answers, but the host's default route is not back: {'; '.join(lost)}."
        if down:
            return f"{restored} and the engine answers, but not all is as it was: {'; '.join(down)}."
        if found.complaints:
            return (
                f"{restored} and the engine answers, but not all containers run again: {'; '.join(found.complaints)}."
            )
        if missing:
            return f"{restored} and the engine answers, but not all is as it was: {inventory.sentence(missing)}."
        if atomic_file.read(self.path) != change.old:
            return f"{restored}, and another program has changed it again since; the engine has what that has written."
        names = ", ".join(found.running)
        sentence = f"{restored}, and the engine answers with it{f'; {names} run' if names and verb != 'reload' else ''}"
        return self._completed(sentence, service.inspect_unit().run, old)

    def _restore_file(self, change: Change) -> str:
        """Put the old file back. Return that as the beginning of a sentence."""
        content = atomic_file.read(self.path)
        if content == change.old:
            return f"{self.path} is as it was" if change.old is not None else f"{self.path} was never there"
        kept = atomic_file.backup(self.path) if change.is_foreign(content) else ""
        self._put_back(change.old)
        of_others = f" (what another program had written there is in {kept})" if kept else ""
        if change.old is not None:
            return f"The old file is back{of_others}"
        return f"{self.path}, which was not there before, is removed again{of_others}"

    def _switch_storage_back(
        self, api: EngineApi, content: bytes | None, old: Config, before: inventory.Inventory
    ) -> EngineApi:
        """Have an engine that now chooses another store or driver use the one that it had. Return its API.

        A start with another one leaves data behind, by which the engine chooses at the next start.
        """
        now = inventory.take(api)
        if (now.image_store, now.storage_driver) == (before.image_store, before.storage_driver):
            return api
        if before.image_store == "containerd" and now.image_store == "graph":
            service.control("stop", self.timeout + STOP_TIMEOUT)
            data_root.remove_empty_driver(os.path.realpath(now.data_root), now.storage_driver)
            self._restart()
            return self._answering(old) or api
        step: Config = {**old, "storage-driver": before.storage_driver}
        if now.image_store == "containerd":
            step["features"] = {**(old.get("features") or {}), "containerd-snapshotter": False}
        self._start_once_with(content, step)
        return self._answering(old) or api

    def _answering(self, config: Config) -> EngineApi | None:
        unit = service.inspect_unit(socket=self.socket)
        return find_answering(unit.engine_sockets(config.get("hosts")), self.timeout) if unit.run else None

    def _put_back(self, content: bytes | None) -> None:
        if content is None:
            atomic_file.remove(self.path)
        else:
            atomic_file.write(self.path, content, set_attributes=self.set_attributes)

    def _restart(self) -> str | None:
        """Restart the engine. Return systemd's complaint, None if it has none."""
        return service.control("restart", self.timeout + STOP_TIMEOUT)

    def _start_once_with(self, old: bytes | None, step: Config) -> None:
        """Restart the engine with another file, and then with the old one: it remembers more than its file says."""
        atomic_file.write(self.path, render(step), set_attributes=self.set_attributes)
        self._restart()
        self._put_back(old)
        self._restart()

    def _completed(self, sentence: str, engine: service.Engine | None, loaded: Config) -> str:
        """Save that all is as it was. Return the sentence that says so, and what is wrong if that can't be saved."""
        self.saved.engine, self.saved.loaded = (engine, loaded) if engine else (None, None)
        change, self.saved.change = self.saved.change, None
        try:
            state.write(self.path, self.saved)
        except DockyardError as error:
            self.saved.change = change
            return f"{sentence}. That could not be saved, and so the next run looks at it again: {error.message}"
        return f"{sentence}."


def _docker0_has(bip: str) -> bool:
    return ipaddress.ip_interface(bip) in network.addresses(DOCKER0)


def _parsed(content: bytes | None, path: str) -> Config:
    try:
        return parse(content, path) if content is not None else {}
    except InvalidDaemonConfig:
        return {}


def return_inventory(api: EngineApi, change: Change, timeout: float) -> tuple[BroughtBack, list[inventory.Difference]]:
    """Start those that ran before a change, with the networks that they had.

    Return what has come of them, and what is missing of all that the engine had.
    """
    before = change.inventory
    if before is None:
        return bring_back(api, change.containers, timeout), []
    reattach(api, before)
    found = bring_back(api, change.containers, timeout, before)
    missing = inventory.lost(inventory.compare(before, inventory.take(api)))
    silent = {one.name for one in missing if one.kind in ("attachment", "port")}
    if silent:  # they run, and were started before their network was there again
        for container in before.containers:
            if container.name in silent:
                api.ask("POST", f"/containers/{container.id}/restart")
        found = bring_back(api, change.containers, timeout, before)
        missing = inventory.lost(inventory.compare(before, inventory.take(api)))
    return found, missing


def foresee_resumed(path: str, saved: SavedState, socket: str = "") -> str | None:
    """Return what resume_interrupted would do, as a sentence, and change nothing."""
    change = saved.change
    if change is None:
        return None
    unit = service.inspect_unit(socket=socket)
    if unit.state == "failed":
        if atomic_file.read(path) == change.old:
            return None
        then = f", and then {joined_names(change.containers)} would be started" if change.containers else ""
        return (
            "An earlier run was interrupted, and the engine is down with its file; the old one would come back"
            f" first{then}."
        )
    if unit.run is None or unit.run == change.engine:
        return None
    api = find_answering(unit.engine_sockets(_parsed(atomic_file.read(path), path).get("hosts")), 0)
    if api is None:
        return None
    running_now = {container.id for container in running(api)}
    down = [container for container in change.containers if container.id not in running_now]
    if change.moves_data or not down:
        return "An earlier run has restarted the engine and did not get to its end, which would be completed first."
    return (
        "An earlier run has restarted the engine and did not get to its end, and these containers are down since:"
        f" {joined_names(down)}; they would be started first."
    )


def left_down(saved: SavedState) -> str | None:
    """Return a warning of containers that are down with an engine whose old file is back, None if there are none."""
    if saved.change is None or not saved.change.containers:
        return None
    return (
        "An earlier run was interrupted, and the engine is down since, and with it these containers:"
        f" {joined_names(saved.change.containers)}."
    )


def resume_interrupted(
    path: str, saved: SavedState, set_attributes: SetAttributes, timeout: float, socket: str = ""
) -> str | None:
    """Complete or revert what a run that was killed, or interrupted by a reboot, has left. Return what was done.

    Nothing is done if that run was killed before it had touched the engine: the next one starts from there.
    """
    change = saved.change
    if change is None:
        return None
    unit = service.inspect_unit(timeout + STOP_TIMEOUT, socket)
    if unit.state == "failed":
        if atomic_file.read(path) == change.old:
            return None
        outcome = Rollback(path, saved, set_attributes, timeout, socket).run("restart")
        return f"An earlier run was interrupted, and the engine was down with its file. {outcome}"
    if unit.run is None or unit.run == change.engine:
        return None
    content = atomic_file.read(path)
    api = find_answering(unit.engine_sockets(_parsed(content, path).get("hosts")), timeout)
    if api is None:
        return None
    if change.moves_data:
        return _finish(path, saved, unit, content, 0, [])
    down = len(change.containers) - len({c.id for c in running(api)} & {c.id for c in change.containers})
    found, missing = return_inventory(api, change, timeout)
    gone = set(found.gone)  # nobody knows who removed them since
    down -= len(gone)
    complaints = [complaint for complaint in found.complaints if complaint.partition(" is gone")[0] not in gone]
    complaints += [one.sentence for one in missing if one.kind in ("storage", "attachment", "port")]
    if complaints:
        raise DockyardError(
            "daemon_interrupted_restart",
            "An earlier run has restarted the engine and did not get to its end, and not all containers run again:"
            f" {'; '.join(complaints)}; start or remove them, or declare what they need, and run again.",
            changed=True,
        )
    return _finish(path, saved, unit, content, down, found.gone)


def _finish(path: str, saved: SavedState, unit: service.Unit, content: bytes | None, down: int, gone: list[str]) -> str:
    """Save that an interrupted restart is complete. Return that as a sentence.

    down: how many containers were started for it. gone: the names of those that were removed since.
    """
    if content is not None and atomic_file.changed_at(path) <= unit.started_at:
        saved.engine, saved.loaded = unit.run, _parsed(content, path)
    saved.change = None
    try:
        state.write(path, saved)
    except DockyardError as error:
        error.changed = down > 0
        raise
    started = f" ({down} containers started)" if down else ""
    missed = f"; gone since: {', '.join(gone)}" if gone else ""
    return f"Completed a restart in which an earlier run was interrupted{started}{missed}."
