# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading compose files: YAML, variables, and keys."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import compose, yaml_text
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack.interpolation import interpolated
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


def test_yaml_as_docker_reads_it() -> None:
    text = """
x-base: &base {a: 1, mode: 0440, other: 0o440}
b: &b
  <<: *base
  a: 2
c:
  <<: *b
  a: 3
values: [22:22, 80, yes, on, true, 1.5, 2024-01-01, null, ~, '', -3, 0, 1_000]
empty:
"""
    found = yaml_text.load(text)
    assert found["c"] == {"a": 3, "mode": 0o440, "other": 0o440}
    assert found["values"] == [
        "22:22",
        80,
        "yes",
        "on",
        True,
        1.5,
        "2024-01-01",
        None,
        None,
        "",
        -3,
        0,
        1000,
    ]
    assert found["empty"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "a is there twice in"),
        ("services: {a: {}, a: {}}", "a is there twice in"),
        ("a: [", "expected the node content"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_yaml_that_is_none(text: str, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        compose.read_text("s", text, {})
    assert message in caught.value.message
    assert caught.value.message.startswith("compose_content is not YAML (")
    assert caught.value.message.endswith("); correct it.")


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ("$A ${A}b", "1 1b"),
        ("$$A", "$A"),
        ("${N:-x}${N-y}${E:-z}${E-w}", "xyz"),
        ("${A:+yes}${E:+no}${E+set}${N+no}", "yesset"),
        ("${A?needed}", "1"),
        ("$N", ""),
        ({"k": ["$A", 5, None, True]}, {"k": ["1", 5, None, True]}),
    ],
)
def test_variables(given: Any, result: Any) -> None:
    assert interpolated(given, {"A": "1", "E": ""}) == result


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("${N?say it}", "services.web.image needs the variable N (say it); give it in variables."),
        ("${E:?}", "services.web.image needs the variable E; give it in variables."),
        ("5 $", "services.web.image has a $ that begins no variable; write $$ for a $, or correct the variable."),
        ("${}", "services.web.image has a $ that begins no variable; write $$ for a $, or correct the variable."),
    ],
)
def test_variables_that_are_missing(given: str, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        interpolated({"services": {"web": {"image": given}}}, {"E": ""})
    assert caught.value.message == message


def service(**keys: Any) -> dict[str, Any]:
    return {"services": {"web": {"image": "x", **keys}}}


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ([], "stack_value_invalid", "The definition is not a dictionary; correct it."),
        (
            {"services": []},
            "stack_empty",
            "The stack s has no service; declare one, or remove the stack with state: absent.",
        ),
        ({"services": ["a"]}, "stack_value_invalid", "services is not a dictionary; correct it."),
        ({"services": {"a": None}}, "stack_value_invalid", "services.a is not a dictionary; correct it."),
        (
            {**service(), "servces": {}},
            "stack_key_unknown",
            "The definition has servces, which is not known; correct or remove it.",
        ),
        (
            service(imag="y", comand="z"),
            "stack_key_unknown",
            "services.web has comand, imag, which are not known; correct or remove it.",
        ),
        (
            service(deploy={"replica": 1}),
            "stack_key_unknown",
            "services.web.deploy has replica, which is not known; correct or remove it.",
        ),
        (
            service(deploy={"update_config": {"paralelism": 1}}),
            "stack_key_unknown",
            "services.web.deploy.update_config has paralelism, which is not known; correct or remove it.",
        ),
        (
            service(volumes=[{"target": "/a", "readonly": True}]),
            "stack_key_unknown",
            "services.web.volumes.0 has readonly, which is not known; correct or remove it.",
        ),
        (
            service(networks={"default": {"ipv4_adress": "10.0.0.1"}}),
            "stack_key_unknown",
            "services.web.networks.default has ipv4_adress, which is not known; correct or remove it.",
        ),
        (
            service(healthcheck="true"),
            "stack_value_invalid",
            "services.web.healthcheck is not a dictionary; correct it.",
        ),
        (service(ports={"80": 80}), "stack_value_invalid", "services.web.ports is not a list; correct it."),
        (
            service(mem_limit="1g"),
            "stack_key_refused",
            "services.web.mem_limit has no effect in a Swarm; write deploy.resources.limits.memory in its place.",
        ),
        (service(cpuset="1"), "stack_key_refused", "services.web.cpuset has no effect in a Swarm; remove it."),
        (
            {"services": {"web": {"build": "."}}},
            "stack_image_missing",
            "services.web has no image, and a Swarm builds none; name one.",
        ),
        (
            {"services": {"we b": {"image": "x"}}},
            "stack_name_invalid",
            "s_we b can't be the name of a service; use letters, digits, hyphens and underscores, 63 at most.",
        ),
        (
            {"services": {"w" * 62: {"image": "x"}}},
            "stack_name_invalid",
            f"s_{'w' * 62} can't be the name of a service; use letters, digits, hyphens and underscores, 63 at most.",
        ),
        (
            {**service(), "networks": {"a": {"subnet": "x"}}},
            "stack_key_unknown",
            "networks.a has subnet, which is not known; correct or remove it.",
        ),
        (
            {**service(), "networks": {"a": {"ipam": {"config": [{"net": "x"}]}}}},
            "stack_key_unknown",
            "networks.a.ipam.config.0 has net, which is not known; correct or remove it.",
        ),
        ({**service(), "configs": {"a": "x"}}, "stack_value_invalid", "configs.a is not a dictionary; correct it."),
    ],
)
def test_definitions_that_are_refused(content: Any, code: str, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        compose.parse("s", content)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_name_that_is_none() -> None:
    with pytest.raises(DockyardError) as caught:
        compose.parse("a.b", service())
    assert caught.value.message == ("'a.b' can't be the name of a stack; use letters, digits, hyphens and underscores.")


def test_keys_that_a_swarm_ignores_are_named() -> None:
    ignored = ("build", "devices", "privileged", "network_mode", "restart", "security_opt", "shm_size", "depends_on")
    found = compose.parse("s", {**service(**dict.fromkeys(ignored, "x")), "version": "3.8", "x-own": 1})
    assert found.ignored == {"web": sorted(ignored)}
    assert compose.parse("s", service(**{"x-own": 1})).ignored == {}
    addressed = {
        **service(networks={"front": {"ipv4_address": "10.9.0.5", "aliases": ["w"]}}),
        "networks": {"front": {}},
    }
    assert compose.parse("s", addressed).ignored == {"web": ["networks.front.ipv4_address"]}


def test_a_file_with_its_folder(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stack.yml"
    path.write_text("services: {web: {image: 'x:${TAG}'}}")
    found = compose.read_file("s", str(path), {"TAG": "5"})
    assert (found.services["web"]["image"], found.folder) == ("x:5", str(tmp_path))
    with pytest.raises(DockyardError) as caught:
        compose.read_file("s", str(tmp_path / "none"), {})
    assert caught.value.message == (f"{tmp_path}/none can't be read (No such file or directory); correct compose_file.")
    path.write_bytes(b"\xff")
    with pytest.raises(DockyardError, match="it is not UTF-8"):
        compose.read_file("s", str(path), {})
