#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_netns
short_description: Manage links in /run/netns to containers' network namespaces, for ip netns exec
version_added: 0.3.0
description:
  - Makes a link of a container's name in C(/run/netns), so that C(ip netns exec NAME) runs the host's programs in the container's network.
  - A link is a mount of the namespace, as C(ip netns attach) makes it. It leads to the namespace that the container had when the module ran.
    When the container has started again, the link is stale, and the next run replaces it.
  - Links that the module has made are recorded in C(/run/dockyard/netns.json). Namespaces that other programs have made there are never removed.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  containers:
    description: Names of containers, or their identifiers or at least 12 digits of these.
    type: list
    elements: str
    default: []
  all_containers:
    description:
      - With O(state=present), makes a link for each container that runs and is not in the network of the host. One that has joined the
        network of another container gets a link to that one.
      - With O(state=absent), removes every link that this module has made.
    type: bool
    default: false
  state:
    description:
      - V(present) makes the links, and replaces those that lead to a namespace which the container no longer has. Each container in
        O(containers) must run.
      - V(absent) removes them. The containers need not exist any more.
    type: str
    choices: [present, absent]
    default: present
  prune:
    description:
      - Removes stale links as well. These are links of this module to namespaces in which no process is any more, plain files that an interrupted
        mount has left, and symbolic links that lead nowhere.
      - A plain file younger than a minute is left, because another program may be about to mount something on it.
    type: bool
    default: false
  socket:
    description: Unix socket of the engine.
    type: path
    default: /var/run/docker.sock
  timeout:
    description: Seconds that one answer of the engine may take.
    type: float
    default: 30
notes:
  - A link keeps the network namespace, without the container's interfaces in it, until it is removed or pruned.
seealso:
  - module: dockyard.ops.docker_topology_info
  - ref: ansible_collections.dockyard.ops.docsite.guide_topology
    description: How to look into a container's network.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Make the network of a container known to ip netns
  dockyard.ops.docker_netns:
    containers: [web]

- name: Make those of all containers known, and remove what is stale
  dockyard.ops.docker_netns:
    all_containers: true
    prune: true

- name: Remove them all
  dockyard.ops.docker_netns:
    all_containers: true
    state: absent
"""

RETURN = r"""
links:
  description: The links of this module, as they are after the run.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web
      path: /run/netns/web
      container: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      inode: 4026532462
made:
  description: Names of the links that were made or replaced, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [web]
removed:
  description: Names of the links that were removed.
  returned: success
  type: list
  elements: str
  sample: []
diff:
  description: The links before and after, each with its namespace and the container that it was made for.
  returned: in diff mode
  type: dict
  sample:
    before_header: /run/netns
    after_header: /run/netns
    before: ""
    after: |
      web net:[4026532462] 9f86d081884c
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import netns_apply
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("mount network namespaces")
    params = call.params
    wanted = netns_apply.Wanted(
        socket=params["socket"],
        timeout=params["timeout"],
        state=params["state"],
        containers=tuple(params["containers"]),
        everything=params["all_containers"],
        prune=params["prune"],
    )
    result = netns_apply.apply(wanted, call.check_mode)
    if not call.diff_mode:
        del result["diff"]
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            "containers": {"type": "list", "elements": "str", "default": []},
            "all_containers": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "prune": {"type": "bool", "default": False},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
            "timeout": {"type": "float", "default": 30},
        },
    )


if __name__ == "__main__":
    main()
