# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_compare
short_description: What has changed between two readings of a host's wiring
version_added: 0.3.0
description:
  - Compares two results of M(dockyard.ops.docker_topology_info) and returns what is no longer as it was. This is which
    containers and networks are there, their addresses, published ports, isolation and limits, and who reaches whom by
    the rules.
  - What belongs to one start of a container is left out. These are processes, names and indexes of veths, MAC addresses
    and counters.
  - What could not be seen in one of the readings is not compared.
positional: after
options:
  _input:
    description: The earlier reading, as C(topology) has it.
    type: dict
    required: true
  after:
    description: The later reading.
    type: dict
    required: true
seealso:
  - module: dockyard.ops.docker_topology_info
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Read how the host is wired
  dockyard.ops.docker_topology_info:
  register: before

- name: Restart the engine
  ansible.builtin.systemd_service:
    name: docker.service
    state: restarted

- name: Read it again
  dockyard.ops.docker_topology_info:
  register: after

- name: Show what has changed
  ansible.builtin.debug:
    msg: "{{ before.topology | dockyard.ops.topology_compare(after.topology) | map(attribute='message') }}"
"""

RETURN = r"""
_value:
  description:
    - One entry for each difference. C(kind) is V(added), V(removed) or V(changed). C(subject) is one of V(network),
      V(container), V(address), V(port), V(isolation), V(limit) and V(reachability).
  type: list
  elements: dict
  sample:
    - kind: changed
      subject: address
      network: backend
      container: web
      before: 10.20.2.3/24
      after: 10.20.2.4/24
      message: ipv4 of web in the network backend was 10.20.2.3/24 and is 10.20.2.4/24.
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_compare as backend


def topology_compare(before: Any, after: Any) -> list[dict[str, Any]]:
    try:
        return backend.compare(before, after)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            "topology_compare takes two readings of docker_topology_info, as their key topology has them, and one of"
            f" them is something else ({type(error).__name__}: {error})."
        ) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_compare": topology_compare}
