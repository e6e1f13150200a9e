#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon
short_description: Change the Docker Engine's daemon.json, and prove that the engine took it over
version_added: 0.2.0
description:
  - Merges keys into the engine's configuration file C(daemon.json), replaces the file, or removes keys.
  - Everything is checked before the file is touched, by this module's own rules and by the host's C(dockerd) itself with the
    flags of its unit. So a conflict between flag and file is found as well.
  - The engine is reloaded if it can take every changed key over while it runs, and restarted if it can't. Then it is asked whether
    it is healthy, and whether it has the new values.
  - If it does not start with the new file, or if containers don't come back, the old file is put back and the engine started with it
    and asked again. The task then fails with the engine's own last words.
  - It works where Docker is not installed yet (the engine then starts with the right file), where the engine is stopped (it stays
    stopped), and where the engine can't start because of its file (then that is repaired).
extends_documentation_fragment:
  - ansible.builtin.files
  - dockyard.ops._daemon
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
options:
  config:
    description:
      - The keys, as they are named in C(daemon.json).
      - With O(state=absent), the keys to remove. The value does not matter, unless it is a dictionary that is not empty. Then only the
        keys in it are removed.
      - A value can't be null.
    type: dict
    required: true
  state:
    description:
      - With V(merged), the keys are set and all others stay. Dictionaries are merged, lists are replaced.
      - With V(replaced), the file holds exactly these keys afterwards.
      - With V(absent), the keys are removed. Removing C(bip) gives docker0 back the address that the engine would choose by itself.
    type: str
    choices: [merged, replaced, absent]
    default: merged
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Keep logs small, and containers running while the engine restarts
  dockyard.ops.docker_daemon:
    config:
      live-restore: true
      log-driver: json-file
      log-opts:
        max-size: 10m
        max-file: "3"

- name: Use a registry mirror (a reload is enough)
  dockyard.ops.docker_daemon:
    config:
      registry-mirrors:
        - https://mirror.example.com

- name: Nothing else than this in the file; write it now, restart in the maintenance window
  dockyard.ops.docker_daemon:
    config:
      live-restore: true
    state: replaced
    restart: never
    backup: true

- name: Remove one log option and the mirrors, and have the containers running again afterwards
  dockyard.ops.docker_daemon:
    config:
      log-opts:
        max-file:
      registry-mirrors:
    state: absent
    on_running_containers: proceed
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: "Changed live-restore in /etc/docker/daemon.json and reloaded the engine, which has taken it over."
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
changed_keys:
  description: The keys of the file that are changed, added or removed.
  returned: success
  type: list
  elements: str
  sample: [live-restore]
action_needed:
  description: What the engine needs in order to take over what it does not have yet.
  returned: success
  type: str
  sample: reload
action_taken:
  description: What was done to the engine, or in check mode would be. V(start) is the repair of an engine that had failed.
  returned: success
  type: str
  sample: reload
restart_pending:
  description: Whether the running engine still lacks something that only a restart brings.
  returned: success
  type: bool
  sample: false
pending_keys:
  description: The keys that wait for this restart.
  returned: success
  type: list
  elements: str
  sample: []
rolled_back:
  description: Whether the old file was put back, because the engine or its containers did not run with the new one.
  returned: success, and failure after the file was changed
  type: bool
  sample: false
backup_file:
  description: The copy of the old file.
  returned: changed and O(backup=true) or the file was broken, and there was a file
  type: str
  sample: /etc/docker/daemon.json.4711.2026-11-24@09:30:00~
containers_restarted:
  description: Names of the containers that ran before the restart and run again.
  returned: success
  type: list
  elements: str
  sample: [web]
engine:
  description: The state of the engine that was found. One of V(absent), V(stopped), V(failed), V(running) and V(other_file), if it reads another file.
  returned: success
  type: str
  sample: running
live:
  description:
    - What was read back from the running engine, by the names of C(daemon.json). Those keys that the engine tells.
    - Empty if no engine runs.
  returned: success
  type: dict
  sample:
    bip: 172.17.0.1/16
    icc: true
    live-restore: true
    mtu: 1500
diff:
  description: The file before and after, with its keys in order. Passwords in it appear as fingerprints.
  returned: in diff mode
  type: list
  elements: dict
  sample:
    - before_header: /etc/docker/daemon.json
      after_header: /etc/docker/daemon.json
      before: |
        {}
      after: |
        {
            "live-restore": true
        }
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import document, module
from ansible_collections.dockyard.ops.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        lambda call: module.run(call, wish(call.params)),
        argument_spec={
            **module.OPTIONS,
            "config": {"type": "dict", "required": True},
            "state": {"type": "str", "choices": ["merged", "replaced", "absent"], "default": "merged"},
        },
        add_file_common_args=True,
    )


def wish(params: dict[str, Any]) -> document.Wish:
    return document.Wish(state=params["state"], config=params["config"])


if __name__ == "__main__":
    main()
