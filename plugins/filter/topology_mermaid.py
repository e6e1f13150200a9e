# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_mermaid
short_description: The wiring of a Docker host as a Mermaid flowchart
version_added: 0.3.0
description:
  - Makes a flowchart that the wikis of GitLab, GitHub and others draw by themselves, of the host, its networks, and
    their containers. On each
    wire is the host's end of the veth and the container's address.
  - Mermaid refuses large flowcharts. With more than 300 wires, only the networks are in it, each with the number of
    its endpoints.
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
  - plugin: dockyard.ops.topology_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read the wiring of the host
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Write it into a page of a wiki
  ansible.builtin.copy:
    content: |
      ```mermaid
      {{ wiring | dockyard.ops.topology_mermaid }}```
    dest: wiki/network.md
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description:
    - The flowchart. Whatever comes from the host is escaped.
  type: str
  sample: "flowchart LR ..."
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.plugin_utils.topology_mermaid import flowchart
from ansible_collections.dockyard.ops.plugins.plugin_utils.topology_report import topology_for


def topology_mermaid(value: Any) -> str:
    return flowchart(topology_for("topology_mermaid", value))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_mermaid": topology_mermaid}
