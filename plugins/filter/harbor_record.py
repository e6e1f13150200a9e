# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: harbor_record
short_description: Where the upgrades of a Harbor are recorded
version_added: 0.3.0
description:
  - M(dockyard.ops.harbor_upgrade) keeps the record and the journal of its last job in a folder of its own for each
    install folder. This is its path.
options:
  _input:
    description:
      - The install folder on the managed host, with links resolved.
    type: str
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: The folder /var/lib/dockyard/harbor/opt-harbor
  ansible.builtin.debug:
    msg: "{{ '/opt/harbor' | dockyard.ops.harbor_record }}"
"""

RETURN = r"""
_value:
  description:
    - The path of the folder.
  type: str
  sample: /var/lib/dockyard/harbor/opt-harbor
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import record_folder


def harbor_record(install_folder: Any) -> str:
    if not isinstance(install_folder, str) or not install_folder.startswith("/"):
        raise AnsibleFilterError(f"harbor_record takes an absolute path, and not {install_folder!r}.")
    return record_folder(install_folder)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"harbor_record": harbor_record}
