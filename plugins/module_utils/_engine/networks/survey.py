# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The engine's networks with the containers that are connected to them, and what the host has around them."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Network

from .. import inventory, naming, service
from ..api import EngineApi
from ..daemon_config import live
from ..running_engine import configured, find_engine
from .rules import Surroundings

EngineState = Literal["absent", "stopped", "running"]
# With these the bridge has no address of its own.
_NO_ADDRESS = {
    "com.docker.network.bridge.inhibit_ipv4": "true",
    "com.docker.network.bridge.gateway_mode_ipv4": "isolated",
}
# Engines from here on connect a container with the MAC address that is asked for, and their API (1.52) does not tell
# one that was given to the container from one that the engine has chosen.
_KEEPS_MAC = (29,)


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A container's connection to a network.

    config: how the container was connected, as the engine takes it: aliases, fixed addresses, links, driver options.
    task: whether the container is one of a Swarm service.
    chosen_ports: its published ports for which the engine has chosen a port of the host, as "80/tcp, now 32768".
    published: its ports that are published, as "80/tcp".
    by_id: whether the container was created with the network's identifier in place of its name, so that no other
        network can take its place.
    """

    container: str
    name: str
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    task: bool = False
    chosen_ports: list[str] = dataclasses.field(default_factory=list)
    by_id: bool = False
    published: list[str] = dataclasses.field(default_factory=list)

    @property
    def fixed_mac(self) -> str:
        return str(self.config.get("MacAddress") or "")


@dataclasses.dataclass
class ExistingNetwork:
    """A network as the engine describes it.

    raw: the engine's description. endpoints: containers that are connected to it, stopped ones included.
    """

    raw: dict[str, Any]
    endpoints: list[Endpoint] = dataclasses.field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.raw["Id"])

    @property
    def name(self) -> str:
        return str(self.raw["Name"])

    @property
    def driver(self) -> str:
        return str(self.raw.get("Driver") or "")

    @property
    def options(self) -> dict[str, str]:
        return self.raw.get("Options") or {}

    @property
    def labels(self) -> dict[str, str]:
        return self.raw.get("Labels") or {}

    @property
    def of_swarm(self) -> bool:
        return self.raw.get("Scope") == "swarm"

    @property
    def config_only(self) -> bool:
        """Tell whether it is only the configuration of others, and has no addresses itself."""
        return bool(self.raw.get("ConfigOnly"))

    @property
    def configuration(self) -> str:
        """Return the name of the network that it takes its configuration from, and an empty string if there is none."""
        return str((self.raw.get("ConfigFrom") or {}).get("Network") or "")

    @property
    def of_engine(self) -> bool:
        """Tell whether a Swarm node has it for the traffic of its services, and can't do without it."""
        return bool(self.raw.get("Ingress")) or self.name in ("ingress", "docker_gwbridge")

    @property
    def ipam(self) -> list[dict[str, Any]]:
        return (self.raw.get("IPAM") or {}).get("Config") or []

    @property
    def subnets(self) -> list[Network]:
        return [ipaddress.ip_network(part["Subnet"], strict=False) for part in self.ipam if part.get("Subnet")]

    @property
    def containers(self) -> list[str]:
        return sorted(endpoint.name for endpoint in self.endpoints)

    @property
    def device(self) -> str:
        """Return the name of its bridge, and an empty string if it has none."""
        return naming.bridge_device(self.raw) or ""

    @property
    def bridge_has_addresses(self) -> bool:
        return bool(self.device) and not any(self.options.get(key) == value for key, value in _NO_ADDRESS.items())


@dataclasses.dataclass
class Survey:
    """The host as it was found.

    api: the engine; None if it does not run.
    networks: all of the engine's networks.
    manager: whether the engine is a manager of a Swarm.
    switches_forwarding, writes_rules: whether the engine switches forwarding on, and writes rules of the firewall.
    """

    engine: EngineState
    api: EngineApi | None
    around: Surroundings
    networks: list[ExistingNetwork] = dataclasses.field(default_factory=list)
    manager: bool = False
    switches_forwarding: bool = True
    writes_rules: bool = True

    def named(self, name: str) -> ExistingNetwork | None:
        return next((network for network in self.networks if network.name == name), None)


def inspect_host(socket: str = "") -> Survey:
    """Return the survey of engine and host.

    socket: the engine's, where a user names it.
    """
    api, unit = find_engine(socket)
    version = live.running_version(api) if api else (service.installed_version(unit) if unit else None)
    around = live.inspect_surroundings(api, version, "/var/lib/docker")
    if api is None:
        return Survey("stopped" if unit and unit.state != "absent" else "absent", None, around)
    swarm = api.get("/info").get("Swarm") or {}
    # Of an engine that another unit runs, neither file nor flags are known.
    config, flags = (configured(unit), unit.argv) if unit and unit.state == "running" else ({}, [])
    return Survey(
        "running",
        api,
        around,
        inspect_networks(api),
        bool(swarm.get("ControlAvailable")),
        switches_forwarding=live.switches_forwarding(config, flags),
        writes_rules=live.writes_rules(config, flags),
    )


def inspect_networks(api: EngineApi) -> list[ExistingNetwork]:
    """Return the engine's networks with their containers."""
    networks = [ExistingNetwork(raw) for raw in api.get("/networks")]
    by_name = {network.name: network for network in networks}
    for listed in api.get("/containers/json", all="true"):
        for name in (listed.get("NetworkSettings") or {}).get("Networks") or {}:
            if name in by_name:
                container = naming.container_name(listed)
                task = naming.SWARM_TASK in (listed.get("Labels") or {})
                by_name[name].endpoints.append(Endpoint(listed["Id"], container, task=task))
    return networks


def stale_endpoints(api: EngineApi, network: ExistingNetwork) -> list[str]:
    """Return the names of endpoints that a network has of containers that the engine does not have any more."""
    status, shown = api.ask("GET", f"/networks/{network.id}")
    if status != 200:
        return []
    known = {listed["Id"] for listed in api.get("/containers/json", all="true")}
    # An overlay has an endpoint of its own on each node, for the balancing of services.
    return sorted(
        endpoint.get("Name") or key
        for key, endpoint in (shown.get("Containers") or {}).items()
        if key not in known and not key.startswith("lb-")
    )


def services_of(api: EngineApi, network: ExistingNetwork) -> list[str]:
    """Return the names of the Swarm services that use a network. Only a manager knows them."""
    found = []
    for each_service in api.get("/services"):
        spec = each_service["Spec"]
        attached = [*(spec["TaskTemplate"].get("Networks") or []), *(spec.get("Networks") or [])]
        of_addresses = [each.get("NetworkID") for each in (each_service.get("Endpoint") or {}).get("VirtualIPs") or []]
        if {network.id, network.name} & {each.get("Target") for each in attached} or network.id in of_addresses:
            found.append(str(spec["Name"]))
    return sorted(found)


def inspect_endpoints(
    api: EngineApi, network: ExistingNetwork, version: tuple[int, ...] | None = None
) -> list[Endpoint]:
    """Return the connections of a network with what is needed to make them again. Containers that are gone are not.

    version: the engine's.
    """
    found = []
    for endpoint in network.endpoints:
        status, details = api.ask("GET", f"/containers/{endpoint.container}/json")
        if status == 200:
            shown = ((details.get("NetworkSettings") or {}).get("Networks") or {}).get(network.name) or {}
            config = inventory.connection(endpoint.container, shown)
            mac = shown.get("MacAddress") if version and version >= _KEEPS_MAC else _fixed_mac(details, network)
            if mac:
                config["MacAddress"] = mac
            ports = _chosen_ports(details) if network.driver == "bridge" else []
            mode = (details.get("HostConfig") or {}).get("NetworkMode") or ""
            by_id = mode != network.name and len(mode) >= naming.SHORT and network.id.startswith(mode)
            published = sorted((details.get("HostConfig") or {}).get("PortBindings") or {})
            found.append(
                dataclasses.replace(endpoint, config=config, chosen_ports=ports, by_id=by_id, published=published)
            )
    return found


def _fixed_mac(details: dict[str, Any], network: ExistingNetwork) -> str:
    """Return the MAC address that a container was given for the network that it was started on."""
    mode = (details.get("HostConfig") or {}).get("NetworkMode")
    given = (details.get("Config") or {}).get("MacAddress")
    return str(given) if given and mode in (network.name, network.id) else ""


def _chosen_ports(details: dict[str, Any]) -> list[str]:
    host = details.get("HostConfig") or {}
    declared = host.get("PortBindings") or {}
    found = []
    for port, bindings in ((details.get("NetworkSettings") or {}).get("Ports") or {}).items():
        asked = [str(binding.get("HostPort") or "") for binding in declared.get(port) or [{}]]
        # A range leaves it to the engine as well.
        if bindings and any(text in ("", "0") or "-" in text for text in asked):
            now = sorted({str(binding.get("HostPort")) for binding in bindings})
            found.append(f"{port}, now {' and '.join(now)}")
    return sorted(found)


def bridge_addresses(network: ExistingNetwork) -> list[str]:
    """Return the addresses of a network's bridge on the host."""
    return [str(address) for address in host_network.addresses(network.device)] if network.device else []
