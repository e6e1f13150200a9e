# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a declared service to what the engine takes, and back in a comparison."""

from __future__ import annotations

import copy
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import compare, compose
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.objects import Objects
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.service_spec import service_spec
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


def made(service: dict[str, Any], folder: str = "", salt: str = "c", **sections: Any) -> dict[str, Any]:
    definition = compose.parse("s", {"services": {"web": {"image": "x", **service}}, **sections}, folder)
    return service_spec(definition, Objects(definition, salt), "web")


def container(service: dict[str, Any], **sections: Any) -> dict[str, Any]:
    found: dict[str, Any] = made(service, **sections)["TaskTemplate"]["ContainerSpec"]
    return found


def refusal(service: dict[str, Any], **sections: Any) -> str:
    with pytest.raises(DockyardError) as caught:
        made(service, **sections)
    return caught.value.message


def test_the_least() -> None:
    assert made({}) == {
        "Name": "s_web",
        "Labels": {"com.docker.stack.namespace": "s", "com.docker.stack.image": "x"},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "x", "Labels": {"com.docker.stack.namespace": "s"}},
            "Networks": [{"Target": "s_default", "Aliases": ["web"]}],
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "vip"},
    }


def test_the_container() -> None:
    found = container(
        {
            "entrypoint": "/run.sh",
            "command": ["a", "b"],
            "environment": ["B=2", "A", "C="],
            "extra_hosts": ["db:10.0.0.1", "v6:fd00::1"],
            "dns": "10.0.0.53",
            "healthcheck": {"test": "true", "interval": "5s", "retries": 3, "start_period": "1m"},
            "tmpfs": ["/run:size=16m"],
            "ulimits": {"nofile": 1000},
            "init": False,
            "read_only": True,
            "user": 1000,
            "cap_drop": ["ALL"],
            "cap_add": ["net_raw", "CAP_CHOWN"],
            "sysctls": {"net.core.somaxconn": 1024},
            "stop_grace_period": "30s",
        }
    )
    assert found == {
        "Image": "x",
        "Labels": {"com.docker.stack.namespace": "s"},
        "Command": ["/run.sh"],
        "Args": ["a", "b"],
        "Env": ["B=2", "C="],
        "Hosts": ["10.0.0.1 db", "fd00::1 v6"],
        "DNSConfig": {"Nameservers": ["10.0.0.53"]},
        "Healthcheck": {
            "Test": ["CMD-SHELL", "true"],
            "Interval": 5_000_000_000,
            "StartPeriod": 60_000_000_000,
            "Retries": 3,
        },
        "Mounts": [{"Type": "tmpfs", "Target": "/run", "TmpfsOptions": {"SizeBytes": 16 << 20}}],
        "Ulimits": [{"Name": "nofile", "Soft": 1000, "Hard": 1000}],
        "Init": False,
        "ReadOnly": True,
        "User": "1000",
        "CapabilityDrop": ["ALL"],
        "CapabilityAdd": ["CAP_NET_RAW", "CAP_CHOWN"],
        "Sysctls": {"net.core.somaxconn": "1024"},
        "StopGracePeriod": 30_000_000_000,
    }
    assert container({"healthcheck": {"disable": True}})["Healthcheck"] == {"Test": ["NONE"]}


def test_how_it_is_deployed() -> None:
    found = made(
        {
            "deploy": {
                "mode": "global",
                "labels": ["a=b"],
                "resources": {
                    "limits": {"cpus": "0.5", "memory": "64M", "pids": 10},
                    "reservations": {
                        "generic_resources": [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}],
                    },
                },
                "restart_policy": {"condition": "on-failure", "delay": "1s", "max_attempts": 3, "window": "1m"},
                "placement": {
                    "constraints": ["node.role == manager"],
                    "preferences": [{"spread": "node.labels.zone"}],
                    "max_replicas_per_node": 1,
                },
                "update_config": {
                    "delay": "5s",
                    "failure_action": "rollback",
                    "order": "start-first",
                    "max_failure_ratio": 0.5,
                },
                "endpoint_mode": "dnsrr",
            },
            "logging": {"driver": "journald", "options": {"tag": "web"}},
            "networks": {"front": {"aliases": ["www"]}},
        },
        networks={"front": {"name": "own"}},
    )
    assert found["Mode"] == {"Global": {}}
    assert found["Labels"]["a"] == "b"
    task = found["TaskTemplate"]
    assert task["Resources"] == {
        "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 << 20, "Pids": 10},
        "Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}]},
    }
    assert task["RestartPolicy"] == {
        "Condition": "on-failure",
        "Delay": 1_000_000_000,
        "MaxAttempts": 3,
        "Window": 60_000_000_000,
    }
    assert task["Placement"] == {
        "Constraints": ["node.role == manager"],
        "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
        "MaxReplicas": 1,
    }
    assert task["LogDriver"] == {"Name": "journald", "Options": {"tag": "web"}}
    assert task["Networks"] == [{"Target": "own", "Aliases": ["www", "web"]}]
    assert found["UpdateConfig"] == {
        "Parallelism": 1,
        "Delay": 5_000_000_000,
        "FailureAction": "rollback",
        "MaxFailureRatio": 0.5,
        "Order": "start-first",
    }
    assert found["EndpointSpec"] == {"Mode": "dnsrr"}
    assert made({"deploy": {"mode": "replicated-job", "replicas": 3}})["Mode"] == {
        "ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}
    }


def test_configs_secrets_and_volumes(tmp_path: pathlib.Path) -> None:
    (tmp_path / "conf").write_text("content")
    (tmp_path / "env").write_text("# none\nA=1\n\nB=2\n")
    found = made(
        {
            "configs": ["conf", {"source": "theirs", "target": "/t", "mode": "0440", "uid": 5}],
            "secrets": [{"source": "pw", "mode": 0o400}],
            "volumes": ["data:/data", "./here:/here:ro", "theirs:/theirs"],
            "env_file": "env",
            "environment": {"B": 3},
        },
        folder=str(tmp_path),
        configs={"conf": {"file": "./conf"}, "theirs": {"external": True, "name": "other"}},
        secrets={"pw": {"content": "x"}},
        volumes={"data": {"driver": "nfs", "driver_opts": {"a": 1}}, "theirs": {"external": True}},
    )["TaskTemplate"]["ContainerSpec"]
    assert found["Env"] == ["A=1", "B=3"]
    assert found["Configs"] == [
        {"File": {"Name": "/conf", "UID": "0", "GID": "0", "Mode": 0o444}, "ConfigName": "s_conf_ed7002b439e9"},
        {"File": {"Name": "/t", "UID": "5", "GID": "0", "Mode": 0o440}, "ConfigName": "other"},
    ]
    assert found["Secrets"][0]["File"] == {"Name": "pw", "UID": "0", "GID": "0", "Mode": 0o400}
    stack = {"com.docker.stack.namespace": "s"}
    assert found["Mounts"] == [
        {
            "Type": "volume",
            "Target": "/data",
            "Source": "s_data",
            "VolumeOptions": {"Labels": stack, "DriverConfig": {"Name": "nfs", "Options": {"a": "1"}}},
        },
        {"Type": "bind", "Target": "/here", "ReadOnly": True, "Source": f"{tmp_path}/here"},
        {"Type": "volume", "Target": "/theirs", "Source": "theirs"},
    ]


def test_the_name_of_a_secret_says_nothing_of_it_elsewhere() -> None:
    def name(content: str, salt: str) -> str:
        secrets = {"pw": {"content": content}}
        found: str = container({"secrets": ["pw"]}, salt=salt, secrets=secrets)["Secrets"][0]["SecretName"]
        return found

    assert name("x", "c") == name("x", "c")
    assert len({name("x", "c"), name("x", "d"), name("y", "c")}) == 3


@pytest.mark.parametrize(
    ("service", "sections", "message"),
    [
        (
            {"networks": ["a"]},
            {},
            "services.web names the network a, which is not in networks; declare it there, or correct the name.",
        ),
        (
            {"volumes": ["a:/a"]},
            {},
            "services.web.volumes names the volume a, which is not in volumes; declare it there, or correct the name.",
        ),
        (
            {"secrets": ["a"]},
            {},
            "services.web.secrets names the secret a, which is not in secrets; declare it there, or correct the name.",
        ),
        (
            {"volumes": ["./a:/a"]},
            {},
            "services.web.volumes names ./a, and without compose_file nothing says from which folder that counts;"
            " write the whole path.",
        ),
        (
            {},
            {"configs": {"a": {}}},
            "configs.a must have one of content, environment, file and external, and has none; correct it.",
        ),
        (
            {},
            {"configs": {"a": {"file": "/none"}}},
            "configs.a reads /none, which can't be read (No such file or directory); correct it.",
        ),
        ({}, {"secrets": {"a": {"environment": "A"}}}, "secrets.a needs the variable A; give it in variables."),
        (
            {"deploy": {"mode": "all"}},
            {},
            "services.web.deploy.mode is 'all', and must be one of replicated, global, replicated-job and global-job;"
            " correct it.",
        ),
        (
            {"deploy": {"mode": "global", "replicas": 2}},
            {},
            "services.web.deploy.replicas is 2, and must be left out with mode global; correct it.",
        ),
        (
            {"deploy": {"update_config": {"failure_action": "stop"}}},
            {},
            "services.web.deploy.update_config.failure_action is 'stop', and must be pause, continue or rollback;"
            " correct it.",
        ),
        (
            {"deploy": {"restart_policy": {"condition": "always"}}},
            {},
            "services.web.deploy.restart_policy.condition is 'always', and must be none, on-failure or any; correct"
            " it.",
        ),
        (
            {
                "ports": [{"target": 80, "published": 80, "mode": "host"}],
                "deploy": {"update_config": {"order": "start-first"}},
            },
            {},
            "services.web publishes port 80 in host mode and is updated start-first, so that a new task waits for ever"
            " for the port that the old one holds; use stop-first, or ingress mode.",
        ),
        (
            {
                "ports": [{"target": 80, "published": 80, "mode": "host"}],
                "deploy": {"rollback_config": {"order": "start-first"}},
            },
            {},
            "services.web publishes port 80 in host mode and is updated start-first, so that a new task waits for ever"
            " for the port that the old one holds; use stop-first, or ingress mode.",
        ),
        (
            {"ports": ["80:80"], "deploy": {"endpoint_mode": "dnsrr"}},
            {},
            "services.web has endpoint_mode dnsrr and publishes port 80 in ingress mode, which needs an address of the"
            " service; use host mode, or endpoint_mode vip.",
        ),
    ],
)
def test_what_is_refused(service: dict[str, Any], sections: dict[str, Any], message: str) -> None:
    assert refusal(service, **sections) == message


def test_host_mode_without_a_fixed_port_may_be_updated_start_first() -> None:
    made({"ports": [{"target": 80, "mode": "host"}], "deploy": {"update_config": {"order": "start-first"}}})


def test_what_the_engine_fills_in_is_no_difference() -> None:
    declared = made(
        {"environment": {"A": 1, "B": 2}, "ports": ["80:80", "81:81"], "configs": ["c"]},
        configs={"c": {"content": "x"}},
    )
    found = copy.deepcopy(declared)
    task = found["TaskTemplate"]
    task["Networks"][0]["Target"] = "id1"
    task["ContainerSpec"]["Env"].reverse()
    task["ContainerSpec"].update(Isolation="default", DNSConfig={}, StopGracePeriod=10_000_000_000)
    task["ContainerSpec"]["Configs"][0]["ConfigID"] = "id2"
    task.update(
        ForceUpdate=0,
        Runtime="container",
        Resources={"Limits": {}, "Reservations": {}},
        Placement={"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
        RestartPolicy={"Condition": "any", "Delay": 5_000_000_000, "MaxAttempts": 0},
    )
    found["EndpointSpec"]["Ports"].reverse()
    found["UpdateConfig"] = found["RollbackConfig"] = {
        "Parallelism": 1,
        "FailureAction": "pause",
        "Monitor": 5_000_000_000,
        "MaxFailureRatio": 0,
        "Order": "stop-first",
    }
    names = {"id1": "s_default"}
    assert compare.differences(compare.comparable(declared, names), compare.comparable(found, names)) == []


@pytest.mark.parametrize(
    ("service", "places"),
    [
        ({"image": "y"}, ["Image"]),
        ({"command": "b"}, ["Args"]),
        ({"init": False}, ["Init"]),
        ({"environment": {"A": 2}}, ["Env"]),
        ({"deploy": {"replicas": 0}}, ["Replicas"]),
        ({"deploy": {"labels": {"a": "b"}}}, ["Labels.a"]),
        ({"deploy": {"update_config": {"parallelism": 0}}}, ["UpdateConfig"]),
        ({"deploy": {"mode": "global"}}, ["Mode.Global", "Mode.Replicated"]),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, ["RestartPolicy"]),
        ({"ports": ["80:80"]}, ["Ports"]),
        ({"networks": {"default": {"aliases": ["w"]}}}, ["Networks"]),
        ({"healthcheck": {"test": "true"}}, ["Healthcheck"]),
    ],
)
def test_what_is_a_difference(service: dict[str, Any], places: list[str]) -> None:
    base = {"environment": {"A": 1}, "command": "a"}
    one, other = (compare.comparable(made(each), {}) for each in (base, {**base, **service}))
    assert compare.shown(compare.differences(one, other)) == places
    assert compare.differences(one, one) == []


def test_a_task_of_the_same_template() -> None:
    template = made({"deploy": {"placement": {"constraints": ["a==b"]}}})["TaskTemplate"]
    task = {**copy.deepcopy(template), "Placement": {}, "ForceUpdate": 0}
    assert compare.same_task(task, template)
    assert not compare.same_task(task, {**template, "ForceUpdate": 1})
    task["ContainerSpec"]["Args"] = ["other"]
    assert not compare.same_task(task, template)
