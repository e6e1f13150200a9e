# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find containers that have taken what another one is declared with: a fixed address, or a port of the host.

When an engine starts, it starts those with a restart policy by itself, those that were stopped and have the policy
C(always) among them, and gives them what is free at that moment.
"""

from __future__ import annotations

from typing import Any

from . import naming
from .api import EngineApi

_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, not bound to


def find_rivals(api: EngineApi, details: dict[str, Any]) -> list[str]:
    """Return the identifiers of running containers that have an address or a port that this one needs.

    details: the container that does not run, as it is inspected. Those of Swarm are never among them.
    """
    addresses, ports = _fixed_addresses(details), _fixed_ports(details)
    if not addresses and not ports:
        return []
    return [
        listed["Id"]
        for listed in api.get("/containers/json")
        if listed["Id"] != details["Id"]
        and naming.SWARM_TASK not in (listed.get("Labels") or {})
        and (addresses & _addresses(listed) or _has_port(listed, ports))
    ]


def started_by_engine(api: EngineApi) -> list[str]:
    """Return the names of stopped containers that the engine will start when it starts."""
    found = []
    for listed in api.get("/containers/json", all="true"):
        if listed.get("State") != "exited":
            continue
        status, details = api.ask("GET", f"/containers/{listed['Id']}/json")
        policy = ((details.get("HostConfig") or {}).get("RestartPolicy") or {}) if status == 200 else {}
        if policy.get("Name") == "always":
            found.append(naming.container_name(listed))
    return sorted(found)


def _fixed_addresses(details: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the networks' names and the addresses that were given to a container there."""
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        (name, address)
        for name, endpoint in networks.items()
        for address in ((endpoint.get("IPAMConfig") or {}).get(key) for key in ("IPv4Address", "IPv6Address"))
        if address
    }


def _addresses(listed: dict[str, Any]) -> set[tuple[str, str]]:
    networks = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        (name, address)
        for name, endpoint in networks.items()
        for address in (endpoint.get("IPAddress"), endpoint.get("GlobalIPv6Address"))
        if address
    }


def _fixed_ports(details: dict[str, Any]) -> set[tuple[str, int, str]]:
    """Return the protocols, the ports and the addresses of the host that were given to a container."""
    bindings = (details.get("HostConfig") or {}).get("PortBindings") or {}
    return {
        (port.partition("/")[2] or "tcp", int(binding["HostPort"]), binding.get("HostIp") or "")
        for port, listed in bindings.items()
        for binding in listed or []
        if (binding.get("HostPort") or "").isdigit() and int(binding["HostPort"])
    }


def _has_port(listed: dict[str, Any], ports: set[tuple[str, int, str]]) -> bool:
    return any(
        (published.get("Type"), published.get("PublicPort")) == (protocol, port)
        and (published.get("IP", "") == address or {published.get("IP", ""), address} & set(_ANY_ADDRESS))
        for published in listed.get("Ports") or []
        for protocol, port, address in ports
    )
