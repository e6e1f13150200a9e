# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Carries a plan out: file, reload or restart, proof; and the way back when the proof fails.

The order of the steps is what makes it safe to kill at any point: first the old file and the running containers are
remembered on disk, then the file is swapped in one rename, then the engine is touched. Whoever comes next (finish())
finds either the old state, or all that is needed to complete or revert the change.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Sequence
from typing import Any, Callable, NoReturn

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError, Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, network

from .. import containers as engine_containers
from .. import service
from ..api import EngineApi, Unreachable
from ..networks.rules import DOCKER0
from . import live as daemon_config_live
from . import state as daemon_config_state
from .document import (
    Broken,
    Config,
    different_keys,
    parse,
    render,
)
from .plan import Order, Plan
from .state import Change, Record

# Seconds beyond the timeout that a stop may take: the engine gives each container its stop timeout and then kills it.
_STOP = 300


class RolledBack(Problem):
    """The change failed after the file was swapped.

    complete: whether all is as it was before; the message says what is not.
    """

    def __init__(self, message: str, complete: bool) -> None:
        super().__init__(message)
        self.complete = complete
        self.changed = not complete

    def returned(self) -> dict[str, Any]:
        return {"rolled_back": self.complete}


class Carrier:
    """Carries out one plan.

    set_attributes: gives the file's owner, mode and SELinux context to a path, see atomic_file.write().
    """

    def __init__(self, order: Order, plan: Plan, record: Record, set_attributes: Callable[[str], object]) -> None:
        self.order = order
        self.plan = plan
        self.found = plan.found
        self.record = record
        self.set_attributes = set_attributes
        self.backup_file: str | None = None
        self.restarted: list[str] = []
        self.taken = "none"
        self._earlier: Change | None = record.change

    def run(self) -> None:
        plan = self.plan
        if plan.writes or plan.action != "none":
            if plan.writes and self.found.content is not None and (self.order.backup or self.found.broken is not None):
                self.backup_file = atomic_file.backup(self.order.path)
            try:
                self._begin()
                if plan.writes:
                    self._write(plan.new, self.found.content)
            except DockyardError:
                self._take_back()
                raise
        if plan.action == "reload":
            self._reload()
        elif plan.action in ("restart", "start"):
            self._restart()
        self._remember()

    # --- the file

    def _begin(self) -> None:
        """From here on, a run that is killed can be finished by the next one."""
        # Where an earlier run did not get to the engine with its file, the way back leads to what the engine has.
        self._earlier = self.record.change
        old = self._earlier.old if self._earlier is not None else self._old_content()
        # Without a restart none of them stops, and the next run must not start what somebody stopped meanwhile.
        containers = self.found.containers if self.plan.action == "restart" else []
        if self.plan.action == "start" and self._earlier is not None:
            containers = self._earlier.containers
        self.record.change = Change(old, self.found.unit.run, containers, self.found.live.get("bip"))
        daemon_config_state.write(self.order.path, self.record)

    def _take_back(self) -> None:
        """The swap did not happen."""
        if self.plan.writes and atomic_file.read(self.order.path) == self.plan.new:
            return  # it did, and only the disk has not confirmed it
        if self.backup_file is not None:
            atomic_file.remove(self.backup_file)
        if self.record.change is not self._earlier:
            self.record.change = self._earlier
            daemon_config_state.write(self.order.path, self.record)

    def _old_content(self) -> bytes | None:
        found = self.found
        if found.engine != "running" or found.current is None or not different_keys(found.loaded, found.current):
            return found.content
        # The engine has not seen this file either. What it runs with is the state to go back to.
        return render(found.loaded)

    def _write(self, content: bytes | None, expected: bytes | None) -> None:
        """Swaps the file; expected is what must stand in it until then."""
        path = self.order.path
        folder = os.path.dirname(path)
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, mode=0o755)
            if content is None:
                atomic_file.remove(path)
            else:
                atomic_file.write(
                    path, content, set_attributes=self.set_attributes, check=lambda: self._unchanged(expected)
                )
        except OSError as error:
            raise atomic_file.explain("make", folder, error) from error

    def _write_again(self, content: bytes | None, expected: bytes | None) -> None:
        """A further write of the same change. Where it fails, something was changed already."""
        try:
            self._write(content, expected)
        except DockyardError as problem:
            reason = problem.message.replace(" Nothing was changed.", "")
            raise Problem(
                f"The change of {self.order.path} has come half way: {reason} The next run completes it."
            ) from problem

    def _unchanged(self, expected: bytes | None) -> None:
        if atomic_file.read(self.order.path) != expected:
            raise Problem(
                f"Somebody else has changed {self.order.path} meanwhile; run again to take their change into account."
                " Nothing was changed."
            )

    # --- the engine

    def _reload(self) -> None:
        api = self.found.api
        if api is None:  # only an engine that answers is reloaded
            return
        since = time.time()
        service.reload()
        self.taken = "reload"
        target = self.plan.target
        try:
            reloaded = _has_reloaded(api, since)
            live = daemon_config_live.read(api)
        except Unreachable as error:
            self._back(f"ceased to answer after a reload ({error})", "restart")
        if not reloaded:
            words = service.last_words(since) or "it has logged nothing about it"
            self._back(f"did not take the new file over by a reload ({words})", "reload")
        wrong = set(daemon_config_live.differing(target, live, self.found.unit.argv[1:])) - set(self.plan.after_reload)
        if wrong:
            self._back(f"still shows the old value of {', '.join(sorted(wrong))} after a reload", "reload")
        self.found.live = live

    def _restart(self) -> None:
        self.taken = self.plan.action
        if self.plan.bridge_default and not self.plan.unapplied:
            # The engine remembers docker0's address beyond the key bip. It is given the default address by that key
            # first, and then remembers that one. Its own database of networks is left alone.
            step = {**self.plan.target, "bip": self.plan.bridge_default}
            self._write_again(render(step), self.plan.new)
            self._start_with(step)
            self._write_again(self.plan.new, render(step))
        self._start_with(self.plan.target)

    def _start_with(self, target: Config) -> None:
        """Restarts the engine and proves that it is healthy with this configuration; goes back otherwise."""
        since = time.time()
        complaint = service.control("restart", self.order.timeout + _STOP)
        if complaint:
            self._back(f"did not start with the new file ({service.last_words(since) or complaint})", "restart")
        unit = service.look()
        api = EngineApi(unit.engine_socket(target.get("hosts")))
        if unit.run is None or not api.wait(self.order.timeout):
            words = service.last_words(since)
            self._back(f"did not answer within {self.order.timeout:g} seconds with the new file ({words})", "restart")
        try:
            self._prove(target, unit, api)
        except Unreachable as error:
            self._back(f"started with the new file, and then ceased to answer ({error})", "restart")

    def _prove(self, target: Config, unit: service.Unit, api: EngineApi) -> None:
        """That the engine shows what the file says, and that the containers run."""
        live = daemon_config_live.read(api)
        if "ipv6" in self.plan.changed_keys and live.get("ipv6") is False and "bip6" in live:
            # Newer engines leave it on a docker0 that has no IPv6 any more, with a route to it.
            network.remove_address(live.pop("bip6"), DOCKER0)
        wrong = set(daemon_config_live.differing(target, live, unit.argv[1:])) - set(self.plan.unapplied)
        if wrong:
            self._back(f"started with the new file, but did not take over {', '.join(sorted(wrong))}", "restart")
        containers = self._containers()
        complaints = engine_containers.bring_back(api, containers, self.order.timeout)
        if complaints:
            self._back(f"runs with the new file, but its containers do not: {'; '.join(complaints)}", "restart")
        self.restarted = [] if self.plan.containers_survive else [c.name for c in containers if not c.of_swarm]
        self.found.unit, self.found.api, self.found.live = unit, api, live

    def _containers(self) -> Sequence[engine_containers.Container]:
        return self.record.change.containers if self.record.change else []

    # --- the way back

    def _back(self, reason: str, verb: str) -> NoReturn:
        """Puts the old file back, proves the old state, and raises RolledBack with the first error."""
        outcome = restore(self.order, self.record, self.set_attributes, verb)
        raise RolledBack(f"The Docker Engine {reason}. {outcome}", complete=self.record.change is None)

    def _remember(self) -> None:
        """What the engine has now. The way back is kept for as long as it has not seen the file."""
        record, target, before = self.record, self.plan.target, self.found.loaded
        if self.taken in ("restart", "start"):
            record.loaded = target
        elif self.found.engine == "running":
            waiting = self.plan.pending_after(self.taken)
            record.loaded = {
                **{key: value for key, value in before.items() if key in waiting},
                **{key: value for key, value in target.items() if key not in waiting},
            }
        else:
            record.loaded = None
        record.engine = self.found.unit.run if record.loaded is not None else None
        if not self.plan.pending_after(self.taken) or self.taken in ("restart", "start"):
            record.change = None
        daemon_config_state.write(self.order.path, record)


def _has_reloaded(api: EngineApi, since: float, seconds: float = 10) -> bool:
    """Whether the engine says that it has taken a file over. systemctl reload succeeds in any case."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if api.events(since, time.time(), type=["daemon"], event=["reload"]):
            return True
        time.sleep(0.2)
    return False


def restore(order: Order, record: Record, set_attributes: Callable[[str], object], verb: str) -> str:
    """Puts the file of record.change back and proves the engine and its containers. Returns what has come of it."""
    change = record.change
    path = order.path
    if change is None:
        return f"What stood in {path} before is not known any more."
    try:
        _put(path, change.old, set_attributes)
    except DockyardError as problem:
        return f"Putting the old file back failed too, and the engine may be down: {problem.message}"
    back = "The old file is back" if change.old is not None else f"{path}, which was not there before, is removed again"
    if change.engine is None:
        # It was down before, and its old file is the reason. It stays down, and systemd stops trying.
        service.control("stop", order.timeout + _STOP)
        _finish(order, record, None, {})
        return f"{back}, and the engine is down, as it was before."
    since = time.time()
    old = _parsed(change.old, path)
    if verb == "reload":
        service.reload()
    else:
        service.control("restart", order.timeout + _STOP)
        if change.bip and not old.get("bip") and not _docker0_has(change.bip):
            # It would keep the new address, see Carrier._restart().
            try:
                atomic_file.write(path, render({**old, "bip": change.bip}), set_attributes=set_attributes)
                service.control("restart", order.timeout + _STOP)
                _put(path, change.old, set_attributes)
            except DockyardError as problem:
                return f"{back}, but docker0 is not: {problem.message}"
            service.control("restart", order.timeout + _STOP)
    unit = service.look()
    api = EngineApi(unit.engine_socket(old.get("hosts")))
    if unit.run is None or not api.wait(order.timeout):
        return f"{back}, but the engine does not start with it either: {service.last_words(since)}"
    if change.bip and verb != "reload" and not _docker0_has(change.bip):
        return f"{back} and the engine answers, but docker0 did not go back to {change.bip}."
    complaints = engine_containers.bring_back(api, change.containers, order.timeout)
    if complaints:
        return f"{back} and the engine answers, but not all containers run again: {'; '.join(complaints)}."
    names = engine_containers.names([container for container in change.containers if not container.of_swarm])
    _finish(order, record, unit.run, old)
    return f"{back}, and the engine answers with it{f'; {names} run' if names and verb != 'reload' else ''}."


def _put(path: str, content: bytes | None, set_attributes: Callable[[str], object]) -> None:
    if content is None:
        atomic_file.remove(path)
    else:
        atomic_file.write(path, content, set_attributes=set_attributes)


def _docker0_has(bip: str) -> bool:
    return ipaddress.ip_interface(bip) in network.addresses(DOCKER0)


def _parsed(content: bytes | None, path: str) -> Config:
    try:
        return parse(content, path) if content is not None else {}
    except Broken:
        return {}


def _finish(order: Order, record: Record, engine: service.Engine | None, loaded: Config) -> None:
    record.change = None
    record.engine, record.loaded = (engine, loaded) if engine else (None, None)
    daemon_config_state.write(order.path, record)


def finish(order: Order, record: Record, set_attributes: Callable[[str], object]) -> str | None:
    """Completes or reverts what a run that was killed, or cut off by a reboot, has left behind. Returns what was done.

    Nothing is done where that run was killed before it had touched the engine: this run starts from there.
    """
    change = record.change
    if change is None:
        return None
    unit = service.look(settle=order.timeout + _STOP)
    if unit.state == "failed":
        if atomic_file.read(order.path) == change.old:
            return None
        outcome = restore(order, record, set_attributes, "restart")
        return f"An earlier run was broken off, and the engine was down with its file. {outcome}"
    if unit.run is None or unit.run == change.engine:
        return None
    api = EngineApi(unit.engine_socket(None))
    if not api.wait(order.timeout):
        return None
    down = len(change.containers) - len(
        {c.id for c in engine_containers.running(api)} & {c.id for c in change.containers}
    )
    complaints = engine_containers.bring_back(api, change.containers, order.timeout)
    if complaints:
        raise Problem(
            "An earlier run was broken off during a restart of the engine, and not all containers run again:"
            f" {'; '.join(complaints)}; start or remove them and run again."
        )
    content = atomic_file.read(order.path)
    if content is not None and os.stat(order.path).st_mtime <= unit.started_at:
        record.engine, record.loaded = unit.run, _parsed(content, order.path)
    record.change = None
    daemon_config_state.write(order.path, record)
    return (
        f"Completed a restart that an earlier run was broken off in{f' ({down} containers started)' if down else ''}."
    )
