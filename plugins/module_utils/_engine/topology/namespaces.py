# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find network namespaces, and tell what they belong to."""

from __future__ import annotations

import os
import re

from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

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
