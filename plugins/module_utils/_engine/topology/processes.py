# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""List the host's processes with their network namespace and container, and the sockets on which they listen."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
import struct
from collections.abc import Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._host import processes

from .namespaces import inode_of

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
_LISTENING, _UNCONNECTED = "0A", "07"  # include/net/tcp_states.h; a socket of UDP that is bound has the second
_NOWHERE = "0000"
_CONTAINERD = re.compile(r"-namespace\0([^\0]+)")
_SHIMS_CONTAINER = re.compile(r"-id\0([0-9a-f]{64})\0")


@dataclasses.dataclass(frozen=True)
class Process:
    """A process of the host.

    namespace: inode of its network namespace; None if that can't be seen.
    containers: identifiers of containers in the path of its cgroup, the outermost first.
    """

    pid: int
    name: str
    namespace: int | None
    containers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Listener:
    """A socket that listens."""

    protocol: str
    address: str
    port: int
    inode: int


def read(path: str) -> str | None:
    """Return the content of a small file; None if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def containers_of(pid: int) -> tuple[str, ...]:
    """Return the identifiers of containers in the path of a process' cgroup."""
    return tuple(dict.fromkeys(_CONTAINER_ID.findall(read(f"/proc/{pid}/cgroup") or "")))


def scan() -> list[Process]:
    """Return all processes."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        name = read(f"/proc/{entry}/comm")
        if name is None:  # it has ended in the meantime
            continue
        pid = int(entry)
        found.append(Process(pid, name.strip(), inode_of(f"/proc/{pid}/ns/net"), containers_of(pid)))
    return found


def is_container(pid: int, container: str) -> int | None:
    """Return when a process started if it is one of a container, None if it is not, or has ended.

    A number is given to another process after the end of one, so that the number alone says nothing.
    """
    started = processes.started_at(pid)
    if started is None:
        return None
    named = containers_of(pid)
    return started if container in named or (not named and container == _started_for(pid)) else None


def _started_for(pid: int) -> str | None:
    """Return the container that a shim of containerd has started a process for; None if its parent is no shim.

    Some engines put containers in no cgroup of their own: those without root where systemd delegates none, for instance.
    """
    parent = parent_of(pid)
    match = _SHIMS_CONTAINER.search(read(f"/proc/{parent}/cmdline") or "") if parent is not None else None
    return match[1] if match else None


def parent_of(pid: int) -> int | None:
    """Return the parent of a process; None if the process has ended."""
    # The name of the program is in brackets and may hold any character.
    fields = (read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    return int(fields[1]) if fields else None


def descends(pid: int, ancestor: int) -> bool:
    """Return whether a process is another one, or was started by it or by one that it has started."""
    current: int | None = pid
    while current is not None and current > 1:
        if current == ancestor:
            return True
        current = parent_of(current)
    return False


def listeners(pid: int) -> list[Listener]:
    """Return the listening sockets in the network namespace of a process."""
    found = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        wanted = _LISTENING if protocol.startswith("tcp") else _UNCONNECTED
        for line in (read(f"/proc/{pid}/net/{protocol}") or "").splitlines()[1:]:
            fields = line.split()
            if fields[3] != wanted or (wanted == _UNCONNECTED and not fields[2].endswith(f":{_NOWHERE}")):
                continue
            address, _colon, port = fields[1].partition(":")
            found.append(Listener(protocol, _address(address), int(port, 16), int(fields[9])))
    return found


def _address(digits: str) -> str:
    """Return an address that the kernel writes as words of 32 bits in the byte order of the host."""
    words = [int(digits[place : place + 8], 16) for place in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def sockets_of(pid: int) -> set[int] | None:
    """Return the inodes of the sockets that a process has open; None if they may not be seen."""
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        return None
    except OSError:
        return set()
    found = set()
    for descriptor in descriptors:
        with contextlib.suppress(OSError, ValueError):
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found


def owners(pids: Iterable[int], inodes: set[int]) -> tuple[dict[int, int], bool]:
    """Return which of the processes has which of the sockets open, and whether all of them could be looked at."""
    found: dict[int, int] = {}
    complete = True
    for pid in sorted(pids):
        if len(found) == len(inodes):
            break
        sockets = sockets_of(pid)
        complete = complete and sockets is not None
        for inode in (sockets or set()) & inodes:
            found.setdefault(inode, pid)
    return found, complete


def other_engines(table: Iterable[Process]) -> list[str]:
    """Return which other engines have containers on this host."""
    names = set()
    for process in table:
        if process.name == "conmon":
            names.add("podman")
        elif process.name == "crio":
            names.add("cri-o")
        elif process.name.startswith("containerd-shim"):
            match = _CONTAINERD.search(read(f"/proc/{process.pid}/cmdline") or "")
            if match and not re.fullmatch(r"moby|plugins\.moby", match[1]):
                names.add(f"containerd ({match[1]})")
    return sorted(names)


def proxies(table: Iterable[Process]) -> dict[tuple[str, str, int], int]:
    """Return the engine's processes that carry published ports, by protocol, address and port of the host."""
    found = {}
    for process in table:
        if process.name == "docker-proxy":
            words = (read(f"/proc/{process.pid}/cmdline") or "").split("\0")
            options = dict(zip(words[1::2], words[2::2]))
            with contextlib.suppress(KeyError, ValueError):
                found[options["-proto"], options["-host-ip"], int(options["-host-port"])] = process.pid
    return found
