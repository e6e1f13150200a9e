# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_graphviz
short_description: The wiring of a Docker host as a graph for Graphviz
version_added: 0.3.0
description:
  - Makes a graph in the language DOT. From left to right it has the containers with their interfaces, addresses,
    published ports
    and the host's end of each veth, the networks with their bridges and subnets, and the host with its uplinks.
  - The command C(dot) makes a picture of it. Every network has a colour of its own. What is declared and not in force
    is in red.
  - Containers that are stopped or without a network are not in it.
options:
  _input:
    description:
      - What M(dockyard.ops.docker_topology_info) returned, its RV(dockyard.ops.docker_topology_info#module:topology),
        or a report that
        P(dockyard.ops.topology_report#filter) has made of it.
    type: dict
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.topology_html
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read the wiring of the host
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Draw it on the controller
  ansible.builtin.command:
    argv: [dot, -Tsvg, -o, "{{ inventory_hostname }}.svg"]
    stdin: "{{ wiring | dockyard.ops.topology_graphviz }}"
  delegate_to: localhost
  changed_when: true
"""

RETURN = r"""
_value:
  description:
    - The graph. Whatever comes from the host is escaped.
  type: str
  sample: "digraph topology { ... }"
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.plugin_utils.topology_graphviz import graph
from ansible_collections.dockyard.ops.plugins.plugin_utils.topology_report import topology_for


def topology_graphviz(value: Any) -> str:
    return graph(topology_for("topology_graphviz", value))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_graphviz": topology_graphviz}
