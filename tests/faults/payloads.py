# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds what Ansible sends to a host for a task, so that it can be run there without a controller for each call.

The payload is Ansible's own, made by its own function, and has the name under which a task's process is found there.
Starting a controller takes five times as long as the module itself.
"""

from __future__ import annotations

import json
import os
import pathlib
import threading
from typing import Any

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

MODULES = (
    pathlib.Path(__file__).resolve().parents[2] / ".cache/collections/ansible_collections/dockyard/ops/plugins/modules"
)
_VARIABLES = {"ansible_python_interpreter": "/usr/bin/python3"}
_lock = threading.Lock()  # Ansible's loader is made for one thread
_started = False


def build(module: str, check: bool, options: dict[str, Any]) -> bytes:
    """Return the program that runs a module of this collection with these options. check: in check mode, with diff."""
    global _started
    with _lock:
        if not _started:
            init_plugin_loader([os.environ["ANSIBLE_COLLECTIONS_PATH"]])
            _started = True
        built = modify_module(
            module_name=module,
            module_path=str(MODULES / f"{module}.py"),
            module_args={
                **options,
                "_ansible_check_mode": check,
                "_ansible_diff": check,
                "_ansible_remote_tmp": "~/.ansible/tmp",
            },
            templar=Templar(loader=DataLoader(), variables=_VARIABLES),
            task_vars=_VARIABLES,
        )
    return bytes(built.b_module_data)


def answer(stdout: str, stderr: str) -> dict[str, Any]:
    """Return what a module printed, as a task's result has it."""
    try:
        found: dict[str, Any] = json.loads(stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"failed": True, "msg": f"no answer: {(stderr or stdout).strip()[-300:]}", "no_answer": True}
    if found.get("exception"):
        found["traceback"] = str(found["exception"])[-300:]
        found.setdefault("msg", found["traceback"])
    # From 2.19 on each is an object, of which a controller shows the text.
    found["warnings"] = [_text(warning) for warning in found.get("warnings") or []]
    return found


def _text(warning: str | dict[str, Any]) -> str:
    return warning if isinstance(warning, str) else str(warning["event"]["msg"])
