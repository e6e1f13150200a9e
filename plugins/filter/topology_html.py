# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_html
short_description: Network reports as self-contained pages
version_added: 0.3.0
description:
  - Makes the page of one host of findings, changes, the picture, and tables of networks and containers that can be
    searched.
  - Makes the page of all hosts of the same for all of them, with links to C(hosts/NAME.html).
  - A page asks nobody for anything. It has no font, script or picture from elsewhere, and it forbids the browser to
    fetch any.
options:
  _input:
    description:
      - A report that P(dockyard.ops.topology_report#filter) has made, for the page of one host. What
        M(dockyard.ops.docker_topology_info) returned will do, too.
      - A list of reports, for the page of all hosts.
    type: raw
    required: true
  picture:
    description:
      - What Graphviz made of P(dockyard.ops.topology_graphviz#filter), as SVG. For the page of all hosts, a
        dictionary with one for each
        host that has one.
      - Only shapes and text of it come into the page. Without one, the page says so.
    type: raw
  title:
    description:
      - Title of the page of all hosts.
    type: str
    default: Networks of the Docker hosts
  linked:
    description:
      - Whether the page of one host has a link to C(../index.html), where that of all hosts is.
    type: bool
    default: false
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.topology_report
    plugin_type: filter
  - plugin: dockyard.ops.topology_graphviz
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read the wiring of the host
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Draw the picture
  ansible.builtin.command:
    argv: [dot, -Tsvg]
    stdin: "{{ wiring | dockyard.ops.topology_graphviz }}"
  delegate_to: localhost
  register: drawn
  changed_when: false

- name: Write the page
  ansible.builtin.copy:
    content: "{{ wiring | dockyard.ops.topology_html(picture=drawn.stdout) }}"
    dest: "{{ inventory_hostname }}.html"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description:
    - The page. Whatever comes from the host is escaped.
  type: str
  sample: "<!DOCTYPE html> ..."
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_html as pages
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_report


def topology_html(
    value: Any, picture: Any = None, title: str = "Networks of the Docker hosts", linked: bool = False
) -> str:
    try:
        if isinstance(value, list):
            return pages.index([topology_report.report_of(one) for one in value], title, dict(picture or {}))
        return pages.page(topology_report.report_of(value), str(picture or ""), linked)
    except ValueError as error:
        raise AnsibleFilterError(f"topology_html: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_html": topology_html}
