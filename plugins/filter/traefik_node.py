# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traefik_node
short_description: What a node of a Swarm needs for the stack of Traefik
version_added: 0.3.0
description:
  - Takes the variables of P(dockyard.ops.traefik_stack#role), and says which images may run on a node by the
    constraints of the services, and which ports are published there.
positional: node
options:
  _input:
    description:
      - As for P(dockyard.ops.traefik_stack#filter).
    type: dict
    required: true
  node:
    description:
      - The node, as C(docker node inspect) shows it. If it is empty, nothing is known of it, and it may run everything.
    type: dict
    default: {}
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.traefik_stack
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: See what a node needs
  ansible.builtin.debug:
    msg: "{{ my_settings | dockyard.ops.traefik_node }}"
  when: my_settings is defined
"""

RETURN = r"""
_value:
  description: C(images), by the names of the services, and C(ports).
  type: dict
  sample: {images: {traefik: "traefik:v3.7.15"}, ports: [80, 443]}
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import placement, stack


def traefik_node(settings: Any, node: Any = None) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        raise AnsibleFilterError(f"traefik_node takes the role's variables, and not {type(settings).__name__}.")
    try:
        return placement.needs(stack.definition(settings), node or {})
    except DockyardError as error:
        raise AnsibleFilterError(f"{error.message} Nothing was changed.") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"traefik_node": traefik_node}
