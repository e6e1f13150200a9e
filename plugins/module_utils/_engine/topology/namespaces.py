# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find network namespaces, and speak with the kernel's network inside one without starting a process there."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import re
import sys
from typing import Callable, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

Result = TypeVar("Result")
_CLONE_NEWNET = 0x40000000
_SANDBOX = re.compile(r"[0-9a-f]{12}")
_MOUNTED = re.compile(r"net:\[(\d+)\]")


def inode_of(path: str) -> int | None:
    """Return the inode of the namespace that a link below /proc/PID/ns names; None if it can't be read."""
    try:
        return int(os.readlink(path).rpartition("[")[2].rstrip("]"))
    except (OSError, ValueError):
        return None


def mounted(mountinfo: str = "/proc/self/mountinfo") -> dict[int, list[str]]:
    """Return where network namespaces are mounted, by inode, for instance below /run/docker/netns."""
    found: dict[int, list[str]] = {}
    for mount in read_mounts(mountinfo):
        match = _MOUNTED.fullmatch(mount.root)
        if match:
            found.setdefault(int(match[1]), []).append(mount.point)
    return found


def is_sandbox(path: str) -> bool:
    """Return whether the engine has mounted a namespace there for a container.

    Those of Swarm are in use without a process: ingress_sbox, lb_ID, and NUMBER-ID of overlay networks.
    """
    folder, _slash, name = path.rpartition("/")
    return folder.endswith("/docker/netns") and _SANDBOX.fullmatch(name) is not None


def is_overlay(path: str) -> bool:
    """Return whether the engine has mounted a namespace there for an overlay network."""
    folder, _slash, name = path.rpartition("/")
    return folder.endswith("/docker/netns") and "-" in name


def _set_namespace(descriptor: int) -> None:
    """Take the calling thread into a network namespace."""
    enter: Callable[[int, int], None] | None = getattr(os, "setns", None)
    if sys.version_info >= (3, 12) and enter is not None:
        enter(descriptor, _CLONE_NEWNET)
        return
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Visitor:
    """Opens sockets in other namespaces, in a thread of its own that never comes back from there.

    Nothing else of the process leaves its namespace, and nothing is started in the other one.
    """

    def __init__(self) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(1)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._pool.shutdown()

    def do(self, descriptor: int, work: Callable[[], Result]) -> Result:
        """Return what work returns in another namespace. Raise OSError if it may not be entered.

        descriptor: an open file of that namespace.
        """

        def enter() -> Result:
            _set_namespace(descriptor)
            return work()

        return self._pool.submit(enter).result()
