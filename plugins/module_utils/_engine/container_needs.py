# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find what a container that runs lacks for its next start."""

from __future__ import annotations

import ipaddress
import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host import network
from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

from . import log_servers, naming
from .api import EngineApi
from .containers import Container


def gone_for_start(api: EngineApi, container: Container, runtimes: dict[str, Any]) -> list[str]:
    """Return what a container needs for its next start and what is gone.

    These are paths, its network, another container, addresses of the host, and the server that it logs to.

    runtimes: those of the daemon.json with which the engine is to start.
    """
    status, details = api.ask("GET", f"/containers/{container.id}/json")
    if status != 200:  # it has ended and was removed in the meantime
        return []
    host_config = details["HostConfig"]
    runtime = runtimes.get(host_config.get("Runtime") or "")
    program = runtime.get("path") if isinstance(runtime, dict) else None
    gone = [*_lost_devices(host_config), *_lost_sources(details), *_lost_network(api, host_config)]
    gone += _lost_volumes(api, details)
    gone += [*_lost_addresses(container), *_lost_log_server(host_config)]
    gone += [program] if program and shutil.which(program) is None else []
    return list(dict.fromkeys(gone))


def _lost_devices(host_config: dict[str, Any]) -> list[str]:
    """Return the devices of the host that a container needs for its start and that are gone."""
    devices = [device.get("PathOnHost") for device in host_config.get("Devices") or []]
    return sorted({path for path in devices if path and not os.path.lexists(path)})


def _lost_sources(details: dict[str, Any]) -> list[str]:
    """Return sources of bind mounts that can't be mounted again, or are another thing than what the container has.

    Of those that it was given by C(--volume) an engine makes the missing ones, as folders: the container would start
    without its data.
    """
    pid = (details.get("State") or {}).get("Pid") or 0
    changed = []
    for mount in details.get("Mounts") or []:
        source = mount.get("Source") or ""
        if mount.get("Type") != "bind" or not source:
            continue
        link = next((path for path in _upwards(source) if os.path.islink(path) and not os.path.exists(path)), None)
        if link:
            changed.append(f"{link}, a link to {os.readlink(link)}, which is not there")
        elif not os.path.exists(source):
            changed.append(source)
        else:
            changed += _differs(source, _mounted(pid, mount.get("Destination") or ""))
    return sorted(changed)


def _differs(source: str, mounted: os.stat_result | None) -> Iterator[str]:
    """Yield a source with what is another thing about it than what a container has of it."""
    try:
        now = os.stat(source)
    except OSError:
        return
    if mounted is None:
        return
    if stat.S_ISDIR(mounted.st_mode) != stat.S_ISDIR(now.st_mode):
        yield f"{source}, which is {'a folder now' if stat.S_ISDIR(now.st_mode) else 'no folder any more'}"
    elif stat.S_ISDIR(now.st_mode) and mounted.st_dev != now.st_dev:
        yield f"{source}, which is on another file system now"


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and the folders above it."""
    while path not in ("", "/"):
        yield path
        path = os.path.dirname(path)


def _mounted(pid: int, destination: str) -> os.stat_result | None:
    """Return what is mounted there in a container that runs; None if that is not known.

    No part of a mount point is a link, which would lead out of the container.
    """
    try:
        if any(mount.point == destination for mount in read_mounts(f"/proc/{pid}/mountinfo")):
            return os.stat(f"/proc/{pid}/root{destination}")
    except OSError:
        pass
    return None


def _lost_network(api: EngineApi, host_config: dict[str, Any]) -> list[str]:
    """Return the network of the mode in which a container starts, or the container whose network it shares, if gone."""
    mode = host_config.get("NetworkMode") or "default"
    kind, _colon, other = mode.partition(":")
    if kind == "container":
        gone = api.ask("GET", f"/containers/{other}/json")[0] == 404
        return [f"the container {other[: naming.SHORT]}"] if gone else []
    if mode in ("default", "bridge", "host", "none", "nat"):
        return []
    return [f"the network {mode}"] if api.ask("GET", f"/networks/{mode}")[0] == 404 else []


def _lost_volumes(api: EngineApi, details: dict[str, Any]) -> list[str]:
    """Return the volumes of a container that are bound to a folder or a device of the host that is gone."""
    lost = []
    for mount in details.get("Mounts") or []:
        if mount.get("Type") != "volume" or mount.get("Driver", "local") != "local":
            continue
        status, volume = api.ask("GET", f"/volumes/{mount.get('Name')}")
        device = ((volume.get("Options") or {}).get("device") or "") if status == 200 else ""
        if device.startswith("/") and not os.path.lexists(device):
            lost.append(f"{device} of the volume {mount.get('Name')}")
    return sorted(lost)


def _lost_addresses(container: Container) -> Iterator[str]:
    """Yield the addresses on which a container publishes ports and that no device of the host has any more."""
    if not container.published_on:
        return
    own = [interface.ip for interface, _device in network.all_addresses()]
    for text in container.published_on:
        address = ipaddress.ip_address(text)
        if not address.is_link_local and not network.binds(address, own):
            yield f"the address {text}, which no device of the host has"


def _lost_log_server(host_config: dict[str, Any]) -> Iterator[str]:
    """Yield the server of a container's own log driver if it takes no connection, which a start waits for in vain."""
    log = host_config.get("LogConfig") or {}
    server = log_servers.silent(log.get("Type"), log.get("Config") or {})
    if server is not None:
        yield f"the log server {server.place}, which takes no connection for {log['Type']} ({server.reason})"
