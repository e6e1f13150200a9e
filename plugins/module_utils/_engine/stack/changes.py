# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Single changes of a Swarm, each with what the engine says if it refuses."""

from __future__ import annotations

import base64
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import words

from ..api import EngineApi
from . import survey
from .objects import Kind
from .steps import ContentStep, NetworkStep, ServiceStep
from .survey import refused

Spec = dict[str, Any]
_INTERVAL = 0.3
_ALLOCATED_WITHIN = 60  # seconds in which the managers give a network its subnet
_RETRIES = 20
# The orchestrator writes into a service as well, and the number of its version goes up by that.
_OUT_OF_SEQUENCE = "out of sequence"


def _require(status: int, answer: Any, wanted: tuple[int, ...], what: str) -> None:
    """Raise DockyardError unless the engine has done what it was asked for. what: after "did not"."""
    if status not in wanted:
        raise DockyardError("stack_refused_by_engine", f"The Docker Engine did not {what}: {refused(answer)}")


def create_network(api: EngineApi, name: str, spec: Spec) -> str:
    """Create a network and wait until it has a subnet. Return its identifier."""
    status, answer = api.ask("POST", "/networks/create", {**spec, "CheckDuplicate": True})
    _require(status, answer, (200, 201), f"create the network {name}")
    identity = str(answer["Id"])
    if spec["Driver"] != "overlay":
        return identity
    deadline = time.monotonic() + _ALLOCATED_WITHIN
    while time.monotonic() < deadline:
        status, answer = api.ask("GET", f"/networks/{identity}")
        if status == 200 and (answer.get("IPAM") or {}).get("Config"):
            return identity
        time.sleep(_INTERVAL)
    api.ask("DELETE", f"/networks/{identity}")
    raise DockyardError(
        "stack_network_no_subnet",
        f"The Swarm gave the network {name} no subnet within {_ALLOCATED_WITHIN} seconds, for instance because it"
        " overlaps"
        " another or the address pools are used up",
    )


def remove_network(api: EngineApi, step: NetworkStep, seconds: float) -> None:
    """Remove a network and wait until it is gone; tasks that are just ending hold it for some time."""
    found = step.found or {}
    deadline = time.monotonic() + seconds
    words = "it is still there"
    while True:
        status, answer = api.ask("DELETE", f"/networks/{found['Id']}")
        if status == 404 or (status in (200, 204) and api.ask("GET", f"/networks/{found['Id']}")[0] == 404):
            return
        if status not in (200, 204):
            words = refused(answer)
        if time.monotonic() > deadline:
            raise DockyardError(
                "stack_refused_by_engine", f"The Docker Engine did not remove the network {step.name}: {words}"
            )
        time.sleep(_INTERVAL)


def create_content(api: EngineApi, step: ContentStep) -> str:
    """Create a config or secret. Return its identifier."""
    content = step.content
    if content is None or content.data is None:
        raise ValueError(f"{step.name} is to be created and has no content")
    body: Spec = {
        "Name": step.name,
        "Labels": content.labels,
        "Data": base64.b64encode(content.data).decode(),
    }
    if content.driver:
        body["Templating"] = {"Name": content.driver}
    status, answer = api.ask("POST", f"/{step.kind}/create", body)
    _require(status, answer, (200, 201), f"create the {singular(step.kind)} {step.name}")
    return str(answer["ID"])


def remove_content(api: EngineApi, step: ContentStep, seconds: float) -> None:
    """Remove a config or secret; a service that is just removed holds it for a moment."""
    deadline = time.monotonic() + seconds
    while True:
        status, answer = api.ask("DELETE", f"/{step.kind}/{step.identity}")
        if status in (200, 204, 404):
            return
        if time.monotonic() > deadline:
            _require(status, answer, (), f"remove the {singular(step.kind)} {step.name}")
        time.sleep(_INTERVAL)


def singular(kind: Kind) -> str:
    """Return what one of a kind is called."""
    return kind[:-1]


def create_service(api: EngineApi, spec: Spec, headers: dict[str, str]) -> list[str]:
    """Create a service. Return what the engine warns of."""
    status, answer = api.ask("POST", "/services/create", spec, headers=headers)
    _require(status, answer, (200, 201), f"create the service {spec['Name']}")
    return _warnings(answer)


def update_service(
    api: EngineApi, identity: str, expected: Spec | None, spec: Spec, headers: dict[str, str]
) -> list[str]:
    """Update a service. Return what the engine warns of.

    expected: its specification as it was looked at; None if it is not to be compared. Raise DockyardError if a user has
    changed it since.
    """
    for _attempt in range(_RETRIES):
        status, found = api.ask("GET", f"/services/{identity}")
        _require(status, found, (200,), f"find the service {spec['Name']}")
        if expected is not None and found["Spec"] != expected:
            raise DockyardError(
                "stack_changed_meanwhile",
                f"The service {spec['Name']} was changed by another process since it was looked at",
            )
        status, answer = api.ask(
            "POST", f"/services/{identity}/update", spec, headers=headers, version=found["Version"]["Index"]
        )
        if status == 200 or _OUT_OF_SEQUENCE not in refused(answer):
            break
        time.sleep(_INTERVAL)
    _require(status, answer, (200,), f"update the service {spec['Name']}")
    return _warnings(answer)


def _warnings(answer: Any) -> list[str]:
    """Return warnings but the one that says no more than images.Resolver has said."""
    found = (answer or {}).get("Warnings") or []
    return [warning for warning in found if "could not be accessed on a registry" not in warning]


def remove_service(api: EngineApi, identity: str, name: str) -> None:
    """Remove a service."""
    status, answer = api.ask("DELETE", f"/services/{identity}")
    _require(status, answer, (200, 204, 404), f"remove the service {name}")


def wait_for_tasks(api: EngineApi, stack: str, steps: list[ServiceStep], seconds: float) -> None:
    """Wait until the tasks of removed services are gone. Raise DockyardError for those that are not."""
    deadline = time.monotonic() + seconds
    while True:
        # By the label: engines do not list the tasks of a service that is gone by the service.
        tasks = survey.tasks(api, stack)
        left = [step.name for step in steps if step.found and tasks.get(step.found["ID"])]
        if not left:
            return
        if time.monotonic() > deadline:
            raise DockyardError(
                "stack_tasks_remain",
                f"Tasks of {', '.join(left)} were still there {words.counted(seconds, 'second')} after these"
                " services were removed;"
                " see"
                " whether their nodes answer",
            )
        time.sleep(_INTERVAL)
