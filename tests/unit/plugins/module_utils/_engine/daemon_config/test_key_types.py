# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which value each key takes, by the text of the refusal, and which changes a reload brings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import key_types
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.key_types import by_reload, check_types
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

PATH = "/etc/docker/daemon.json"


@pytest.mark.parametrize(
    "key, value, complaint",
    [
        ("bip", 5, "a string, and is the number 5"),
        ("bip", True, "a string, and is true"),
        ("bip", ["10.77.0.1/24"], "a string, and is a list"),
        ("log-driver", {"b": 1, "a": 2}, "a string, and is a dictionary (a, b)"),
        ("log-level", None, "a string, and is null"),
        ("icc", "false", 'true or false, and is the string "false"'),
        ("live-restore", 1, "true or false, and is the number 1"),
        ("debug", [], "true or false, and is a list"),
        ("mtu", "1400", 'a whole number, and is the string "1400"'),
        ("mtu", 1400.5, "a whole number, and is the number 1400.5"),
        ("max-concurrent-downloads", True, "a whole number, and is true"),
        ("dns", "10.0.0.53", 'a list of strings, and is the string "10.0.0.53"'),
        ("labels", ["a", 5], "a list of strings, and is one with the number 5 in it"),
        ("registry-mirrors", [["a"]], "a list of strings, and is one with a list in it"),
        ("hosts", {"a": 1}, "a list of strings, and is a dictionary (a)"),
        ("features", ["buildkit"], "a dictionary, and is a list"),
        ("proxies", "http://proxy:3128", 'a dictionary, and is the string "http://proxy:3128"'),
        ("log-opts", ["max-size"], "a dictionary of strings, and is a list"),
        (
            "log-opts",
            {"max-size": "10m", "max-file": 3},
            "a dictionary of strings, and is one where max-file is the number 3 (put it in quotes)",
        ),
        (
            "log-opts",
            {"compress": True},
            "a dictionary of strings, and is one where compress is true (put it in quotes)",
        ),
        ("default-shm-size", True, "a size such as 64M, and is true"),
        ("default-shm-size", [64], "a size such as 64M, and is a list"),
        (
            "default-address-pools",
            {"base": "10.0.0.0/8"},
            "a list of pools (base and size), and is a dictionary (base)",
        ),
        (
            "default-address-pools",
            ["10.0.0.0/8"],
            'a list of pools (base and size), and is one with the string "10.0.0.0/8" in it',
        ),
        (
            "default-address-pools",
            [{"base": "10.0.0.0/8", "size": 24}, {"base": "10.0.0.0/8"}],
            "a list of pools (base and size), and is one with a dictionary (base) in it",
        ),
        (
            "default-address-pools",
            [{"base": "10.0.0.0/8", "size": "24"}],
            "a list of pools (base and size), and is one with a dictionary (base, size) in it",
        ),
        (
            "default-address-pools",
            [{"base": "10.0.0.0/8", "size": True}],
            "a list of pools (base and size), and is one with a dictionary (base, size) in it",
        ),
    ],
)
def test_a_wrong_type(key: str, value: object, complaint: str) -> None:
    with pytest.raises(DockyardError) as caught:
        check_types({"debug": True, key: value}, {}, PATH)
    assert caught.value.message == f"{key} must be {complaint}; change it."
    # What is in the file already is the file's.
    with pytest.raises(DockyardError) as caught:
        check_types({key: value}, {key: value}, PATH)
    assert caught.value.message == f"{PATH}: {key} must be {complaint}; change it."


def test_a_secret_of_the_wrong_type_stays_one() -> None:
    with pytest.raises(DockyardError) as caught:
        check_types({"proxies": "http://alice:horse@proxy:3128"}, {}, PATH)
    assert "horse" not in caught.value.message
    assert 'must be a dictionary, and is the string "http://alice:(secret 1)@proxy:3128' in caught.value.message


EXAMPLES: dict[str, list[Any]] = {
    key_types.STRING: ["", "x"],
    key_types.FLAG: [True, False],
    key_types.NUMBER: [0, -5, 1400],
    key_types.STRINGS: [[], ["a", "b"]],
    key_types.DICTIONARY: [{}, {"a": {"b": [1]}}],
    key_types.OPTIONS: [{}, {"max-file": "3"}],
    key_types.POOLS: [[], [{"base": "10.100.0.0/16", "size": 24}]],
    key_types.SIZE: ["64M", 67108864],
}


def test_every_key_takes_the_values_of_its_kind() -> None:
    assert set(EXAMPLES) == set(key_types.KINDS.values())
    for key, kind in key_types.KINDS.items():
        for value in EXAMPLES[kind]:
            assert check_types({key: value}, {}, PATH) == []


def test_keys_that_are_not_known_are_returned_in_order() -> None:
    assert check_types({"zebra": None, "icc": True, "antelope": [5]}, {}, PATH) == ["zebra", "antelope"]


# Read from "Reloaded configuration" of engines 20.10, 26.1 and 28.5 after a SIGHUP: what had changed in it, and what
# not.
TAKEN_OVER = {
    *("debug", "labels", "live-restore", "max-concurrent-downloads", "max-concurrent-uploads"),
    *("max-download-attempts", "shutdown-timeout", "insecure-registries", "registry-mirrors", "features", "runtimes"),
    *("default-runtime", "default-shm-size", "default-ipc-mode", "network-diagnostic-port"),
}


@pytest.mark.parametrize("key", sorted(key_types.KINDS))
def test_what_a_reload_brings(key: str) -> None:
    few, more = EXAMPLES[key_types.KINDS[key]][:2]
    assert by_reload(key, {}, {key: more}) is (key in TAKEN_OVER)
    assert by_reload(key, {key: few}, {key: more}) is (key in TAKEN_OVER)
    # A key that is removed keeps its old value in the engine; only these three go back to their defaults.
    assert by_reload(key, {key: more}, {}) is key.startswith("max-")


@pytest.mark.parametrize(
    "old, new, enough",
    [
        ({"a": True}, {"a": False}, True),
        ({"a": True}, {"a": True, "b": True}, True),
        ({"a": True, "b": True}, {"b": True}, False),
        ({"a": True}, {}, False),
        ({}, {"a": True}, True),
    ],
)
def test_what_is_taken_out_of_a_dictionary_needs_a_restart(
    old: dict[str, bool], new: dict[str, bool], enough: bool
) -> None:
    assert by_reload("features", {"features": old}, {"features": new}) is enough


def test_a_key_nobody_knows_needs_a_restart() -> None:
    assert by_reload("zebra", {}, {"zebra": 1}) is False
    assert by_reload("zebra", {"zebra": 1}, {}) is False


def test_keys_of_the_bridge_are_known_and_no_reload_brings_them() -> None:
    assert set(key_types.KINDS) >= key_types.BRIDGE
    assert not key_types.BRIDGE & key_types.RELOADABLE
    assert set(key_types.KINDS) >= key_types.RELOADABLE >= key_types.RESET_BY_RELOAD
