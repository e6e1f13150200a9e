#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_bridge
short_description: Change docker0, the default bridge of the Docker Engine
version_added: 0.2.0
description:
  - Sets the address of docker0, inter-container communication (ICC) and the other settings of the default bridge in
    C(daemon.json), restarts the engine where that is allowed, and verifies the result on the live bridge.
  - What the engine would choke on, or what would cut the host off, is refused before anything is touched. This is an address that is the
    network's own or its broadcast address, an overlap with a route, a name server, an open connection of the host or another Docker
    network, a route of the type C(blackhole), C(unreachable) or C(prohibit) within the network, a range or gateway outside of the network,
    and options that exclude each other. C(dockerd --validate) finds none of these.
  - If the engine does not start with the new file, the old one is put back and the engine started and asked again.
  - All other keys of the file stay as they are. M(dockyard.ops.docker_daemon) manages those, by the same means.
extends_documentation_fragment:
  - ansible.builtin.files
  - dockyard.ops._daemon
  - dockyard.ops._daemon.engine
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
options:
  bip:
    description:
      - The address of docker0 with its prefix length. It is an address for a host, such as V(10.77.0.1/24), not that of the network.
      - Only a restart without running containers moves docker0.
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
      - The same for IPv6. Engines before 27 need it if O(ipv6=true).
    type: str
  default_gateway:
    description:
      - Another gateway for the containers than docker0 itself, in the same network.
    type: str
  default_gateway_v6:
    description:
      - The same for IPv6.
    type: str
  mtu:
    description:
      - Largest packet in bytes on the default bridge, between 68 and 65535, and from 1280 on with IPv6.
      - User-defined networks have their own driver option for it.
      - A number in digits, also as a string. An empty string counts as not given.
    type: raw
  icc:
    description:
      - Whether containers on the default bridge may reach each other. With V(false), the engine drops packets between them, for which it
        needs C(iptables). Published ports still work.
      - Other networks are not concerned. They have a driver option of their own, C(com.docker.network.bridge.enable_icc).
      - True or false, also as a string. An empty string counts as not given.
    type: raw
  ip_masq:
    description:
      - Whether connections of containers to the outside bear the host's address.
      - True or false, also as a string. An empty string counts as not given.
    type: raw
  ipv6:
    description:
      - Whether the default bridge has IPv6.
      - True or false, also as a string. An empty string counts as not given.
    type: raw
  default_address_pools:
    description:
      - The pools from which networks without a subnet of their own get one. Networks that exist keep theirs.
      - That includes docker0. It only gets an address from the pools when it is made for the first time, or given back its default by
        O(state=absent).
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
          - Prefix length of each network that is taken from it, such as V(24). Not shorter than that of the pool.
        type: int
        required: true
  state:
    description:
      - With V(merged), the options that are given are set, and the others stay.
      - With V(replaced), the options that are not given are removed from the file.
      - With V(absent), the options that are given are removed, whatever their value is. If none is given, all of them are. Docker0 then
        really gets the engine's defaults back. Merely taking C(bip) out of the file does not do that, as the engine
        remembers the address. So the engine is restarted with the default address first, and then without C(bip).
    type: str
    choices: [merged, replaced, absent]
    default: merged
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Give docker0 a network that the office VPN does not use
  dockyard.ops.docker_bridge:
    bip: 10.77.0.1/24

- name: Keep containers on docker0 from reaching each other, and have the running ones back afterwards
  dockyard.ops.docker_bridge:
    icc: false
    on_running_containers: proceed

- name: Choose the pools of all future networks
  dockyard.ops.docker_bridge:
    default_address_pools:
      - base: 10.100.0.0/16
        size: 24

- name: Give docker0 its defaults back
  dockyard.ops.docker_bridge:
    state: absent
"""

RETURN = r"""
error_code:
  description: The kind of error. The documentation of the collection has a paragraph about each.
  returned: failure
  type: str
  sample: bridge_conflict
  version_added: 0.3.0
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: "Changed bip in /etc/docker/daemon.json and restarted the engine, which has taken it over."
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
declared:
  description: The keys that are declared, by their names in C(daemon.json). Secrets are replaced by placeholders.
  returned: success
  type: dict
  sample: {"bip": "10.77.0.1/24"}
  version_added: 0.3.0
changed_keys:
  description: The keys of the file that are changed, added or removed, by their names there.
  returned: success
  type: list
  elements: str
  sample: [bip]
action_needed:
  description: What the engine needs in order to take over what it does not have yet.
  returned: success
  type: str
  sample: restart
action_taken:
  description: What was done to the engine, or in check mode would be. V(start) is the repair of an engine that had failed.
  returned: success
  type: str
  sample: restart
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
  sample: []
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
    - What was read back from the running engine and its bridge, by the names of C(daemon.json). Those keys that the engine tells.
    - Empty if no engine runs.
  returned: success
  type: dict
  sample:
    bip: 10.77.0.1/24
    icc: true
    ip-masq: true
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
            "bip": "10.77.0.1/24"
        }
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import module, options
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def main() -> None:
    run_module(run, argument_spec={**options.COMMON, **options.BRIDGE}, add_file_common_args=True)


def run(call: ModuleCall) -> dict[str, Any]:
    module.check_owner(call.params["owner"])
    return module.run(call, options.DaemonOptions.from_params(call.params, options.desired_bridge(call.params)))


if __name__ == "__main__":
    main()
