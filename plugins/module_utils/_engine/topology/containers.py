# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Describe one container: its namespaces, its cgroup, its endpoints with the veth of each, its ports.

A container may end and start again between two reads. What is read of it counts only if the process that the engine
has named is there, and is the container's, before and after.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os

from . import cgroups, processes
from .endpoints import Endpoints
from .engine_view import EngineView, Json
from .namespaces import inode_of
from .visit import Host, Visit

NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "user", "cgroup")
_TRIES = 4
_NEEDS_ROOT = "Only root may look into the namespaces of other users' processes; run as root (become: true)."
_SEEN_FROM_INSIDE = (
    *("namespace.inode", "isolation", "endpoints.interface", "endpoints.index", "endpoints.mtu", "endpoints.peer"),
    *("endpoints.parent", "endpoints.counters"),
)
_DEFAULT, _INGRESS = "bridge", "ingress"
_PUBLISHED_BY_SWARM = (
    "The container is of a service, whose ports Swarm publishes on all nodes; look at docker service inspect on a"
    " manager."
)
_SEEN_OF_PROCESS = ("pid", *_SEEN_FROM_INSIDE, "cgroup", "listeners")
_TOLD_BY_ENGINE = ("name", "image", "network_mode", "ports", "endpoints.network", "endpoints.dns_names")


@dataclasses.dataclass
class Seen:
    """A container as it was seen.

    row: what is returned of it.
    details: as the engine has them.
    visit: its network; None if it has none of its own, or it could not be entered.
    """

    row: Json
    details: Json
    visit: Visit | None = None


class Reader:
    """Reads containers. resources: whether limits and use are wanted."""

    def __init__(self, view: EngineView, host: Host, resources: bool) -> None:
        self._view = view
        self._host = host
        self._hierarchies = cgroups.Hierarchies() if resources else None
        # Those of the host itself, and of an engine that runs in its own. Some hosts hide those of process 1 from root.
        first = 1 if os.geteuid() != 0 or inode_of("/proc/1/ns/net") is not None else os.getpid()
        outside = (first, view.process) if view.process is not None else (first,)
        self._host_namespaces = {kind: {inode_of(f"/proc/{pid}/ns/{kind}") for pid in outside} for kind in NAMESPACES}
        # Containers whose process was not there at any try, with the start that the engine named at all of them.
        self.hidden: dict[str, str] = {}

    def read(self, container: str) -> Seen | None:
        """Return a container; None if it is gone, or comes and goes faster than it can be read.

        One that stays hidden is returned as the engine describes it the second time that it is read.
        """
        starts = set()
        for attempt in range(_TRIES):
            details = self._view.inspect(container)
            if details is None:
                return None
            state = details["State"]
            if not (state.get("Running") or state.get("Paused")) or not state.get("Pid"):
                return Seen(self._frame(details), details)
            starts.add(f"{state.get('StartedAt')} {state['Pid']}")
            seen = self._read_running(details, last=attempt == _TRIES - 1)
            if seen is not None:
                return seen
        if len(starts) != 1 or details is None:
            return None
        before, self.hidden[container] = self.hidden.get(container), starts.pop()
        return self._hidden(details) if before == self.hidden[container] else None

    def _hidden(self, details: Json) -> Seen:
        """Return a container of which the engine alone knows."""
        seen = Seen(self._frame(details), details)
        reason = (
            f"The engine names the process {details['State']['Pid']}, and that is not one of this container where this"
            " module looks; run it as root (become: true), and in the host's own pid namespace."
        )
        seen.row["unknown"] += [{"field": field, "reason": reason} for field in _SEEN_OF_PROCESS]
        return seen

    def read_without_engine(self, container: str, pid: int) -> Seen | None:
        """Return a container of which only a process is known; None if it has ended."""
        details = {"Id": container, "Name": "", "State": {"Status": "running", "Pid": pid}}
        seen = self._read_running(details, last=True)
        if seen is not None:
            seen.row["unknown"] += [{"field": field, "reason": self._view.reason} for field in _TOLD_BY_ENGINE]
        return seen

    def _read_running(self, details: Json, last: bool) -> Seen | None:
        """Return a container that runs; None if it has ended, or its network has changed since the engine was asked."""
        pid = details["State"]["Pid"]
        started = processes.is_container(pid, details["Id"])
        if started is None:
            return None
        row = self._frame(details)
        row["pid"] = pid
        visit = None
        try:
            descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:
            row["unknown"] += [{"field": field, "reason": _NEEDS_ROOT} for field in _SEEN_FROM_INSIDE]
        except OSError:
            return None
        else:
            try:
                visit = self._look(row, details, descriptor)
            finally:
                os.close(descriptor)
        complete = Endpoints(self._view, self._host, details, visit).describe(row)
        self._isolation(row, details, pid)
        self._resources(row, details["Id"], pid)
        if processes.is_container(pid, details["Id"]) != started:
            return None
        return Seen(row, details, visit) if complete or last else None

    def _frame(self, details: Json) -> Json:
        """Return a row with what the engine says alone."""
        container = details["Id"]
        host_config = details.get("HostConfig") or {}
        row: Json = {
            "id": container,
            "name": details["Name"].lstrip("/") or None,
            "image": (details.get("Config") or {}).get("Image"),
            "state": details["State"]["Status"],
            "pid": None,
            "network_mode": self._network_mode(details, host_config.get("NetworkMode")),
            "namespace": {"inode": None, "path": None, "shared_with": []},
            "isolation": dict.fromkeys(NAMESPACES),
            "cgroup": cgroups.nothing(),
            "endpoints": [],
            "ports": [],
            "listeners": [],
            "capture": None,
            "unknown": [],
        }
        Endpoints(self._view, self._host, details, None).describe(row)
        if any(one["network"] == _INGRESS for one in row["endpoints"]):
            row["unknown"].append({"field": "ports", "reason": _PUBLISHED_BY_SWARM})
        return row

    def _network_mode(self, details: Json, mode: str | None) -> str | None:
        if mode is None:
            return None
        if mode in ("default", _DEFAULT):
            # Swarm leaves it at that for the tasks of a service, which are in other networks.
            networks = list((details.get("NetworkSettings") or {}).get("Networks") or [_DEFAULT])
            others = [network for network in networks if network != _INGRESS]
            return _DEFAULT if _DEFAULT in networks else (others or networks)[0]
        joined = self._view.joined(details["Id"])
        if joined is not None:
            return f"container:{self._view.name(joined)}"
        return str(self._view.network(mode).get("Name", mode))

    def _look(self, row: Json, details: Json, descriptor: int) -> Visit | None:
        """Fill in the namespace of a container. Return what is in it, if it is its own."""
        pid, inode = row["pid"], os.fstat(descriptor).st_ino
        row["namespace"]["inode"] = inode
        row["namespace"]["path"] = f"/proc/{pid}/ns/net"
        sandbox = (details.get("NetworkSettings") or {}).get("SandboxKey") or ""
        with contextlib.suppress(OSError):
            if sandbox and os.stat(sandbox).st_ino == inode:
                row["namespace"]["path"] = os.path.realpath(sandbox)
        if inode == self._host.inode or self._view.joined(details["Id"]) is not None:
            return None
        try:
            return self._host.visit(descriptor)
        except PermissionError:
            row["unknown"] += [
                {"field": field, "reason": _NEEDS_ROOT} for field in _SEEN_FROM_INSIDE if field[:9] == "endpoints"
            ]
            return None
        except OSError as error:
            row["unknown"] += [
                {"field": field, "reason": f"The kernel has not shown this network ({error}); run again."}
                for field in _SEEN_FROM_INSIDE
                if field[:9] == "endpoints"
            ]
            return None

    def _isolation(self, row: Json, details: Json, pid: int) -> None:
        """Fill in which namespaces are the container's own."""
        host_config = details.get("HostConfig") or {}
        for kind in NAMESPACES:
            inode, shared = inode_of(f"/proc/{pid}/ns/{kind}"), self._host_namespaces[kind]
            joined = str(host_config.get(f"{_MODES.get(kind, '')}Mode", "")).startswith("container:")
            if inode is not None and None not in shared:
                row["isolation"][kind] = inode not in shared and not joined
        if None in row["isolation"].values() and not any(one["field"] == "isolation" for one in row["unknown"]):
            row["unknown"].append({"field": "isolation", "reason": _NEEDS_ROOT})

    def _resources(self, row: Json, container: str, pid: int) -> None:
        text = processes.read(f"/proc/{pid}/cgroup")
        if self._hierarchies is not None and text is not None:
            row["cgroup"], unknown = cgroups.usage(self._hierarchies, text, container)
            row["unknown"] += unknown


_MODES = {"net": "Network", "ipc": "Ipc", "pid": "Pid"}
