# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read limits and use of resources of a process' cgroup, of version 1 and 2."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

from .processes import read

_UNLIMITED = 1 << 60  # version 1 writes the largest number of pages for "no limit"


class Hierarchies:
    """Where the cgroup hierarchies are mounted.

    mounts: by controller of version 1, and under the empty name the one of version 2; path of the mount and path of the
        cgroup that it shows as its root.
    """

    def __init__(self, mountinfo: str = "/proc/self/mountinfo") -> None:
        self.mounts: dict[str, tuple[str, str]] = {}
        for mount in read_mounts(mountinfo):
            controllers = {"cgroup2": ("",), "cgroup": mount.options}.get(mount.kind, ())
            for controller in controllers:
                self.mounts.setdefault(controller, (mount.point, mount.root))

    def folder(self, controller: str, path: str) -> str | None:
        """Return the folder of a cgroup; None if its hierarchy is not mounted."""
        if controller not in self.mounts:
            return None
        mount, root = self.mounts[controller]
        if root != "/" and path.startswith(root):
            path = path[len(root) :]
        return os.path.join(mount, path.lstrip("/")).rstrip("/")


def paths(text: str) -> dict[str, str]:
    """Return the paths in /proc/PID/cgroup by controller; that of version 2 has the empty name."""
    found = {}
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def usage(hierarchies: Hierarchies, text: str, container: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the resources of a container, and what could not be seen of them.

    text: of /proc/PID/cgroup of one of its processes.
    """
    known = paths(text)
    # Where both versions are mounted, a container may be in both, and the controllers are those of version 1.
    in_first = container in known.get("memory", "")
    version = 1 if in_first or ("memory" in known and container not in known.get("", "")) else 2
    path = known.get("" if version == 2 else "memory")
    read_all = _version_2 if version == 2 else _version_1
    values = read_all(hierarchies, known)
    unknown = [
        {
            "field": f"cgroup.{resource}",
            "reason": f"The controller {resource} is not there for the cgroup of this container.",
        }
        for resource, value in values.items()
        if value is None
    ]
    empty = {"io": {"limits": None, "used": None}}
    resources = {name: value or empty.get(name, {"limit": None, "used": None}) for name, value in values.items()}
    return {"path": path, "version": version, **resources}, unknown


def nothing() -> dict[str, Any]:
    """Return the resources of a container that has no process."""
    pair = {"limit": None, "used": None}
    return {
        **{"path": None, "version": None, "memory": dict(pair), "cpu": dict(pair), "pids": dict(pair)},
        "io": {"limits": None, "used": None},
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


def _lines(text: str) -> dict[str, str]:
    return dict(line.split(None, 1) for line in text.splitlines() if " " in line)


def _pair(folder: str | None, limit: str, used: str) -> dict[str, int | None] | None:
    """Return limit and use of a resource; None if the controller is not there."""
    current = None if folder is None else read(f"{folder}/{used}")
    if current is None:
        return None
    maximum = _number(read(f"{folder}/{limit}"))
    return {"limit": None if maximum is None or maximum >= _UNLIMITED else maximum, "used": _number(current)}


def _version_2(hierarchies: Hierarchies, known: dict[str, str]) -> dict[str, Any]:
    folder = hierarchies.folder("", known.get("", "/"))
    cpu = io = None
    maximum = None if folder is None else read(f"{folder}/cpu.max")
    if maximum is not None:
        quota, period = maximum.split()
        seconds = int(_lines(read(f"{folder}/cpu.stat") or "usage_usec 0")["usage_usec"]) / 1e6
        cpu = {"limit": None if quota == "max" else int(quota) / int(period), "used": seconds}
    used = None if folder is None else read(f"{folder}/io.stat")
    if used is not None:
        io = {"limits": _io_2(read(f"{folder}/io.max") or ""), "used": _io_2(used)}
    return {
        "memory": _pair(folder, "memory.max", "memory.current"),
        "cpu": cpu,
        "pids": _pair(folder, "pids.max", "pids.current"),
        "io": io,
    }


# The names that the kernel uses, and ours for both versions.
_IO_2 = {"rbytes": "read_bytes", "wbytes": "write_bytes", "rbps": "read_bytes_per_second"}
_IO_2.update({"wbps": "write_bytes_per_second", "riops": "reads_per_second", "wiops": "writes_per_second"})
_IO_1 = {
    "blkio.throttle.read_bps_device": "read_bytes_per_second",
    "blkio.throttle.write_bps_device": "write_bytes_per_second",
    "blkio.throttle.read_iops_device": "reads_per_second",
    "blkio.throttle.write_iops_device": "writes_per_second",
}


def _io_2(text: str) -> list[dict[str, Any]]:
    """Return one entry per device of io.max or io.stat."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        device, *words = line.split()
        values = dict(word.split("=", 1) for word in words if "=" in word)
        numbers = {_IO_2[name]: int(value) for name, value in values.items() if name in _IO_2 and value.isdigit()}
        if numbers:
            found.append({"device": device, **numbers})
    return found


def _version_1(hierarchies: Hierarchies, known: dict[str, str]) -> dict[str, Any]:
    def folder(controller: str) -> str | None:
        return hierarchies.folder(controller, known[controller]) if controller in known else None

    cpu = io = None
    nanoseconds = _number(read(f"{folder('cpuacct')}/cpuacct.usage"))
    if nanoseconds is not None:
        quota = (read(f"{folder('cpu')}/cpu.cfs_quota_us") or "-1").strip()
        period = _number(read(f"{folder('cpu')}/cpu.cfs_period_us")) or 100000
        cpu = {"limit": None if quota == "-1" else int(quota) / period, "used": nanoseconds / 1e9}
    served = read(f"{folder('blkio')}/blkio.throttle.io_service_bytes")
    if served is not None:
        io = {"limits": _io_limits_1(f"{folder('blkio')}"), "used": _io_used_1(served)}
    return {
        "memory": _pair(folder("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
        "cpu": cpu,
        "pids": _pair(folder("pids"), "pids.max", "pids.current"),
        "io": io,
    }


def _io_limits_1(folder: str) -> list[dict[str, Any]]:
    devices: dict[str, dict[str, Any]] = {}
    for file, name in _IO_1.items():
        for device, value in _lines(read(f"{folder}/{file}") or "").items():
            devices.setdefault(device, {"device": device})[name] = int(value)
    return list(devices.values())


def _io_used_1(text: str) -> list[dict[str, Any]]:
    devices: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in ("Read", "Write"):
            devices.setdefault(words[0], {"device": words[0]})[f"{words[1].lower()}_bytes"] = int(words[2])
    return list(devices.values())
