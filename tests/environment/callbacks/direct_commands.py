# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the docker connection start its commands in test hosts by tests/hosts/commands.py, without `docker exec`.

The connection is loaded before the first task, and the processes of the tasks inherit what was changed in it.

DOCKYARD_PLAIN=1 in the environment leaves it out.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys
import types

from ansible.plugins.callback import CallbackBase

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "hosts"))

import commands  # noqa: E402  found through the path set above

DOCUMENTATION = r"""
name: direct_commands
type: aggregate
short_description: Starts commands in test hosts without docker exec
description: For this collection's tests only.
"""
CONNECTION = "ansible_collections.community.docker.plugins.connection.docker"


class CallbackModule(CallbackBase):
    """Puts commands.popen in the place of the function that the connection calls."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "direct_commands"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        if not os.environ.get("DOCKYARD_PLAIN"):
            connection = vars(importlib.import_module(CONNECTION))
            connection["subprocess"] = types.SimpleNamespace(**{**vars(subprocess), "Popen": commands.popen})
