# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that are created, replaced and removed through an engine, and everything put back if one fails."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import (
    apply,
    desired,
    interrupted,
    plan,
    survey,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import default_routes, state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers import engine_server
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.network_engine import NO_ADDRESS, NetworkEngine

AS_BEFORE = "all networks and their containers are as before."


@pytest.fixture(autouse=True)
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "dockyard"))
    return tmp_path / "dockyard" / "docker_networks" / "interrupted"


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[NetworkEngine]:
    with engine_server.serve(tmp_path, NetworkEngine) as started:
        yield started


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "driver": "macvlan", "subnets": [{"subnet": subnet} for subnet in subnets], **options}


def change(engine: NetworkEngine, *networks: dict[str, Any], around: Surroundings | None = None) -> apply.NetworkUpdate:
    api = EngineApi(engine.socket)
    found = survey.Survey("running", api, around or Surroundings(), survey.inspect_networks(api))
    planned = plan.build_plan(desired.parse(list(networks)), found, replace_in_use=True)
    update = apply.NetworkUpdate(api, planned)
    update.run()
    return update


def failure(engine: NetworkEngine, *networks: dict[str, Any], around: Surroundings | None = None) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        change(engine, *networks, around=around)
    return caught.value


def state(engine: NetworkEngine) -> dict[str, Any]:
    """Everything but the ids."""
    return {
        network["Name"]: ({**network, "Id": "", "IPAM": network["IPAM"]["Config"]}, engine.connected(network["Name"]))
        for network in engine.networks.values()
    }


def test_networks_are_created_and_removed(engine: NetworkEngine, record: pathlib.Path) -> None:
    engine.add("old", "10.1.0.0/24")
    change(engine, declared("a", "10.1.0.0/25", internal=True), declared("b"), {"name": "old", "state": "absent"})
    assert sorted(state(engine)) == ["a", "b"]
    assert state(engine)["a"][0]["Internal"] is True
    changes = [request for request in engine.requests if not request.startswith("GET")]
    assert changes[0].startswith("DELETE /networks/")
    assert changes[1:] == ["POST /networks/create"] * 2
    assert not record.exists()


def test_containers_are_connected_to_the_new_network(engine: NetworkEngine, record: pathlib.Path) -> None:
    engine.add("a", "10.1.0.0/24")
    engine.connect(
        "web", "a", Aliases=["www", "web"[:12]], IPAMConfig={"IPv4Address": "10.1.0.9"}, DriverOpts={"x": "y"}
    )
    engine.connect("db", "a", IPAMConfig={"IPv4Address": "10.1.0.200"}, Gateway="10.1.0.1")
    engine.connect("other", "b")
    change(engine, declared("a", "10.1.0.0/25"))
    assert engine.connections == {
        "web": {"a": {"Aliases": ["www"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}, "DriverOpts": {"x": "y"}}},
        "db": {"a": {}},
        "other": {"b": {}},
    }
    assert state(engine)["a"][0]["IPAM"] == [{"Subnet": "10.1.0.0/25"}]
    assert not record.exists()


def test_a_network_that_can_not_be_created_changes_nothing(engine: NetworkEngine) -> None:
    error = failure(engine, declared("a", driver_options={"x": "nonsense"}), declared("b"))
    assert (error.code, error.changed, engine.networks) == ("network_change_failed", False, {})
    assert error.message == "The network a could not be created: the engine can't create a: invalid option nonsense."


def test_all_are_put_back_if_one_fails(engine: NetworkEngine, record: pathlib.Path) -> None:
    engine.add("gone", "10.3.0.0/24", Labels={"kept": "yes"})
    engine.add("a", "10.1.0.0/24", Internal=True, Options={"mtu": "1400"})
    engine.connect("web", "a", Aliases=["www"], IPAMConfig={"IPv4Address": "10.1.0.200"})
    engine.connect("web", "gone")
    before = state(engine), {name: dict(found) for name, found in engine.connections.items()}
    error = failure(
        engine,
        {"name": "gone", "state": "absent"},
        declared("new", "10.3.0.0/25"),
        declared("a", "10.1.0.0/25"),
        declared("last", driver_options={"x": "nonsense"}),
    )
    assert (state(engine), engine.connections) == before
    assert (error.code, error.changed) == ("network_change_failed", True)
    assert error.message == (
        f"The network last could not be created: the engine can't create last: invalid option nonsense; {AS_BEFORE}"
    )
    assert not record.exists()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("POST /networks/create", "the engine can't create a: out of order"),
        ("DELETE /networks/", "the engine can't remove a: out of order"),
    ],
)
def test_a_network_that_can_not_be_replaced(engine: NetworkEngine, request_: str, reason: str) -> None:
    engine.add("a", "10.1.0.0/24")
    engine.connect("web", "a")

    class Once(dict[str, str]):
        """Fails the first time only."""

        def items(self) -> Any:
            found = list(super().items())
            if any(request.startswith(request_) for request in engine.requests):
                self.clear()
            return found

    engine.refused = Once({request_: "out of order"})
    before = state(engine)
    error = failure(engine, declared("a", "10.2.0.0/24"))
    assert state(engine) == before
    assert error.changed
    assert error.message == f"The network a could not be replaced: {reason}; {AS_BEFORE}"


def test_what_can_not_be_put_back_is_said_and_remembered(engine: NetworkEngine, record: pathlib.Path) -> None:
    engine.add("a", "10.1.0.0/24")
    engine.connect("web", "a", Aliases=["www"])
    engine.refused = {"POST /networks/create": "out of order"}
    error = failure(engine, declared("a", "10.2.0.0/24"))
    assert error.changed
    assert error.message == (
        "The network a could not be replaced: the engine can't create a: out of order; and not everything could be put"
        " back (the engine can't create a: out of order; the engine can't connect web to a: network a not found). See"
        " docker network ls, and run again: containers that were taken from a network are connected first."
    )
    assert record.stat().st_mode & 0o777 == 0o600
    engine.refused = {}
    assert apply.resume(EngineApi(engine.socket)) == ["a"]
    assert state(engine)["a"][0]["IPAM"] == [{"Subnet": "10.1.0.0/24"}]
    assert engine.connections == {"web": {"a": {"Aliases": ["www"]}}}
    assert not record.exists()


def test_a_run_that_was_killed_is_resumed_on_the_new_network(engine: NetworkEngine, record: pathlib.Path) -> None:
    raw = engine.add("a", "10.1.0.0/24")
    config = {"IPAMConfig": {"IPv4Address": "10.1.0.9"}, "Aliases": ["www"]}
    endpoints = [survey.Endpoint("web", "web", config), survey.Endpoint("gone", "gone"), survey.Endpoint("db", "db")]
    interrupted.write([survey.ExistingNetwork(dict(raw), endpoints)])
    engine.networks.clear()
    engine.add("a", "10.2.0.0/24")  # the new one, to which only one has been connected
    engine.connections = {"web": {}, "db": {"a": {}}}
    assert apply.resume(EngineApi(engine.socket)) == ["a"]
    assert engine.connected("a") == ["db", "web"]
    assert apply.resume(EngineApi(engine.socket)) == []
    record.write_text("half a rec")
    assert apply.resume(EngineApi(engine.socket)) == []
    assert not record.exists()


BRIDGE: dict[str, Any] = {"driver": "bridge", "driver_options": NO_ADDRESS}


def test_a_subnet_of_the_pools_that_cuts_the_host_off_is_taken_back(engine: NetworkEngine) -> None:
    around = Surroundings(addresses=[(ipaddress.ip_interface("10.200.0.5/32"), "eth0")])
    error = failure(engine, declared("a", **BRIDGE), around=around)
    assert (error.code, error.changed, engine.networks) == ("network_pool_conflict", True, {})
    assert error.message == (
        "The network a could not be created: the engine gave it 10.200.0.0/24, which takes in 10.200.0.5, the host's"
        f" own address on eth0; declare a subnet, or other default-address-pools; {AS_BEFORE}"
    )


def test_an_engine_that_does_something_else(engine: NetworkEngine) -> None:
    create = engine._create
    engine._create = lambda body: create({**body, "Internal": False})  # type: ignore[method-assign]
    error = failure(engine, declared("a", internal=True))
    assert (error.code, engine.networks) == ("network_not_proven", {})
    assert error.message == f"The network a could not be created: the engine shows it with other internal; {AS_BEFORE}"


def test_a_swarm_creates_a_network_by_and_by(engine: NetworkEngine) -> None:
    engine.swarm = {"ControlAvailable": True}
    original = engine._find

    def find(word: str) -> dict[str, Any] | None:
        shown = original(word)
        ready = sum(request.startswith("GET /networks/") for request in engine.requests) > 2
        return shown if ready or shown is None else {**shown, "Driver": "", "IPAM": {"Config": []}}

    engine._find = find  # type: ignore[method-assign]
    api = EngineApi(engine.socket)
    found = survey.Survey("running", api, Surroundings(), [], manager=True)
    planned = plan.build_plan(desired.parse([declared("a", "10.1.0.0/24", driver="overlay")]), found, False)
    apply.NetworkUpdate(api, planned).run()
    assert sorted(state(engine)) == ["a"]


def test_a_bridge_without_its_address(engine: NetworkEngine) -> None:
    error = failure(engine, declared("a", "10.200.7.0/24", driver="bridge"))
    assert (error.code, engine.networks) == ("network_not_proven", {})
    assert error.message == (
        "The network a could not be created: its bridge br-000000000000 has no address instead of an address in"
        f" 10.200.7.0/24; {AS_BEFORE}"
    )


def test_an_engine_that_goes_away(engine: NetworkEngine) -> None:
    original = engine.answer

    def answer(method: str, target: str) -> Any:
        return b"" if target == "/networks/create" else original(method, target)

    engine.answer = answer  # type: ignore[method-assign]
    error = failure(engine, declared("a"))
    assert error.changed  # it may have been created
    assert error.message == (
        "The network a could not be created: Remote end closed connection without response; all networks and their"
        " containers are as before."
    )


def test_a_removal_that_does_not_end_has_begun(engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_SETTLED_WITHIN", 0)
    old = engine.add("old", "10.1.0.0/24")
    engine.refused[f"GET /networks/{old['Id']}"] = "it is being removed"
    error = failure(engine, {"name": "old", "state": "absent"})
    assert (error.code, error.changed) == ("network_change_failed", True)
    assert error.message.startswith(
        "The network old could not be removed: old is still there after 0 seconds; and not everything could be"
        " put back."
    )


def test_a_removal_is_tried_again_until_the_engine_notices(engine: NetworkEngine) -> None:
    engine.add("old", "10.1.0.0/24")
    engine.connect("web", "old")
    engine.settling = 2
    change(engine, {"name": "old", "state": "absent"})
    assert engine.networks == {}


def test_an_endpoint_that_becomes_stale(engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_DETACHED_WITHIN", 0)
    engine.add("old", "10.1.0.0/24")
    api = EngineApi(engine.socket)
    found = survey.Survey("running", api, Surroundings(), survey.inspect_networks(api))
    planned = plan.build_plan(desired.parse([{"name": "old", "state": "absent"}]), found, replace_in_use=True)
    engine.stale["old"] = ["gone"]
    with pytest.raises(DockyardError) as caught:
        apply.NetworkUpdate(api, planned).run()
    assert (caught.value.code, caught.value.changed) == ("network_change_failed", False)
    assert caught.value.message == (
        "The network old could not be removed: the engine can't remove old: network old has active endpoints: old has"
        " endpoints of containers that the engine does not have any more (gone), and can't be removed with them; take"
        " them from it (docker network disconnect -f old gone), and run again."
    )


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_default_route_that_is_lost_by_it(
    engine: NetworkEngine, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    """Real routes are in tests/faults."""
    route = "default via fe80::1 dev wan0 proto ra"
    monkeypatch.setattr(default_routes, "read", lambda: {"-6": [route]})
    monkeypatch.setattr(default_routes, "lost", lambda before: before["-6"])
    monkeypatch.setattr(default_routes, "put_back", lambda before: [] if comes_back else before["-6"])
    error = failure(engine, declared("a", "10.1.0.0/25"))
    assert (error.code, error.changed, state(engine)) == ("network_default_route_lost", True, {})
    assert_explained(error, changed=True)
    sentence = f"The network a could not be created: the host has lost its default route by it ({route}); "
    rest = f"and not everything could be put back (the default route {route} is not back). See docker network ls"
    assert error.message.startswith(sentence + (AS_BEFORE if comes_back else rest))
