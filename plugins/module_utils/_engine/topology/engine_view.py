# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read what the engine knows: itself, its networks and its containers."""

from __future__ import annotations

import dataclasses
import os
import socket
import struct
from typing import Any

from .. import api as engine_api
from .. import naming
from .namespaces import inode_of

Json = dict[str, Any]
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: process, user, group


@dataclasses.dataclass
class EngineView:
    """What the engine says.

    socket: where it listens.
    api: None if it does not answer, with the reason.
    listed: its containers as the list has them, by identifier.
    process: of the engine, if its network namespace is another one than that of this process.
    """

    socket: str
    api: engine_api.EngineApi | None = None
    reason: str = ""
    version: Json = dataclasses.field(default_factory=dict)
    info: Json = dataclasses.field(default_factory=dict)
    networks: list[Json] = dataclasses.field(default_factory=list)
    listed: dict[str, Json] = dataclasses.field(default_factory=dict)
    process: int | None = None
    _together: dict[str, list[str]] | None = None

    @property
    def rootless(self) -> bool:
        """Return whether the engine runs without root, in namespaces of its own."""
        return any("rootless" in option for option in self.info.get("SecurityOptions") or [])

    @property
    def namespace(self) -> str | None:
        """Return where the engine's network namespace is, if it is another one than that of this process."""
        return f"/proc/{self.process}/ns/net" if self.process is not None else None

    @property
    def hidden(self) -> str:
        """Return why the engine's side of its networks can't be seen; nothing if it can."""
        if self.rootless and self.process is None:
            return (
                "The engine runs without root, and has its bridges and rules in a namespace of its own, into which only"
                " root may look; run as root (become: true)."
            )
        return ""

    @property
    def firewall_backend(self) -> str | None:
        """Return the program that the engine writes its rules with. Engines before 29 know but one."""
        if self.api is None:
            return None
        driver = (self.info.get("FirewallBackend") or {}).get("Driver") or "iptables"
        return "nftables" if "nftables" in driver else "iptables"

    def name(self, container: str) -> str:
        """Return the name of a container by its identifier."""
        return naming.container_name(self.listed.get(container, {"Id": container}))

    def network(self, identifier: str) -> Json:
        """Return a network by its identifier; nothing if it is not there."""
        return next((network for network in self.networks if network["Id"] == identifier), {})

    def joined(self, container: str) -> str | None:
        """Return the container whose network another one has joined; None if it has joined none."""
        mode = str((self.listed.get(container, {}).get("HostConfig") or {}).get("NetworkMode", ""))
        if not mode.startswith("container:"):
            return None
        target = mode[len("container:") :]
        return next((one for one in self.listed if one == target or self.name(one) == target), target)

    def sharing(self, container: str) -> list[str]:
        """Return the identifiers of the containers that are to have the same network as another one."""
        if self._together is None:
            self._together = {}
            for one in self.listed:
                self._together.setdefault(self.joined(one) or one, []).append(one)
        owner = self.joined(container) or container
        return [one for one in self._together.get(owner, []) if one != container]

    def inspect(self, container: str) -> Json | None:
        """Return a container's details; None if it is gone."""
        if self.api is None:
            return None
        status, answer = self.api.ask("GET", f"/containers/{container}/json")
        if status == 404:
            return None
        if status != 200:
            raise engine_api.Unreachable(f"/containers/{container} answered {status}: {engine_api.message(answer)}")
        found: Json = answer
        return found


def read(path: str, timeout: float) -> EngineView:
    """Return what the engine on a socket says; if it does not answer, why."""
    api = engine_api.EngineApi(path, timeout)
    try:
        view = EngineView(path, api, "", api.get("/version"), api.get("/info"))
        view.listed = {container["Id"]: container for container in api.get("/containers/json", all=1)}
        for network in api.get("/networks"):
            # The list leaves out which containers a network has.
            status, details = api.ask("GET", f"/networks/{network['Id']}")
            if status == 200:
                view.networks.append(details)
    except engine_api.Unreachable as error:
        return EngineView(path, None, reason(path, str(error)))
    if view.rootless:
        view.process = _process(path, timeout)
    return view


def _process(path: str, timeout: float) -> int | None:
    """Return the process that listens on a socket if its network namespace is another one, and may be entered."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    pid = int(_CREDENTIALS.unpack(credentials)[0])
    inode = inode_of(f"/proc/{pid}/ns/net")
    if inode in (None, inode_of("/proc/self/ns/net")) or os.geteuid() != 0:
        return None
    return pid


def reason(path: str, error: str) -> str:
    """Return why the engine can't be asked, and what to do."""
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        return f"This user may not use {path}; run as root (become: true), or as a member of its group."
    return f"No Docker Engine answers on {path} ({error}); look at systemctl status docker."
