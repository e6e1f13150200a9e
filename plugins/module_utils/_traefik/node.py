# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Check whether a node can run a stack of Traefik: its ports, its engine, the names that it is to have."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import releases

OPTIONS: dict[str, dict[str, Any]] = {
    "stack": {"type": "str", "required": True},
    "ports": {"type": "list", "elements": "int", "default": []},
    "image": {"type": "str", "default": ""},
    "version": {"type": "str", "default": ""},
    "names": {"type": "list", "elements": "str", "default": []},
    "require_names": {"type": "bool", "default": False},
    "socket": {"type": "path", "default": ""},
}


def check(params: Mapping[str, Any], taken: Mapping[int, str], engine: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return a sentence and warnings. Raise DockyardError for the first thing that keeps the stack from running.

    taken: what has which port. engine: its versions, as it says them; empty if none runs.
    """
    if params["image"] and engine:
        version = releases.version_of(params["image"], params["version"])
        releases.check_engine(version, engine["ApiVersion"], engine["MinAPIVersion"])
    for port in params["ports"]:
        if port in taken:
            raise DockyardError(
                "traefik_port_taken",
                f"Port {port} of this host, which the stack {params['stack']} is to have, is taken by {taken[port]};"
                " stop that, or choose another port.",
            )
    unknown = [name for name in params["names"] if not _resolves(name)]
    sentence = (
        f"This host can't resolve {', '.join(unknown)}; users reach the stack by"
        f" {'it' if len(unknown) == 1 else 'them'}, so add what is missing to the DNS."
    )
    if unknown and params["require_names"]:
        raise DockyardError("traefik_name_unknown", sentence)
    return f"The host can run the stack {params['stack']}.", [sentence] if unknown else []


def _resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False
