# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Say who has the TCP ports of this host, apart from a stack's own containers and services."""

from __future__ import annotations

import os

from .. import naming
from ..api import EngineApi
from ..topology import processes, socket_diag


def taken(api: EngineApi | None, stack: str) -> dict[int, str]:
    """Return what has which port, as the subject of a sentence. api: None if no engine runs."""
    own: set[int] = set()
    others: dict[int, str] = {}
    for container in api.get("/containers/json") if api else ():
        ports = {port["PublicPort"] for port in container.get("Ports") or () if port.get("PublicPort")}
        if (container.get("Labels") or {}).get(naming.STACK) == stack:
            own |= ports
        else:
            others.update(dict.fromkeys(ports, f"the container {naming.container_name(container)}"))
    found = {**_listeners(), **_of_mesh(api, stack), **others}
    return {port: who for port, who in found.items() if port not in own}


def _of_mesh(api: EngineApi | None, stack: str) -> dict[int, str]:
    """Return the ports that services of other stacks have on all nodes; own ones are to be had again. Managers know."""
    if api is None or not (api.get("/info").get("Swarm") or {}).get("ControlAvailable"):
        return {}
    return {
        port["PublishedPort"]: f"the service {service['Spec']['Name']}"
        for service in api.get("/services")
        for port in (service.get("Endpoint") or {}).get("Ports") or ()
        if (service["Spec"].get("Labels") or {}).get(naming.STACK) != stack
        and port.get("PublishMode") == "ingress"
        and port.get("PublishedPort")
    }


def _listeners() -> dict[int, str]:
    """Return which program listens on which TCP port. The engine's own programs hold ports for others."""
    found = socket_diag.listeners()
    sockets = [
        one for one in (processes.listeners(os.getpid()) if found is None else found) if one.protocol[:3] == "tcp"
    ]
    names = {process.pid: process.name for process in processes.scan()}
    owners, _complete = processes.owners(names, {one.inode for one in sockets})
    listening: dict[int, str] = {}
    for one in sockets:
        pid = owners.get(one.inode)
        name = names[pid] if pid is not None else "a program that can't be seen"
        if name not in ("dockerd", "docker-proxy"):
            listening[one.port] = f"{name} (process {pid})" if pid is not None else name
    return listening
