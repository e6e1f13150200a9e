# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads plugins that nearly every task uses before the first one, and not again in the process of each task.

Ansible runs a task in a process of its own, which ends with it, and with it goes what was loaded first there: all
filters and tests, and the plugin of the action. What the main process has loaded, every such process has from its
start. Its garbage collector leaves alone what it was started with: looking through that copies the memory. The plugins
are Ansible's own, found in Ansible's own way: those of roles and playbooks are added when Ansible comes to them.

DOCKYARD_PLAIN=1 in the environment leaves it out.
"""

from __future__ import annotations

import gc
import os

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import action_loader, filter_loader, shell_loader, test_loader

DOCUMENTATION = r"""
name: loaded_plugins
type: aggregate
short_description: Loads plugins before the first task
description: For this collection's tests only.
"""
ACTIONS = ("normal", "assert", "command", "copy", "debug", "fail", "set_fact", "shell", "template", "uri")


class CallbackModule(CallbackBase):
    """Loads the plugins when it is made, which is before the first task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "loaded_plugins"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        if os.environ.get("DOCKYARD_PLAIN"):
            return
        for plugins in (filter_loader, test_loader):
            list(plugins.all())
        for action in ACTIONS:
            action_loader.get(f"ansible.builtin.{action}", class_only=True)
        shell_loader.get("sh", class_only=True)
        os.register_at_fork(before=gc.freeze, after_in_parent=gc.unfreeze)
