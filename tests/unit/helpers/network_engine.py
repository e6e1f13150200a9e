# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imitate the networks of a Docker Engine, as far as _engine.networks asks for them.

Real are the socket, HTTP, and JSON. Imitated is what the engine does: it keeps networks and connections, takes a subnet
from a pool, refuses an overlap, a nonsense option, and the removal of a network in use. There are no bridges: networks
have the driver macvlan, or the option that leaves their bridge without an address. Real ones are in the integration
target docker_networks.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import urllib.parse
from typing import Any

from . import engine_server

NO_ADDRESS = {"com.docker.network.bridge.inhibit_ipv4": "true"}


@dataclasses.dataclass
class NetworkEngine(engine_server.Engine):
    """networks: by id. connections: containers and their connections by the names of networks.

    refused: requests ("METHOD /path") that fail, with the engine's words. swarm: what /info says of it.
    services: what a manager lists. labels, details: of containers. stale: endpoints without a container, by networks.
    settling: how many removals are refused before the engine notices that nobody is connected any more.
    """

    networks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    connections: dict[str, dict[str, dict[str, Any]]] = dataclasses.field(default_factory=dict)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)
    pool: str = "10.200.0.0/24"
    swarm: dict[str, Any] = dataclasses.field(default_factory=dict)
    version: str = "26.1.5"
    count: int = 0
    services: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    labels: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    details: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    stale: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    settling: int = 0
    connected_in_order: list[str] = dataclasses.field(default_factory=list)

    def add(self, name: str, *subnets: str, **options: Any) -> dict[str, Any]:
        """Add a network as it was created before."""
        self.count += 1
        raw = {
            "Name": name,
            "Id": f"{self.count:064x}",
            "Scope": "local",
            "Driver": "macvlan",
            "EnableIPv6": False,
            "Internal": False,
            "Attachable": False,
            "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": subnet} for subnet in subnets]},
            "Options": {},
            "Labels": {},
            **options,
        }
        self.networks[raw["Id"]] = raw
        return raw

    def connect(self, container: str, network: str, **config: Any) -> None:
        """Connect a container as it was before."""
        self.connections.setdefault(container, {})[network] = config

    def connected(self, network: str) -> list[str]:
        """Return the containers of a network."""
        return sorted(container for container, found in self.connections.items() if network in found)

    def answer(self, method: str, target: str) -> engine_server.Answer | bytes:
        path = urllib.parse.urlsplit(target).path
        self.requests.append(f"{method} {path}")
        for request, words in self.refused.items():
            if f"{method} {path}".startswith(request):
                return 500, {"message": words}
        if path in ("/info", "/version"):
            return 200, {"Swarm": self.swarm, "Version": self.version}
        if path == "/services":
            return 200, self.services
        word = path.split("/")
        if word[1] == "containers":
            return self._containers(word)
        if method == "GET":
            if len(word) == 2:
                return 200, list(self.networks.values())
            found = self._find(word[2])
            return (404, {"message": "network not found"}) if found is None else (200, self._with_containers(found))
        if path == "/networks/create":
            return self._create(self.body)
        network = self._find(word[2])
        if network is None:
            return 404, {"message": f"network {word[2]} not found"}
        return self._change(method, word, network)

    def _with_containers(self, network: dict[str, Any]) -> dict[str, Any]:
        name = network["Name"]
        shown = {container: {"Name": container} for container in self.connected(name)}
        shown.update({f"ep-{endpoint}": {"Name": endpoint} for endpoint in self.stale.get(name, [])})
        return {**network, "Containers": {**shown, f"lb-{name}": {"Name": f"{name}-endpoint"}}}

    def _find(self, word: str) -> dict[str, Any] | None:
        by_name = [network for network in self.networks.values() if network["Name"] == word]
        return self.networks.get(word) or (by_name[0] if by_name else None)

    def _containers(self, word: list[str]) -> engine_server.Answer:
        if len(word) == 3:
            return 200, [
                {
                    "Id": container,
                    "Names": [f"/{container}"],
                    "Labels": self.labels.get(container, {}),
                    "NetworkSettings": {"Networks": dict.fromkeys(found)},
                }
                for container, found in self.connections.items()
            ]
        if word[2] not in self.connections:
            return 404, {"message": f"No such container: {word[2]}"}
        details = self.details.get(word[2], {})
        ports = details.get("Ports", {})
        return 200, {**details, "NetworkSettings": {"Networks": self.connections[word[2]], "Ports": ports}}

    def _create(self, body: dict[str, Any]) -> engine_server.Answer:
        if "nonsense" in body["Options"].values():
            return 400, {"message": "invalid option nonsense"}
        ipam = body.get("IPAM") or {}
        config = ipam.get("Config") or [{"Subnet": self.pool, "Gateway": ""}]
        for other in self.networks.values():
            for part in other["IPAM"]["Config"]:
                if any(
                    ipaddress.ip_network(part["Subnet"]).overlaps(ipaddress.ip_network(each["Subnet"]))
                    for each in config
                ):
                    return 403, {"message": "Pool overlaps with other one on this address space"}
        kept = {key: value for key, value in body.items() if key not in ("CheckDuplicate", "Name", "IPAM")}
        raw = self.add(body["Name"], **kept)
        raw["IPAM"] = {"Driver": "default", "Options": None, **ipam, "Config": config}
        return 201, {"Id": raw["Id"], "Warning": ""}

    def _change(self, method: str, word: list[str], network: dict[str, Any]) -> engine_server.Answer:
        name = network["Name"]
        if method == "DELETE":
            if self.connected(name) or self.stale.get(name) or self.settling:
                self.settling = max(0, self.settling - 1)
                return 403, {"message": f"network {name} has active endpoints"}
            del self.networks[network["Id"]]
            return 204, None
        container = self.body["Container"]
        if container not in self.connections:
            return 404, {"message": f"No such container: {container}"}
        if word[3] == "connect":
            self.connections[container][name] = self.body["EndpointConfig"]
            self.connected_in_order.append(container)
        else:
            del self.connections[container][name]
        return 200, None
