# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: harbor_config
short_description: A configuration of Harbor, merged with what is desired
version_added: 0.3.0
description:
  - Merges dictionaries recursively, as P(ansible.builtin.combine#filter) does, and takes away each key whose desired
    value is null. That is how parts of Harbor's own template go away, such as its C(https).
  - Lists are replaced as a whole.
positional: desired
options:
  _input:
    description:
      - What there is, as in Harbor's C(harbor.yml).
    type: dict
    required: true
  desired:
    description:
      - What is desired.
    type: dict
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: A template of Harbor, without TLS
  ansible.builtin.debug:
    msg: "{{ template | from_yaml | dockyard.ops.harbor_config({'https': none}) }}"
  vars:
    template: "{{ lookup('ansible.builtin.file', 'harbor.yml.tmpl') }}"
"""

RETURN = r"""
_value:
  description:
    - The merged configuration. Keys keep their order, new ones come last.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document


def harbor_config(present: Any, desired: Any) -> dict[str, Any]:
    for given in (present, desired):
        if not isinstance(given, Mapping):
            raise AnsibleFilterError(f"harbor_config takes two dictionaries, and not {type(given).__name__}.")
    return document.merge(dict(present), dict(desired))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"harbor_config": harbor_config}
