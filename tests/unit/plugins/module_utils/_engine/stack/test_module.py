# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of the module swarm_stack from its parameters to its result, over a Swarm that is imitated."""

from __future__ import annotations

import base64
import copy
import json
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import running_engine, service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import changes, converge, module
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers import engine_server
from ansible_collections.dockyard.ops.tests.unit.helpers.swarm_engine import SwarmEngine

WEB: dict[str, Any] = {
    "services": {
        "web": {"image": "tools:1", "configs": ["conf"], "secrets": ["pw"]},
        "api": {"image": "tools:1", "deploy": {"replicas": 2}},
    },
    "configs": {"conf": {"content": "one"}},
    "secrets": {"pw": {"content": "open sesame"}},
}
NO_DIGEST = (
    "The registry of tools:1 does not say its digest (no registry), so each node runs what it has or finds by that"
    " name."
)


class Call:
    """What a backend sees of Ansible."""

    def __init__(self, compose: dict[str, Any] | None, check_mode: bool = False, **params: Any) -> None:
        defaults = {name: option.get("default") for name, option in module.OPTIONS.items()}
        state = {} if compose is not None else {"state": "absent"}
        given = {"name": "shop", "compose": compose, "login_config": "/none", "settle": 0, "timeout": 1}
        self.params: dict[str, Any] = {**defaults, **state, **given, **params}
        self.check_mode = check_mode
        self.diff_mode = True
        self.warnings: list[str] = []
        self.warn = self.warnings.append
        self.hidden: list[str] = []
        self.hide = self.hidden.extend

    def require_root(self, what: str) -> None:
        assert what == "change a stack of the Swarm"


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwarmEngine]:
    monkeypatch.setattr(service, "booted_by_systemd", lambda: False)
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", str(tmp_path / "engine.sock"))
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "dockyard"))
    monkeypatch.setattr(converge, "_INTERVAL", 0.02)
    monkeypatch.setattr(converge, "_STUCK", 0.1)
    monkeypatch.setattr(changes, "_INTERVAL", 0.02)
    with engine_server.serve(tmp_path, SwarmEngine) as started:
        yield started


def changed(compose: dict[str, Any], **services: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with other values of its services."""
    new = copy.deepcopy(compose)
    for name, values in services.items():
        new["services"].setdefault(name, {}).update(values)
    return new


def failed(compose: dict[str, Any] | None, **params: Any) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        module.run(Call(compose, **params))
    return caught.value


def test_check_mode_and_a_run_say_the_same(engine: SwarmEngine) -> None:
    checked, call = Call(WEB, True), Call(WEB)
    would = module.run(checked)
    assert engine.changes == []
    did = module.run(call)
    assert would["msg"].startswith(
        "Would have created the network shop_default; created the config shop_conf_7692c3ad3540; created the secret"
        " shop_pw_"
    )
    assert did["msg"].startswith("Created the network shop_default; created the config ")
    assert did["msg"].endswith("; created the services shop_web, shop_api. All services run.")
    for key in ("changed", "diff", "networks", "configs", "secrets", "swarm"):
        assert would[key] == did[key], key
    assert would["changed"] is True
    assert did["services"]["shop_api"] == {
        "action": "created",
        "differences": [],
        "image": "tools:1",
        "running": 2,
        "desired": 2,
        "state": "converged",
    }
    assert [entry["before_header"].split("_")[0] for entry in did["diff"]] == [
        "network shop",
        "config shop",
        "secret shop",
        "service shop",
        "service shop",
    ]
    assert checked.warnings == call.warnings == [NO_DIGEST]
    assert call.hidden == ["open sesame"]
    assert "open sesame" not in json.dumps(did)
    (config,) = engine.contents["configs"].values()
    (secret,) = engine.contents["secrets"].values()
    assert base64.b64decode(config["Spec"]["Data"]) == b"one"
    assert base64.b64decode(secret["Spec"]["Data"]) == b"open sesame"
    container = engine.named("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert container["Configs"][0]["ConfigID"] == config["ID"]
    assert container["Secrets"][0]["SecretID"] == secret["ID"]
    (network,) = engine.networks.values()
    assert engine.named("shop_web")["Spec"]["TaskTemplate"]["Networks"] == [
        {"Target": network["Id"], "Aliases": ["web"]}
    ]


def test_engines_that_do_not_understand_each_other_on_an_encrypted_network(engine: SwarmEngine) -> None:
    engine.further_nodes = [{"ID": "n2", "Description": {"Hostname": "two", "Engine": {"EngineVersion": "29.1.0"}}}]
    network = {"driver": "overlay", "driver_opts": {"encrypted": ""}}
    call = Call({**WEB, "networks": {"default": network}}, True)
    module.run(call)
    words = (
        "The network shop_default is encrypted, and the engines of two (29.1.0) do not understand those of one (26.1.5)"
    )
    assert [warning for warning in call.warnings if warning.startswith(words)]


def test_a_service_of_another_mode_is_refused_before(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    engine.requests.clear()
    for check in (True, False):
        with pytest.raises(DockyardError) as caught:
            module.run(Call(changed(WEB, web={"deploy": {"mode": "global"}}), check))
        assert (caught.value.code, caught.value.message) == (
            "stack_mode_differs",
            "The service shop_web is replicated, declared is global, and a Swarm changes that of no service; remove the"
            " service first, or declare one of another name.",
        )
    assert engine.changes == []


def test_a_second_run_changes_nothing(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    engine.requests.clear()
    for call in (Call(WEB), Call(WEB, True)):
        again = module.run(call)
        assert (again["changed"], again["msg"], again["diff"]) == (False, "The stack shop is as declared.", [])
        assert call.warnings == []
    assert engine.changes == []


def test_one_changed_service_touches_only_itself(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    tasks = [task["ID"] for task in engine.tasks if task["Spec"]["ContainerSpec"].get("Configs") is None]
    engine.requests.clear()
    new = changed(WEB, web={"environment": {"A": 1}})
    result = module.run(Call(new))
    assert result["msg"] == "Updated the service shop_web (Env). All services run."
    assert engine.changes == [f"POST /services/{engine.named('shop_web')['ID']}/update"]
    running = [task["ID"] for task in engine.tasks if task["Status"]["State"] == "running"]
    assert set(tasks) < set(running)


def test_a_changed_config_goes_out_and_the_one_before_the_last_is_removed(engine: SwarmEngine) -> None:
    for content, message in (
        ("one", ""),
        ("two", "Created the config shop_conf_3fc4ccfe7458; updated the service shop_web (Configs). All services run."),
        (
            "three",
            "Created the config shop_conf_8b5b9db0c13d; updated the service shop_web (Configs);"
            " removed the config shop_conf_7692c3ad3540. All services run.",
        ),
    ):
        new = {**WEB, "configs": {"conf": {"content": content}}}
        planned, result = module.run(Call(new, True)), module.run(Call(new))
        assert message in result["msg"]
        assert planned["configs"] == result["configs"]
        assert not module.run(Call(new))["changed"]
    assert [config["Spec"]["Name"] for config in engine.contents["configs"].values()] == [
        "shop_conf_3fc4ccfe7458",
        "shop_conf_8b5b9db0c13d",
    ]


def test_a_run_after_one_that_was_put_back_changes_nothing(engine: SwarmEngine) -> None:
    for content in ("one", "two"):
        module.run(Call({**WEB, "configs": {"conf": {"content": content}}}))
    two = {**WEB, "configs": {"conf": {"content": "two"}}}
    failed(changed(two, web={"image": "broken:1"}))
    # A rollback by hand would no longer lead to the first config, which is left until the next change.
    assert module.run(Call(two))["changed"] is False
    assert module.run(Call(two, prune=True))["changed"] is False
    assert "removed the config shop_conf_7692c3ad3540" in module.run(Call(changed(two, web={"hostname": "w"})))["msg"]


def test_what_was_changed_by_hand_is_put_right(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    spec = engine.named("shop_api")["Spec"]
    spec["Mode"]["Replicated"]["Replicas"] = 0
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "other:2"
    spec["TaskTemplate"]["ForceUpdate"] = 4
    result = module.run(Call(WEB))
    assert result["services"]["shop_api"]["differences"] == ["Replicas", "Image"]
    assert engine.named("shop_api")["Spec"]["TaskTemplate"]["ForceUpdate"] == 4


def test_what_is_not_declared_is_named_and_pruned_last(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    less: dict[str, Any] = {
        "services": {"api": {**WEB["services"]["api"], "networks": ["own"]}},
        "networks": {"own": {}},
    }
    call = Call(less)
    left = module.run(call)
    assert left["left"][:2] == ["the service shop_web", "the network shop_default"]
    # What the service that is left uses is not left over.
    assert call.warnings[0] == (
        "The stack shop has the service shop_web, the network shop_default, and the definition does not; they are left"
        " alone, set prune: true to remove them."
    )
    engine.requests.clear()
    result = module.run(Call(less, prune=True))
    assert [name for name, each in result["services"].items() if each["action"] == "removed"] == ["shop_web"]
    assert [change.split("/")[1] for change in engine.changes] == ["services", "networks", "configs", "secrets"]
    assert not module.run(Call(less, prune=True))["changed"]


def test_a_rollback_of_the_swarm_is_a_failure(engine: SwarmEngine) -> None:
    web = changed(WEB, web={"deploy": {"update_config": {"failure_action": "rollback"}}})
    module.run(Call(web))
    before = copy.deepcopy(engine.named("shop_web")["Spec"])
    error = failed(changed(web, web={"image": "broken:1"}, new={"image": "tools:1"}))
    assert (error.code, error.changed) == ("stack_rolled_back", True)
    assert error.message == (
        'The Swarm has rolled shop_web back: its task shop_web.1 on one failed with "task: non-zero exit (3)"; the last'
        " lines of its log: no such table; everything is as before."
    )
    assert error.returned()["failure"] == {
        "service": "shop_web",
        "task": "shop_web.1",
        "node": "one",
        "error": "task: non-zero exit (3)",
        "log": ["no such table"],
    }
    assert error.returned()["put_back"] == ["removed the service shop_new", "restored the service shop_web"]
    assert engine.named("shop_web")["Spec"] == before
    # An old rollback is not ours: the next run is judged by itself.
    assert module.run(Call(web))["changed"] is False


def test_what_a_swarm_only_pauses_is_put_back(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    before = {name: copy.deepcopy(engine.named(name)["Spec"]) for name in ("shop_web", "shop_api")}
    contents = copy.deepcopy(engine.contents)
    new = changed(WEB, web={"environment": {"A": 1}}, api={"image": "missing:1", "configs": ["more"]})
    new["configs"]["more"] = {"content": "more"}
    error = failed(new)
    assert (error.code, error.changed) == ("stack_image_missing_on_node", True)
    assert error.message.startswith(
        "shop_api does not run: the node one has no image missing:1 and can't pull it"
        ' ("No such image: missing:1"); the last lines of its log: '
    )
    assert error.message.endswith("; everything is as before.")
    assert {name: engine.named(name)["Spec"] for name in before} == before
    assert engine.contents == contents
    assert error.returned()["put_back"] == [
        "restored the service shop_api",
        "restored the service shop_web",
        f"removed the config {next(name for name in error.returned()['put_back'][2].split() if 'more' in name)}",
    ]


def test_a_failed_first_deployment_leaves_nothing(engine: SwarmEngine) -> None:
    error = failed(changed(WEB, api={"image": "broken:1"}))
    assert error.code == "stack_service_failed"
    assert error.message.endswith("everything is as before.")
    assert (engine.services, engine.networks, engine.contents) == ({}, {}, {"configs": {}, "secrets": {}})


def test_what_failed_is_kept_if_that_is_wanted(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    new = changed(WEB, web={"image": "broken:1"}, api={"environment": {"A": 1}})
    error = failed(new, on_failure="keep", wait_between=True)
    assert error.message.endswith(" Done: updated the service shop_web; not done: update the service shop_api.")
    assert engine.named("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "broken:1"
    assert (error.returned()["done"], error.returned()["not_done"]) == (
        ["updated the service shop_web"],
        ["update the service shop_api"],
    )


def test_no_node_takes_a_task(engine: SwarmEngine) -> None:
    error = failed({"services": {"web": {"image": "homeless:1"}}})
    assert error.message == (
        'shop_web does not run: no node can take its task shop_web.1 ("no suitable node (1 node full)");'
        " everything is as before."
    )


def test_no_node_takes_a_task_and_there_is_little_time(engine: SwarmEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converge, "_STUCK", 60)
    error = failed({"services": {"web": {"image": "homeless:1"}}}, timeout=1, settle=0)
    assert error.code == "stack_service_failed"
    assert error.message.endswith("everything is as before.")


def test_what_is_only_slow_is_left_to_it(engine: SwarmEngine) -> None:
    error = failed({"services": {"web": {"image": "slow:1"}}})
    assert (error.code, error.changed) == ("stack_timed_out", True)
    assert error.message == (
        "The stack shop does not run as declared after 1 second; shop_web: 0 of 1 tasks run (shop_web.1 on one is"
        " preparing); nothing has failed so far, so it is left to go on: run again to wait for it, or with a higher"
        " timeout."
        " Done: created the network shop_default, created the service shop_web."
    )
    again = failed({"services": {"web": {"image": "slow:1"}}})
    assert (again.code, again.changed) == ("stack_timed_out", False)
    assert module.run(Call({"services": {"web": {"image": "slow:1"}}}, wait=False))["changed"] is False


def test_the_engine_refuses_one_service(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    engine.refused[f"POST /services/{engine.named('shop_api')['ID']}"] = "rpc error: no leader."
    error = failed(changed(WEB, web={"environment": {"A": 1}}, api={"environment": {"A": 1}}))
    assert (error.code, error.changed) == ("stack_refused_by_engine", True)
    assert error.message == (
        "The Docker Engine did not update the service shop_api: rpc error: no leader; everything is as before."
    )
    assert "Env" not in engine.named("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]


def test_the_engine_refuses_the_first_change(engine: SwarmEngine) -> None:
    engine.refused["POST /networks"] = "no more."
    error = failed(WEB)
    assert (error.message, error.changed) == (
        "The Docker Engine did not create the network shop_default: no more.",
        False,
    )


def test_not_everything_can_be_put_back(engine: SwarmEngine) -> None:
    engine.refused["DELETE /networks"] = "it is held"
    engine.refused["POST /services"] = "no"
    error = failed(WEB)
    assert error.message == (
        "The Docker Engine did not create the service shop_web: no; and not everything could be put back (The Docker"
        " Engine did not remove the network shop_default: it is held)."
    )


def test_the_engine_ceases_to_answer(engine: SwarmEngine) -> None:
    engine.answers = {}
    engine.refused["POST /services/create"] = ""
    error = failed(WEB)
    assert (error.code, error.changed) == ("stack_no_answer", True)
    assert "Done: created the network shop_default, created the config" in error.message
    assert error.message.endswith("; not done: create the service shop_web, create the service shop_api.")


def test_the_orchestrator_writes_as_well(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    engine.out_of_sequence = 3
    assert module.run(Call(changed(WEB, web={"environment": {"A": 1}})))["changed"]


def test_another_process_changes_a_service_in_between(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    identity = engine.named("shop_web")["ID"]

    def answer() -> engine_server.Answer:
        other = copy.deepcopy(engine.services[identity])
        other["Spec"]["Labels"]["theirs"] = "1"
        return 200, other

    engine_answer = engine.answer
    engine.answer = lambda method, target: (  # type: ignore[method-assign]
        answer() if (method, target) == ("GET", f"/services/{identity}") else engine_answer(method, target)
    )
    error = failed(changed(WEB, web={"environment": {"A": 1}}))
    assert (error.code, error.changed) == ("stack_changed_meanwhile", False)
    assert error.message == "The service shop_web was changed by another process since it was looked at."


def test_digests(engine: SwarmEngine) -> None:
    engine.digests = {"tools:1": "sha256:1"}
    web = {"services": {"web": {"image": "tools:1"}}}
    call = Call(web)
    assert module.run(call)["services"]["shop_web"]["image"] == "tools:1@sha256:1"
    assert call.warnings == []
    engine.digests = {"tools:1": "sha256:2"}
    engine.requests.clear()
    assert not module.run(Call(web))["changed"]
    assert not [request for request in engine.requests if "distribution" in request]
    moved = module.run(Call(web, resolve_image="always"))
    assert moved["msg"] == "Updated the service shop_web (Image). All services run."
    engine.digests = {}
    assert not module.run(Call(web, resolve_image="always"))["changed"]
    never = module.run(Call({"services": {"web": {"image": "tools:2"}}}, resolve_image="never"))
    assert never["services"]["shop_web"]["image"] == "tools:2"


def test_logins_go_along(engine: SwarmEngine, tmp_path: pathlib.Path) -> None:
    config = tmp_path / "config.json"
    auth = base64.b64encode(b"ann:secret").decode()
    config.write_text(json.dumps({"auths": {"b.test": {"auth": auth}}, "credHelpers": {"c.test": "pass"}}))
    web = {
        "services": {
            "a": {"image": "a.test:5000/x"},
            "b": {"image": "b.test/x"},
            "c": {"image": "c.test/x"},
            "d": {"image": "x"},
        }
    }
    given = [{"registry": "a.test:5000", "username": "bob", "password": "p"}]
    call = Call(web, logins=given, login_config=str(config))
    module.run(call)

    def login(name: str) -> Any:
        header = engine.sent[f"shop_{name}"].get("X-Registry-Auth")
        return json.loads(base64.urlsafe_b64decode(header)) if header else None

    assert login("a") == {"username": "bob", "password": "p", "serveraddress": "a.test:5000"}
    assert login("b") == {"username": "ann", "password": "secret", "serveraddress": "b.test"}
    assert (login("c"), login("d")) == (None, None)
    assert "X-Registry-Auth" in engine.sent["/distribution/b.test/x:latest/json"]
    assert (
        "The login for the image of services.c is in the credential helper pass, from which it does not go along; give"
        " it"
        " in logins." in call.warnings
    )


def test_a_program_of_the_host_listens_on_a_port_of_all_nodes(engine: SwarmEngine) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        definition = {"services": {"web": {"image": "web:1", "ports": [f"{port}:80"]}}}
        call = Call(definition, check_mode=True)
        module.run(call)
        assert any(
            warning.startswith(f"shop_web publishes port {port} on all nodes, and on this one ")
            and f" in its place; stop that ('ss -ltnp sport = :{port}' names it), or choose another port." in warning
            for warning in call.warnings
        )
        module.run(Call(definition))
        again = Call({"services": {"web": {**definition["services"]["web"], "environment": {"A": 1}}}}, check_mode=True)
        module.run(again)
        assert not [warning for warning in again.warnings if "listens on it" in warning]


def test_warnings_before_anything_is_deployed(engine: SwarmEngine) -> None:
    call = Call(
        {
            "services": {
                "web": {
                    "image": "tools:1",
                    "restart": "always",
                    "privileged": True,
                    "labels": ["traefik.enable=true", "mine=1"],
                }
            }
        },
        True,
    )
    result = module.run(call)
    assert result["ignored_keys"] == {"web": ["privileged", "restart"]}
    assert call.warnings == [
        "services.web has privileged, restart, which a Swarm ignores.",
        "services.web has traefik.enable under labels, which are those of its containers; in a Swarm such labels are"
        " read"
        " from the service, write them under deploy.labels.",
        NO_DIGEST,
    ]


def test_a_host_in_no_swarm(engine: SwarmEngine) -> None:
    engine.swarm = {"LocalNodeState": "inactive", "ControlAvailable": False}
    call = Call(WEB, True)
    result = module.run(call)
    assert (result["changed"], result["swarm"]) == (True, False)
    assert call.warnings == [
        "The Docker Engine of this host is in no Swarm, so what the stack has is not known; it is taken for new."
    ]
    error = failed(WEB)
    assert (error.code, error.message) == (
        "stack_no_manager",
        "The Docker Engine of this host manages no Swarm (it is inactive); make it one with docker swarm init, or let"
        " it"
        " join one.",
    )
    assert module.run(Call(None))["msg"] == "There is no stack shop."
    engine.swarm = {"LocalNodeState": "active", "ControlAvailable": False}
    for check_mode in (True, False):
        assert failed(WEB, check_mode=check_mode).message == (
            "The Docker Engine of this host manages no Swarm (it is a worker, or a manager that has lost the others);"
            " run"
            " this on a manager."
        )


def test_a_host_without_an_engine(engine: SwarmEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", "/none/engine.sock")
    monkeypatch.setattr(running_engine, "find_other_engine", lambda: None)  # this machine may run an engine itself
    assert module.run(Call(WEB, True))["changed"] is True
    assert failed(WEB).message == "The Docker Engine of this host does not run; start it and run again."


def test_removal(engine: SwarmEngine) -> None:
    engine.volumes = ["shop_data"]
    module.run(Call(WEB))
    engine.requests.clear()
    would = module.run(Call(None, True))
    assert engine.changes == []
    did = module.run(Call(None))
    assert would["msg"].startswith("Would have removed the network shop_default; removed the config ")
    assert did["msg"].endswith("; removed the services shop_web, shop_api.")
    assert would["diff"] == did["diff"]
    assert (engine.services, engine.networks, engine.contents) == ({}, {}, {"configs": {}, "secrets": {}})
    assert engine.volumes == ["shop_data"]
    volumes = module.run(Call(None, remove_volumes=True))
    assert volumes["msg"] == "Removed the volumes shop_data."
    assert engine.volumes == []
    again = module.run(Call(None, remove_volumes=True))
    assert (again["changed"], again["msg"]) == (False, "There is no stack shop.")


def test_removal_that_ends_in_the_middle(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    engine.refused["DELETE /networks"] = "network is in use"
    error = failed(None)
    assert (error.code, error.changed) == ("stack_refused_by_engine", True)
    assert error.message == (
        "The stack shop could not be removed as a whole: The Docker Engine did not remove the network shop_default:"
        " network"
        " is in use; run again to remove the rest."
    )


def test_a_network_that_another_stack_uses_is_not_removed(engine: SwarmEngine) -> None:
    module.run(Call(WEB))
    other: dict[str, Any] = {"services": {"web": {"image": "tools:1", "networks": ["shop"]}}}
    other["networks"] = {"shop": {"external": True, "name": "shop_default"}}
    module.run(Call(other, name="other"))
    engine.requests.clear()
    error = failed(None)
    assert (error.code, error.message) == (
        "stack_network_used",
        "The network shop_default is to be removed, and other_web uses it; take it from there first.",
    )
    assert engine.changes == []


def test_secrets_of_the_parameters() -> None:
    content = {"services": {}, "secrets": {"a": {"content": "x y"}, "b": {"environment": "PW"}, "c": {"file": "/f"}}}
    assert module.secrets({"compose": content, "variables": {"PW": "p"}}) == ["x y", "p"]
    text = "secrets: {a: {content: x}}"
    assert module.secrets({"compose": None, "compose_content": text, "variables": {}}) == [text]
    assert module.secrets({"compose": None, "compose_content": "services: {}", "variables": {}}) == []
    assert module.secrets({"compose": {"secrets": "nonsense"}}) == []
