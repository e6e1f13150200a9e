# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the engine calls things: labels and options that it reads, and names that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SWARM_TASK = "com.docker.swarm.task.id"
STACK = "com.docker.stack.namespace"
STACK_IMAGE = "com.docker.stack.image"  # as declared, before the engine has put the digest behind it
BRIDGE = "com.docker.network.bridge.name"
ICC = "com.docker.network.bridge.enable_icc"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
MTU = "com.docker.network.driver.mtu"
SHORT = 12  # digits of an identifier that stands for itself


def container_name(listed: Mapping[str, Any]) -> str:
    """Return the name of a container of the engine's list.

    One that is just being removed has none any more, and goes by its identifier. A link of another container is among
    the names too, with two slashes.
    """
    own = [name for name in listed.get("Names") or [] if name.count("/") == 1]
    return own[0].lstrip("/") if own else str(listed["Id"])[:SHORT]


def bridge_device(network: Mapping[str, Any]) -> str | None:
    """Return the name of a network's bridge on the host; None if it has none."""
    if network.get("Driver") != "bridge":
        return None
    return str((network.get("Options") or {}).get(BRIDGE) or f"br-{network['Id'][:SHORT]}")
