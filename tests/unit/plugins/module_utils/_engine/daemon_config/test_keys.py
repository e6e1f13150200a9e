# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of keys: which changes a reload brings, what moves data, and which values mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import keys
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.compare import same, unlike
from ansible_collections.dockyard.ops.tests.unit.helpers.daemon_keys import EXAMPLES

# Read from "Reloaded configuration" of engines 20.10, 26.1 and 28.5 after a SIGHUP: what had changed in it, and what
# not.
TAKEN_OVER = {
    *("debug", "labels", "live-restore", "max-concurrent-downloads", "max-concurrent-uploads"),
    *("max-download-attempts", "shutdown-timeout", "insecure-registries", "registry-mirrors", "features", "runtimes"),
    *("default-runtime", "default-shm-size", "default-ipc-mode", "network-diagnostic-port"),
    # Read in the source of engine 29 (daemon/reload.go).
    *("default-stop-timeout", "nri-opts"),
}


@pytest.mark.parametrize("key", sorted(keys.KEYS))
def test_what_a_reload_brings(key: str) -> None:
    few, more = EXAMPLES[keys.KEYS[key].kind][:2]
    assert keys.by_reload(key, {}, {key: more}) is (key in TAKEN_OVER)
    assert keys.by_reload(key, {key: few}, {key: more}) is (key in TAKEN_OVER)
    # A key that is removed keeps its old value in the engine; only these go back to their defaults.
    assert keys.by_reload(key, {key: more}, {}) is (key.startswith("max-") or key == "nri-opts")


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
    assert keys.by_reload("features", {"features": old}, {"features": new}) is enough


def test_a_key_nobody_knows_needs_a_restart() -> None:
    assert keys.by_reload("zebra", {}, {"zebra": 1}) is False
    assert keys.by_reload("zebra", {"zebra": 1}, {}) is False


@pytest.mark.parametrize(
    "part",
    ["cdi", "containerd-migration", "containerd-snapshotter", "embedded-containerd", "swarm-nftables"],
)
def test_features_that_only_a_restart_brings(part: str) -> None:
    assert not keys.by_reload("features", {}, {"features": {part: True}})
    assert not keys.by_reload("features", {"features": {part: True}}, {"features": {part: False, "buildkit": True}})
    assert keys.by_reload("features", {"features": {part: True}}, {"features": {part: True, "buildkit": True}})


def test_what_moves_data() -> None:
    assert {name for name in keys.KEYS if keys.moves_data(name, "one", "other")} == {
        *("containerd", "containerd-namespace", "containerd-plugin-namespace", "containerd-plugins-namespace"),
        *("data-root", "graph", "storage-driver", "userns-remap"),
    }
    assert keys.moves_data("features", {}, {"containerd-snapshotter": True})
    assert keys.moves_data("features", {"containerd-snapshotter": True}, None)
    assert not keys.moves_data("features", {"buildkit": True}, {"buildkit": False})
    assert not keys.moves_data("zebra", 1, 2)


def test_keys_of_docker0_are_known_and_no_reload_brings_them() -> None:
    assert {keys.KEYS[name].effect for name in keys.DOCKER0} == {"restart"}
    assert {*keys.DOCKER0} == {
        *("bip", "bip6", "bridge", "default-gateway", "default-gateway-v6", "fixed-cidr", "fixed-cidr-v6"),
        *("icc", "ip", "ip-masq", "ipv6", "mtu"),
    }


@pytest.mark.parametrize(
    "name, version, unknown",
    [
        ("proxies", (20, 10, 24), True),
        ("proxies", (26, 1, 5), False),
        ("graph", (23, 0, 1), False),
        ("graph", (26, 1, 5), True),
        ("bip6", (28, 5, 2), False),
        ("min-api-version", (28, 5, 2), True),
        ("icc", (20, 10, 24), False),
        ("proxies", None, False),
        ("zebra", (26, 1, 5), False),
    ],
)
def test_since_which_release_a_key_is_known(name: str, version: keys.Version | None, unknown: bool) -> None:
    assert keys.unknown_to(name, version) is unknown


@pytest.mark.parametrize(
    "flags, names",
    [
        (["-H", "fd://", "--containerd=/run/c.sock"], {"hosts", "containerd"}),
        (["-Hunix:///run/docker.sock", "-D", "--label", "a=b"], {"hosts", "debug", "labels"}),
        (["--registry-mirror=https://m", "--insecure-registry=r:5000"], {"registry-mirrors", "insecure-registries"}),
        (["--iptables=false", "-b", "br0", "-s=overlay2"], {"iptables", "bridge", "storage-driver"}),
    ],
)
def test_what_flags_set(flags: list[str], names: set[str]) -> None:
    assert keys.set_by_flags(["/usr/sbin/dockerd", *flags]) == names


@pytest.mark.parametrize(
    "name, one, other",
    [
        ("labels", ["a=1", "b=2", "a=1"], ["b=2", "a=1"]),
        ("registry-mirrors", ["https://a", "https://a/", "https://b"], ["https://a/", "https://b/"]),
        ("insecure-registries", ["b:5000", "a:5000", "a:5000"], ["a:5000", "b:5000"]),
        ("dns", ["2001:db8::1", "192.0.2.1"], ["2001:db8:0::1", "192.0.2.1"]),
        ("default-address-pools", [{"base": "10.100.0.1/16", "size": 24}], [{"base": "10.100.0.0/16", "size": 24}]),
        (
            "default-address-pools",
            [{"base": "10.100.0.0/16", "size": 24, "scope": "local"}],
            [{"base": "10.100.0.0/16", "size": 24}],
        ),
        ("default-shm-size", "64M", 67108864),
        ("default-shm-size", "64MiB", "64mb"),
        ("fixed-cidr", "10.77.0.130/25", "10.77.0.128/25"),
        ("data-root", "/var/lib/../lib/docker/", "/var/lib/docker"),
        ("bip6", "fd00:77:0::1/64", "fd00:77::1/64"),
        # An empty value is the default.
        *(("data-root", empty, "/var/lib/docker") for empty in ("", None)),
        ("ip", "", "0.0.0.0"),
        ("mtu", 0, 1500),
        ("log-opts", None, {}),
        ("log-driver", "", "json-file"),
        ("labels", [], None),
        ("max-concurrent-downloads", 0, 3),
    ],
)
def test_values_that_mean_the_same(name: str, one: Any, other: Any) -> None:
    assert same(name, one, other)
    assert unlike({name: one}, {name: other}) == []


@pytest.mark.parametrize(
    "name, one, other",
    [
        ("labels", ["a=1"], ["a=2"]),
        ("registry-mirrors", ["https://a", "https://b"], ["https://b", "https://a"]),
        ("dns", ["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.1"]),
        ("default-address-pools", [{"base": "10.100.0.0/16", "size": 24}], [{"base": "10.100.0.0/16", "size": 25}]),
        ("default-shm-size", "64M", "65M"),
        ("default-stop-timeout", 0, 10),
        ("icc", False, None),
        ("icc", 0, False),
        ("bip", "banana", "10.77.0.1/24"),
        ("default-shm-size", "much", "64M"),
        ("dns", "192.0.2.1", ["192.0.2.1"]),
        ("zebra", [1, 2], [2, 1]),
    ],
)
def test_values_that_do_not_mean_the_same(name: str, one: Any, other: Any) -> None:
    assert not same(name, one, other)
    assert unlike({name: one}, {name: other}) == [name]


@pytest.mark.parametrize("name", ["icc", "mtu", "log-driver", "data-root", "labels", "debug", "shutdown-timeout"])
def test_a_declared_default_is_no_difference(name: str) -> None:
    default = keys.default(name)
    assert unlike({name: list(default) if isinstance(default, tuple) else default}, {}) == []


@pytest.mark.parametrize("name", ["storage-driver", "ip6tables", "zebra"])
def test_a_default_that_depends_on_the_host_is_one(name: str) -> None:
    assert unlike({name: True}, {}) == [name]


@pytest.mark.parametrize(
    ("words", "names", "left"),
    [
        ("dockerd -H fd:// --containerd=/c.sock", {"hosts"}, "dockerd --containerd=/c.sock"),
        ("dockerd -Hfd:// --host=tcp://127.0.0.1:1 --host unix:///a --debug", {"hosts"}, "dockerd --debug"),
        ("dockerd -H fd:// --debug --label x=y", {"debug", "labels"}, "dockerd -H fd://"),
        ("dockerd --debug -H fd://", {"debug"}, "dockerd -H fd://"),
        ("dockerd --debug", {"hosts"}, "dockerd --debug"),
    ],
)
def test_a_command_line_without_flags(words: str, names: set[str], left: str) -> None:
    assert keys.without_flags(words.split(), names) == left.split()
