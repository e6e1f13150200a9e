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
  - Merges keys into the engine's configuration file C(daemon.json), replaces the file, or removes keys. All that one call declares is
    one change. It is checked as a whole, written once, and needs one reload or restart at most.
  - Everything is checked before the file is touched, by this module's own rules and by the host's C(dockerd) itself with the
    flags of its unit. So a conflict between flag and file is found as well.
  - The engine is reloaded if it can take every changed key over while it runs, and restarted if it can't. Then it is asked whether
    it is healthy, and whether it has the new values.
  - If it does not start with the new file, or if containers don't come back, the old file is put back and the engine started with it
    and asked again. The task then fails with the engine's own last errors.
  - It works where Docker is not installed yet (the engine then starts with the right file), where the engine is stopped (it stays
    stopped), and where the engine can't start because of its file (then that is repaired).
extends_documentation_fragment:
  - ansible.builtin.files
  - dockyard.ops._daemon
  - dockyard.ops._daemon.engine
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
options:
  config:
    description:
      - The keys, as they are named in C(daemon.json).
      - With O(state=absent), the keys to remove. The value does not matter, unless it is a dictionary that is not empty. Then only the
        keys in it are removed.
      - A value can't be null.
      - Secrets in it, such as C(splunk-token) of C(log-opts) or the password of a proxy's URL, appear in no result and no log.
      - One of O(config), O(bridge) and O(remove) is required.
    type: dict
  state:
    description:
      - What becomes of O(config). O(bridge) has a state of its own.
      - With V(merged), the keys are set and all others stay. Dictionaries are merged, lists are replaced.
      - With V(replaced), the file holds exactly these keys afterwards, and those of O(bridge).
      - With V(absent), the keys are removed. Removing C(bip) gives docker0 back the address that the engine would choose by itself.
    type: str
    choices: [merged, replaced, absent]
    default: merged
  remove:
    description:
      - Keys that the file must not have, whoever wrote them. A key that is also in O(config) is not set.
      - So a task can set some keys and remove others in one change.
    type: list
    elements: str
    version_added: 0.3.0
  bridge:
    description:
      - Docker0, the default bridge, with the options of M(dockyard.ops.docker_bridge), which has more about each of them.
      - A key that is declared here can't also be in O(config) or O(remove).
    type: dict
    version_added: 0.3.0
    suboptions:
      bip:
        description:
          - The address of docker0 with its prefix length.
        type: str
      bip6:
        description:
          - The same for IPv6. For engines from 27 on.
        type: str
      fixed_cidr:
        description:
          - The part of the network from which containers get their addresses.
        type: str
      fixed_cidr_v6:
        description:
          - The same for IPv6.
        type: str
      default_gateway:
        description:
          - Another gateway for the containers than docker0 itself.
        type: str
      default_gateway_v6:
        description:
          - The same for IPv6.
        type: str
      mtu:
        description:
          - Largest packet in bytes.
          - A number in digits, also as a string. An empty string counts as not given.
        type: raw
      icc:
        description:
          - Whether containers on docker0 may reach each other.
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      ip_masq:
        description:
          - Whether connections of containers to the outside bear the host's address.
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      ipv6:
        description:
          - Whether docker0 has IPv6.
          - True or false, also as a string. An empty string counts as not given.
        type: raw
      default_address_pools:
        description:
          - The pools from which networks without a subnet of their own get one.
        type: list
        elements: dict
        suboptions:
          base:
            description:
              - The pool, as a network such as V(10.100.0.0/16).
            type: str
            required: true
          size:
            description:
              - Prefix length of each network that is taken from it.
            type: int
            required: true
      state:
        description:
          - With V(merged), what is given is set. With V(replaced), what is not given is removed from the file.
          - With V(absent), what is given is removed, or all of it if nothing is given. Docker0 then gets the engine's defaults back.
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

- name: Set log options and docker0, and remove the mirrors, with one restart
  dockyard.ops.docker_daemon:
    config:
      log-opts:
        max-size: 10m
    remove: [registry-mirrors]
    bridge:
      bip: 10.77.0.1/24
      icc: false

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
error_code:
  description: The kind of error. The documentation of the collection has a paragraph about each.
  returned: failure
  type: str
  sample: daemon_containers_running
  version_added: 0.3.0
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
declared:
  description: The keys that are declared, by their names in C(daemon.json). Secrets are replaced by placeholders.
  returned: success
  type: dict
  sample: {"live-restore": true}
  version_added: 0.3.0
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
  description: Names of the containers that ran before the restart and were found running some seconds after it.
  returned: success
  type: list
  elements: str
  sample: [web]
lost_rules:
  description:
    - Rules that the engine has written into the firewall and that are not in force, each in a sentence, and bridges that firewalld
      has in no zone and rejects. After a restart, those that it did not bring back.
  returned: success
  type: list
  elements: str
  sample: []
  version_added: 0.3.0
out_of_sight:
  description:
    - What the engine does not see any more, or will not see after its next start, because it looks for its data in another place.
    - Names by C(containers), C(images), C(volumes) and C(networks). Empty unless O(on_data_move=proceed) had something to allow.
  returned: success
  type: dict
  sample: {}
  version_added: 0.3.0
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
  description: The file before and after, with its keys in order. Secrets in it are replaced by placeholders, equal ones by equal placeholders.
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

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import module, options
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import secrets_in
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def main() -> None:
    run_module(
        run,
        secrets=lambda params: secrets_in(params["config"]),
        argument_spec={
            **options.COMMON,
            "config": {"type": "dict"},
            "state": options.STATE,
            "remove": {"type": "list", "elements": "str"},
            "bridge": {"type": "dict", "options": options.BRIDGE},
        },
        required_one_of=[("config", "bridge", "remove")],
        required_if=[("state", "absent", ["config"])],
        add_file_common_args=True,
    )


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    module.check_owner(params["owner"])
    desired = options.desired_config(params["config"], params["state"], params["remove"] or [], params["bridge"])
    return module.run(call, options.DaemonOptions.from_params(params, desired))


if __name__ == "__main__":
    main()
