# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""See what a Swarm has: its nodes, and what belongs to a stack, which the label of its name says."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import naming
from ..api import EngineApi, message

Service = dict[str, Any]


@dataclasses.dataclass
class Survey:
    """A Swarm as it was found. Services, networks, configs and secrets are those of all stacks, by their names.

    cluster: its identifier; empty on a host that is in no Swarm. nodes: their names by their identifiers. engines: the
    versions of their engines, by their names.
    """

    cluster: str = ""
    nodes: dict[str, str] = dataclasses.field(default_factory=dict)
    engines: dict[str, str] = dataclasses.field(default_factory=dict)
    services: dict[str, Service] = dataclasses.field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def is_swarm(self) -> bool:
        """Return whether there is a Swarm."""
        return bool(self.cluster)

    @property
    def network_names(self) -> dict[str, str]:
        """Return the names of the networks by their identifiers."""
        return {network["Id"]: name for name, network in self.networks.items()}


def of_stack(item: dict[str, Any], stack: str) -> bool:
    """Return whether a service, config or secret, or a network, is one of a stack."""
    labels = item["Spec"].get("Labels") if "Spec" in item else item.get("Labels")
    return bool((labels or {}).get(naming.STACK) == stack)


def take(api: EngineApi | None, may_be_none: bool) -> Survey:
    """Return what the Swarm has.

    api: the engine; None if none runs. may_be_none: whether a host that is in no Swarm is one that has nothing;
    otherwise DockyardError is raised.
    """
    if api is None:
        if may_be_none:
            return Survey()
        raise DockyardError("stack_no_engine", "The Docker Engine of this host does not run; start it and run again.")
    swarm = api.get("/info").get("Swarm") or {}
    if not swarm.get("ControlAvailable"):
        state = swarm.get("LocalNodeState") or "inactive"
        if state == "inactive" and may_be_none:
            return Survey()
        remedy = {
            "inactive": "make it one with docker swarm init, or let it join one",
            "locked": "unlock it with docker swarm unlock",
        }.get(state, "run this on a manager")
        what = "a worker, or a manager that has lost the others" if state == "active" else state
        raise DockyardError(
            "stack_no_manager", f"The Docker Engine of this host manages no Swarm (it is {what}); {remedy}."
        )
    nodes = api.get("/nodes")
    return Survey(
        cluster=(swarm.get("Cluster") or {}).get("ID") or "",
        nodes={node["ID"]: _name(node) for node in nodes},
        engines=engines(nodes),
        services={service["Spec"]["Name"]: service for service in api.get("/services", status="true")},
        # A network of a Swarm comes before one of this node with the same name.
        networks={
            network["Name"]: network
            for network in sorted(api.get("/networks"), key=lambda network: bool(network.get("Scope") == "swarm"))
        },
        configs={config["Spec"]["Name"]: config for config in api.get("/configs")},
        secrets={secret["Spec"]["Name"]: secret for secret in api.get("/secrets")},
    )


def engines(nodes: list[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of the nodes' engines by the names of the nodes. nodes: as the engine lists them."""
    described = {_name(node): node.get("Description") or {} for node in nodes}
    return {name: (found.get("Engine") or {}).get("EngineVersion") or "" for name, found in described.items()}


def _name(node: dict[str, Any]) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])


def of_label(stack: str) -> dict[str, list[str]]:
    """Return the filter for what belongs to a stack."""
    return {"label": [f"{naming.STACK}={stack}"]}


def tasks(api: EngineApi, stack: str) -> dict[str, list[dict[str, Any]]]:
    """Return the tasks of a stack by the identifiers of their services, the newest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    listed = api.get("/tasks", filters=of_label(stack))
    for task in sorted(listed, key=lambda task: (task["CreatedAt"], task["ID"]), reverse=True):
        found.setdefault(task["ServiceID"], []).append(task)
    return found


def refused(answer: Any) -> str:
    """Return the engine's own words in an error, as the middle of a sentence."""
    return message(answer).strip().rstrip(".")
