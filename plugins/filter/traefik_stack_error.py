# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traefik_stack_error
short_description: Why variables of the role traefik_stack make no stack
version_added: 0.3.0
description:
  - Judges what P(dockyard.ops.traefik_stack#filter) would make a definition of, so that a role can report the reason
    alone and not as the failure of a template.
options:
  _input:
    description:
      - As of P(dockyard.ops.traefik_stack#filter).
    type: dict
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.traefik_stack
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Require variables that make a stack
  ansible.builtin.assert:
    that: my_settings | dockyard.ops.traefik_stack_error | length == 0
    fail_msg: "{{ my_settings | dockyard.ops.traefik_stack_error }}"
  when: my_settings is defined
"""

RETURN = r"""
_value:
  description:
    - The reason in one sentence. Empty if they make a stack.
  type: str
  sample: The service shop has no image; correct it. Nothing was changed.
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import stack


def traefik_stack_error(settings: Any) -> str:
    if not isinstance(settings, Mapping):
        raise AnsibleFilterError(f"traefik_stack_error takes the role's variables, and not {type(settings).__name__}.")
    try:
        stack.definition(settings)
    except DockyardError as error:
        return f"{error.message} Nothing was changed."
    return ""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"traefik_stack_error": traefik_stack_error}
