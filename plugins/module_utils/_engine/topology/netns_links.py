# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read and change the links to network namespaces in /run/netns, where C(ip netns) looks for them.

A link is a mount of the namespace on an empty file, as C(ip netns attach) makes it. A symbolic link would be simpler,
and lead into another container's network as soon as a number of a process is used again.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import stat
import time
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import processes

FOLDER = "/run/netns"
RECORD = "/run/dockyard/netns.json"  # gone with the links themselves when the host boots
_BIND, _DETACH = 0x1000, 0x2
_YOUNG = 60  # seconds within which another program may be about to mount something on its new file

Kind = Literal["namespace", "plain", "dangling", "other"]


@dataclasses.dataclass(frozen=True)
class NetnsLink:
    """An entry of /run/netns.

    inode: of the namespace that it leads to; None if it leads to none.
    container: identifier of the container that it was made for; empty if another program has made it.
    """

    name: str
    kind: Kind
    inode: int | None
    container: str = ""
    age: float = 0.0

    @property
    def path(self) -> str:
        """Return where it is."""
        return os.path.join(FOLDER, self.name)


def links() -> list[NetnsLink]:
    """Return all entries by name."""
    try:
        names = sorted(os.listdir(FOLDER))
    except FileNotFoundError:
        return []
    recorded = read_record()
    return [link for link in (_link(name, recorded) for name in names) if link is not None]


def _link(name: str, recorded: dict[str, dict[str, object]]) -> NetnsLink | None:
    path = os.path.join(FOLDER, name)
    try:
        own = os.lstat(path)
    except FileNotFoundError:
        return None
    age = time.time() - own.st_mtime
    try:
        target = os.stat(path)
    except OSError:
        return NetnsLink(name, "dangling", None, age=age)
    if target.st_dev == os.stat("/proc/self/ns/net").st_dev:
        record = recorded.get(name, {})
        container = str(record["container"]) if record.get("inode") == target.st_ino else ""
        return NetnsLink(name, "namespace", target.st_ino, container, age)
    empty = stat.S_ISREG(target.st_mode) and target.st_size == 0
    return NetnsLink(name, "plain" if empty else "other", None, age=age)


def reason(link: NetnsLink, used: set[int | None]) -> str | None:
    """Return why a link is stale; None if it is not.

    An empty namespace that another program has made is nobody's mistake: C(ip netns add) makes just that.

    used: inodes of the namespaces that have processes.
    """
    if link.kind == "dangling":
        return "leads nowhere"
    if link.kind == "plain" and link.age >= _YOUNG:
        return "is a plain file, which an interrupted mount has left"
    if link.kind == "namespace" and link.container and link.inode not in used:
        return "leads to a namespace that no container has any more"
    return None


def used_namespaces() -> set[int | None]:
    """Return the inodes of the namespaces that have processes."""
    return {process.namespace for process in processes.scan()}


def stale() -> list[tuple[str, str]]:
    """Return path and reason of each link that is stale; for others than root, those that need no look at processes."""
    found = links()
    used = used_namespaces() if any(link.container for link in found) else set()
    known = [link for link in found if os.geteuid() == 0 or link.kind != "namespace"]
    return [(link.path, why) for link in known for why in [reason(link, used)] if why]


def read_record() -> dict[str, dict[str, object]]:
    """Return what links were made, by name, each with container and inode. One that can't be read is empty."""
    try:
        found = json.loads(processes.read(RECORD) or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in found.items() if isinstance(one, dict) and "container" in one}


def check_record() -> None:
    """Raise DockyardError for a record that can't be read: without it, this module's links look like another one's."""
    try:
        sound = isinstance(json.loads(processes.read(RECORD) or "{}"), dict)
    except ValueError:
        sound = False
    if not sound:
        raise DockyardError(
            "netns_record_unreadable",
            f"{RECORD}, which says what links this module has made, can't be read; remove the links that you don't need"
            " (ip netns delete NAME) and that file, and run again.",
        )


def _write_record(record: dict[str, dict[str, object]]) -> None:
    os.makedirs(os.path.dirname(RECORD), mode=0o755, exist_ok=True)
    temporary = f"{RECORD}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(temporary, RECORD)


def make(name: str, container: str, descriptor: int) -> None:
    """Make a link to a namespace. What has the name must have been removed before.

    descriptor: an open file of the namespace.
    """
    os.makedirs(FOLDER, mode=0o755, exist_ok=True)
    path = os.path.join(FOLDER, name)
    _write_record({**read_record(), name: {"container": container, "inode": os.fstat(descriptor).st_ino}})
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    _call("mount", f"/proc/self/fd/{descriptor}".encode(), path.encode(), b"none", _BIND, None)


def remove(link: NetnsLink) -> None:
    """Remove a link. The namespace lives as long as something else uses it."""
    if link.kind == "namespace" and not os.path.islink(link.path):
        _call("umount2", link.path.encode(), _DETACH)
    os.unlink(link.path)
    record = read_record()
    if record.pop(link.name, None) is not None:
        _write_record(record)


def _call(name: str, *arguments: object) -> None:
    """Call the C library. Raise OSError if it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
