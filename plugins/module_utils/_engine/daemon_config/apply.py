# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Carry a plan out: file, reload or restart, proof; and the rollback if the proof fails.

The order of the steps is what makes it safe to kill at any point: first the old file and the running containers are
saved on disk, then the file is swapped in one rename, then the engine is touched. So the next run, which begins with
rollback.resume_interrupted(), finds either the old state, or all that is needed to complete or revert the change.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Literal, NoReturn

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, default_routes
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .. import dependents, engine_log, inventory, service
from ..api import EngineApi, Unreachable, find_answering
from ..containers import BroughtBack, bring_back
from ..topology import lost_rules
from . import state
from .document import Config, different_keys, render
from .live import keys_not_in_force, read_live, remove_stale_ipv6, writes_rules
from .options import DaemonOptions
from .planned_change import Action, Plan
from .rollback import STOP_TIMEOUT, Rollback, RolledBack, SetAttributes
from .state import Change, SavedState


class DaemonConfigUpdate:
    """The execution of one plan.

    set_attributes: sets the file's owner, mode and SELinux context on a path, see atomic_file.write().
    """

    def __init__(self, options: DaemonOptions, plan: Plan, saved: SavedState, set_attributes: SetAttributes) -> None:
        self.options = options
        self.plan = plan
        self.host = plan.host
        self.saved = saved
        self.set_attributes = set_attributes
        self.backup_file: str | None = None
        self.restarted: list[str] = []
        self.starting: list[str] = []
        self.started_beside: list[str] = []
        self.stopped_again: list[str] = []
        self.lost_rules = plan.lost_rules
        self.taken: Action = "none"
        self._earlier: Change | None = saved.change
        self._since = 0.0  # when the engine was restarted, in seconds since the epoch

    def run(self) -> None:
        """Change file and engine, or leave both as they were and raise DockyardError.

        An error after which one of them is not as it was has its attribute changed set.
        """
        self._swap_file()
        try:
            if self.plan.action == "reload":
                self._reload()
            elif self.plan.action in ("restart", "start"):
                self._restart()
            self._save()
        except RolledBack:
            raise
        except (DockyardError, Unreachable) as error:
            if not self.plan.writes and self.taken == "none":
                raise
            reason = error.message if isinstance(error, DockyardError) else f"the engine ceased to answer ({error})."
            raise DockyardError(
                "daemon_change_incomplete",
                f"The change of {self.options.path} is not complete: {reason} The next run completes it.",
                changed=True,
            ) from error

    # --- the file

    def _swap_file(self) -> None:
        plan = self.plan
        if not plan.writes and plan.action == "none":
            return
        keep = self.options.backup or self.host.invalid is not None
        if plan.writes and self.host.content is not None and keep:
            self.backup_file = atomic_file.backup(self.options.path)
        try:
            self._begin()
            if plan.writes:
                self._write(plan.new, self.host.content)
        except BaseException as error:
            # Also SystemExit, with which Ansible ends if it can't set owner or mode.
            with contextlib.suppress(DockyardError):  # the first error counts
                if plan.writes and atomic_file.read(self.options.path) == plan.new:
                    # It was swapped, and only the disk has not confirmed it.
                    if isinstance(error, DockyardError):
                        error.changed = True
                else:
                    self._forget()
            raise

    def _begin(self) -> None:
        """Save all that the next run needs in order to complete or revert this one."""
        # If an earlier run did not get to the engine with its file, the rollback leads to what the engine has.
        self._earlier = self.saved.change
        old = self._earlier.old if self._earlier is not None else self._old_content()
        # Without a restart none of them stops, and the next run must not start what was stopped in the meantime.
        containers = self.host.containers if self.plan.action == "restart" else []
        if self.plan.action == "start" and self._earlier is not None:
            containers = self._earlier.containers
        had = self._earlier.inventory if self._earlier is not None else None
        units = self._earlier.dependents if self._earlier is not None else []
        if self.plan.action == "restart" and self.host.api is not None:
            had = inventory.take(self.host.api)
            units = sorted({*units, *dependents.running_dependents()})
        written = self._earlier.written if self._earlier is not None else []
        routes = self._earlier.routes if self._earlier is not None else {}
        if self.plan.action in ("restart", "start"):
            routes = {**routes, **{family: lines for family, lines in default_routes.read().items() if lines}}
        self.saved.change = Change(
            old,
            self.host.unit.run,
            containers,
            bip=self.host.live.get("bip"),
            inventory=had,
            moves_data=bool(self.plan.moves),
            dependents=units,
            written=[*written, state.digest(self.plan.new)],
            routes=routes,
        )
        state.write(self.options.path, self.saved)

    def _forget(self) -> None:
        """Remove what was saved for a swap that did not happen."""
        if self.backup_file is not None:
            atomic_file.remove(self.backup_file)
        if self.saved.change is not self._earlier:
            self.saved.change = self._earlier
            state.write(self.options.path, self.saved)

    def _old_content(self) -> bytes | None:
        host = self.host
        if host.engine != "running" or host.current is None or not different_keys(host.loaded, host.current):
            return host.content
        # The engine has not read this file either. What it runs with is the state to go back to.
        return render(host.loaded)

    def _write(self, content: bytes | None, expected: bytes | None) -> None:
        """Swap the file.

        expected: what must be in it until then.
        """
        path = self.options.path
        folder = os.path.dirname(path)
        made = not os.path.isdir(folder)
        try:
            if made:
                os.makedirs(folder, mode=0o755)
        except OSError as error:
            raise atomic_file.explain("make", folder, error) from error
        if content is None:
            atomic_file.remove(path)
            return
        try:
            atomic_file.write(
                path, content, set_attributes=self.set_attributes, check=lambda: self._check_unchanged(expected)
            )
        except BaseException:
            if made:
                with contextlib.suppress(OSError):  # the first error counts; with the file in it, it stays
                    os.rmdir(folder)
            raise

    def _check_unchanged(self, expected: bytes | None) -> None:
        if atomic_file.read(self.options.path) != expected:
            raise DockyardError(
                "daemon_file_changed_by_others",
                f"Another process has changed {self.options.path} in the meantime; run again to take its change into"
                " account.",
            )

    # --- the engine

    def _reload(self) -> None:
        api = self.host.api
        if api is None:  # only an engine that answers is reloaded
            return
        since = time.time()
        self.taken = "reload"
        service.reload()
        target = self.plan.target
        try:
            reloaded = _has_reloaded(api, since)
            live = read_live(api)
        except Unreachable as error:
            self._roll_back_silent(error)
        self._check_still_ours(self.plan.new, "reload")
        if not reloaded:
            reason = engine_log.recent_errors(since) or "it has logged nothing about it"
            self._roll_back(f"did not take the new file over by a reload ({reason})", "reload")
        wrong = set(keys_not_in_force(target, live, self.host.unit.argv[1:])) - set(self.plan.after_reload)
        if wrong:
            self._roll_back(f"still shows the old value of {', '.join(sorted(wrong))} after a reload", "reload")
        self.host.live = live

    def _check_still_ours(self, content: bytes | None, verb: Literal["reload", "restart"]) -> None:
        """Roll back if the engine may have read something else than the file that was written for it."""
        if atomic_file.read(self.options.path) != content:
            reason = (
                f"may not have read what was written to {self.options.path}, as another program had changed it again"
                " (look for ExecStartPre in systemctl cat docker.service)"
            )
            self._roll_back(reason, verb)

    def _roll_back_silent(self, error: Unreachable) -> NoReturn:
        """Roll back a reload after which the engine does not answer. Over its containers it is not restarted."""
        reason = f"ceased to answer after a reload ({error})"
        if service.inspect_unit().run == self.host.unit.run:
            self._roll_back(reason, "reload")
        if self.saved.change is not None:  # it has ended, and so have those that ran before
            self.saved.change.containers = self.host.containers
        self._roll_back(reason, "restart")

    def _restart(self) -> None:
        self.taken = self.plan.action
        if self.plan.bridge_default and not self.plan.unapplied:
            # The engine remembers docker0's address beyond the key bip. It is given the default address by that key
            # first, and then remembers that one. Its own database of networks is left alone.
            step = {**self.plan.target, "bip": self.plan.bridge_default}
            content = render(step)
            if self.saved.change is not None:
                self.saved.change.written.append(state.digest(content))
                state.write(self.options.path, self.saved)
            self._write(content, self.plan.new)
            self._start_with(step, content)
            self._write(self.plan.new, content)
        self._start_with(self.plan.target, self.plan.new)

    def _start_with(self, target: Config, content: bytes | None) -> None:
        """Restart the engine and prove that it is healthy with this configuration. Otherwise raise RolledBack.

        content: of its file.
        """
        since = self._since = time.time()
        timeout = self.options.timeout
        complaint = service.control("restart", timeout + STOP_TIMEOUT)
        if complaint:
            reason = engine_log.recent_errors(since) or complaint
            self._roll_back(f"did not start with the new file ({reason})", "restart")
        self._check_still_ours(content, "restart")
        unit = service.inspect_unit(socket=self.options.socket)
        api = find_answering(unit.engine_sockets(target.get("hosts")), timeout) if unit.run else None
        if api is None:
            reason = engine_log.recent_errors(since)
            self._roll_back(
                f"did not answer within {counted(timeout, 'second')} with the new file ({reason})", "restart"
            )
        try:
            self._prove(target, unit, api)
        except Unreachable as error:
            self._roll_back(f"started with the new file, and then ceased to answer ({error})", "restart")

    def _prove(self, target: Config, unit: service.Unit, api: EngineApi) -> None:
        """Prove that the engine shows what the file says, and that the containers run."""
        live = read_live(api)
        if "ipv6" in self.plan.changed_keys:
            remove_stale_ipv6(live)
        wrong = set(keys_not_in_force(target, live, unit.argv[1:])) - set(self.plan.unapplied)
        if wrong:
            self._roll_back(f"started with the new file, but did not take over {', '.join(sorted(wrong))}", "restart")
        change = self.saved.change
        gone = default_routes.lost(change.routes) if change is not None else []
        if gone:
            self._roll_back(
                f"runs with the new file, but the host has lost its default route ({'; '.join(gone)})", "restart"
            )
        # Where the engine looks for its data somewhere else, it does not have them, and that was asked for.
        if change is not None and not change.moves_data:
            self._prove_inventory(api, change)
        self.host.unit, self.host.api, self.host.live = unit, api, live
        self.lost_rules = lost_rules.find(api).lost if writes_rules(target, unit.argv) else []

    def _prove_inventory(self, api: EngineApi, change: Change) -> None:
        """Prove that all is there that was there before, and that those run that ran."""
        down = dependents.bring_dependents_back(change.dependents, self.options.timeout)
        if down:
            self._roll_back(f"runs with the new file, but not what depends on it: {'; '.join(down)}", "restart")
        found: BroughtBack = bring_back(api, change.containers, self.options.timeout, change.inventory)
        if found.complaints:
            complaints = "; ".join(found.complaints)
            self._roll_back(f"runs with the new file, but its containers do not: {complaints}{self._full()}", "restart")
        self.started_beside, self.stopped_again = found.started_beside, found.stopped_again
        if change.inventory is not None:
            lost = inventory.lost(inventory.compare(change.inventory, inventory.take(api)))
            if lost:
                self._roll_back(
                    f"runs with the new file, but not all is there: {inventory.sentence(lost)}{self._full()}", "restart"
                )
        if not self.plan.containers_survive:
            self.restarted, self.starting = found.running, found.starting

    def _full(self) -> str:
        """Return that a disk is full as the end of a sentence, if the engine has logged that since its restart."""
        return f" (its log says: {engine_log.NO_SPACE})" if engine_log.ran_out_of_space(self._since) else ""

    def _roll_back(self, reason: str, verb: Literal["reload", "restart"]) -> NoReturn:
        """Put the old file back, prove the old state, and raise RolledBack with the first error."""
        options = self.options
        rollback = Rollback(options.path, self.saved, self.set_attributes, options.timeout, options.socket)
        outcome = rollback.run(verb)
        raise RolledBack(f"The Docker Engine {reason}. {outcome}", complete=self.saved.change is None)

    def _save(self) -> None:
        """Save what the engine has now. The old state stays saved for as long as the engine has not read the file."""
        saved, target, before = self.saved, self.plan.target, self.host.loaded
        pending = self.plan.pending_after(self.taken)
        if self.taken in ("restart", "start"):
            saved.loaded = target
        elif self.host.engine == "running":
            saved.loaded = {
                **{key: value for key, value in before.items() if key in pending},
                **{key: value for key, value in target.items() if key not in pending},
            }
        else:
            saved.loaded = None
        saved.engine = self.host.unit.run if saved.loaded is not None else None
        judged = self.taken in ("restart", "start") or self.host.engine == "running"
        saved.brought = {
            key: target[key]
            for key in {*self.plan.changed_keys, *saved.brought}
            if key in target and (key in pending or not judged)
        }
        if not pending or self.taken in ("restart", "start"):
            saved.change = None
        saved.down = saved.down and self.host.engine == "failed" and self.taken != "start"
        state.write(self.options.path, saved)


def _has_reloaded(api: EngineApi, since: float, seconds: float = 10) -> bool:
    """Return whether the engine reports that it has taken a file over. systemctl reload succeeds in any case."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if api.events(since, time.time(), type=["daemon"], event=["reload"]):
            return True
        time.sleep(0.2)
    return False
