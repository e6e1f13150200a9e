# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine has before and after a change. The engine is imitated; real ones are in tests/faults."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import inventory
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.containers import reattach
from ansible_collections.dockyard.ops.plugins.module_utils._engine.inventory import (
    Container,
    Inventory,
    Publication,
    compare,
    counted,
    lost,
    sentence,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve

WEB = Container(
    "1" * 64,
    "web",
    "running",
    health="healthy",
    networks={"bridge": ["172.17.0.2"], "front": ["10.99.0.2"]},
    endpoints={"bridge": {}, "front": {"Aliases": ["www"]}},
    published=[Publication("80/tcp", "192.0.2.1", "8080"), Publication("443/tcp")],
    ports={"80/tcp": ["192.0.2.1|8080"], "443/tcp": ["0.0.0.0|32768", "::|32768"]},
    network_ids={"front": "f" * 64},
)
JOB = Container("2" * 64, "job", "exited")
TASK = Container("3" * 64, "web.1.abc", "running", of_swarm=True)
BEFORE = Inventory(
    "overlay2",
    "graph",
    "/var/lib/docker",
    [WEB, JOB, TASK],
    {"sha256:" + "a" * 64: ["small:1"], "sha256:" + "b" * 64: ["<none>:<none>"]},
    ["data", "logs"],
    {"f" * 64: "front"},
)
DETAILS: dict[str, Any] = {
    "Id": WEB.id,
    "Name": "/web",
    "RestartCount": 2,
    "State": {"Status": "running", "Running": True, "Health": {"Status": "healthy"}},
    "Config": {"Labels": None},
    "HostConfig": {
        "PortBindings": {
            "80/tcp": [{"HostIp": "192.0.2.1", "HostPort": "8080"}],
            "443/tcp": [{"HostIp": "", "HostPort": "32000-33000"}],
            "53/udp": [{"HostIp": "192.0.2.9", "HostPort": "53"}],
        }
    },
    "NetworkSettings": {
        "Networks": {
            "bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": "", "Aliases": None},
            "front": {
                "IPAddress": "10.99.0.2",
                "Aliases": ["www"],
                "Gateway": "10.99.0.1",
                "NetworkID": "f" * 64,
            },
        },
        "Ports": {
            "80/tcp": [{"HostIp": "192.0.2.1", "HostPort": "8080"}],
            "443/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}, {"HostIp": "::", "HostPort": "32768"}],
            "9000/tcp": None,
        },
    },
}
INFO = {"Driver": "overlay2", "DockerRootDir": "/var/lib/docker", "DriverStatus": [["Supports d_type", "true"]]}


def changed(container: Container = WEB, **changes: Any) -> Inventory:
    web = dataclasses.replace(container, **changes)
    return dataclasses.replace(BEFORE, containers=[web, JOB, TASK])


def test_what_an_engine_has(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path, Engine) as engine:
        engine.answers = {
            "/info": (200, INFO),
            "/containers/json": (200, [{"Id": WEB.id, "Created": 1}, {"Id": "gone", "Created": 2}]),
            f"/containers/{WEB.id}/json": (200, DETAILS),
            "/images/json": (200, [{"Id": "sha256:a", "RepoTags": ["small:1"]}, {"Id": "sha256:b", "RepoTags": None}]),
            "/volumes": (200, {"Volumes": [{"Name": "logs"}, {"Name": "data"}]}),
            "/networks": (
                200,
                [
                    {"Id": "0", "Name": "bridge", "Scope": "local"},
                    {"Id": "f", "Name": "front", "Scope": "local"},
                    {"Id": "s", "Name": "ingress", "Scope": "swarm"},
                ],
            ),
        }
        taken = inventory.take(EngineApi(engine.socket))
    assert taken.containers == [dataclasses.replace(WEB, restarts=2)]
    assert (taken.images, taken.volumes) == ({"sha256:a": ["small:1"], "sha256:b": []}, ["data", "logs"])
    assert (taken.networks, taken.image_store, taken.empty) == ({"f": "front"}, "graph", False)
    assert Inventory.decoded(json.loads(json.dumps(taken.encoded()))) == taken


def test_containerds_image_store_is_told_by_its_status() -> None:
    status = [["driver-type", "io.containerd.snapshotter.v1"]]
    assert inventory.image_store({"DriverStatus": status}) == "containerd"
    assert inventory.image_store({"DriverStatus": None}) == "graph"


def test_the_same_inventory_has_no_difference() -> None:
    assert compare(BEFORE, BEFORE) == []


@pytest.mark.parametrize(
    "after, said",
    [
        (dataclasses.replace(BEFORE, storage_driver="vfs"), "the storage driver is vfs and was overlay2"),
        (dataclasses.replace(BEFORE, image_store="containerd"), "the image store is containerd and was graph"),
        (dataclasses.replace(BEFORE, data_root="/srv"), "the data root is /srv and was /var/lib/docker"),
        (dataclasses.replace(BEFORE, containers=[WEB, TASK]), "the container job is gone"),
        (dataclasses.replace(BEFORE, images={}), f"the image small:1 is gone; the image {'b' * 12} is gone"),
        (dataclasses.replace(BEFORE, volumes=["logs"]), "the volume data is gone"),
        (dataclasses.replace(BEFORE, networks={}), "the network front is gone"),
        (changed(status="restarting"), "web is restarting and was running"),
        (changed(health="unhealthy"), "web is unhealthy and was healthy"),
        (changed(networks={"front": ["10.99.0.2"]}), "web has lost the network bridge"),
        (
            changed(networks={"bridge": [], "front": ["10.99.0.2"]}),
            "web has no address in the network bridge",
        ),
        (changed(ports={"443/tcp": ["0.0.0.0|1"]}), "web no longer publishes 192.0.2.1:8080:80/tcp"),
        (changed(ports={"80/tcp": ["192.0.2.1|8080"]}), "web no longer publishes 443/tcp"),
    ],
)
def test_what_is_missing_is_said(after: Inventory, said: str) -> None:
    assert sentence(lost(compare(BEFORE, after))) == said


@pytest.mark.parametrize(
    "after",
    [
        # By name, where it was created again; a port and an address that the engine chooses.
        changed(id="9" * 64),
        dataclasses.replace(BEFORE, networks={"e" * 64: "front"}),
        changed(ports={"80/tcp": ["192.0.2.1|8080"], "443/tcp": ["127.0.0.1|40000"]}),
        changed(health="starting"),
        dataclasses.replace(BEFORE, containers=[WEB, JOB]),
        dataclasses.replace(BEFORE, volumes=[*BEFORE.volumes, "new"]),
    ],
)
def test_nothing_is_missing(after: Inventory) -> None:
    assert compare(BEFORE, after) == []


def test_another_address_is_a_difference_and_no_loss() -> None:
    differences = compare(BEFORE, changed(networks={"bridge": ["10.77.0.2"], "front": ["10.99.0.2"]}))
    assert sentence(differences) == "web has 10.77.0.2 in the network bridge and had 172.17.0.2"
    assert lost(differences) == []


def test_a_container_that_did_not_run_need_not_run() -> None:
    before = changed(status="restarting")
    assert compare(before, changed(status="exited", networks={}, ports={})) == []


def test_many_differences_and_names_are_counted() -> None:
    many = dataclasses.replace(BEFORE, volumes=[f"v{number}" for number in range(7)])
    assert sentence(compare(many, dataclasses.replace(BEFORE, volumes=[]))).endswith("v4 is gone; and 2 more")
    assert counted(many) == (
        f"3 containers (job, web, web.1.abc), 2 images ({'b' * 12}, small:1),"
        " 7 volumes (v0, v1, v2, v3, v4, and 2 more), 1 network (front)"
    )


def test_of_two_networks_with_one_name_one_is_gone() -> None:
    both = dataclasses.replace(BEFORE, networks={"e" * 64: "front", "f" * 64: "front"})
    assert sentence(lost(compare(both, BEFORE))) == "the network front is gone"


@pytest.mark.parametrize("key", ["front", "f" * 64])  # by its identifier where two have the name
def test_a_network_that_a_container_has_lost_is_connected_again(tmp_path: pathlib.Path, key: str) -> None:
    bodies = []
    with serve(tmp_path, Engine) as engine:
        left = {**DETAILS["NetworkSettings"], "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}}

        def connect() -> tuple[int, None]:
            bodies.append(engine.body)
            return 200, None

        engine.answers = {
            f"/containers/{WEB.id}/json": (200, {**DETAILS, "NetworkSettings": left}),
            f"/networks/{key}/connect": connect,
        }
        assert reattach(EngineApi(engine.socket), BEFORE) == ["web"]
    assert bodies == [{"Container": WEB.id, "EndpointConfig": {"Aliases": ["www"]}}]
