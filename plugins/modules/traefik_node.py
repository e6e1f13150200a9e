#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_node
short_description: Check whether a host can run a stack of Traefik
version_added: 0.3.0
description:
  - Looks at a host before a stack is deployed. The ports have to be free or the stack's own, and the engine and that version of Traefik have to
    understand each other.
  - Changes nothing.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
options:
  stack:
    description: Name of the stack. Ports that its containers have are its own.
    type: str
    required: true
  ports:
    description: TCP ports that the stack is to have on this host.
    type: list
    elements: int
    default: []
  image:
    description: Traefik's image, whose tag says the version. If it is empty, the engine is not compared.
    type: str
    default: ""
  version:
    description: The version, if the tag does not say it.
    type: str
    default: ""
  names:
    description: Host names by which users reach the stack. One that this host can't resolve is a warning.
    type: list
    elements: str
    default: []
  require_names:
    description: Whether a name that can't be resolved is a failure.
    type: bool
    default: false
  socket:
    description: The Unix socket on which the engine answers. Needed only where it can't be found.
    type: path
    default: ""
notes:
  - On a host without an engine, only ports and names are looked at.
seealso:
  - module: dockyard.ops.traefik_proof
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Check that this host can run Traefik
  dockyard.ops.traefik_node:
    stack: edge
    ports: [80, 443]
    image: docker.io/library/traefik:v3.7.15
"""

RETURN = r"""
msg:
  description: What was found, in one sentence.
  returned: always
  type: str
  sample: The host can run the stack edge.
"""

from ansible_collections.dockyard.ops.plugins.module_utils._engine.running_engine import find_engine
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import ports
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import node


def run(call: ModuleCall) -> dict[str, object]:
    call.require_root("see which programs have the host's ports")
    api, _unit = find_engine(call.params["socket"])
    taken = ports.taken(api, call.params["stack"])
    sentence, warnings = node.check(call.params, taken, api.get("/version") if api else {})
    for warning in warnings:
        call.warn(warning)
    return {"changed": False, "msg": sentence}


def main() -> None:
    run_module(run, reads_only=True, argument_spec=node.OPTIONS)


if __name__ == "__main__":
    main()
