# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_drift_rows
short_description: What a check of a stack has found, one row for each difference
version_added: 0.3.0
description:
  - Takes what M(dockyard.ops.swarm_stack) returned in check mode, and makes a list of what differs.
  - A stack without a difference has one row that says so.
positional: host, replicas, further
options:
  _input:
    description:
      - The module's result. One with C(failed) or C(unreachable) gives a row with its message.
    type: dict
    required: true
  host:
    description:
      - Name of the host.
    type: str
    required: true
  replicas:
    description:
      - What C(docker service ls) shows, with C(Name) and C(Replicas). Services of which tasks are missing have a row.
    type: list
    elements: dict
    default: []
  further:
    description:
      - What else differs, each as a word.
    type: list
    elements: str
    default: []
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.drift_rows
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Compare
  dockyard.ops.swarm_stack:
    name: shop
    compose: {services: {web: {image: "registry.example.com/shop/web:1.4"}}}
    prune: true
  check_mode: true
  register: result

- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ result | dockyard.ops.stack_drift_rows(inventory_hostname) | dockyard.ops.table }}"
"""

RETURN = r"""
_value:
  description:
    - The rows. Each has C(host), C(key), C(declared), C(running) and C(note).
    - C(drift) is V(false) for what is only worth knowing.
  type: list
  elements: dict
  sample:
    - {host: node1, key: service shop_web, declared: "yes", running: "yes", note: "differs in Image", drift: true}
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.plugin_utils.drift import of_failure, row

_KINDS = {"networks": "network", "configs": "config", "secrets": "secret", "services": "service"}


def stack_drift_rows(
    result: Any, host: str, replicas: Iterable[Mapping[str, Any]] = (), further: Iterable[str] = ()
) -> list[dict[str, Any]]:
    failure = of_failure("stack_drift_rows", result, host)
    if failure:
        return failure
    rows = [
        _of_part(host, f"{word} {name}", part)
        for kind, word in _KINDS.items()
        for name, part in (result.get(kind) or {}).items()
        if part["action"] != "none"
    ]
    rows += [row(host, what, note="differs") for what in further]
    for service in replicas:
        found = re.match(r"(\d+)/(\d+)", str(service["Replicas"]))
        if found and int(found[1]) < int(found[2]):
            rows.append(row(host, f"tasks of {service['Name']}", found[2], found[1], "not all of them run"))
    return rows or [row(host, note="as declared", drift=False)]


def _of_part(host: str, key: str, part: Mapping[str, Any]) -> dict[str, Any]:
    if part["action"] == "created":
        return row(host, key, "yes", "no", "is not there")
    if part["action"] == "removed":
        return row(host, key, "no", "yes", "is not declared")
    return row(host, key, "yes", "yes", f"differs in {', '.join(part.get('differences') or ['what it is'])}")


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"stack_drift_rows": stack_drift_rows}
