# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every daemon.json and every declaration, not only for those that one thinks of."""

from __future__ import annotations

import json
import random
from collections.abc import Set
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import (
    DesiredConfig,
    InvalidDaemonConfig,
    different_keys,
    equal,
    masked,
    merge,
    new_config,
    parse,
    render,
    shown,
    without,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.judge import Found, check_types
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import desired_config
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = "/etc/docker/daemon.json"

# Few names, so that files and wishes have keys in common, at the top and further down. None is that of a flag or a
# number, which are converted where they are declared: see test_options.
names = st.sampled_from(["bip", "dns", "log-opts", "max-size", "labels", "runtimes", "zebra", "a", ""])
scalars = st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
configs = st.dictionaries(names, values, max_size=5)
runs = settings(max_examples=70, deadline=None)


def contains(config: Any, part: Any) -> bool:
    """Whether a configuration says all that a part of one says."""
    if isinstance(config, dict) and isinstance(part, dict):
        return all(key in config and contains(config[key], part[key]) for key in part)
    return equal(config, part)


def leaves(config: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value that is no dictionary with something in it, and its place."""
    if isinstance(config, dict) and config:
        return {name: leaf for key, value in config.items() for name, leaf in leaves(value, (*place, key)).items()}
    return {place: config}


@runs
@given(configs)
def test_what_is_written_is_read_back(config: dict[str, Any]) -> None:
    content = render(config)
    read = parse(content, PATH)
    assert equal(read, config)
    assert list(read) == list(config)
    assert render(read) == content
    assert content.endswith(b"}\n")


@runs
@given(configs, st.randoms(use_true_random=False), st.sampled_from([None, 1, 2, 4, "\t"]))
def test_a_file_in_another_order_and_form_is_the_same(
    config: dict[str, Any], chance: random.Random, indent: int | str | None
) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in chance.sample(sorted(value), len(value))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    other = parse(json.dumps(shuffled(config), indent=indent).encode(), PATH)
    assert equal(other, config)
    assert different_keys(other, config) == []
    assert equal(new_config(other, desired_config(config, "merged", [], None)), other)
    assert equal(new_config(other, desired_config(config, "replaced", [], None)), other)
    assert shown(render(other), PATH, Placeholders()) == shown(render(config), PATH, Placeholders())


@runs
@given(configs, configs)
def test_configurations_are_equal_only_if_nothing_tells_them_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    def told_apart(first: Any, second: Any) -> bool:
        """Written without json: also 1, 1.0 and true are different."""
        if type(first) is not type(second):
            return True
        if isinstance(first, dict):
            return first.keys() != second.keys() or any(told_apart(first[key], second[key]) for key in first)
        if isinstance(first, list):
            return len(first) != len(second) or any(map(told_apart, first, second))
        return repr(first) != repr(second)

    assert equal(one, other) is not told_apart(one, other)
    assert different_keys(one, other) == sorted(
        key for key in {*one, *other} if key not in one or key not in other or told_apart(one[key], other[key])
    )


@runs
@given(configs, configs)
def test_a_merge_holds_the_wish_and_all_else_that_was_there(current: dict[str, Any], wish: dict[str, Any]) -> None:
    before, wished = render(current), render(wish)
    merged = new_config(current, desired_config(wish, "merged", [], None))
    assert contains(merged, wish)
    assert list(merged)[: len(current)] == list(current)
    for key in current.keys() - wish.keys():
        assert equal(merged[key], current[key])
    # Nothing comes from elsewhere.
    known = {**leaves(current), **leaves(wish)}
    assert all(equal(leaf, known[place]) for place, leaf in leaves(merged).items() if place)
    assert (render(current), render(wish)) == (before, wished)


@runs
@given(configs, configs)
def test_a_second_merge_changes_nothing(current: dict[str, Any], wish: dict[str, Any]) -> None:
    once = new_config(current, desired_config(wish, "merged", [], None))
    assert render(new_config(once, desired_config(wish, "merged", [], None))) == render(once)
    assert different_keys(current, once) == sorted(
        key for key in wish if key not in current or not equal(current[key], once[key])
    )


# Keys that are dictionaries in every file, and keys that never are, as those of daemon.json. (Where one level has a
# dictionary and another a string, the order in which levels are merged would matter.)
plain = st.dictionaries(st.sampled_from(["bip", "icc", "a"]), scalars | st.lists(scalars, max_size=3), max_size=3)
shaped = st.builds(
    lambda outer, inner: {**outer, **inner},
    plain,
    st.dictionaries(st.sampled_from(["log-opts", "runtimes"]), plain, max_size=2),
)


@runs
@given(shaped, shaped, shaped)
def test_merges_of_several_levels_are_one_merge(
    current: dict[str, Any], group: dict[str, Any], host: dict[str, Any]
) -> None:
    assert equal(merge(merge(current, group), host), merge(current, merge(group, host)))


@runs
@given(configs, configs)
def test_absent_takes_back_what_a_merge_has_added(current: dict[str, Any], wish: dict[str, Any]) -> None:
    added = {key: value for key, value in wish.items() if key not in current}
    merged = new_config(current, desired_config(added, "merged", [], None))
    assert render(new_config(merged, DesiredConfig({}, removal=dict.fromkeys(added)))) == render(current)


@runs
@given(configs, configs)
def test_absent_leaves_nothing_of_it_and_all_else(current: dict[str, Any], removal: dict[str, Any]) -> None:
    left = new_config(current, DesiredConfig({}, removal=removal))
    assert render(without(left, removal)) == render(left), "a second time there is nothing to remove"
    for key in current.keys() - removal.keys():
        assert equal(left[key], current[key])
    for key, named in removal.items():
        if not (isinstance(named, dict) and named and isinstance(current.get(key), dict)):
            assert key not in left
    assert contains(current, left)


def _only(config: dict[str, Any], keys: Set[str]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key in keys}


@runs
@given(configs, configs, st.none() | st.frozensets(names))
def test_replaced_is_the_wish_and_what_others_own(
    current: dict[str, Any], wish: dict[str, Any], owned: frozenset[str] | None
) -> None:
    target = new_config(current, DesiredConfig(wish, owned=owned))
    replaced = current.keys() | wish.keys() if owned is None else owned
    assert equal(_only(target, replaced), _only(wish, replaced))
    others = (current.keys() | wish.keys()) - replaced
    assert equal(_only(target, others), merge(_only(current, others), _only(wish, others)))
    kept = [key for key in current if key in target]
    assert list(target)[: len(kept)] == kept
    assert render(new_config(target, DesiredConfig(wish, owned=owned))) == render(target)


@runs
@given(st.binary(max_size=60) | st.text('{}[]",:\\ tru1.eE-\n', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_sentence(content: bytes) -> None:
    try:
        config = parse(content, PATH)
    except InvalidDaemonConfig as invalid:
        assert invalid.message.startswith(PATH)
        assert invalid.message.endswith(".")
        assert shown(content, PATH, Placeholders()).startswith(f"({PATH}")
    else:
        if content.decode().strip():
            assert equal(config, json.loads(content))
        assert equal(parse(render(config), PATH), config)


@runs
@given(configs)
def test_types_are_judged_or_the_key_is_not_known(config: dict[str, Any]) -> None:
    try:
        _sound, unknown = check_types(config, Found(PATH, frozenset(), frozenset()), True)
    except DockyardError as problem:
        assert problem.message.partition(" must be ")[0] in config
        assert problem.message.endswith("; change it.")
    else:
        assert set(unknown) == config.keys() - {"bip", "dns", "log-opts", "labels", "runtimes"}


@runs
@given(
    st.text("abcXYZ019._~!$&'()*+,;=%:-", min_size=8, max_size=20),
    st.sampled_from(["http", "https", "socks5"]),
    st.text("abc", min_size=1, max_size=5),
)
def test_no_password_of_a_url_is_ever_shown(password: str, scheme: str, user: str) -> None:
    config = {
        "proxies": {"http-proxy": f"{scheme}://{user}:{password}@proxy.example.com:3128/"},
        "registry-mirrors": [f"{scheme}://{user}:{password}@mirror.example.com"],
        "log-opts": {"splunk-token": password, "gelf-address": f"tcp://{user}:{password}@10.0.0.1:12201"},
    }
    text = json.dumps(masked(config, Placeholders()))
    assert password not in text
    assert text.count("(secret 1)") == 4
    assert "proxy.example.com:3128/" in text and "mirror.example.com" in text and "10.0.0.1:12201" in text
