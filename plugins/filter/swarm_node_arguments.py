# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_node_arguments
short_description: How a node of a Swarm differs from what is declared, as arguments of docker node update
version_added: 0.3.0
description:
  - Compares the specification of a node with a role, labels and an availability, and returns the arguments of
    C(docker node update) that bring it there.
  - Labels that are not declared stay. The availability of a node that the entry point C(drain) of
    P(dockyard.ops.swarm#role) has drained is not judged, since the entry point C(return) gives it back.
positional: role, labels, availability
options:
  _input:
    description: The node's C(Spec), as C(docker node inspect) shows it.
    type: dict
    required: true
  role:
    description: V(manager) or V(worker).
    type: str
    required: true
  labels:
    description: Labels and their values. One without a value (V(null)) is removed.
    type: dict
    default: {}
  availability:
    description: V(active), V(pause) or V(drain). If it is empty, it stays as it is.
    type: str
    default: ""
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: A label that is missing
  ansible.builtin.debug:
    msg: "{{ {'Role': 'worker', 'Labels': {}} | dockyard.ops.swarm_node_arguments('worker', {'zone': 'a'}) }}"
"""

RETURN = r"""
_value:
  description: The arguments. There are none if nothing differs.
  type: list
  elements: str
  sample: [--label-add, zone=a]
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

# The note of a node that was drained for a change of its engine, as in the vars of the role swarm.
_DRAINED = "dockyard.ops.availability"


def swarm_node_arguments(
    spec: Any, role: str, labels: Mapping[str, Any] | None = None, availability: str = ""
) -> list[str]:
    if not isinstance(spec, Mapping) or "Role" not in spec:
        raise AnsibleFilterError("swarm_node_arguments takes the Spec of a node, as docker node inspect shows it.")
    present = spec.get("Labels") or {}
    found = ["--role", role] if spec["Role"] != role else []
    for name, value in sorted((labels or {}).items()):
        if value is None and name in present:
            found += ["--label-rm", name]
        elif value is not None and present.get(name) != _text(value):
            found += ["--label-add", f"{name}={_text(value)}"]
    if availability and _DRAINED not in present and spec.get("Availability") != availability:
        found += ["--availability", availability]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"swarm_node_arguments": swarm_node_arguments}
