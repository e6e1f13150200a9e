# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traefik_stack
short_description: The stack of Traefik, Portainer and a registry, as a compose file has it
version_added: 0.3.0
description:
  - Makes the definition that P(dockyard.ops.traefik_stack#role) gives to M(dockyard.ops.swarm_stack), and refuses
    what can't be right.
options:
  _input:
    description:
      - The role's variables without C(traefik_stack_) before their names, with C(images), the images by the services'
        names, and with C(node), the identifier of the node that has the data.
    type: dict
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.swarm_stack
    plugin_type: module
"""

EXAMPLES = r"""
---
- name: See what the role would deploy
  ansible.builtin.debug:
    msg: "{{ my_settings | dockyard.ops.traefik_stack }}"
  when: my_settings is defined
"""

RETURN = r"""
_value:
  description: The definition, with C(services), C(networks), C(configs) and C(secrets). It holds secrets.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import stack


def traefik_stack(settings: Any) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        raise AnsibleFilterError(f"traefik_stack takes the role's variables, and not {type(settings).__name__}.")
    try:
        return stack.definition(settings)
    except DockyardError as error:
        raise AnsibleFilterError(f"{error.message} Nothing was changed.") from None


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"traefik_stack": traefik_stack}
