# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Take the inventory of a running engine, and compare two of them: what the engine runs is the truth.

Containers and networks are known by their identifiers, and by their names where they were created again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._host import words
from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed

from . import naming
from .api import EngineApi

ImageStore = Literal["graph", "containerd"]
Kind = Literal["storage", "container", "image", "volume", "network", "state", "health", "attachment", "port", "address"]

# Swarm replaces the containers of its services by itself; those that ran before do not come back.
# The engine makes these again at each start, with other identifiers.
_BUILT_IN = ("bridge", "host", "none")
_SECONDS = 120  # a host with thousands of images takes its time to list them
_MOST_NAMES = 5


@dataclasses.dataclass(frozen=True)
class Publication:
    """A port of a container that is published.

    address, host_port: as declared; empty if the engine chooses them.
    """

    port: str
    address: str = ""
    host_port: str = ""

    @property
    def shown(self) -> str:
        """Return it as C(docker run --publish) takes it."""
        host = bracketed(self.address)
        return ":".join(part for part in (host, self.host_port, self.port) if part)


@dataclasses.dataclass(frozen=True)
class Container:
    """A container, whether it runs or not.

    status: in the engine's words, such as C(running).
    health: what its health check says; None without one.
    networks: the addresses that it has in each, by the network's name. network_ids: the networks' identifiers by name,
    as two networks may share one. endpoints: what to connect it with again.
    published: what is published, as far as the engine does publish it at the moment.
    ports: the addresses and ports of the host that the engine has for each port of the container.
    """

    id: str
    name: str
    status: str
    restarts: int = 0
    health: str | None = None
    networks: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    published: list[Publication] = dataclasses.field(default_factory=list)
    ports: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    of_swarm: bool = False
    network_ids: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether it has processes and is not about to be started again."""
        return self.status in ("running", "paused")


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What an engine has.

    images: their names by their identifiers. networks: the names of those that users made, by their identifiers.
    """

    storage_driver: str
    image_store: ImageStore
    data_root: str
    containers: list[Container] = dataclasses.field(default_factory=list)
    images: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    volumes: list[str] = dataclasses.field(default_factory=list)
    networks: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it that could be lost."""
        return not (self.containers or self.images or self.volumes or self.networks)

    def find(self, container: Container) -> Container | None:
        """Return a container by its identifier, or by its name if it was created again."""
        by_id = next((other for other in self.containers if other.id == container.id), None)
        return by_id or next((other for other in self.containers if other.name == container.name), None)

    def encoded(self) -> dict[str, Any]:
        """Return it as data."""
        return dataclasses.asdict(self)

    @classmethod
    def decoded(cls, data: dict[str, Any]) -> Inventory:
        """Return what was encoded. Raise TypeError or KeyError for anything else."""
        containers = [
            Container(**{**item, "published": [Publication(**one) for one in item["published"]]})
            for item in data["containers"]
        ]
        return cls(**{**data, "containers": containers})


@dataclasses.dataclass(frozen=True)
class Difference:
    """Something that is not as it was.

    lost: whether something is missing; if not, it is only different, such as an address out of a pool.
    """

    kind: Kind
    name: str
    sentence: str
    lost: bool = True


def take(api: EngineApi) -> Inventory:
    """Return what the engine has. Raise Unreachable if it does not say."""
    api = EngineApi(api.path, _SECONDS)
    info = api.get("/info")
    containers = []
    for listed in sorted(api.get("/containers/json", all="true"), key=lambda item: (item["Created"], item["Id"])):
        status, details = api.ask("GET", f"/containers/{listed['Id']}/json")
        if status == 200:  # otherwise it is gone in the meantime
            containers.append(described(details))
    return Inventory(
        storage_driver=info["Driver"],
        image_store=image_store(info),
        data_root=info["DockerRootDir"],
        containers=containers,
        images={image["Id"]: sorted(image.get("RepoTags") or []) for image in api.get("/images/json")},
        volumes=sorted(volume["Name"] for volume in api.get("/volumes").get("Volumes") or []),
        networks={
            network["Id"]: network["Name"]
            for network in api.get("/networks")
            if network["Name"] not in _BUILT_IN and network.get("Scope", "local") == "local"
        },
    )


def image_store(info: dict[str, Any]) -> ImageStore:
    """Return where an engine has its images, by its answer to /info."""
    status = info.get("DriverStatus") or []
    return "containerd" if any(line[:1] == ["driver-type"] for line in status) else "graph"


def described(details: dict[str, Any]) -> Container:
    """Return a container by what the engine says when it is inspected."""
    state = details["State"]
    settings = details.get("NetworkSettings") or {}
    networks = settings.get("Networks") or {}
    ports = {
        port: sorted({f"{binding.get('HostIp', '')}|{binding.get('HostPort', '')}" for binding in bindings})
        for port, bindings in (settings.get("Ports") or {}).items()
        if bindings
    }
    return Container(
        id=details["Id"],
        name=details["Name"].lstrip("/"),
        status=state.get("Status") or ("running" if state["Running"] else "exited"),
        restarts=details.get("RestartCount", 0),
        health=health(state),
        networks={
            name: [address for address in (endpoint.get("IPAddress"), endpoint.get("GlobalIPv6Address")) if address]
            for name, endpoint in networks.items()
        },
        endpoints={name: connection(details["Id"], endpoint) for name, endpoint in networks.items()},
        published=[one for one in _publications(details, ports) if _in_force(one, ports)],
        ports=ports,
        of_swarm=naming.SWARM_TASK in ((details.get("Config") or {}).get("Labels") or {}),
        network_ids={name: endpoint["NetworkID"] for name, endpoint in networks.items() if endpoint.get("NetworkID")},
    )


def connection(container: str, shown: dict[str, Any]) -> dict[str, Any]:
    """Return with what a container can be connected to a network again.

    container: its identifier; shown: the endpoint as the engine shows it.
    """
    config = {key: shown[key] for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority") if shown.get(key)}
    # Engines before 25 show the container's short id among its aliases, and add it again.
    aliases = [alias for alias in shown.get("Aliases") or [] if alias != container[: naming.SHORT]]
    return {**config, "Aliases": aliases} if aliases else config


def health(state: dict[str, Any]) -> str | None:
    """Return what a container's health check says; None without one."""
    status: str = (state.get("Health") or {}).get("Status", "none")
    return None if status == "none" else status


def declared_publications(details: dict[str, Any]) -> list[Publication]:
    """Return the ports that a container is to publish, by what the engine says when it is inspected."""
    bindings = (details.get("HostConfig") or {}).get("PortBindings") or {}
    return [
        Publication(
            port,
            binding.get("HostIp") or "",
            # A range of ports leaves the choice to the engine.
            binding.get("HostPort") if (binding.get("HostPort") or "").isdigit() else "",
        )
        for port, declared in bindings.items()
        for binding in declared or []
    ]


def _publications(details: dict[str, Any], ports: dict[str, list[str]]) -> list[Publication]:
    declared = declared_publications(details)
    named = {one.port for one in declared}
    return declared + [Publication(port) for port in ports if port not in named]


def _in_force(one: Publication, ports: dict[str, list[str]]) -> bool:
    for binding in ports.get(one.port, []):
        address, _separator, host_port = binding.rpartition("|")
        if one.host_port not in ("", "0", host_port):
            continue
        if one.address in ("", "0.0.0.0", "::", address):  # noqa: S104  # as declared, nothing is bound here
            return True
    return False


def compare(before: Inventory, after: Inventory) -> list[Difference]:
    """Return what is missing or different.

    Of containers that ran before, it is asked whether they run, are as healthy, and have their networks and ports.
    """
    return [*_storage(before, after), *_gone(before, after), *_of_containers(before, after)]


def lost(differences: Iterable[Difference]) -> list[Difference]:
    """Return those by which something is missing."""
    return [difference for difference in differences if difference.lost]


def sentence(differences: Sequence[Difference]) -> str:
    """Return differences as a part of a sentence."""
    shown = [difference.sentence for difference in differences[:_MOST_NAMES]]
    if len(differences) > _MOST_NAMES:
        shown.append(f"and {len(differences) - _MOST_NAMES} more")
    return "; ".join(shown)


def _storage(before: Inventory, after: Inventory) -> list[Difference]:
    changed = [
        (f"the {what}", old, new)
        for what, old, new in (
            ("storage driver", before.storage_driver, after.storage_driver),
            ("image store", before.image_store, after.image_store),
            ("data root", before.data_root, after.data_root),
        )
        if old != new
    ]
    return [Difference("storage", what, f"{what} is {new} and was {old}") for what, old, new in changed]


def _gone(before: Inventory, after: Inventory) -> list[Difference]:
    names: list[tuple[Kind, str]] = [
        ("container", container.name)
        for container in before.containers
        if not container.of_swarm and after.find(container) is None
    ]
    names += [("image", image_name(key, tags)) for key, tags in before.images.items() if key not in after.images]
    names += [("volume", name) for name in before.volumes if name not in after.volumes]
    made_again = {name for key, name in after.networks.items() if key not in before.networks}
    names += [
        ("network", name)
        for key, name in before.networks.items()
        if key not in after.networks and name not in made_again
    ]
    return [Difference(kind, name, f"the {kind} {name} is gone") for kind, name in names]


def image_name(identifier: str, tags: Sequence[str]) -> str:
    """Return what a person calls an image."""
    named = [tag for tag in tags if tag != "<none>:<none>"]
    return named[0] if named else identifier.partition(":")[2][:12] or identifier[:12]


def _of_containers(before: Inventory, after: Inventory) -> list[Difference]:
    differences: list[Difference] = []
    for container in before.containers:
        now = after.find(container)
        if now is None or container.of_swarm or not container.runs:
            continue
        name = container.name
        if not now.runs:
            differences.append(Difference("state", name, f"{name} is {now.status} and was {container.status}"))
            continue
        if container.health == "healthy" and now.health == "unhealthy":
            differences.append(Difference("health", name, f"{name} is unhealthy and was healthy"))
        differences += _attachment(container, now)
        differences += [
            Difference("port", name, f"{name} no longer publishes {one.shown}")
            for one in container.published
            if not _in_force(one, now.ports)
        ]
    return differences


def _attachment(before: Container, now: Container) -> list[Difference]:
    differences: list[Difference] = []
    for network, addresses in before.networks.items():
        name = before.name
        if network not in now.networks:
            differences.append(Difference("attachment", name, f"{name} has lost the network {network}"))
        elif addresses and not now.networks[network]:
            differences.append(Difference("attachment", name, f"{name} has no address in the network {network}"))
        elif addresses != now.networks[network]:
            new = ", ".join(now.networks[network])
            differences.append(
                Difference(
                    "address",
                    name,
                    f"{name} has {new} in the network {network} and had {', '.join(addresses)}",
                    lost=False,
                )
            )
    return differences


def counted(inventory: Inventory) -> str:
    """Return what is in an inventory as a part of a sentence: kinds by count and name."""
    kinds = (
        ("container", sorted(container.name for container in inventory.containers)),
        ("image", sorted(image_name(key, tags) for key, tags in inventory.images.items())),
        ("volume", inventory.volumes),
        ("network", sorted(inventory.networks.values())),
    )
    return ", ".join(f"{words.counted(len(names), kind)} ({_listed(names)})" for kind, names in kinds if names)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join([*names[:_MOST_NAMES], *([f"and {more} more"] if more > 0 else [])])
