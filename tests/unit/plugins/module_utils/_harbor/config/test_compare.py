# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two configurations compared by meaning, and what was lost put back."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.compare import dotted, is_equivalent
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.document import (
    Difference,
    differences,
    put_back,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.releases import removed_keys
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from hypothesis import given, settings
from hypothesis import strategies as st

runs = settings(max_examples=200, deadline=None)
texts = st.text(st.characters(codec="utf-8"), max_size=6)
keys = st.sampled_from(["password", "host", "external_redis", "port", "log", "a.b", "a", "b"]) | texts
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
configs = st.dictionaries(keys, values, max_size=5)


def found(old: dict[str, Any], new: dict[str, Any], gone: tuple[str, ...] = ()) -> list[tuple[str, str, Any, Any]]:
    return [(one.path, one.kind, one.before, one.after) for one in differences(old, new, gone)]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {}, [("a", "lost", 1, None)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [("a.c", "lost", 2, None)]),
        ({"a": {"b": 1, "c": 2}}, {}, [("a", "lost", {"b": 1, "c": 2}, None)]),
        ({"a": {"b": 1}}, {"a": "text"}, [("a", "altered", {"b": 1}, "text")]),
        ({"p": "0123"}, {"p": 83}, [("p", "altered", "0123", 83)]),
        ({"p": "no"}, {"p": False}, [("p", "altered", "no", False)]),
        ({"p": "pa ss #1"}, {"p": "pa ss"}, [("p", "altered", "pa ss #1", "pa ss")]),
        ({"p": None}, {"p": "None"}, [("p", "altered", None, "None")]),
        ({"p": "443"}, {"p": 443}, [("p", "altered", "443", 443)]),
        ({"p": True}, {"p": 1}, [("p", "altered", True, 1)]),
        ({"p": 0}, {"p": False}, [("p", "altered", 0, False)]),
        ({"l": ["a", "b"]}, {"l": ["a"]}, [("l", "altered", ["a", "b"], ["a"])]),
        ({"l": []}, {}, [("l", "lost", [], None)]),
        (
            {"d": datetime.date(2024, 1, 1)},
            {"d": "2024-01-01"},
            [("d", "altered", datetime.date(2024, 1, 1), "2024-01-01")],
        ),
        ({"x.y": {"a b": 1}}, {"x.y": {"a b": 2}}, [('"x.y"."a b"', "altered", 1, 2)]),
        ({1: "a"}, {}, [("1", "lost", "a", None)]),
    ],
)
def test_what_is_a_difference(old: dict[str, Any], new: dict[str, Any], wanted: list[Any]) -> None:
    assert found(old, new) == wanted
    assert differences(old, put_back(old, new, differences(old, new, ())), ()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"_version": "2.8.0"}, {"_version": "2.12.0"}),
        ({"_version": "2.8.0"}, {}),
        ({"n": 30}, {"n": 30.0}),
        ({"n": None}, {}),
        ({"n": None}, {"n": ""}),
        ({"n": ""}, {"n": None}),
        ({"n": {}}, {"n": None}),
        ({"n": {"a": None, "b": ""}}, {}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        # What a release has elsewhere.
        ({"log": {"rotate_count": 50, "level": "info"}}, {"log": {"level": "info", "local": {"rotate_count": 50}}}),
        (
            {"clair": {"http_proxy": "http://p"}},
            {"clair": {"updaters_interval": 12}, "proxy": {"http_proxy": "http://p"}},
        ),
        (
            {"storage_service": {"redirect": {"disabled": True}}},
            {"storage_service": {"redirect": {"disable": True}}},
        ),
        ({"external_redis": {"host": "r", "port": 6379}}, {"external_redis": {"host": "r:6379"}}),
        ({"proxy": {"components": ["core", "clair"]}}, {"proxy": {"components": ["core", "trivy"]}}),
        ({"proxy": {"components": ["a", "b"]}}, {"proxy": {"components": ["b", "a"]}}),
    ],
)
def test_what_is_none(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert found(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            {"log": {"rotate_count": 50}},
            {"log": {"local": {"rotate_count": 5}}},
            [("log.local.rotate_count", "altered", 50, 5)],
        ),
        ({"log": {"rotate_count": 50}}, {"log": {"local": {}}}, [("log.local.rotate_count", "lost", 50, None)]),
        ({"log": {"rotate_count": 50}}, {}, [("log.rotate_count", "lost", 50, None)]),
        ({"clair": {"http_proxy": "p"}}, {"proxy": {}}, [("proxy.http_proxy", "lost", "p", None)]),
        (
            {"external_redis": {"host": "r", "port": 6379}},
            {"external_redis": {"host": "r"}},
            [("external_redis.host", "altered", "r", "r")],
        ),
        (
            {"proxy": {"components": ["core", "clair", "mine"]}},
            {"proxy": {"components": ["core"]}},
            [("proxy.components", "altered", ["core", "clair", "mine"], ["core"])],
        ),
    ],
)
def test_what_was_moved_and_damaged(old: dict[str, Any], new: dict[str, Any], wanted: list[Any]) -> None:
    assert found(old, new) == wanted
    result = put_back(old, new, differences(old, new, ()))
    assert found(old, result) == []


def test_the_host_of_an_external_redis_is_put_back_in_its_new_form() -> None:
    old = {"external_redis": {"host": "0x1F", "port": 6379, "password": "p"}}
    new = {"external_redis": {"host": "x:1", "password": "p"}}
    assert put_back(old, new, differences(old, new, ())) == {"external_redis": {"host": "0x1F:6379", "password": "p"}}


def test_keys_that_a_release_no_longer_knows() -> None:
    old = {
        "clair": {"updaters_interval": 12},
        "chart": {"absolute_url": "disabled"},
        "external_database": {"harbor": {"host": "a"}, "clair": {"host": "b"}, "notary_signer": {"host": "c"}},
        "external_redis": {"host": "r", "clair_db_index": 4, "chartmuseum_db_index": 3},
    }
    new = {"external_database": {"harbor": {"host": "a"}}, "external_redis": {"host": "r"}}
    gone = removed_keys(Version(2, 1, 0), Version(2, 9, 0))
    assert differences(old, new, gone) == []
    assert [one.path for one in differences(old, new, removed_keys(Version(2, 1, 0), Version(2, 8, 0)))] == [
        "external_database.notary_signer"
    ]
    # A section that is gone as a whole, one key of which does not matter.
    assert found({"external_redis": {"clair_db_index": 4}}, {}, ("external_redis.clair_db_index",)) == []
    lost = found({"external_redis": {"clair_db_index": 4, "host": "r"}}, {}, ("external_redis.clair_db_index",))
    assert lost == [("external_redis.host", "lost", "r", None)]


def test_putting_back_changes_neither_of_the_two() -> None:
    old: dict[str, Any] = {"a": {"b": [1]}, "c.d": {"e": 1}}
    new: dict[str, Any] = {"a": "x", "f": 2}
    result = put_back(old, new, differences(old, new, ()))
    assert result == {"a": {"b": [1]}, "c.d": {"e": 1}, "f": 2}
    result["a"]["b"].append(2)
    assert (old, new) == ({"a": {"b": [1]}, "c.d": {"e": 1}}, {"a": "x", "f": 2})


def test_a_difference_that_was_kept_as_text_only_is_put_back_by_its_path() -> None:
    assert put_back({}, {"a": {"b": 1}}, [Difference("a.c", "lost", 2, None)]) == {"a": {"b": 1, "c": 2}}


def test_a_path_that_has_dots_in_it() -> None:
    assert dotted(("trace", "attributes", "k8s.pod", 'a"b', 3)) == 'trace.attributes."k8s.pod"."a\\"b".3'


@runs
@given(configs, configs)
def test_nothing_is_different_once_it_was_put_back(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy((old, new))
    result = put_back(old, new, differences(old, new, ()))
    assert (old, new) == before
    assert differences(old, result, ()) == []
    # What the new one has of its own stays.
    assert all(key in result for key in new)


@runs
@given(configs)
def test_nothing_is_different_from_itself(config: dict[str, Any]) -> None:
    assert differences(config, copy.deepcopy(config), ()) == []
    assert put_back(config, config, []) == config


@runs
@given(configs)
def test_all_is_lost_in_an_empty_one(config: dict[str, Any]) -> None:
    assert is_equivalent(
        put_back(config, {}, differences(config, {}, ())), {k: v for k, v in config.items() if k != "_version"}
    )


@runs
@given(values, values)
def test_sameness_goes_both_ways(this: Any, that: Any) -> None:
    assert is_equivalent(this, this)
    forth, back = (this, that), (that, this)
    assert is_equivalent(*forth) == is_equivalent(*back)
