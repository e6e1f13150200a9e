# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""List the containers that run, and start those again that a restart of the engine has stopped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from . import api as engine_api

# Swarm replaces the containers of its services by itself; those that ran before do not come back.
_SWARM_TASK = "com.docker.swarm.task.id"
_SETTLE = 1.5  # seconds


@dataclasses.dataclass(frozen=True)
class Container:
    """A container that runs or is paused."""

    id: str
    name: str
    paused: bool = False
    removed_at_stop: bool = False  # started with --rm
    of_swarm: bool = False


def running(api: engine_api.EngineApi) -> list[Container]:
    """Return the containers that run or are paused, the oldest first."""
    listed: list[dict[str, Any]] = sorted(api.get("/containers/json"), key=lambda container: container["Created"])
    containers = []
    for container in listed:
        status, details = api.ask("GET", f"/containers/{container['Id']}/json")
        if status == 404:  # has ended in the meantime
            continue
        containers.append(
            Container(
                id=container["Id"],
                name=(container["Names"] or ["/" + container["Id"][:12]])[0].lstrip("/"),
                paused=container["State"] == "paused",
                removed_at_stop=bool(details["HostConfig"].get("AutoRemove")),
                of_swarm=_SWARM_TASK in (container.get("Labels") or {}),
            )
        )
    return containers


def joined_names(containers: Sequence[Container]) -> str:
    """Return the names of containers in order, as a part of a sentence."""
    return ", ".join(sorted(container.name for container in containers))


def bring_back(api: engine_api.EngineApi, before: Sequence[Container], timeout: float) -> list[str]:
    """Start those that do not run again, and wait for them. Return complaints, one for each that stays down.

    Several rounds, because a container may need another one (--network container:NAME, links). One that was removed
    in the meantime is not missed.
    """
    deadline = time.monotonic() + timeout
    ours = [container for container in before if not container.of_swarm]
    confirmed = False
    while True:
        complaints = [complaint for complaint in (_bring_back_one(api, container) for container in ours) if complaint]
        if (not complaints and (confirmed or not ours)) or time.monotonic() >= deadline:
            return complaints
        # One that ends as soon as it has started does not run: all of them are looked at twice.
        confirmed = not complaints
        time.sleep(_SETTLE if confirmed else 0.5)


def _bring_back_one(api: engine_api.EngineApi, container: Container) -> str | None:
    try:
        status, details = api.ask("GET", f"/containers/{container.id}/json")
        if status == 404:
            return None
        state = details["State"]
        if not state["Running"]:
            status, answer = api.ask("POST", f"/containers/{container.id}/start")
            if status not in (204, 304):
                return f"{container.name} does not start ({engine_api.message(answer)})"
            details = api.get(f"/containers/{container.id}/json")
            state = details["State"]
        if not state["Running"] or state["Restarting"]:
            return f"{container.name} ended again with {state['ExitCode']}"
        if container.paused and not state["Paused"]:
            api.ask("POST", f"/containers/{container.id}/pause")
    except engine_api.Unreachable as error:
        return f"{container.name} can't be asked for ({error})"
    return None
