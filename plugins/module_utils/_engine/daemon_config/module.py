# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Run the modules docker_daemon and docker_bridge: the order of the steps, and what is returned."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable
from typing import Any, Callable, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from ..api import Unreachable
from . import document, state
from .apply import DaemonConfigUpdate
from .host_state import inspect_host
from .options import DaemonOptions
from .plan import build_plan
from .planned_change import Plan
from .result import build_result
from .rollback import foresee_resumed, left_down, resume_interrupted


class FileAttributes(Protocol):
    """What a module knows of the common file options."""

    def set_on(self, temporary: str) -> None:
        """Set them on a file that is renamed later."""

    def set_in_place(self, changed: bool) -> bool:
        """Set them on the file itself. Return whether something has changed by now."""

    def diffs(self, before: str, after: str) -> list[dict[str, Any]]:
        """Return the value of diff."""


class Call(Protocol):
    """A call of a module, see _module.ModuleCall."""

    check_mode: bool
    diff_mode: bool
    warn: Callable[[str], object]

    def require_root(self, what: str) -> None:
        """Raise DockyardError unless the module runs as root."""

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep secrets out of all that the module returns and logs."""

    def file_attributes(self, path: str) -> FileAttributes:
        """Return the FileAttributes of a path."""


def check_owner(owner: str | None) -> None:
    """Raise DockyardError for an owner of daemon.json who is not root."""
    if owner not in (None, "root", "0"):
        raise DockyardError(
            "daemon_file_unsafe",
            f"owner is {owner}, who could change the file at any time and so rule the host; leave it at root.",
        )


def run(call: Call, options: DaemonOptions) -> dict[str, Any]:
    """Bring daemon.json and the engine to what is desired. Return the module's result."""
    call.require_root("change the Docker Engine")
    attributes = call.file_attributes(options.path)
    placeholders = Placeholders()
    with contextlib.nullcontext() if call.check_mode else state.locked(options.lock_timeout):
        saved = state.read(options.path)
        resumed = stuck = None
        resume = functools.partial(
            resume_interrupted, options.path, saved, attributes.set_on, options.timeout, options.socket
        )
        try:
            if call.check_mode:
                resumed = foresee_resumed(options.path, saved, options.socket)
            else:
                resumed, stuck = _try(resume)
            host = inspect_host(options.path, saved, options.socket)
            call.hide(document.secrets_in(host.current))  # dockerd names values in its complaints
            # The execution of the plan updates what is known of the host; a diff shows what was there before.
            before = document.shown(host.content, options.path, placeholders)
            plan = build_plan(options, host)
            down = left_down(saved) if host.engine == "failed" and resumed is None else None
            if down and (call.check_mode or plan.action == "none"):
                plan.warnings.append(down)
            for warning in plan.warnings:
                call.warn(warning)
            update = DaemonConfigUpdate(options, plan, saved, attributes.set_on)
            if stuck is not None and plan.action == "none":
                raise stuck
            if call.check_mode:
                _check_writable(plan, options.path)
            else:
                earlier = saved.change
                update.run()
                if stuck is not None:
                    saved.change = earlier
                    state.write(options.path, saved)
                    resumed = _try_after_change(resume)
        except Unreachable as error:
            raise DockyardError(
                "daemon_engine_unreachable",
                f"The Docker Engine ceased to answer while it was asked ({error}); see its log, and run again.",
                changed=resumed is not None and not call.check_mode,
            ) from error
        except DockyardError as error:
            error.changed = error.changed or (resumed is not None and not call.check_mode)
            if resumed is not None and call.check_mode:
                error.args = (f"{resumed} Then: {error.message}",)
            raise
    result = build_result(options, update, call.check_mode, resumed, placeholders)
    if os.path.exists(options.path):
        result["changed"] = attributes.set_in_place(result["changed"])
    if call.diff_mode:
        result["diff"] = attributes.diffs(before, document.shown(plan.new, options.path, placeholders))
    return result


def _check_writable(plan: Plan, path: str) -> None:
    """Raise DockyardError if the run itself could not write what it has to."""
    if plan.writes:
        atomic_file.check_writable(path)
    if plan.writes or plan.action != "none":
        state.check_writable(path)


def _try(resume: Callable[[], str | None]) -> tuple[str | None, DockyardError | None]:
    """Return what was left of an interrupted run and is done now, and the error if containers stay down.

    What is declared may be just what they need.
    """
    try:
        return resume(), None
    except DockyardError as error:
        if error.code != "daemon_interrupted_restart":
            raise
        return None, error


def _try_after_change(resume: Callable[[], str | None]) -> str | None:
    """Look again for the containers that stayed down, now that the engine has what is declared."""
    try:
        return resume()
    except DockyardError as error:
        error.args = (f"The engine has what is declared. {error.message}",)
        raise
