# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that becomes a member of a Swarm, and leaves, over an engine that is imitated."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import running_engine, service, swarm_member
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import network
from ansible_collections.dockyard.ops.tests.unit.helpers import engine_server

ROUTES = [{"dst": "default", "dev": "eth0"}, {"dst": "172.17.0.0/16", "dev": "docker0"}]


@dataclasses.dataclass
class Member(engine_server.Engine):
    """Imitate the engine's place in a Swarm: init, join, leave and what it says of itself.

    refuses: what it says to init and join. stays: the state in which it remains afterwards.
    """

    refuses: str = ""
    stays: str = "active"
    leaves: bool = True
    info: dict[str, Any] = dataclasses.field(default_factory=lambda: {"Swarm": {"LocalNodeState": "inactive"}})
    sent: list[Any] = dataclasses.field(default_factory=list)
    nodes: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def answer(self, method: str, target: str) -> engine_server.Answer | bytes:
        self.requests.append(f"{method} {target}")
        if target == "/info":
            return 200, self.info
        if target == "/nodes":
            described = [{"Hostname": name, "Engine": {"EngineVersion": version}} for name, version in self.nodes]
            listed = [{"ID": each["Hostname"], "Description": each} for each in described]
            return (200, listed) if listed else (503, {"message": "The swarm does not have a leader."})
        if target.startswith("/networks?"):
            return 200, [{"Name": "secret", "Driver": "overlay", "Options": {"encrypted": ""}}]
        if target.startswith("/swarm/leave"):
            if not self.leaves:
                return 500, {"message": "context deadline exceeded"}
            self.info["Swarm"] = {"LocalNodeState": "inactive"}
            return 200, None
        assert target in ("/swarm/init", "/swarm/join")
        self.sent.append(self.body)
        self.info["Swarm"] = {"LocalNodeState": self.stays, "NodeID": "n1", "ControlAvailable": target == "/swarm/init"}
        return (503, {"message": self.refuses}) if self.refuses else (200, "n1")


class Call:
    """What a backend sees of Ansible."""

    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        defaults = {name: option.get("default") for name, option in swarm_member.OPTIONS.items()}
        self.params: dict[str, Any] = {**defaults, "timeout": 0, **params}
        self.check_mode = check_mode
        self.warnings: list[str] = []
        self.warn = self.warnings.append

    def require_root(self, what: str) -> None:
        assert what == "change a host's membership in a Swarm"


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Member]:
    monkeypatch.setattr(service, "booted_by_systemd", lambda: False)
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", str(tmp_path / "engine.sock"))
    monkeypatch.setattr(swarm_member, "_INTERVAL", 0.01)
    monkeypatch.setattr(network, "read_routes", lambda: ROUTES)
    with engine_server.serve(tmp_path, Member) as started:
        yield started


def failed(**params: Any) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        swarm_member.run(Call(**params))
    return caught.value


def test_a_manager_warns_of_engines_that_do_not_understand_each_other(engine: Member) -> None:
    engine.info = {"Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": "n1"}}
    engine.nodes = [("one", "28.5.0"), ("two", "29.1.0")]
    call = Call()
    swarm_member.run(call)
    assert [warning for warning in call.warnings if "encrypted" in warning] == [
        "The network secret is encrypted, and the engines of two (29.1.0) do not understand those of one (28.5.0) on"
        " it; bring all to one version from 29.2.1 on."
    ]
    engine.nodes = []
    call = Call()
    swarm_member.run(call)
    assert "encrypted" not in str(call.warnings)


def test_a_swarm_is_made_once(engine: Member) -> None:
    assert swarm_member.run(Call(check_mode=True))["msg"] == "Would have made a Swarm."
    assert engine.sent == []
    made = swarm_member.run(Call(advertise_address="eth0", data_path_address="eth1", address_pools=["10.9.0.0/16"]))
    assert made == {
        "changed": True,
        "msg": "Made a Swarm.",
        "member": True,
        "manager": True,
        "node_id": "n1",
        "diff": {
            "before_header": "membership in a Swarm",
            "after_header": "membership in a Swarm",
            "before": "inactive\n",
            "after": "active\n",
        },
    }
    (sent,) = engine.sent
    assert (sent["AdvertiseAddr"], sent["DataPathAddr"], sent["DefaultAddrPool"]) == ("eth0", "eth1", ["10.9.0.0/16"])
    again = swarm_member.run(Call(address_pools=["10.9.0.0/16"]))
    assert (again["changed"], len(engine.sent)) == (False, 1)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("192.0.2.1", "192.0.2.1:2377"),
        ("192.0.2.1:77", "192.0.2.1:77"),
        ("fd00::1", "[fd00::1]:2377"),
        ("[fd00::1]:77", "[fd00::1]:77"),
        ("one.example.com", "one.example.com:2377"),
    ],
)
def test_it_joins_by_any_address(engine: Member, given: str, asked: str) -> None:
    joined = swarm_member.run(Call(join=[given], token="secret"))
    assert (joined["msg"], joined["manager"]) == ("Joined the Swarm.", False)
    assert (engine.sent[0]["RemoteAddrs"], engine.sent[0]["JoinToken"]) == ([asked], "secret")


def test_what_could_not_join_is_in_no_swarm_again(engine: Member) -> None:
    engine.refuses = "Timeout was reached before node joined."
    engine.stays = "pending"
    error = failed(join=["192.0.2.1"], token="secret")
    assert (error.code, error.changed) == ("swarm_refused", False)
    assert str(error) == (
        "The Docker Engine could not join the Swarm (Timeout was reached before node joined); correct that, and run"
        " again."
    )
    assert engine.info["Swarm"]["LocalNodeState"] == "inactive"


def test_what_does_not_become_active_is_put_back(engine: Member) -> None:
    engine.stays = "pending"
    assert "after 0 seconds it is pending" in str(failed(join=["192.0.2.1"], token="secret"))
    engine.leaves = False
    error = failed(join=["192.0.2.1"], token="secret")
    assert error.changed
    assert "its place in a Swarm is pending; let it leave with docker swarm leave --force" in str(error)


def test_a_token_is_needed(engine: Member) -> None:
    assert failed(join=["192.0.2.1"]).code == "swarm_token_missing"


@pytest.mark.parametrize(
    ("pools", "size", "text"),
    [
        (["none"], 24, "address_pools has none, which is no network"),
        (
            ["10.9.0.0/16"],
            8,
            "subnet_size is 8, and the pool 10.9.0.0/16 has no networks of that size; give one from 16 to",
        ),
        (["10.9.0.0/16"], 30, "subnet_size is 30"),
        (["10.9.0.0/16", "10.9.1.0/24"], 24, "address_pools has 10.9.0.0/16 and 10.9.1.0/24, which overlap"),
        (
            ["172.16.0.0/12"],
            24,
            "The pool 172.16.0.0/12 overlaps 172.17.0.0/16, to which this host has a route (device docker0)",
        ),
    ],
)
def test_pools_that_can_not_be(engine: Member, pools: list[str], size: int, text: str) -> None:
    error = failed(address_pools=pools, subnet_size=size)
    assert error.code in ("swarm_pool_invalid", "swarm_pool_taken")
    assert str(error).startswith(text)
    assert engine.sent == []


def test_the_pool_of_the_engine_itself_is_judged(engine: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "read_routes", lambda: [{"dst": "10.0.0.0/22", "dev": "eth0"}])
    assert str(failed()).startswith("The Swarm's network ingress would get 10.0.0.0/24, which overlaps 10.0.0.0/22")
    monkeypatch.setattr(network, "read_routes", lambda: [{"dst": "10.8.0.0/22", "dev": "tun0"}])
    call = Call()
    swarm_member.run(call)
    (warning,) = call.warnings
    assert warning.startswith(
        "Overlay networks get their addresses from 10.0.0.0/8, and this host has a route to 10.8.0.0/22"
    )


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"LiveRestoreEnabled": True}, "swarm_live_restore"),
        ({"FirewallBackend": {"Driver": "nftables"}}, "swarm_nftables"),
        ({"Swarm": {"LocalNodeState": "locked"}}, "swarm_not_active"),
        ({"Swarm": {"LocalNodeState": "error", "Error": "certificate has expired"}}, "swarm_not_active"),
        ({"Swarm": {"LocalNodeState": "active", "RemoteManagers": [{"NodeID": "n3"}]}}, "swarm_other"),
    ],
)
def test_what_keeps_a_host_from_being_a_member(engine: Member, info: dict[str, Any], code: str) -> None:
    engine.info.update(info)
    error = failed(manager_id="n2")
    assert error.code == code
    assert engine.sent == []
    assert "Error" not in info.get("Swarm", {}) or "(certificate has expired)" in str(error)


def test_a_member_that_knows_the_manager(engine: Member) -> None:
    engine.info["Swarm"] = {"LocalNodeState": "active", "NodeID": "n1", "RemoteManagers": [{"NodeID": "n2"}]}
    assert not swarm_member.run(Call(manager_id="n2"))["changed"]


def test_a_worker_leaves_once(engine: Member) -> None:
    engine.info["Swarm"] = {"LocalNodeState": "active", "NodeID": "n1"}
    assert swarm_member.run(Call(check_mode=True, state="absent"))["msg"] == "Would have left the Swarm."
    assert engine.info["Swarm"]["LocalNodeState"] == "active"
    assert swarm_member.run(Call(state="absent"))["msg"] == "Left the Swarm."
    assert not swarm_member.run(Call(state="absent"))["changed"]


@pytest.mark.parametrize(("managers", "text"), [(1, "the only manager of its Swarm"), (3, "demote it first")])
def test_a_manager_leaves_only_by_force(engine: Member, managers: int, text: str) -> None:
    engine.info["Swarm"] = {"LocalNodeState": "active", "ControlAvailable": True, "Managers": managers}
    error = failed(state="absent")
    assert error.code == "swarm_leaves_managers"
    assert text in str(error)
    assert swarm_member.run(Call(state="absent", force=True))["changed"]
    assert "POST /swarm/leave?force=true" in engine.requests


def test_an_engine_that_does_not_let_go(engine: Member) -> None:
    engine.info["Swarm"] = {"LocalNodeState": "active"}
    engine.leaves = False
    error = failed(state="absent")
    assert (error.code, error.changed) == ("swarm_refused", False)
    assert "could not leave the Swarm (context deadline exceeded)" in str(error)


def test_no_engine(engine: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm_member, "find_engine", lambda socket: (None, None))
    assert failed().code == "swarm_no_engine"
    assert swarm_member.run(Call(check_mode=True))["changed"]
    assert not swarm_member.run(Call(state="absent"))["changed"]


def test_an_engine_that_falls_silent(engine: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = swarm_member.EngineApi(engine.socket + ".gone")
    monkeypatch.setattr(swarm_member, "find_engine", lambda socket: (silent, None))
    error = failed()
    assert error.code == "swarm_no_answer"
    assert re.match(r"The Docker Engine did not answer a question \(.+\); see its log, and run again\.", str(error))


def test_the_engine_is_found_as_all_modules_find_it() -> None:
    assert swarm_member.find_engine is running_engine.find_engine
