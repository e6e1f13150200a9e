#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_proof
short_description: Prove that what is behind Traefik can be reached and used through it
version_added: 0.3.0
description:
  - Asks a running stack of Traefik as its users do, from the host. Plain HTTP has to lead to TLS, and an unknown host has to get 404.
  - Portainer has to take a login by POST with the origin of its page, and its agent has to answer a call that reads. A registry has to take the right
    login and refuse a wrong one, and if it is wanted, to take a slow push.
  - The filter in front of the engine's socket has to let through what Traefik asks, and nothing else.
  - Changes nothing. An upload to the registry is cancelled.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._traefik
requirements:
  - Root on the managed host, for O(socket_proxy).
options:
  http_port:
    description: The port of Traefik's entry point for plain HTTP.
    type: int
    default: 80
  portainer:
    description: How to reach Portainer.
    type: dict
    suboptions:
      path:
        description: The path below which it is, for instance V(/portainer).
        type: str
        required: true
      username:
        description: The user that logs in.
        type: str
        default: admin
      password:
        description: The password.
        type: str
        required: true
  registry:
    description: How to reach the registry.
    type: dict
    suboptions:
      host:
        description: Its host name.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 443
      username:
        description: The user that logs in.
        type: str
        required: true
      password:
        description: The password.
        type: str
        required: true
      slow_push:
        description: Seconds that an upload takes which has to pass. With V(0), none is tried.
        type: int
        default: 0
  routes:
    description: What else is to be answered, and not with 404, 502, 503 or 504.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The host name.
        type: str
        required: true
      path:
        description: The path.
        type: str
        default: /
  socket_proxy:
    description: Name of the service that filters what Traefik asks of the engine. It has to run on this host. Not asked if it is empty.
    type: str
    default: ""
  timeout:
    description: Seconds within which all of it has to be proven. Traefik learns of services only every few seconds.
    type: int
    default: 60
  socket:
    description: The Unix socket on which the engine answers. Needed only where it can't be found.
    type: path
    default: ""
notes:
  - In check mode, nothing is asked.
seealso:
  - module: dockyard.ops.swarm_stack
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Prove that a service is reached through Traefik
  dockyard.ops.traefik_proof:
    host: apps.example.com
    routes:
      - {host: apps.example.com, path: /shop/}
"""

RETURN = r"""
proven:
  description: What was proven.
  returned: success
  type: list
  elements: str
  sample: [the redirect to TLS, that an unknown host gets 404, the route apps.example.com/shop/]
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.running_engine import find_engine
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import peer
from ansible_collections.dockyard.ops.plugins.module_utils._traefik.proof import Proof

_PORTAINER = {
    "path": {"type": "str", "required": True},
    "username": {"type": "str", "default": "admin"},
    "password": {"type": "str", "required": True, "no_log": True},
}
_REGISTRY = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "slow_push": {"type": "int", "default": 0},
}
_ROUTE = {"host": {"type": "str", "required": True}, "path": {"type": "str", "default": "/"}}
OPTIONS: dict[str, dict[str, Any]] = {
    **peer.OPTIONS,
    "http_port": {"type": "int", "default": 80},
    "portainer": {"type": "dict", "options": _PORTAINER},
    "registry": {"type": "dict", "options": _REGISTRY},
    "routes": {"type": "list", "elements": "dict", "default": [], "options": _ROUTE},
    "socket_proxy": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 60},
    "socket": {"type": "path", "default": ""},
}


def run(call: ModuleCall) -> dict[str, Any]:
    if call.check_mode:
        return {"changed": False, "proven": []}

    def ask_engine(path: str, **query: Any) -> Any:
        api, _unit = find_engine(call.params["socket"])
        if api is None:
            raise DockyardError(
                "traefik_no_engine", "The Docker Engine of this host does not run; start it and run again."
            )
        return api.get(path, **query)

    if call.params["socket_proxy"]:
        call.require_root("enter the network of the filter of the engine's socket")
    return {"changed": False, "proven": Proof(call.params, ask_engine).run()}


def main() -> None:
    run_module(run, reads_only=True, argument_spec=OPTIONS)


if __name__ == "__main__":
    main()
