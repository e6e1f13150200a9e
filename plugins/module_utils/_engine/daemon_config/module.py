# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The common half of the modules docker_daemon and docker_bridge: options, order of the steps, results."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import Unreachable
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import apply, document, state
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import plan as daemon_config_plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import result as daemon_config_result
from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

_OPTIONS = {
    "path": {"type": "path", "default": "/etc/docker/daemon.json"},
    "restart": {"type": "str", "choices": ["when_idle", "always", "never"], "default": "when_idle"},
    "on_running_containers": {"type": "str", "choices": ["fail", "proceed"], "default": "fail"},
    "backup": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "lock_timeout": {"type": "int", "default": 120},
}


def main(options: dict[str, Any], wish: Callable[[dict[str, Any]], document.Wish]) -> None:
    """options: those that the module has by itself; wish: makes the wish of them."""
    module = AnsibleModule(argument_spec={**_OPTIONS, **options}, add_file_common_args=True, supports_check_mode=True)
    try:
        result = _run(module, wish(module.params))
    except apply.RolledBack as problem:
        module.fail_json(msg=problem.message, rolled_back=problem.complete, changed=not problem.complete)
    except Problem as problem:
        module.fail_json(msg=problem.message)
    except Unreachable as error:
        module.fail_json(
            msg=f"The Docker Engine ceased to answer while it was asked ({error}); see its log, and run again."
        )
    module.exit_json(**result)


def _run(module: AnsibleModule, wish: document.Wish) -> dict[str, Any]:
    params = module.params
    if os.geteuid() != 0:
        raise Problem("Only root may change the Docker Engine; run as root (become: true). Nothing was changed.")
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
    attributes = module.load_file_common_arguments(params, path=order.path)
    attribute_diff: dict[str, Any] = {}

    def dress(temporary: str) -> None:
        # File attributes (chattr) come last: an immutable file could not be renamed.
        module.set_fs_attributes_if_different(
            {**attributes, "path": temporary, "attributes": None}, False, attribute_diff
        )

    with contextlib.nullcontext() if module.check_mode else state.locked(params["lock_timeout"]):
        record = state.read(order.path)
        finished = None if module.check_mode else apply.finish(order, record, dress)
        found = daemon_config_plan.look(order.path, record)
        # The plan's execution reads the host anew into it; a diff shows what was there before.
        before = document.shown(found.content, order.path)
        plan = daemon_config_plan.make(order, found, record)
        for warning in plan.warnings:
            module.warn(warning)
        carrier = apply.Carrier(order, plan, record, dress)
        if not module.check_mode:
            carrier.run()
    result = daemon_config_result.result(order, plan, carrier, module.check_mode, finished)
    if os.path.exists(order.path):
        result["changed"] = module.set_fs_attributes_if_different(attributes, result["changed"], attribute_diff)
    if module._diff:
        result["diff"] = [
            {
                "before_header": order.path,
                "after_header": order.path,
                "before": before,
                "after": document.shown(plan.new, order.path),
            }
        ]
        if attribute_diff:
            header = f"{os.path.basename(order.path)} (attributes)"
            result["diff"].append({"before_header": header, "after_header": header, **attribute_diff})
    return result
