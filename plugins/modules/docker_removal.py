#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_removal
short_description: Check what a Docker Engine's removal would stop, and delete its data
version_added: 0.3.0
description:
  - The two steps around the removal of an engine's packages. The entry point C(remove) of the role P(dockyard.ops.docker_engine#role) takes both.
  - An engine that does not answer can't say which containers run. Then they are found by their processes, which outlive the engine.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
options:
  operation:
    description:
      - V(check) changes nothing. It fails if containers run that would be stopped, or that would run on with nobody to manage them.
      - V(delete_data) deletes images, containers, volumes and networks of an engine that does not run any more. It can't be undone. Only what
        an engine makes in its data root is deleted, in which others may have data as well, and nothing that is mounted there.
    type: str
    choices: [check, delete_data]
    required: true
  remove_running:
    description:
      - With O(operation=check), whether containers that run may be stopped by the removal. With C(live-restore) they would not be stopped but run
        on, which is refused in any case.
    type: bool
    default: false
  remove_data:
    description:
      - With O(operation=check), whether the data will be deleted. Then it has to be known where that is.
    type: bool
    default: false
  containerd:
    description:
      - Whether containerd goes together with the engine, with its data in C(/var/lib/containerd). Then containers of other programs in it
        are not to run either.
    type: bool
    default: false
  data_root:
    description:
      - With O(operation=delete_data), where the data is. Default is what RV(data_root) of O(operation=check) is at that moment, but without its
        configuration a stopped engine is taken for one with C(/var/lib/docker).
    type: path
  socket:
    description:
      - The engine's Unix socket, where it is none of those that its unit and its configuration name.
    type: path
    default: ''
seealso:
  - module: dockyard.ops.docker_daemon
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Check that nothing runs
  dockyard.ops.docker_removal:
    operation: check
    remove_data: true
  register: removal

- name: Remove the engine
  ansible.builtin.apt:
    name: docker.io
    state: absent

- name: Delete its data
  dockyard.ops.docker_removal:
    operation: delete_data
    data_root: "{{ removal.data_root }}"
"""

RETURN = r"""
answers:
  description: Whether an engine answers.
  returned: with O(operation=check)
  type: bool
  sample: true
running:
  description: Names of the containers that run.
  returned: with O(operation=check)
  type: list
  elements: str
  sample: [web]
data_root:
  description: Where the engine's data is.
  returned: success
  type: str
  sample: /var/lib/docker
deleted:
  description: What was deleted, or would be in check mode.
  returned: with O(operation=delete_data)
  type: list
  elements: str
  sample: [/var/lib/docker/containers, /var/lib/docker/image]
kept:
  description: What is left in the folders of the data, because no engine makes it, or because it is mounted there.
  returned: with O(operation=delete_data)
  type: list
  elements: str
  sample: [/data/postgres]
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine import removal
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("look at the processes of all containers, and delete their data")
    params = call.params
    if params["operation"] == "check":
        call.reads_only = True
        found = removal.inspect(params["socket"], params["remove_data"])
        removal.refuse(found, params["remove_running"], params["containerd"])
        return {"changed": False, "answers": found.answers, "running": found.running, "data_root": found.root}
    found = removal.inspect(params["socket"], remove_data=params["data_root"] is None)
    if not call.check_mode:
        removal.require_gone(found)
    root = params["data_root"] or found.root
    deleted, kept = removal.delete_data(root, params["containerd"], call.check_mode)
    if kept:
        call.warn(f"Kept beside the engine's data, as no engine makes it or it is mounted there: {', '.join(kept)}.")
    return {
        "changed": bool(deleted),
        "data_root": root,
        "deleted": deleted,
        "kept": kept,
        "diff": diff(root, "".join(f"{path}\n" for path in [*deleted, *kept]), "".join(f"{path}\n" for path in kept)),
    }


def main() -> None:
    run_module(
        run,
        argument_spec={
            "operation": {"type": "str", "choices": ["check", "delete_data"], "required": True},
            "remove_running": {"type": "bool", "default": False},
            "remove_data": {"type": "bool", "default": False},
            "containerd": {"type": "bool", "default": False},
            "data_root": {"type": "path"},
            "socket": {"type": "path", "default": ""},
        },
    )


if __name__ == "__main__":
    main()
