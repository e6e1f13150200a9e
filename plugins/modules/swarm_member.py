#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member
short_description: Make a host a member of a Docker Swarm, or let it leave
version_added: 0.3.0
description:
  - Makes a Swarm with this host as its first manager, or lets the host join one. A host that is a member is left alone.
  - Before that, the addresses of overlay networks are compared with the host's routes, docker0 included, and an engine that can't be
    a member is refused.
  - If the engine can't join, it leaves again, so that it does not go on to try.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
  - C(ip) from iproute2.
options:
  state:
    description:
      - With V(absent), the host leaves its Swarm. Its node stays in the managers' list, as one that is down, until they remove it.
    type: str
    choices: [present, absent]
    default: present
  join:
    description:
      - Addresses of managers, with or without port, for instance V(192.0.2.10) or V(192.0.2.10:2377). If there are none, a new Swarm is made.
    type: list
    elements: str
    default: []
  token:
    description:
      - The token with which the host joins. It says whether the host becomes a manager or a worker. Required for O(join) on a host that
        is no member yet.
    type: str
  manager_id:
    description:
      - Identifier of a manager's node. A host that is a member of a Swarm without this manager is refused.
    type: str
    default: ""
  advertise_address:
    description:
      - Address or interface of the host by which the other nodes reach it. If it is empty, the engine chooses. Needed on a host with
        several addresses.
    type: str
    default: ""
  data_path_address:
    description:
      - Address or interface for the traffic of containers. If it is empty, that of O(advertise_address).
    type: str
    default: ""
  address_pools:
    description:
      - Networks in CIDR notation from which overlay networks get their addresses. They take effect only when a Swarm is made, but each
        host that joins compares its routes with them. If there are none, the engine takes them from V(10.0.0.0/8).
    type: list
    elements: str
    default: []
  subnet_size:
    description: Length of the prefix of each overlay network.
    type: int
    default: 24
  force:
    description:
      - Lets also a manager leave with O(state=absent). If it is the only one, the Swarm ends, with all its services, configs and secrets.
    type: bool
    default: false
  timeout:
    description: Seconds until the host has to be a member after the engine has accepted.
    type: int
    default: 60
  socket:
    description: The Unix socket on which the engine answers. Needed only where it can't be found.
    type: path
    default: ""
notes:
  - In check mode, the engine may be missing.
seealso:
  - module: dockyard.ops.swarm_stack
  - module: community.docker.docker_swarm
    description: Needs the Docker SDK for Python on the host.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Make a Swarm with this host as its first manager
  dockyard.ops.swarm_member:
    address_pools: [10.201.0.0/16]

- name: Let the Swarm end
  dockyard.ops.swarm_member:
    state: absent
    force: true
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: Made a Swarm.
member:
  description: Whether the host is a member of a Swarm. In check mode, whether it would be.
  returned: success
  type: bool
  sample: true
manager:
  description: Whether it is a manager. Not known in check mode before it is a member.
  returned: success
  type: bool
  sample: true
node_id:
  description: The identifier of its node. Empty in check mode before it is a member.
  returned: success
  type: str
  sample: tv3p7zqk4xw0vz6s1yw3a9mfd
"""

from ansible_collections.dockyard.ops.plugins.module_utils._engine import swarm_member
from ansible_collections.dockyard.ops.plugins.module_utils._module import run_module


def main() -> None:
    run_module(swarm_member.run, argument_spec=swarm_member.OPTIONS)


if __name__ == "__main__":
    main()
