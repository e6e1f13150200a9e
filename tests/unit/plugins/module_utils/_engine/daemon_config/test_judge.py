# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared is judged by the rules, and what is only found in the file by the engine that runs with it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import DesiredConfig
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import HostState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.judge import (
    Found,
    check_rules,
    check_unheeded,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

PATH = "/etc/docker/daemon.json"
TAKEN: list[dict[str, Any]] = [
    {"insecure-registries": ["http://reg:5000"]},
    {"default-address-pools": [{"base": "10.100.0.1/16", "size": 24}]},
    {"default-address-pools": [{"base": "10.100.0.0/16", "size": 24}, {"base": "10.100.128.0/17", "size": 24}]},
    {"ip-masq": True, "iptables": False},
]
# An engine that has started with them is the judge of that: it may know more, or it was started otherwise.
HARD: list[dict[str, Any]] = [
    {"insecure-registries": ["reg:5000/"]},
    {"dns": ["nope"]},
    {"mtu": 70000},
    {"bip": "10.77.0.1/24", "fixed-cidr": "10.78.0.0/25"},
]


def found_in(config: dict[str, Any], in_force: bool) -> Found:
    return Found(PATH, frozenset(config), frozenset(config if in_force else ()))


@pytest.mark.parametrize("config", [*TAKEN, *HARD])
def test_what_is_declared_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(DockyardError) as caught:
        check_rules(config, Surroundings(), found_in({}, False), starts=False)
    assert "not declared" not in caught.value.message


UNHEEDED: list[tuple[dict[str, Any], str]] = [
    (
        {"insecure-registry": ["r:5000"]},
        "insecure-registry is the name of a flag of dockerd, and an engine does not heed it in the file; write"
        " insecure-registries.",
    ),
    (
        {"host": ["fd://"]},
        "host is the name of a flag of dockerd, and an engine does not heed it in the file; write hosts.",
    ),
    (
        {"network": {"mtu": 1400}},
        "network is no key of daemon.json, and an engine does not heed what is in it; correct or remove it.",
    ),
]


@pytest.mark.parametrize(("config", "message"), UNHEEDED)
def test_a_key_that_no_engine_heeds(config: dict[str, Any], message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        check_unheeded(config, config, found_in({}, False), (26, 1))
    assert (caught.value.code, caught.value.message) == ("daemon_unheeded_key", message)
    [warning] = check_unheeded(config, config, found_in(config, True), (26, 1))
    assert warning == f"{PATH}: {message} It was left as it is."


def test_a_key_that_only_the_engine_may_know() -> None:
    config = {"zebra": 1, "of-a-newer-engine": {"a": 1}}
    assert check_unheeded(config, ["zebra"], found_in({}, False), (26, 1)) == []
    assert check_unheeded(config, config, found_in({}, False), (30, 0)) == []


@pytest.mark.parametrize("config", TAKEN)
def test_what_every_engine_takes_blocks_no_other_key(config: dict[str, Any]) -> None:
    [warning] = check_rules(config, Surroundings(), found_in(config, False), starts=True)
    assert warning.startswith(f"{PATH}: ")
    assert warning.endswith("The engine takes it, so it was left as it is.")


@pytest.mark.parametrize("config", HARD)
def test_what_the_engine_runs_with_blocks_no_other_key(config: dict[str, Any]) -> None:
    [warning] = check_rules(config, Surroundings(), found_in(config, True), starts=True)
    assert warning.endswith("The engine takes it, so it was left as it is.")
    with pytest.raises(DockyardError) as caught:
        check_rules(config, Surroundings(), found_in(config, False), starts=True)
    names = ", ".join(sorted(config))
    assert f" {names} {'are' if len(config) > 1 else 'is'} in {PATH} and not declared: declare " in caught.value.message
    assert caught.value.message.endswith(f"(remove: [{names}]).")


def test_what_an_engine_runs_with_and_does_not_start_with_is_refused_if_it_is_to_start() -> None:
    config = {"live-restore": True}
    swarm = Surroundings(swarm=True)
    assert len(check_rules(config, swarm, found_in(config, True), starts=False)) == 1
    with pytest.raises(DockyardError, match="live-restore does not go together with Swarm"):
        check_rules(config, swarm, found_in(config, True), starts=True)


def test_a_rule_about_two_keys_of_which_one_is_declared() -> None:
    config = {"bip": "10.77.0.1/24", "fixed-cidr": "10.78.0.0/25"}
    with pytest.raises(DockyardError) as caught:
        check_rules(config, Surroundings(), found_in({"fixed-cidr": ""}, True), starts=True)
    assert caught.value.message.endswith(
        f" fixed-cidr is in {PATH} and not declared: declare it as wanted, or remove it (remove: [fixed-cidr])."
    )


@pytest.mark.parametrize(
    "file, loaded, left, removal, refused",
    [
        (
            {"fixed-cidr": "10.78.0.0/25"},
            {"bip": "10.78.0.1/24"},
            {},
            {"bip": None},
            "fixed-cidr 10.78.0.0/25 does not",
        ),
        ({"ipv6": True}, {"fixed-cidr-v6": "fd00::/64"}, {}, {"fixed-cidr-v6": None}, "ipv6: true needs fixed-cidr-v6"),
        ({"mtu": 1000}, {}, {"ipv6": True, "bip6": "fd00:77::1/64"}, {}, "mtu is 1000, and must lie between 1280"),
        (
            {"default-runtime": "a"},
            {"runtimes": {"a": {}}},
            {},
            {"runtimes": None},
            "default-runtime is a, which runtimes",
        ),
    ],
)
def test_what_the_change_of_another_key_breaks(
    file: dict[str, Any], loaded: dict[str, Any], left: dict[str, Any], removal: dict[str, Any], refused: str
) -> None:
    """In force is it, and will not be."""
    host = HostState(b"{}", {**file, **loaded}, None, service.Unit("running", []), "running")
    host.loaded = {**file, **loaded}
    target = {**file, **left}
    found = Found.on(host, target, DesiredConfig(left, removal), PATH)
    assert found.in_force == set(file)
    around = Surroundings(docker0=[ipaddress.ip_interface("172.17.0.1/16")], engine_version=(26, 1, 5))
    with pytest.raises(DockyardError) as caught:
        check_rules(target, around, found, starts=True)
    assert caught.value.message.startswith(refused)
    # As long as nobody touches them, they stay.
    same = Found.on(host, {**file, **loaded}, DesiredConfig({}), PATH)
    assert same.touched == frozenset()


def test_what_is_found_and_what_is_in_force() -> None:
    current = {"labels": ["a=1"], "dns": ["192.0.2.1"], "mtu": 1400, "debug": True}
    host = HostState(b"{}", current, None, service.Unit("running", []), "running")
    host.loaded = {"labels": ["a=1"], "mtu": 1450, "debug": True}
    found = Found.on(host, {**current, "debug": False, "icc": False}, DesiredConfig({"icc": False}), PATH)
    assert found.keys == {"labels", "dns", "mtu"}
    assert found.in_force == {"labels"}
    for shown, in_force in (("overlay2", True), ("overlayfs", False)):
        host.live, host.loaded = {"storage-driver": shown}, {"storage-driver": "overlay2"}
        host.current = {"storage-driver": "overlay2"}
        there = Found.on(host, host.current, DesiredConfig({}), PATH)
        assert ("storage-driver" in there.in_force) is in_force
    host.engine, host.current = "stopped", current
    assert Found.on(host, current, DesiredConfig({}), PATH).in_force == frozenset()
