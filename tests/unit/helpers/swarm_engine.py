# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imitate the engine of a Swarm's manager, as far as _engine.stack asks for it.

Real are the socket, HTTP, and JSON. Imitated is what a Swarm does: services get tasks that run at once, but for those
of an image that says otherwise: "broken" ends with 3, "missing" can't be pulled, "slow" prepares for ever, "homeless"
finds no node. An update to one of the first two is paused, or rolled back if the service says so. Networks in use are
not removed. Real Swarms are in the integration target swarm_stack.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import urllib.parse
from typing import Any

from . import engine_server

NODE = "node1"
_ERRORS = {"broken": "task: non-zero exit (3)", "missing": "No such image: missing:1"}


@dataclasses.dataclass
class SwarmEngine(engine_server.Engine):
    """services, networks, configs, secrets: by id. tasks: all, in order.

    refused: requests ("METHOD /path") that fail, with the engine's words. digests: by images. sent: headers of the
    requests that change services, by their paths. manager: whether it is one. out_of_sequence: how many updates are
    refused because the orchestrator was faster.
    """

    services: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    contents: dict[str, dict[str, dict[str, Any]]] = dataclasses.field(
        default_factory=lambda: {"configs": {}, "secrets": {}}
    )
    tasks: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    volumes: list[str] = dataclasses.field(default_factory=list)
    further_nodes: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)
    digests: dict[str, str] = dataclasses.field(default_factory=dict)
    sent: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    swarm: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"LocalNodeState": "active", "ControlAvailable": True, "Cluster": {"ID": "cluster1"}}
    )
    out_of_sequence: int = 0
    count: int = 0

    def identity(self) -> str:
        self.count += 1
        return f"{self.count:025d}"

    def add_network(self, name: str, **options: Any) -> dict[str, Any]:
        raw: dict[str, Any] = {
            "Name": name,
            "Id": self.identity(),
            "Scope": "swarm",
            "Driver": "overlay",
            "IPAM": {
                "Driver": "default",
                "Config": [{"Subnet": f"10.{self.count}.0.0/24", "Gateway": f"10.{self.count}.0.1"}],
            },
            "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
            "Labels": {},
            **options,
        }
        self.networks[raw["Id"]] = raw
        return raw

    def add_service(self, spec: dict[str, Any]) -> dict[str, Any]:
        service: dict[str, Any] = {
            "ID": self.identity(),
            "Version": {"Index": self.identity_number()},
            "Spec": copy.deepcopy(spec),
        }
        self.services[service["ID"]] = service
        self._make_tasks(service)
        return service

    def identity_number(self) -> int:
        return int(self.identity())

    def named(self, name: str) -> dict[str, Any]:
        return next(service for service in self.services.values() if service["Spec"]["Name"] == name)

    @property
    def changes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET")]

    def _make_tasks(self, service: dict[str, Any]) -> None:
        spec = service["Spec"]
        image = spec["TaskTemplate"]["ContainerSpec"]["Image"].partition(":")[0]
        for task in self.tasks:
            if task["ServiceID"] == service["ID"] and task["Status"]["State"] != "failed":
                task["DesiredState"], task["Status"] = "shutdown", {"State": "shutdown"}
        replicas = spec["Mode"]["Replicated"]["Replicas"] if "Replicated" in spec["Mode"] else 1
        for slot in range(1, replicas + 1):
            if image in _ERRORS:
                for _attempt in range(3):
                    self._task(service, slot, "shutdown", "failed", _ERRORS[image])
            elif image == "slow":
                self._task(service, slot, "running", "preparing")
            elif image == "homeless":
                self._task(service, slot, "running", "pending", "no suitable node (1 node full)")
            else:
                self._task(service, slot, "running", "running")

    def _task(self, service: dict[str, Any], slot: int, desired: str, state: str, error: str = "") -> None:
        identity = self.identity()
        status: dict[str, Any] = {"State": state, **({"Err": error} if error else {})}
        if state == "failed":
            status["ContainerStatus"] = {"ContainerID": "c", "ExitCode": 3}
        self.tasks.append(
            {
                "ID": identity,
                "CreatedAt": identity,
                "ServiceID": service["ID"],
                "Slot": slot,
                "NodeID": "" if state == "pending" else NODE,
                "DesiredState": desired,
                "Status": status,
                "Spec": copy.deepcopy(service["Spec"]["TaskTemplate"]),
            }
        )

    def answer(self, method: str, target: str) -> engine_server.Answer | bytes:
        parts = urllib.parse.urlsplit(target)
        path, query = parts.path, dict(urllib.parse.parse_qsl(parts.query))
        self.requests.append(f"{method} {path}")
        for request, words in self.refused.items():
            if f"{method} {path}".startswith(request):
                return (0, None) if not words else (500, {"message": words})
        word = path.split("/")
        if path == "/info":
            return 200, {"Swarm": self.swarm}
        if path == "/nodes":
            return 200, [
                {"ID": NODE, "Description": {"Hostname": "one", "Engine": {"EngineVersion": "26.1.5"}}},
                *self.further_nodes,
            ]
        if word[1] == "distribution":
            image = "/".join(word[2:-1])
            self.sent[path] = self.headers
            known = self.digests.get(image)
            return (200, {"Descriptor": {"digest": known}}) if known else (403, {"message": "no registry"})
        if word[1] == "tasks":
            return self._ask_tasks(word, query)
        if word[1] == "volumes":
            return self._ask_volumes(method, word)
        if word[1] in self.contents:
            return self._ask_contents(method, word)
        return self._ask_networks(method, word) if word[1] == "networks" else self._ask_services(method, word, query)

    def _ask_tasks(self, word: list[str], query: dict[str, str]) -> engine_server.Answer:
        if len(word) == 4:
            return 200, b"\x02\0\0\0\0\0\0\x0dno such table\x01\0\0\0\0\0\0\x01\n"
        filters = json.loads(query["filters"])
        if "service" in filters:
            return 200, [task for task in self.tasks if task["ServiceID"] in filters["service"]]
        return 200, [task for task in self.tasks if self._of(self.services[task["ServiceID"]]["Spec"], filters)]

    def _of(self, item: dict[str, Any], filters: dict[str, list[str]]) -> bool:
        name, _equals, value = filters["label"][0].partition("=")
        return bool((item.get("Labels") or {}).get(name) == value)

    def _ask_volumes(self, method: str, word: list[str]) -> engine_server.Answer:
        if method == "GET":
            return 200, {"Volumes": [{"Name": name} for name in self.volumes] or None}
        self.volumes.remove(word[2])
        return 204, None

    def _ask_contents(self, method: str, word: list[str]) -> engine_server.Answer:
        found = self.contents[word[1]]
        if method == "GET":
            return 200, list(found.values())
        if method == "DELETE":
            del found[word[2]]
            return 204, None
        identity = self.identity()
        found[identity] = {"ID": identity, "Spec": {key: self.body[key] for key in ("Name", "Labels", "Data")}}
        return 201, {"ID": identity}

    def _ask_networks(self, method: str, word: list[str]) -> engine_server.Answer:
        if method == "POST":
            kept = {key: value for key, value in self.body.items() if key not in ("CheckDuplicate", "IPAM", "Name")}
            raw = self.add_network(self.body["Name"], **kept)
            if self.body.get("IPAM"):
                raw["IPAM"] = self.body["IPAM"]
            return 201, {"Id": raw["Id"]}
        if len(word) == 2:
            return 200, list(self.networks.values())
        if word[2] not in self.networks:
            return 404, {"message": f"network {word[2]} not found"}
        if method == "GET":
            return 200, self.networks[word[2]]
        targets = [
            attachment["Target"]
            for service in self.services.values()
            for attachment in service["Spec"]["TaskTemplate"].get("Networks") or []
        ]
        if word[2] in targets:
            return 400, {"message": "network is in use by service"}
        del self.networks[word[2]]
        return 204, None

    def _ask_services(self, method: str, word: list[str], query: dict[str, str]) -> engine_server.Answer:
        if method == "GET" and len(word) == 2:
            filters = json.loads(query.get("filters") or "{}")
            return 200, [
                {**service, "ServiceStatus": self._status(service)}
                for service in self.services.values()
                if not filters or self._of(service["Spec"], filters)
            ]
        if method == "POST" and word[2] == "create":
            self.sent[self.body["Name"]] = self.headers
            return 201, {"ID": self.add_service(self.body)["ID"]}
        service = self.services.get(word[2])
        if service is None:
            return 404, {"message": f"service {word[2]} not found"}
        if method == "GET":
            return 200, service
        if method == "DELETE":
            del self.services[word[2]]
            self.tasks = [task for task in self.tasks if task["ServiceID"] != word[2]]
            return 200, None
        return self._update(service, query)

    def _status(self, service: dict[str, Any]) -> dict[str, int]:
        tasks = [task for task in self.tasks if task["ServiceID"] == service["ID"]]
        return {
            "RunningTasks": sum(task["Status"]["State"] == "running" for task in tasks),
            "DesiredTasks": sum(task["DesiredState"] == "running" for task in tasks),
        }

    def _update(self, service: dict[str, Any], query: dict[str, str]) -> engine_server.Answer:
        if self.out_of_sequence or int(query["version"]) != service["Version"]["Index"]:
            self.out_of_sequence -= 1
            return 500, {"message": "rpc error: code = Unknown desc = update out of sequence"}
        self.sent[self.body["Name"]] = self.headers
        before = service["Spec"]
        service.update(Spec=copy.deepcopy(self.body), PreviousSpec=before, Version={"Index": self.identity_number()})
        service.pop("UpdateStatus", None)
        if self.body["TaskTemplate"] == before["TaskTemplate"] and self.body["Mode"] == before["Mode"]:
            return 200, {"Warnings": None}
        self._make_tasks(service)
        state = "completed"
        if self.body["TaskTemplate"]["ContainerSpec"]["Image"].partition(":")[0] in _ERRORS:
            state = "paused"
            if (self.body.get("UpdateConfig") or {}).get("FailureAction") == "rollback":
                state = "rollback_completed"
                service["Spec"] = before
                self._make_tasks(service)
        service["UpdateStatus"] = {"State": state, "StartedAt": self.identity(), "Message": f"update {state}"}
        return 200, {"Warnings": ["image could not be accessed on a registry to record its digest."]}
