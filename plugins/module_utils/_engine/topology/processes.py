# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""List the host's processes with their network namespace and container, and the sockets on which they listen."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import re
import socket
import struct
from collections.abc import Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._host import processes

from .namespaces import inode_of

# A scope of systemd has the engine's name before the identifier: docker-ID.scope, libpod-ID.scope, crio-ID.scope.
_CONTAINER_ID = re.compile(r"/(?:([a-z-]+)-)?([0-9a-f]{64})(?![0-9a-f])")
_OWN = ("", "docker")
_PROXIES = ("docker-proxy", "rootlesskit-docker-proxy"[:15])  # as the kernel cuts names
_HELPERS = ("libpod-conmon", "crio-conmon")
_LISTENING, _UNCONNECTED = "0A", "07"  # include/net/tcp_states.h; a socket of UDP that is bound has the second
_NOWHERE = "0000"
_CONTAINERD = re.compile(r"-namespace\0([^\0]+)")
_ENGINES_NAMESPACES = ("moby", "plugins.moby")
_SHIMS_CONTAINER = re.compile(r"-id\0([0-9a-f]{64})\0")


@dataclasses.dataclass(frozen=True)
class Process:
    """A process of the host.

    namespace: inode of its network namespace; None if that can't be seen.
    containers: identifiers of this engine's containers in the path of its cgroup, the outermost first.
    foreign: that of another engine's container, with the name of what runs it, for instance libpod.
    """

    pid: int
    name: str
    namespace: int | None
    containers: tuple[str, ...]
    foreign: tuple[str, str] | None = None


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
    """Return the identifiers of this engine's containers in the path of a process' cgroup."""
    return in_cgroup(read(f"/proc/{pid}/cgroup") or "")[0]


def in_cgroup(text: str) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    """Return the containers that the text of /proc/PID/cgroup names: this engine's, and another one's."""
    found = _CONTAINER_ID.findall(text)
    foreign = [(engine, container) for engine, container in found if engine not in (*_OWN, *_HELPERS)]
    own = tuple(dict.fromkeys(container for engine, container in found if engine in _OWN))
    return own, (foreign[-1] if foreign else None)


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
        own, foreign = in_cgroup(read(f"/proc/{pid}/cgroup") or "")
        found.append(Process(pid, name.strip(), inode_of(f"/proc/{pid}/ns/net"), own, foreign))
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

    Some engines put containers in no cgroup of their own, for instance one without root that systemd delegates none to.
    """
    parent = parent_of(pid)
    match = _SHIMS_CONTAINER.search(read(f"/proc/{parent}/cmdline") or "") if parent is not None else None
    return match[1] if match else None


def is_of_another(pid: int) -> bool:
    """Return whether containerd has started a process for another program than the engine, for instance Kubernetes."""
    parent = parent_of(pid)
    match = _CONTAINERD.search(read(f"/proc/{parent}/cmdline") or "") if parent is not None else None
    return match is not None and match[1] not in _ENGINES_NAMESPACES


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


def other_engines(table: Iterable[Process], home: int) -> list[str]:
    """Return which other engines have containers on this host. home: the namespace in which this engine runs."""
    names = set()
    for process in table:
        if process.name == "dockerd" and process.namespace not in (None, home):
            names.add(f"docker (user {_user(process.pid)})")
        elif process.name == "conmon":
            names.add("podman")
        elif process.name == "crio":
            names.add("cri-o")
        elif process.name.startswith("containerd-shim"):
            match = _CONTAINERD.search(read(f"/proc/{process.pid}/cmdline") or "")
            if match and match[1] not in _ENGINES_NAMESPACES:
                names.add(f"containerd ({match[1]})")
    return sorted(names)


def _user(pid: int) -> str:
    """Return the name of the user that a process runs as, or has run as."""
    try:
        number = os.stat(f"/proc/{pid}").st_uid
        return pwd.getpwuid(number).pw_name
    except FileNotFoundError:
        return "unknown"
    except KeyError:
        return str(number)


def proxies(table: Iterable[Process]) -> dict[tuple[str, str, int], int]:
    """Return the engine's processes that carry published ports, by protocol, address and port of the host."""
    found: dict[tuple[str, str, int], int] = {}
    for process in table:
        if process.name in _PROXIES:
            words = (read(f"/proc/{process.pid}/cmdline") or "").split("\0")
            options = dict(zip(words[1::2], words[2::2]))
            with contextlib.suppress(KeyError, ValueError):
                found.setdefault((options["-proto"], options["-host-ip"], int(options["-host-port"])), process.pid)
    return found
