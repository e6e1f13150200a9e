# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Describe published ports with the rules that carry them, and listening sockets with the process behind each."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from . import processes
from .containers import Seen
from .engine_view import Json
from .firewall import Firewall
from .processes import Listener, Process

_ENGINE = "dockerd"
# Where the proxy of an engine without root listens, to which RootlessKit passes on what comes for all addresses.
_INSIDE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_HIDDEN = "Only root may see which process has another user's socket; run as root (become: true)."


def published(seen: Seen, proxies: dict[tuple[str, str, int], int], firewall: Firewall | None) -> list[Json]:
    """Return the ports of a container that are published now."""
    settings = seen.details.get("NetworkSettings") or {}
    rows = []
    for name, bindings in (settings.get("Ports") or {}).items():
        port, _slash, protocol = name.partition("/")
        for binding in bindings or []:
            host_ip, host_port = binding.get("HostIp") or "0.0.0.0", int(binding["HostPort"])
            rules: list[str] = []
            for address in addresses(seen.row, ":" in host_ip) if firewall is not None else []:
                rules += firewall.published(protocol, address, int(port), host_port) if firewall else []
            rows.append(
                {
                    "protocol": protocol,
                    "host_ip": host_ip,
                    "host_port": host_port,
                    "container_port": int(port),
                    "rules": rules,
                    "proxy_pid": proxies.get(
                        (protocol, host_ip, host_port), proxies.get((protocol, _INSIDE.get(host_ip, ""), host_port))
                    ),
                }
            )
    return sorted(rows, key=lambda row: (row["protocol"], row["container_port"], row["host_port"], row["host_ip"]))


def addresses(row: Json, version_6: bool) -> list[str]:
    """Return the addresses of a container."""
    field = "ipv6" if version_6 else "ipv4"
    found = [endpoint[field] for endpoint in row["endpoints"] if endpoint[field]]
    return [str(ipaddress.ip_interface(address).ip) for address in found]


class Listeners:
    """Finds listening sockets. Each namespace is looked at once. known: sockets by namespace."""

    def __init__(self, table: Sequence[Process], known: dict[int, list[Listener]]) -> None:
        self._by_namespace: dict[int, list[Process]] = {}
        for process in table:
            if process.namespace is not None:
                self._by_namespace.setdefault(process.namespace, []).append(process)
        self._engines = [process.pid for process in table if process.name == _ENGINE]
        self._of_engines: dict[int, int] | None = None
        self._names = {process.pid: process.name for process in table}
        self._sockets = dict(known)

    def of_namespace(self, namespace: int, pid: int) -> list[Listener]:
        """Return the listening sockets of a namespace, read by way of one of its processes."""
        if namespace not in self._sockets:
            self._sockets[namespace] = processes.listeners(pid)
        return self._sockets[namespace]

    def of(self, row: Json, alone: bool) -> None:
        """Fill in the listening sockets of a container.

        alone: nobody but this container, the containers that joined it and the engine has sockets in its namespace.
        """
        namespace, pid = row["namespace"]["inode"], row["pid"]
        if pid is None:
            return
        if namespace is None:
            row["unknown"].append({"field": "listeners", "reason": _HIDDEN})
            return
        together = self._by_namespace.get(namespace, [])
        own = {process.pid for process in together if row["id"] in process.containers}
        if pid not in own:  # the container is in no cgroup of its own
            shim = processes.parent_of(pid)
            own = {process.pid for process in together if processes.descends(process.pid, shim or pid)}
        foreign = {process.pid for process in together} - own
        sockets = self.of_namespace(namespace, pid)
        inodes = {socket.inode for socket in sockets}
        found, complete = processes.owners(own, inodes)
        if not complete:
            row["unknown"].append({"field": "listeners.process", "reason": _HIDDEN})
        others: dict[int, int] = {}
        if alone and len(found) < len(inodes):
            # What belongs to a container that joined this one is in that one's row.
            joined, _complete = processes.owners(foreign, inodes - set(found))
            engines = {inode: pid for inode, pid in self._engine_sockets().items() if inode in inodes}
            others = {**joined, **engines}
            found = {**engines, **found}
        rows = [
            {
                "protocol": socket.protocol,
                "address": socket.address,
                "port": socket.port,
                "pid": found.get(socket.inode),
                "process": self._names.get(found.get(socket.inode, 0)),
            }
            for socket in sockets
            if socket.inode in found or (alone and socket.inode not in others)
        ]
        row["listeners"] = sorted(rows, key=lambda one: (one["protocol"], one["port"], one["address"]))

    def _engine_sockets(self) -> dict[int, int]:
        """Return the sockets of the engine, with its process: among them those of its name service in containers.

        A child that has not yet become another program has the engine's name and sockets for a moment.
        """
        if self._of_engines is None:
            own = [pid for pid in self._engines if processes.parent_of(pid) not in self._engines]
            self._of_engines = {inode: pid for pid in own for inode in processes.sockets_of(pid) or ()}
        return self._of_engines

    def owners(self, namespace: int, sockets: Sequence[Listener]) -> dict[int, str]:
        """Return the names of the processes that have sockets open, by inode, as far as they can be seen."""
        together = [process.pid for process in self._by_namespace.get(namespace, [])]
        found, _complete = processes.owners(together, {socket.inode for socket in sockets})
        return {inode: self._names[pid] for inode, pid in found.items()}
