# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which value each key takes, by the text of the refusal."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import keys
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.judge import Found, check_types
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.daemon_keys import EXAMPLES

PATH = "/etc/docker/daemon.json"
NOTHING = Found(PATH, frozenset(), frozenset())


def found(*names: str, in_force: bool = False) -> Found:
    return Found(PATH, frozenset(names), frozenset(names if in_force else ()))


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
        check_types({"debug": True, key: value}, NOTHING, True)
    assert caught.value.message == f"{key} must be {complaint}; change it."
    # What is in the file already is the business of the engine, if there is one that can be asked.
    if value is None:
        return
    with pytest.raises(DockyardError) as caught:
        check_types({key: value}, found(key), False)
    assert caught.value.message == (
        f"{key} must be {complaint}; change it. {key} is in {PATH} and not declared: declare it as wanted, or remove it"
        f" (remove: [{key}])."
    )
    assert check_types({key: value}, found(key), True) == ({}, [])


def test_a_key_without_a_value_in_the_file_is_as_if_it_were_not_there() -> None:
    assert check_types({"log-opts": None, "debug": True}, found("log-opts", "debug"), False) == ({"debug": True}, [])


def test_a_pool_may_have_more_in_the_file() -> None:
    pools = {"default-address-pools": [{"base": "10.100.0.0/16", "size": 24, "scope": "local"}]}
    assert check_types(pools, found("default-address-pools"), False) == (pools, [])
    with pytest.raises(DockyardError, match="is one with a dictionary"):
        check_types(pools, NOTHING, True)


def test_a_secret_of_the_wrong_type_stays_one() -> None:
    with pytest.raises(DockyardError) as caught:
        check_types({"proxies": "http://alice:horse@proxy:3128"}, NOTHING, True)
    assert "horse" not in caught.value.message
    assert 'must be a dictionary, and is the string "http://alice:(secret 1)@proxy:3128' in caught.value.message


def test_every_key_takes_the_values_of_its_kind() -> None:
    assert set(EXAMPLES) == {key.kind for key in keys.KEYS.values()}
    for name, key in keys.KEYS.items():
        for value in EXAMPLES[key.kind]:
            assert check_types({name: value}, NOTHING, True) == ({name: value}, [])


def test_keys_that_are_not_known_are_returned_in_order() -> None:
    config = {"zebra": None, "icc": True, "antelope": [5]}
    assert check_types(config, NOTHING, True) == ({"icc": True}, ["zebra", "antelope"])
