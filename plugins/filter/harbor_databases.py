# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: harbor_databases
short_description: Which databases a version of Harbor takes over
version_added: 0.3.0
description:
  - Harbor's own database container makes an empty database where it finds none that it takes over, and reports
    healthy. This tells beforehand.
options:
  _input:
    description:
      - A version of Harbor.
    type: str
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: PostgreSQL 13 and 14
  ansible.builtin.debug:
    msg: "{{ '2.10.3' | dockyard.ops.harbor_databases }}"
"""

RETURN = r"""
_value:
  description:
    - C(takes) lists the majors of PostgreSQL that it takes over, C(leaves) is the one that it turns them into.
    - Before Harbor 1.6, which had a MariaDB, C(takes) is empty.
  type: dict
  sample:
    takes: ["13", "14"]
    leaves: "14"
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import releases
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version


def harbor_databases(version: Any) -> dict[str, Any]:
    if not isinstance(version, str):
        raise AnsibleFilterError(f"harbor_databases takes a version as text, and not {type(version).__name__}.")
    try:
        found = releases.databases(Version.parse(version))
    except DockyardError as error:
        raise AnsibleFilterError(error.message) from error
    return {"takes": list(found.takes) if found else [], "leaves": found.leaves if found else ""}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"harbor_databases": harbor_databases}
