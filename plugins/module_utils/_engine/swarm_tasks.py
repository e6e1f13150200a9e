# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask which tasks of a Swarm a restart of this node's engine would end for good."""

from __future__ import annotations

from typing import Any

from .api import EngineApi


def services_not_restarted(api: EngineApi) -> list[str] | None:
    """Return the names of services with tasks on this node that Swarm does not start again when they end.

    None if this node can't know it: only managers have the services' specifications.
    """
    status, services = api.ask("GET", "/services")
    if status != 200:
        return None
    once = {service["ID"]: service["Spec"]["Name"] for service in services if _never_again(service["Spec"])}
    if not once:
        return []
    node = (api.get("/info").get("Swarm") or {}).get("NodeID", "")
    tasks: list[dict[str, Any]] = api.get("/tasks", filters={"node": [node], "desired-state": ["running"]})
    return sorted({once[task["ServiceID"]] for task in tasks if task.get("ServiceID") in once})


def _never_again(spec: dict[str, Any]) -> bool:
    """Return whether the restart condition is none. Jobs have their own way to be done again."""
    policy = (spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    is_job = any(mode in (spec.get("Mode") or {}) for mode in ("ReplicatedJob", "GlobalJob"))
    return policy.get("Condition") == "none" and not is_job
