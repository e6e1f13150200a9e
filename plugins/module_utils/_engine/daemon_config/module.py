# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The common half of the modules docker_daemon and docker_bridge: options, order of the steps, results."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

from ..api import Unreachable
from . import apply, document, state
from . import plan as daemon_config_plan
from . import result as daemon_config_result

OPTIONS = {
    "path": {"type": "path", "default": "/etc/docker/daemon.json"},
    "restart": {"type": "str", "choices": ["when_idle", "always", "never"], "default": "when_idle"},
    "on_running_containers": {"type": "str", "choices": ["fail", "proceed"], "default": "fail"},
    "backup": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "lock_timeout": {"type": "int", "default": 120},
}


def run(call: Any, wish: document.Wish) -> dict[str, Any]:
    """Run a call of one of the modules.

    call: a _module.ModuleCall.
    """
    try:
        return _run(call, wish)
    except Unreachable as error:
        raise Problem(
            f"The Docker Engine ceased to answer while it was asked ({error}); see its log, and run again."
        ) from error


def _run(call: Any, wish: document.Wish) -> dict[str, Any]:
    params = call.params
    call.require_root("change the Docker Engine")
    if params["owner"] not in (None, "root", "0"):
        raise Problem(
            f"owner is {params['owner']}, who could change the file at any time and so rule the host; leave it at root."
            " Nothing was changed."
        )
    document.check_wish(wish)
    order = daemon_config_plan.Order(
        path=params["path"],
        wish=wish,
        restart=params["restart"],
        on_running_containers=params["on_running_containers"],
        backup=params["backup"],
        timeout=params["timeout"],
    )
    attributes = call.file_attributes(order.path)
    with contextlib.nullcontext() if call.check_mode else state.locked(params["lock_timeout"]):
        record = state.read(order.path)
        finished = None if call.check_mode else apply.finish(order, record, attributes.set_on)
        found = daemon_config_plan.look(order.path, record)
        # The plan's execution reads the host anew into it; a diff shows what was there before.
        before = document.shown(found.content, order.path)
        plan = daemon_config_plan.make(order, found, record)
        for warning in plan.warnings:
            call.warn(warning)
        carrier = apply.Carrier(order, plan, record, attributes.set_on)
        if not call.check_mode:
            carrier.run()
    result = daemon_config_result.result(order, plan, carrier, call.check_mode, finished)
    if os.path.exists(order.path):
        result["changed"] = attributes.set_in_place(result["changed"])
    if call.diff_mode:
        result["diff"] = attributes.diffs(before, document.shown(plan.new, order.path))
    return result
