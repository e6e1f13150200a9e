# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: client_config_error
short_description: What is wrong with the configuration of a Docker client
version_added: 0.3.0
description:
  - M(community.docker.docker_login) replaces a C(~/.docker/config.json) that it can't read, and with it the other
    logins of the user. This filter finds such a file before that.
options:
  _input:
    description:
      - Content of the file.
    type: str
    required: true
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Read the client's configuration
  ansible.builtin.slurp:
    src: /root/.docker/config.json
  register: config

- name: Show what is wrong with it
  ansible.builtin.debug:
    msg: "{{ config.content | b64decode | dockyard.ops.client_config_error }}"
"""

RETURN = r"""
_value:
  description:
    - The reason why a login would replace the file. Empty if it would keep what is in it.
  type: str
  sample: it does not hold a configuration of the Docker client
"""

import json
from typing import Any

from ansible.errors import AnsibleFilterError


def client_config_error(content: Any) -> str:
    if not isinstance(content, str):
        raise AnsibleFilterError(f"client_config_error takes a file's content, and not {type(content).__name__}.")
    try:
        config = json.loads(content) if content.strip() else {}
    except ValueError as error:
        return str(error)
    if not isinstance(config, dict) or not isinstance(config.get("auths", {}), dict):
        return "it does not hold a configuration of the Docker client"
    return ""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"client_config_error": client_config_error}
