# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Say what a node needs for a stack: the images that may run on it, and the ports that are published there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CONSTRAINT = re.compile(r"\s*(\S+?)\s*(==|!=)\s*(.*?)\s*")


def needs(definition: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Return images, by the names of the services, and ports.

    definition: the stack, as a compose file has it. node: as C(docker node inspect) shows it. One of which nothing is
    known yet may run everything.
    """
    images: dict[str, str] = {}
    ports: set[int] = set()
    for name, service in definition["services"].items():
        runs = may_run((service.get("deploy") or {}).get("placement", {}).get("constraints") or [], node)
        if runs:
            images[name] = service["image"]
        # A port of the routing mesh is taken on all nodes.
        ports |= {port["published"] for port in service.get("ports") or () if runs or port["mode"] == "ingress"}
    return {"images": images, "ports": sorted(ports)}


def may_run(constraints: list[str], node: Mapping[str, Any]) -> bool:
    """Return whether the constraints of a service let it run on a node. What can't be judged does not keep it away."""
    for text in constraints if node else ():
        found = _CONSTRAINT.fullmatch(str(text))
        known = found and _value(found[1], node)
        if found and known is not None and (str(known).lower() == found[3].lower()) != (found[2] == "=="):
            return False
    return True


def _value(key: str, node: Mapping[str, Any]) -> str | None:
    """Return what a node has for the key of a constraint, empty for a label that it lacks; None if it can't be said."""
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    platform = description.get("Platform") or {}
    if key.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(key.removeprefix("node.labels."), ""))
    if key.startswith("engine.labels."):
        return str(((description.get("Engine") or {}).get("Labels") or {}).get(key.removeprefix("engine.labels."), ""))
    known = {
        "node.id": node.get("ID"),
        "node.hostname": description.get("Hostname"),
        "node.role": spec.get("Role"),
        "node.platform.os": platform.get("OS"),
        # Written in either way.
        "node.platform.arch": None,
    }
    found = known.get(key)
    return None if found is None else str(found)
