# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of the module docker_networks from its parameters to its result, over an engine that is imitated."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import running_engine, service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import apply, interrupted, module, survey
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.steps import Step
from ansible_collections.dockyard.ops.plugins.module_utils._engine.other_engine import OtherEngine
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers import engine_server
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.network_engine import NetworkEngine


class Call:
    """What a backend sees of Ansible."""

    def __init__(self, networks: list[dict[str, Any]], check_mode: bool, replace_in_use: bool = False) -> None:
        self.params = {"networks": networks, "replace_in_use": replace_in_use, "lock_timeout": 5, "socket": ""}
        self.check_mode = check_mode
        self.diff_mode = True
        self.warnings: list[str] = []
        self.warn = self.warnings.append

    def require_root(self, what: str) -> None:
        assert what == "change the networks of the Docker Engine"


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NetworkEngine]:
    # A host without systemd, whose engine is where it always is.
    monkeypatch.setattr(service, "booted_by_systemd", lambda: False)
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", str(tmp_path / "engine.sock"))
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "dockyard"))
    monkeypatch.setattr(running_engine, "find_other_engine", lambda: None)  # this machine may run an engine itself
    with engine_server.serve(tmp_path, NetworkEngine) as started:
        yield started


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "driver": "macvlan", "subnets": [{"subnet": subnet} for subnet in subnets], **options}


def test_check_mode_and_a_run_say_the_same(engine: NetworkEngine) -> None:
    engine.add("old", "10.1.0.0/24")
    engine.add("a", "10.2.0.0/24", Labels={"mine": "1"})
    engine.connect("web", "a")
    networks = [
        {"name": "old", "state": "absent"},
        declared("new", "10.1.0.0/25", internal=True),
        declared("a", labels={"owner": "web"}),
    ]
    checked, call = Call(networks, True, True), Call(networks, False, True)
    would = module.run(checked)
    assert not any(request.startswith(("POST", "DELETE")) for request in engine.requests)
    did = module.run(call)
    assert would["msg"] == "Would have created new and replaced a and removed old."
    assert did["msg"] == "Created new and replaced a and removed old."
    for key in ("changed", "diff", "created", "replaced", "removed", "differences", "containers", "engine"):
        assert would[key] == did[key], key
    assert did["changed"]
    assert did["differences"] == {"a": ["labels.owner"]}
    assert did["containers"] == {"a": ["web"]}
    assert (
        checked.warnings
        == call.warnings
        == [
            "a is replaced: the containers web lose their connections over it, and are connected to the new one; in"
            " those that run its device has another name (such as eth1 in place of eth0) until their next start."
        ]
    )
    kept: dict[str, Any] = {"Driver": "macvlan", "Internal": False, "Attachable": False, "EnableIPv6": False}
    kept["IPAM"] = {"Config": [{"Subnet": "10.2.0.0/24"}]}
    assert json.loads(did["diff"]["before"]) == {
        "a": {**kept, "Labels": {"mine": "1"}},
        "old": {**kept, "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]}},
    }
    assert json.loads(did["diff"]["after"]) == {
        "a": {**kept, "Labels": {"mine": "1", "owner": "web"}},
        "new": {"Driver": "macvlan", "Internal": True, "IPAM": {"Config": [{"Subnet": "10.1.0.0/25"}]}},
    }
    assert sorted(would["networks"]) == ["a", "old"]
    assert sorted(did["networks"]) == ["a", "new"]
    assert did["networks"]["new"]["subnets"] == [
        {"subnet": "10.1.0.0/25", "gateway": "", "ip_range": "", "aux_addresses": {}}
    ]
    assert did["networks"]["a"]["containers"] == ["web"]
    for again in (module.run(Call(networks, False)), module.run(Call(networks, True))):
        assert (again["changed"], again["msg"]) == (False, "All networks are as declared.")
        assert again["diff"]["before"] == again["diff"]["after"]


def test_a_host_that_has_no_engine_yet(engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", "/none/engine.sock")
    networks = [declared("a", "10.1.0.0/25"), {"name": "b", "state": "absent"}]
    call = Call(networks, True)
    result = module.run(call)
    assert (result["changed"], result["created"], result["engine"]) == (True, ["a"], "absent")
    assert call.warnings == [
        "The Docker Engine of this host is not there, so its networks are not known; they are taken for missing."
    ]
    with pytest.raises(DockyardError) as caught:
        module.run(Call(networks, False))
    assert (caught.value.code, caught.value.changed) == ("network_no_engine", False)
    assert caught.value.message == (
        "The Docker Engine of this host is not there, and it is what creates networks; start it and run again."
    )
    assert module.run(Call([{"name": "b", "state": "absent"}], False))["changed"] is False


@pytest.mark.parametrize("state", ["stopped", "failed", "absent"])
def test_an_engine_that_another_unit_runs(
    engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch, state: service.UnitState
) -> None:
    """It is there, so that it is not said to be down; and it is asked where a user says that it answers."""
    socket = service.DEFAULT_ENGINE_SOCKET
    other = OtherEngine(4711, "/snap/docker/1/bin/dockerd", "snap.docker.dockerd.service")
    monkeypatch.setattr(service, "booted_by_systemd", lambda: True)
    monkeypatch.setattr(service, "inspect_unit", lambda socket="": service.Unit(state, []))
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", "/none/engine.sock")
    monkeypatch.setattr(running_engine, "find_other_engine", lambda: other)
    networks = [declared("a", "10.1.0.0/25")]
    for check_mode in (True, False):
        with pytest.raises(DockyardError) as caught:
            module.run(Call(networks, check_mode))
        assert_explained(caught.value)
        assert caught.value.code == "engine_foreign"
        assert caught.value.message == (
            "A Docker Engine is on this host that is run by snap.docker.dockerd.service and not by docker.service"
            " (process 4711, /snap/docker/1/bin/dockerd); name the socket on which it answers in socket, and run again."
        )
    assert engine.requests == []
    named = Call(networks, False)
    named.params["socket"] = socket
    assert module.run(named)["created"] == ["a"]


def test_an_interrupted_run_is_resumed_first(engine: NetworkEngine) -> None:
    raw = engine.add("a", "10.1.0.0/24")
    interrupted.write([survey.ExistingNetwork(dict(raw), [survey.Endpoint("web", "web", {"Aliases": ["www"]})])])
    engine.networks.clear()
    engine.connections = {"web": {}}
    checked = module.run(Call([declared("a", "10.1.0.0/24")], True))
    assert (checked["changed"], checked["created"]) == (True, [])
    assert checked["msg"] == "Would have connected again what an interrupted run had left of a."
    result = module.run(Call([declared("a", "10.1.0.0/24")], False))
    assert (result["changed"], result["created"]) == (True, [])
    assert result["msg"] == "Connected again what an interrupted run had left of a."
    assert engine.connections == {"web": {"a": {"Aliases": ["www"]}}}


def test_an_interrupted_run_that_can_not_be_resumed(engine: NetworkEngine) -> None:
    raw = engine.add("a", "10.1.0.0/24")
    interrupted.write([survey.ExistingNetwork(dict(raw), [survey.Endpoint("web", "web")])])
    engine.networks.clear()
    engine.connections = {"web": {}}
    engine.refused = {"POST /networks/create": "out of order"}
    with pytest.raises(DockyardError) as caught:
        module.run(Call([declared("a", "10.1.0.0/24")], False))
    assert (caught.value.code, caught.value.changed) == ("network_interrupted", True)
    assert caught.value.message == (
        "An earlier run was interrupted while it replaced a, and that can't be taken back: the engine can't create a:"
        f" out of order; connect the containers that {interrupted.path()} names, remove that file, and run again."
    )


def test_an_engine_that_ceases_to_answer(engine: NetworkEngine) -> None:
    engine.refused = {"GET /networks": "store is locked"}
    with pytest.raises(DockyardError) as caught:
        module.run(Call([declared("a")], False))
    assert (caught.value.code, caught.value.changed) == ("network_no_answer", False)
    assert caught.value.message == (
        "The Docker Engine ceased to answer while it was asked (/networks answered 500: store is locked); see its log,"
        " and run again."
    )


def test_containers_are_not_disconnected_by_surprise(engine: NetworkEngine) -> None:
    engine.add("a", "10.1.0.0/24")
    engine.connect("web", "a")
    with pytest.raises(DockyardError) as caught:
        module.run(Call([declared("a", "10.2.0.0/24")], False))
    assert (caught.value.code, caught.value.changed) == ("network_in_use", False)
    assert caught.value.message == (
        "a differs in subnets and can only be replaced by a new one, and the containers web are connected to it;"
        " disconnect them first, or set replace_in_use: true."
    )
    assert engine.connected("a") == ["web"]


def test_an_engine_that_falls_silent_after_the_change(engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    proven = apply.NetworkUpdate._prove

    def prove(update: apply.NetworkUpdate, step: Step, identity: str) -> None:
        proven(update, step, identity)
        engine.refused["GET /networks"] = "out of memory"

    monkeypatch.setattr(apply.NetworkUpdate, "_prove", prove)
    with pytest.raises(DockyardError) as caught:
        module.run(Call([declared("a")], check_mode=False))
    assert (caught.value.code, caught.value.changed) == ("network_no_answer", True)
    assert caught.value.message == (
        "All networks were changed and proven, and then the Docker Engine ceased to answer (/networks answered 500: out"
        " of memory); see its log, and run again."
    )


def test_a_record_that_stays_after_the_change(engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    proven = apply.NetworkUpdate._prove

    def prove(update: apply.NetworkUpdate, step: Step, identity: str) -> None:
        proven(update, step, identity)
        record = pathlib.Path(interrupted.path())
        record.unlink()
        record.mkdir()

    monkeypatch.setattr(apply.NetworkUpdate, "_prove", prove)
    engine.add("a", "10.2.0.0/24")
    engine.connect("web", "a")
    with pytest.raises(DockyardError, match="Can't remove ") as caught:
        module.run(Call([declared("a", labels={"owner": "web"})], check_mode=False, replace_in_use=True))
    assert caught.value.changed
    assert engine.connected("a") == ["web"]


SERVICES: list[dict[str, Any]] = [
    {"Spec": {"Name": "shop", "TaskTemplate": {"Networks": [{"Target": "wide"}]}}},
    {"Spec": {"Name": "bare", "TaskTemplate": {}}, "Endpoint": {"VirtualIPs": [{"NetworkID": "other"}]}},
]
REMEDY = (
    "which only a Swarm can take from it; remove the services first, or take it from them on a manager (docker service"
    " update --network-rm wide SERVICE), or declare another network."
)


@pytest.mark.parametrize("manager", [True, False])
@pytest.mark.parametrize("state", ["absent", "present"])
def test_services_keep_their_network(engine: NetworkEngine, manager: bool, state: str) -> None:
    """Also with replace_in_use: who disconnects a task's container has Swarm start another one."""
    wide = engine.add("wide", "10.1.0.0/24", Driver="overlay" if manager else "bridge")
    engine.swarm = {"ControlAvailable": manager}
    addresses = {"VirtualIPs": [{"NetworkID": wide["Id"]}]}
    web: dict[str, Any] = {"Spec": {"Name": "web", "TaskTemplate": {}, "Networks": None}, "Endpoint": addresses}
    engine.services = [*SERVICES, web]
    engine.connect("web.1.abc", "wide")
    engine.labels["web.1.abc"] = {"com.docker.swarm.task.id": "abc"}
    wanted = {"name": "wide", "state": state, "internal": True}
    with pytest.raises(DockyardError) as caught:
        module.run(Call([wanted], False, replace_in_use=True))
    why = "is to be removed" if state == "absent" else "differs in internal and can only be replaced by a new one"
    users = "the services shop, web use" if manager else "the tasks web.1.abc use"
    assert (caught.value.code, caught.value.changed) == ("network_used_by_services", False)
    assert caught.value.message == f"wide {why}, and {users} it, {REMEDY}"
    assert engine.connected("wide") == ["web.1.abc"]


def test_endpoints_of_containers_that_are_gone(engine: NetworkEngine) -> None:
    engine.add("a", "10.1.0.0/24")
    engine.connect("web", "a")
    engine.stale["a"] = ["gone", "lost"]
    for check_mode in (True, False):
        with pytest.raises(DockyardError) as caught:
            module.run(Call([{"name": "a", "state": "absent"}], check_mode, replace_in_use=True))
        assert (caught.value.code, caught.value.changed) == ("network_stale_endpoint", False)
        assert caught.value.message == (
            "a has endpoints of containers that the engine does not have any more (gone, lost), and can't be removed"
            " with them; take them from it (docker network disconnect -f a gone && docker network disconnect -f a lost"
            "), and run again."
        )
    assert engine.connected("a") == ["web"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_container_that_knows_its_network_by_the_identifier(engine: NetworkEngine, state: str) -> None:
    raw = engine.add("a", "10.1.0.0/24")
    engine.connect("web", "a")
    engine.connect("job", "a")
    engine.details["job"] = {"HostConfig": {"NetworkMode": raw["Id"]}}
    engine.details["web"] = {"HostConfig": {"NetworkMode": "a"}}
    with pytest.raises(DockyardError) as caught:
        module.run(Call([declared("a", "10.2.0.0/24", state=state)], False, replace_in_use=True))
    assert (caught.value.code, caught.value.changed) == ("network_bound_by_id", False)
    assert caught.value.message.endswith(
        ", and job can't be connected to any other in its place, as they were created with its identifier and not with"
        " its name; remove them, or create them again by the name."
    )
    assert engine.connected("a") == ["job", "web"]


def test_what_the_containers_of_a_replaced_network_have(engine: NetworkEngine) -> None:
    engine.add("a", "10.1.0.0/24", Driver="bridge", Options={"com.docker.network.bridge.inhibit_ipv4": "true"})
    engine.connect("first", "a")
    engine.connect("web", "a", IPAMConfig={"IPv4Address": "10.1.0.2"})
    engine.details["web"] = {
        "Config": {"MacAddress": "02:42:0a:01:00:63"},
        "HostConfig": {
            "NetworkMode": "a",
            "PortBindings": {
                "80/tcp": [{"HostPort": ""}],
                "81/tcp": [{"HostPort": "81"}],
                "82/tcp": [{"HostPort": "8200-8300"}],
            },
        },
        "Ports": {
            "80/tcp": [{"HostPort": "32768"}],
            "81/tcp": [{"HostPort": "81"}],
            "82/tcp": [{"HostPort": "8200"}],
            "83/tcp": None,
            "84/tcp": [{"HostPort": "32769"}, {"HostPort": "32769"}],  # by --publish-all
        },
    }
    call = Call([{"name": "a", "labels": {"x": "y"}}], False, replace_in_use=True)
    module.run(call)
    assert call.warnings[1:] == [
        "a is replaced: web can't keep the fixed MAC address, as this engine gives a container that it connects another"
        " one; create the container again to give it back.",
        "a is replaced: the engine gives other ports of the host to web (80/tcp, now 32768; 82/tcp, now 8200; 84/tcp,"
        " now 32769), as it has chosen them by itself; publish fixed ones to keep them.",
    ]
    fixed = {"IPAMConfig": {"IPv4Address": "10.1.0.2"}, "MacAddress": "02:42:0a:01:00:63"}
    assert engine.connections == {"first": {"a": {}}, "web": {"a": fixed}}
    # The one with a fixed address first, before the engine gives it to the other.
    assert engine.connected_in_order == ["web", "first"]


def test_ports_that_an_internal_network_does_not_publish_are_named(engine: NetworkEngine) -> None:
    engine.add("a", "10.1.0.0/24", Driver="bridge", Options={"com.docker.network.bridge.inhibit_ipv4": "true"})
    engine.connect("web", "a")
    engine.details["web"] = {"HostConfig": {"NetworkMode": "a", "PortBindings": {"80/tcp": [{"HostPort": "8085"}]}}}
    call = Call([{"name": "a", "internal": True}], False, replace_in_use=True)
    module.run(call)
    assert call.warnings[1:] == [
        "a is replaced: the ports that web (80/tcp) publish over it are closed, as an internal network publishes none."
    ]


def test_an_engine_that_keeps_mac_addresses_is_asked_for_those_that_it_shows(engine: NetworkEngine) -> None:
    """Connect with them again: engine 29 does not tell a given one from its own."""
    engine.version = "29.9.3"
    engine.add("a", "10.1.0.0/24", Driver="bridge", Options={"com.docker.network.bridge.inhibit_ipv4": "true"})
    engine.connect("web", "a", MacAddress="02:42:11:22:33:44")
    call = Call([{"name": "a", "internal": True}], False, replace_in_use=True)
    module.run(call)
    assert engine.connections == {"web": {"a": {"MacAddress": "02:42:11:22:33:44"}}}
    assert not any("MAC" in warning for warning in call.warnings)
