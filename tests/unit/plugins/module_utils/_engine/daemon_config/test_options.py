# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of docker_daemon and docker_bridge declare, alone and together."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import Config, new_config
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import (
    BRIDGE,
    State,
    desired_bridge,
    desired_config,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

CURRENT: Config = {"bip": "10.1.0.1/24", "icc": False, "mtu": 1400, "labels": ["a"], "log-opts": {"tag": "x"}}


def bridge(state: State = "merged", **options: Any) -> dict[str, Any]:
    return {**dict.fromkeys(BRIDGE), "state": state, **options}


@pytest.mark.parametrize(
    "options, expected",
    [
        (bridge(icc=True), {**CURRENT, "icc": True}),
        (bridge(icc=False, fixed_cidr="10.1.0.0/25"), {**CURRENT, "fixed-cidr": "10.1.0.0/25"}),
        (bridge(), CURRENT),
        (bridge("replaced", icc=True), {"icc": True, "labels": ["a"], "log-opts": {"tag": "x"}}),
        (bridge("absent", icc=True), {key: value for key, value in CURRENT.items() if key != "icc"}),
        (bridge("absent"), {"labels": ["a"], "log-opts": {"tag": "x"}}),
        # Surveys and extra variables give strings, and empty ones for what is not answered.
        (bridge(icc="true", mtu="1450", ip_masq=0), {**CURRENT, "icc": True, "mtu": 1450, "ip-masq": False}),
        (bridge(icc="", mtu="", ipv6=" ", bip="", fixed_cidr=""), CURRENT),
        (bridge("absent", icc=""), {key: value for key, value in CURRENT.items() if key != "icc"}),
    ],
)
def test_docker0_alone(options: dict[str, Any], expected: Config) -> None:
    assert new_config(CURRENT, desired_bridge(options)) == expected
    assert new_config(CURRENT, desired_config(None, "merged", [], options)) == expected


@pytest.mark.parametrize(
    "config, state, remove, options, expected",
    [
        (
            {"debug": "yes", "mtu": "1450", "icc": "", "features": {"cdi": "true", "buildkit": ""}, "bridge": ""},
            "merged",
            [],
            None,
            {**CURRENT, "debug": True, "mtu": 1450, "features": {"cdi": True}, "bridge": ""},
        ),
        ({"mtu": "large", "icc": "perhaps"}, "merged", [], None, {**CURRENT, "mtu": "large", "icc": "perhaps"}),
        ({"labels": ["b"]}, "merged", ["mtu"], None, {**CURRENT, "labels": ["b"], "mtu": None}),
        # A host does without what its group declares.
        ({"labels": ["b"], "debug": True}, "merged", ["labels"], None, {**CURRENT, "labels": None, "debug": True}),
        (None, "merged", ["labels"], bridge(icc=True), {**CURRENT, "labels": None, "icc": True}),
        ({"debug": True}, "merged", [], bridge("absent"), {"labels": ["a"], "log-opts": {"tag": "x"}, "debug": True}),
        ({"debug": True}, "replaced", ["labels"], bridge(icc=True), {"icc": True, "debug": True}),
        ({"debug": True, "labels": ["b"]}, "replaced", ["labels"], bridge("absent"), {"debug": True}),
        (
            {"log-opts": {"tag": None}},
            "absent",
            ["mtu"],
            bridge(icc=True),
            {**CURRENT, "icc": True, "mtu": None, "log-opts": None},
        ),
    ],
)
def test_all_together(
    config: Config | None, state: State, remove: list[str], options: dict[str, Any] | None, expected: Config
) -> None:
    expected = {key: value for key, value in expected.items() if value is not None}
    assert new_config(CURRENT, desired_config(config, state, remove, options)) == expected


@pytest.mark.parametrize(
    "config, remove, options, keys",
    [
        ({"icc": True}, [], bridge(icc=True), "icc"),
        ({"icc": True, "mtu": 1400}, [], bridge("absent"), "icc, mtu"),
        ({"bip": "10.1.0.1/24"}, [], bridge("replaced", icc=True), "bip"),
        (None, ["icc"], bridge(icc=True), "icc"),
    ],
)
def test_two_declarations_of_one_key(
    config: Config | None, remove: list[str], options: dict[str, Any], keys: str
) -> None:
    with pytest.raises(DockyardError) as caught:
        desired_config(config, "merged", remove, options)
    assert caught.value.code == "daemon_declared_twice"
    assert caught.value.message == (
        f"bridge decides about {keys}, and so does config or remove; declare it in one of them."
    )


def test_a_key_may_be_removed_twice() -> None:
    desired = desired_config(None, "merged", ["icc"], bridge("absent"))
    assert "icc" in desired.removal
    assert desired.only_removes
    assert not desired_config({}, "replaced", ["icc"], None).only_removes
    assert not desired_config({}, "merged", [], None).only_removes
