# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_markdown
short_description: Network reports as Markdown, for a wiki
version_added: 0.3.0
description:
  - Makes the page of one host of findings, changes, a Mermaid flowchart, and tables of networks and containers.
  - Makes the page of all hosts of their findings and a table of the hosts, with links to C(hosts/NAME.md).
options:
  _input:
    description:
      - A report that P(dockyard.ops.topology_report#filter) has made, for the page of one host. What
        M(dockyard.ops.docker_topology_info) returned will do, too.
      - A list of reports, for the page of all hosts.
    type: raw
    required: true
  title:
    description:
      - Title of the page of all hosts.
    type: str
    default: Networks of the Docker hosts
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.topology_report
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read the wiring of the host
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Write the page
  ansible.builtin.copy:
    content: "{{ wiring | dockyard.ops.topology_markdown }}"
    dest: wiki/network.md
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description:
    - The page. Whatever comes from the host is escaped.
  type: str
  sample: "# Network of docker1.example.com ..."
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_markdown as pages
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_report


def topology_markdown(value: Any, title: str = "Networks of the Docker hosts") -> str:
    try:
        if isinstance(value, list):
            return pages.index([topology_report.report_of(one) for one in value], title)
        return pages.page(topology_report.report_of(value))
    except ValueError as error:
        raise AnsibleFilterError(f"topology_markdown: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_markdown": topology_markdown}
