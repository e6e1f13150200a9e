#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: portainer_environment
short_description: Give Portainer an environment if it has none
version_added: 0.3.0
description:
  - Portainer makes its first environment by itself only if the agent is there at its very first start, and never later. This module logs in through
    Traefik, and creates an environment by Portainer's API if there is none. Environments that are there stay as they are.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._traefik
options:
  path:
    description: The path below which Portainer is.
    type: str
    default: /portainer
  username:
    description: An administrator.
    type: str
    default: admin
  password:
    description: The password.
    type: str
    required: true
  name:
    description: Name of the environment that is created.
    type: str
    default: primary
  url:
    description: Where Portainer reaches its agents.
    type: str
    default: tcp://tasks.agent:9001
  timeout:
    description: Seconds within which Portainer has to answer. Traefik learns of services only every few seconds.
    type: int
    default: 60
notes:
  - In check mode, Portainer is asked, and nothing is created.
seealso:
  - module: dockyard.ops.traefik_proof
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Give Portainer its environment
  dockyard.ops.portainer_environment:
    host: apps.example.com
    password: "{{ vault_portainer_password | default('not-so-secret-1') }}"
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: Created the environment primary.
"""

from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import environment


def run(call: ModuleCall) -> dict[str, object]:
    changed, sentence = environment.ensure(call.params, call.check_mode)
    return {"changed": changed, "msg": sentence}


def main() -> None:
    run_module(run, argument_spec=environment.OPTIONS)


if __name__ == "__main__":
    main()
