# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: registry_trusted
short_description: What a client of registries has from before
version_added: 0.3.0
description:
  - A client keeps a record of the registries that it trusts, with the address of each and the folder of its client
    certificate. When a registry has moved to another port or name, the record says what is left of the old one.
options:
  _input:
    description:
      - The record as it is in its file; empty if there is none.
    type: str
    required: true
  now:
    description:
      - The registries that are declared now. The key of each says which one it is, wherever it answers; its value has
        C(registry), its address, and C(client_directory), which is empty if it has no client certificate.
    type: dict
    required: true
  state:
    description:
      - Whether those of O(now) are trusted.
    type: str
    choices: [present, absent]
    default: present
  users:
    description:
      - Users of the host who may be logged in at what is no longer trusted.
    type: list
    elements: str
    default: [root]
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: The addresses from before a move
  ansible.builtin.debug:
    msg: "{{ (record | dockyard.ops.registry_trusted(now)).gone }}"
  vars:
    now: {team: {registry: "registry.example.com:5001", client_directory: ""}}
    record: '{"team": {"registry": "registry.example.com:5000", "client_directory": ""}}'
"""

RETURN = r"""
_value:
  description:
    - C(record), the new record; C(gone), the registries that are not to be trusted any more, as C(registries) of
      M(dockyard.ops.docker_certs) takes them; C(logouts), their logins, as C(docker_engine_logins) of the role
      P(dockyard.ops.docker_engine#role) takes them; and C(client_directories), the folders of client certificates that
      nothing needs any more.
  type: dict
  sample:
    record: {team: {registry: "registry.example.com:5001", client_directory: ""}}
    gone: [{registry: "registry.example.com:5000", state: absent}]
    logouts: [{registry: "registry.example.com:5000", user: root, state: absent}]
    client_directories: []
"""

import json
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def registry_trusted(
    record: Any, now: dict[str, dict[str, str]], state: str = "present", users: Sequence[str] = ("root",)
) -> dict[str, Any]:
    before = _read(str(record))
    after = {key: value for key, value in before.items() if key not in now}
    if state == "present":
        after.update({key: {name: str(value[name]) for name in _FIELDS} for key, value in now.items()})
    known = [before[key] for key in now if key in before]
    if state == "absent":
        known += list(now.values())
    gone = _no_longer("registry", known, after)
    return {
        "record": after,
        "gone": [{"registry": registry, "state": "absent"} for registry in gone],
        "logouts": [{"registry": registry, "user": user, "state": "absent"} for registry in gone for user in users],
        "client_directories": _no_longer("client_directory", known, after),
    }


_FIELDS = ("registry", "client_directory")


def _no_longer(name: str, before: list[dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    kept = {value[name] for value in after.values()}
    return sorted({str(value[name]) for value in before} - kept - {""})


def _read(record: str) -> dict[str, dict[str, str]]:
    if not record.strip():
        return {}
    try:
        found = json.loads(record)
        return {str(key): {name: str(value[name]) for name in _FIELDS} for key, value in found.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(
            "The record of the registries that this host trusts can't be read; look at certs.d for folders of"
            f" registries that have moved, and remove the record: {error}"
        ) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"registry_trusted": registry_trusted}
