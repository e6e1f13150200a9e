# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: topology_report
short_description: The report on the network of a Docker host, of which pages are made
version_added: 0.3.0
description:
  - Takes what M(dockyard.ops.docker_topology_info) returned, and leaves out what changes by itself, namely the
    counters of packets and the
    use of memory, CPU, process ids and I/O. Of a host on which nothing was changed, the report is always the same.
  - The report of a host that could not be read says why.
positional: host, now, written, baseline, changes
options:
  _input:
    description:
      - The module's result, also one with C(failed) or C(unreachable).
    type: dict
    required: true
  host:
    description:
      - Name of the host.
    type: str
    required: true
  now:
    description:
      - The date that the report gets, in words.
    type: str
    required: true
  written:
    description:
      - The JSON of this host's report as it was written last, or what is in it. If the report is the same, its date
        stays.
    type: raw
    default: ""
  baseline:
    description:
      - An earlier report to compare with, or its JSON as it was written. Anything else is an error.
    type: raw
  changes:
    description:
      - What has changed since, as P(dockyard.ops.topology_compare#filter) says it. It is worked out if it is not given.
    type: list
    elements: dict
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.topology_compare
    plugin_type: filter
  - plugin: dockyard.ops.topology_html
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Read the wiring of the host
  dockyard.ops.docker_topology_info:
  register: wiring

- name: Write the page of this host
  ansible.builtin.copy:
    content: "{{ wiring | dockyard.ops.topology_report('docker1', '2026-12-01') | dockyard.ops.topology_html }}"
    dest: "{{ inventory_hostname }}.html"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description:
    - The report, with C(host), C(date), C(topology), C(changes) and C(compared_with), C(error) if the host could not
      be read, and C(file), the
      name of the host's files.
    - C(record) is what to keep as JSON for a comparison, and C(result) is a short form with numbers.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_report as reports


def topology_report(
    value: Any,
    host: str,
    now: str,
    written: str | Mapping[str, Any] = "",
    baseline: str | Mapping[str, Any] | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"topology_report takes the result of a module, and not {type(value).__name__}.")
    before = reports.earlier(baseline)
    if changes is None:
        changes = reports.changes_since(before, value.get("topology"))
    report = reports.make(value, host, now, written, before if changes is not None else None, changes)
    return {**report, "record": reports.record(report), "result": reports.result(report)}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology_report": topology_report}
