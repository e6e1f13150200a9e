# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse, change and show daemon.json, on files as people write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import (
    Config,
    DesiredConfig,
    InvalidDaemonConfig,
    different_keys,
    equal,
    masked,
    merge,
    new_config,
    parse,
    render,
    secrets_in,
    shown,
    without,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import State, desired_config
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

PATH = "/etc/docker/daemon.json"
FIX = "fix that line, or move the file away."


def changed(state: State, config: Config) -> Config:
    return new_config(CURRENT, desired_config(config, state, [], None))


def show(content: bytes | None) -> str:
    return shown(content, PATH, Placeholders())


DEEP = b'{"a": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"bip": "10.77.0.1/24",}', f", line 1: not valid JSON (a comma before the closing bracket); {FIX}"),
        (
            b'{\n  "labels": ["a", "b",\n  ]\n}',
            f", line 2: not valid JSON (a comma before the closing bracket); {FIX}",
        ),
        (b'{\n  "icc": false,\n', f", line 2: not valid JSON (a comma before the closing bracket); {FIX}"),
        (
            b'{\n  "icc": false\n  "mtu": 1400\n}',
            f", line 3: not valid JSON (expecting ',' delimiter, column 3); {FIX}",
        ),
        (b'{\n  "icc": flase\n}', f", line 2: not valid JSON (expecting value, column 10); {FIX}"),
        (b'{"icc" false}', f", line 1: not valid JSON (expecting ':' delimiter, column 8); {FIX}"),
        (b'{"icc": false} {}', f", line 1: not valid JSON (extra data, column 16); {FIX}"),
        (b'# mine\n{"icc": false}', f", line 1: not valid JSON (expecting value, column 1); {FIX}"),
        (b"banana", f", line 1: not valid JSON (expecting value, column 1); {FIX}"),
        (
            b"{'icc': false}",
            f", line 1: not valid JSON (expecting property name enclosed in double quotes, column 2); {FIX}",
        ),
        (b'{"graph": "/var', f", line 1: not valid JSON (unterminated string starting at, column 11); {FIX}"),
        (
            b'{\n"labels": ["caf\xe9"]\n}',
            ", line 2: this is not UTF-8; fix it, or move the file away.",
        ),
        (
            b'{"icc": true, "icc": false}',
            ": the key icc is in it twice, and the engine takes the last one; remove one of them.",
        ),
        (
            b'{"log-opts": {"max-size": "1m", "max-file": "2", "max-file": "3"}}',
            ": the key max-file is in it twice, and the engine takes the last one; remove one of them.",
        ),
        (b'["icc"]', ": this is a JSON list, and the engine wants an object ({...}); fix it, or move the file away."),
        (b'"icc"', ": this is a JSON string, and the engine wants an object ({...}); fix it, or move the file away."),
        (b"null", ": this is a JSON value, and the engine wants an object ({...}); fix it, or move the file away."),
        (b"5", ": this is a JSON value, and the engine wants an object ({...}); fix it, or move the file away."),
        (
            b'{"mtu": NaN}',
            ": not valid JSON (NaN is no number there); fix it, or move the file away.",
        ),
        (
            b'{"mtu": -Infinity}',
            ": not valid JSON (-Infinity is no number there); fix it, or move the file away.",
        ),
        (DEEP, ": not valid JSON (nested too deeply); fix it, or move the file away."),
    ],
)
def test_what_is_no_json_object_is_named_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(InvalidDaemonConfig) as caught:
        parse(content, PATH)
    assert caught.value.message == PATH + message
    # A diff shows the reason; the file may have been replaced in spite of it.
    reason = message.partition(";")[0]
    assert show(content) == f"({PATH}{reason})\n"


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n\n", b"{}", b" { } \n"])
def test_an_empty_file_has_no_keys(content: bytes) -> None:
    assert parse(content, PATH) == {}
    assert show(content) == "{}\n"


def test_no_file_is_shown_as_nothing() -> None:
    assert show(None) == ""


def test_keys_of_inner_objects_may_stand_in_several_of_them() -> None:
    content = b'{"runtimes": {"a": {"path": "/a"}, "b": {"path": "/b"}}, "path": 1}'
    assert parse(content, PATH) == {"runtimes": {"a": {"path": "/a"}, "b": {"path": "/b"}}, "path": 1}


def test_render_keeps_the_order_and_reads_like_the_documentation_of_docker() -> None:
    content = parse(b'{"mtu":1400,"bip":"10.77.0.1/24","labels":["b","a"],"log-opts":{"z":"1","a":"2"}}', PATH)
    assert render(content).decode() == (
        "{\n"
        '    "mtu": 1400,\n'
        '    "bip": "10.77.0.1/24",\n'
        '    "labels": [\n'
        '        "b",\n'
        '        "a"\n'
        "    ],\n"
        '    "log-opts": {\n'
        '        "z": "1",\n'
        '        "a": "2"\n'
        "    }\n"
        "}\n"
    )


def test_render_writes_letters_as_they_are_and_half_of_a_surrogate_pair_as_json_does() -> None:
    assert render({"labels": ["größe=\u2126"]}).decode().split('"')[3] == "größe=\u2126"
    half = parse(rb'{"labels": ["\ud800"]}', PATH)
    assert rb"\ud800" in render(half)
    assert parse(render(half), PATH) == half
    assert r"\ud800" in show(rb'{"labels": ["\ud800"]}')


@pytest.mark.parametrize(
    "one, other, same",
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}, True),
        ({"a": []}, {"a": []}, True),
        ({}, {}, True),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": False}, {"a": 0}, False),
        ({"a": "1"}, {"a": 1}, False),
        # The engine refuses 1.0 where it wants a whole number.
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": {}}, {}, False),
        ({"a": ""}, {}, False),
        ({"a": None}, {"a": False}, False),
    ],
)
def test_equal(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert [equal(*pair) for pair in ((one, other), (other, one))] == [same, same]
    assert (different_keys(one, other) == []) is same


def test_different_keys_are_those_that_came_went_or_changed() -> None:
    before = {"same": [1], "changed": True, "gone": 1, "order": {"a": 1, "b": 2}}
    after = {"order": {"b": 2, "a": 1}, "came": None, "changed": 1, "same": [1]}
    assert different_keys(before, after) == ["came", "changed", "gone"]


CURRENT = {
    "bip": "10.77.0.1/24",
    "icc": False,
    "log-opts": {"max-size": "10m", "max-file": "3"},
    "labels": ["a", "b"],
    "made-by-hand": {"deep": {"x": 1}},
}


@pytest.mark.parametrize(
    "addition, expected",
    [
        ({}, CURRENT),
        ({"icc": True}, {**CURRENT, "icc": True}),
        ({"mtu": 1400}, {**CURRENT, "mtu": 1400}),
        ({"labels": ["c"]}, {**CURRENT, "labels": ["c"]}),
        ({"labels": []}, {**CURRENT, "labels": []}),
        (
            {"log-opts": {"max-file": "5", "compress": "true"}},
            {**CURRENT, "log-opts": {"max-size": "10m", "max-file": "5", "compress": "true"}},
        ),
        ({"log-opts": {}}, CURRENT),
        ({"log-opts": "none"}, {**CURRENT, "log-opts": "none"}),
        ({"bip": {"a": 1}}, {**CURRENT, "bip": {"a": 1}}),
        ({"made-by-hand": {"deep": {"y": 2}}}, {**CURRENT, "made-by-hand": {"deep": {"x": 1, "y": 2}}}),
    ],
)
def test_merge(addition: dict[str, Any], expected: dict[str, Any]) -> None:
    before = json.dumps(CURRENT)
    merged = changed("merged", addition)
    assert merged == expected
    assert list(merged) == list(expected), "keys that stay keep their place, and new ones come last"
    # The result shares nothing with what it was made of.
    merged["made-by-hand"]["deep"]["x"] = "changed"
    assert json.dumps(CURRENT) == before
    assert merge(CURRENT, addition) == expected


@pytest.mark.parametrize(
    "removal, gone",
    [
        ({"icc": None}, {"icc"}),
        ({"icc": True, "bip": ""}, {"icc", "bip"}),
        ({"log-opts": None}, {"log-opts"}),
        ({"log-opts": {}}, {"log-opts"}),
        ({"log-opts": {"max-size": None, "max-file": None}}, {"log-opts"}),
        ({"labels": {"a": None}}, {"labels"}),
        ({"made-by-hand": {"deep": {"x": 5}}}, {"made-by-hand"}),
        ({"mtu": 1400}, set()),
        ({"log-opts": {"compress": None}}, set()),
    ],
)
def test_absent(removal: dict[str, Any], gone: set[str]) -> None:
    left = changed("absent", removal)
    assert left == {key: value for key, value in CURRENT.items() if key not in gone}
    assert left == without(CURRENT, removal)


def test_absent_removes_one_option_of_several() -> None:
    left = changed("absent", {"log-opts": {"max-file": None}})
    assert left == {**CURRENT, "log-opts": {"max-size": "10m"}}


def test_replaced_leaves_nothing_else_and_keeps_places() -> None:
    target = changed("replaced", {"mtu": 1400, "labels": ["c"], "icc": False})
    assert list(target.items()) == [("icc", False), ("labels", ["c"]), ("mtu", 1400)]
    assert changed("replaced", {"log-opts": {"max-file": "3"}}) == {"log-opts": {"max-file": "3"}}
    assert changed("replaced", {}) == {}


def test_replaced_speaks_only_of_the_keys_that_it_owns() -> None:
    owned = frozenset({"bip", "icc", "mtu"})
    target = new_config(CURRENT, DesiredConfig({"mtu": 1400}, owned=owned))
    assert list(target.items()) == [
        ("log-opts", {"max-size": "10m", "max-file": "3"}),
        ("labels", ["a", "b"]),
        ("made-by-hand", {"deep": {"x": 1}}),
        ("mtu", 1400),
    ]


@pytest.mark.parametrize(
    "state, config, message",
    [
        ("merged", {"bip": None}, "config has no value for bip; give one, or remove the key by state: absent."),
        (
            "replaced",
            {"icc": True, "log-opts": {"max-size": None}},
            "config has no value for log-opts.max-size; give one, or remove the key by state: absent.",
        ),
        (
            "merged",
            {"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}, {"base": None, "size": 24}]},
            "config has no value for default-address-pools[1].base; give one, or remove the key by state: absent.",
        ),
        ("absent", {}, "config names no key to remove; name one."),
    ],
)
def test_declarations_without_a_meaning(state: State, config: dict[str, Any], message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        desired_config(config, state, [], None)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "state, config",
    [("merged", {}), ("replaced", {}), ("absent", {"bip": None}), ("merged", {"bip": "", "mtu": 0, "labels": []})],
)
def test_declarations_with_a_meaning(state: State, config: dict[str, Any]) -> None:
    desired_config(config, state, [], None)


SECRET = "(secret 1)"


@pytest.mark.parametrize(
    "config, expected",
    [
        (
            {"log-opts": {"splunk-token": "horse", "splunk-url": "https://splunk.example.com:8088", "tag": "x"}},
            {"log-opts": {"splunk-token": SECRET, "splunk-url": "https://splunk.example.com:8088", "tag": "x"}},
        ),
        ({"log-opts": {"logentries-token": "horse"}}, {"log-opts": {"logentries-token": SECRET}}),
        (
            {"proxies": {"https-proxy": "http://alice:horse@proxy:3128", "no-proxy": "localhost,127.0.0.0/8"}},
            {
                "proxies": {
                    "https-proxy": f"http://alice:{SECRET}@proxy:3128",
                    "no-proxy": "localhost,127.0.0.0/8",
                }
            },
        ),
        # A path with an @ after a port can't be distinguished from a password.
        (
            {"registry-mirrors": ["https://mirror.example.com:5000/at@home"]},
            {"registry-mirrors": [f"https://mirror.example.com:{SECRET}@home"]},
        ),
        ({"token": 5}, {"token": SECRET}),
        ({"http-proxy": "alice:horse@proxy:3128"}, {"http-proxy": f"alice:{SECRET}@proxy:3128"}),
        ({"http-proxy": "http://a:b:c@proxy"}, {"http-proxy": f"http://a:{SECRET}@proxy"}),
        ({"http-proxy": "http://:horse@proxy"}, {"http-proxy": f"http://:{SECRET}@proxy"}),
        ({"http-proxy": "http://a:b@c@proxy"}, {"http-proxy": f"http://a:{SECRET}@proxy"}),
        (
            {"registry-mirrors": ["https://mirror.example.com", "https://bob:staple@mirror2.example.com/"]},
            {
                "registry-mirrors": [
                    "https://mirror.example.com",
                    f"https://bob:{SECRET}@mirror2.example.com/",
                ]
            },
        ),
        ({"cluster-store-opts": {"kv.password": "horse"}}, {"cluster-store-opts": {"kv.password": SECRET}}),
        ({"runtimes": {"x": {"options": {"api-key": "k"}}}}, {"runtimes": {"x": {"options": {"api-key": SECRET}}}}),
    ],
)
def test_secrets_are_replaced(config: dict[str, Any], expected: dict[str, Any]) -> None:
    before = json.dumps(config)
    assert masked(config, Placeholders()) == expected
    assert json.dumps(config) == before
    assert json.loads(show(render(config))) == expected
    (secret,) = secrets_in(config)
    assert secret in before


@pytest.mark.parametrize(
    "config",
    [
        CURRENT,
        {"tlskey": "/etc/docker/key.pem", "deprecated-key-path": "/etc/docker/key.json", "tlscacert": "/ca.pem"},
        {"hosts": ["unix:///run/docker.sock", "tcp://127.0.0.1:2375", "fd://"]},
        {"insecure-registries": ["registry.example.com:5000", "10.0.0.0/8", "[fd00::1]:5000"]},
        {"bip6": "fd00:77::1/64", "dns": ["10.0.0.53"], "labels": ["mail=ops@example.com", "a:b"]},
        {"registry-mirrors": ["https://mirror.example.com:5000/home"], "mtu": 1400, "token": True, "password": ""},
    ],
)
def test_nothing_else_is_replaced(config: dict[str, Any]) -> None:
    assert masked(config, Placeholders()) == config
    assert secrets_in(config) == ()


def test_what_is_no_configuration_may_be_a_secret() -> None:
    assert secrets_in("splunk-token=horse") == ("splunk-token=horse",)
    assert secrets_in(None) == secrets_in(["x"]) == ()


def test_a_diff_shows_one_spelling() -> None:
    compact, spread = b'{"mtu":1400,"bip":"10.77.0.1/24"}', b'{\n\t"bip" : "10.77.0.1/24",\n\t"mtu" : 1400 }'
    assert show(compact) == show(spread) == '{\n    "bip": "10.77.0.1/24",\n    "mtu": 1400\n}\n'
