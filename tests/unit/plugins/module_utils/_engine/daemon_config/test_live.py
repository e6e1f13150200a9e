# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine shows of its configuration, compared with a file.

Answers are those of Docker 26.1, cut to what is read. The engine is imitated, see helpers/engine_server.py; what a
real one shows of docker0 is in the integration targets.
"""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi, Unreachable
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import live as live_config
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.live import (
    confirmed_by,
    keys_not_in_force,
)
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve

LIVE = {
    "debug": False,
    "live-restore": True,
    "log-driver": "json-file",
    "storage-driver": "overlay2",
    "data-root": "/var/lib/docker",
    "default-runtime": "runc",
    "labels": ["b", "a"],
    "registry-mirrors": ["https://mirror.example.com/"],
    "default-address-pools": [{"base": "10.100.0.0/16", "size": 24}],
    "ipv6": False,
    "icc": False,
    "ip-masq": True,
    "mtu": 1400,
    "ip": "0.0.0.0",
    "bip": "10.77.0.1/24",
    "fixed-cidr": "10.77.0.128/25",
}
FITTING = {"live-restore": True, "icc": False, "mtu": 1400}


@pytest.mark.parametrize(
    "key, wanted",
    [
        ("labels", ["a", "b"]),
        ("registry-mirrors", ["https://mirror.example.com"]),
        ("registry-mirrors", ["https://mirror.example.com/"]),
        ("data-root", "/var/lib/../lib/docker/"),
        ("data-root", "/var/lib"),
        ("bip", ""),
        ("bip", "10.77.0.1/24"),
        ("fixed-cidr", "10.77.0.130/25"),
        ("fixed-cidr", ""),
        ("default-address-pools", [{"size": 24, "base": "10.100.0.0/16"}]),
        # The engine takes it for the network that the address is in.
        ("default-address-pools", [{"base": "10.100.0.1/16", "size": 24}]),
        # Under containerd's image store a driver has another name.
        ("storage-driver", "overlayfs"),
        ("log-driver", ""),
        ("default-runtime", "runc"),
        ("debug", False),
        ("ip-masq", True),
        # Keys that the engine does not show
        ("dns", ["10.0.0.53"]),
        ("zebra", 1),
    ],
)
def test_an_engine_that_has_it(key: str, wanted: object) -> None:
    assert keys_not_in_force({**FITTING, key: wanted}, LIVE, ["/usr/sbin/dockerd"]) == []
    assert confirmed_by({key: wanted}, LIVE) == ({key: wanted} if key in LIVE else {})


@pytest.mark.parametrize(
    "key, wanted",
    [
        ("debug", True),
        ("live-restore", False),
        ("log-driver", "local"),
        ("data-root", "/srv/docker"),
        ("default-runtime", "crun"),
        ("labels", ["a"]),
        ("registry-mirrors", []),
        ("registry-mirrors", ["https://other.example.com"]),
        ("default-address-pools", [{"base": "10.100.0.0/16", "size": 25}]),
        ("ipv6", True),
        ("icc", True),
        ("ip-masq", False),
        ("mtu", 1450),
        ("mtu", 0),
        ("ip", "127.0.0.1"),
        ("bip", "10.77.0.1/25"),
        ("bip", "10.77.0.2/24"),
        ("fixed-cidr", "10.77.0.0/25"),
        # What a user may have written by hand: no engine has that.
        ("bip", "banana"),
        ("bip", ["x"]),
        ("labels", 5),
        ("labels", [1, "a"]),
        ("registry-mirrors", [5]),
        ("default-address-pools", "banana"),
        ("fixed-cidr", {"a": 1}),
        ("data-root", 5),
    ],
)
def test_an_engine_that_has_something_else(key: str, wanted: object) -> None:
    assert keys_not_in_force({**FITTING, key: wanted}, LIVE, ["/usr/sbin/dockerd"]) == [key]
    assert confirmed_by({key: wanted}, LIVE) == {}


def test_what_a_file_does_not_name_has_its_default() -> None:
    assert keys_not_in_force({}, LIVE, []) == ["icc", "live-restore", "mtu"]
    defaults = {"debug": False, "live-restore": False, "icc": True, "ip-masq": True, "mtu": 1500}
    assert keys_not_in_force({}, {**LIVE, **defaults}, []) == []
    assert keys_not_in_force({"mtu": 0}, {"mtu": 1500}, []) == []


def test_without_iptables_nothing_is_masqueraded() -> None:
    live = {**LIVE, "ip-masq": False}
    assert keys_not_in_force({**FITTING, "iptables": False}, live, []) == []
    assert keys_not_in_force(FITTING, live, ["--iptables=false"]) == []
    assert keys_not_in_force(FITTING, live, []) == ["ip-masq"]


def test_a_bridge_that_is_not_there() -> None:
    live = {"debug": False}
    assert keys_not_in_force({"bip": "10.77.0.1/24"}, live, []) == ["bip"]
    assert keys_not_in_force({"bridge": "br-own"}, live, []) == ["bridge"]
    assert keys_not_in_force({"bridge": "br-own"}, {**live, "bridge": "br-own"}, []) == []
    assert keys_not_in_force({"bridge": "none"}, live, []) == []
    assert keys_not_in_force({"bridge": ""}, live, []) == []


@pytest.mark.parametrize("flags", [["--icc=false"], ["--icc", "false"], ["-D", "--icc=false"]])
def test_what_a_flag_sets_is_not_compared(flags: list[str]) -> None:
    assert keys_not_in_force({"icc": True, "mtu": 1450}, LIVE, flags) == ["live-restore", "mtu"]


def test_short_flags() -> None:
    assert keys_not_in_force({"debug": True, **FITTING}, LIVE, ["-D"]) == []
    live = {**LIVE, "bridge": "br-own"}
    assert keys_not_in_force({"bridge": "br-typo", **FITTING}, live, ["-b", "br-own"]) == []
    assert keys_not_in_force({"bridge": "br-typo", **FITTING}, live, []) == ["bridge"]


def test_in_order() -> None:
    wanted = {"mtu": 1450, "debug": True, "icc": True, "live-restore": True}
    assert keys_not_in_force(wanted, LIVE, []) == ["debug", "icc", "mtu"]


# --- asking a real socket


INFO: dict[str, Any] = {
    "Debug": True,
    "LiveRestoreEnabled": False,
    "LoggingDriver": "json-file",
    "Driver": "overlay2",
    "DockerRootDir": "/var/lib/docker",
    "DefaultRuntime": "runc",
    "Labels": [],
    "RegistryConfig": {"Mirrors": None},
    "Swarm": {"LocalNodeState": "inactive"},
}
BRIDGE: dict[str, Any] = {
    "Name": "bridge",
    "EnableIPv6": False,
    "Options": {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": "br-own",
        "com.docker.network.driver.mtu": "1400",
    },
    "IPAM": {"Driver": "default", "Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]},
}
OF_INFO = {
    "debug": True,
    "live-restore": False,
    "log-driver": "json-file",
    "storage-driver": "overlay2",
    "data-root": "/var/lib/docker",
    "default-runtime": "runc",
    "labels": [],
    "registry-mirrors": [],
}


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[Engine]:
    with serve(tmp_path, Engine) as started:
        started.answers = {"/info": (200, INFO), "/networks/bridge": (404, {"message": "network bridge not found"})}
        yield started


def test_an_engine_without_a_default_bridge(engine: Engine) -> None:
    assert live_config.read_live(EngineApi(engine.socket)) == OF_INFO


def test_pools_that_an_engine_does_not_show(engine: Engine) -> None:
    # As 28.5 does after a reload with a base that has host bits.
    engine.answers["/info"] = 200, {**INFO, "DefaultAddressPools": [{"Base": "invalid Prefix", "Size": 24}]}
    engine.answers["/networks"] = 200, []
    api = EngineApi(engine.socket)
    assert live_config.read_live(api) == OF_INFO
    assert live_config.inspect_surroundings(api, (28, 5, 2), "/var/lib/docker").pools == []


def test_an_engine_with_another_bridge(engine: Engine) -> None:
    info = {**INFO, "Labels": ["a"], "RegistryConfig": {"Mirrors": ["https://m/"]}}
    info["DefaultAddressPools"] = [{"Base": "10.100.0.0/16", "Size": 24}]
    engine.answers = {"/info": (200, info), "/networks/bridge": (200, BRIDGE)}
    assert live_config.read_live(EngineApi(engine.socket)) == {
        **OF_INFO,
        "labels": ["a"],
        "registry-mirrors": ["https://m/"],
        "default-address-pools": [{"base": "10.100.0.0/16", "size": 24}],
        "ipv6": False,
        "icc": False,
        "ip-masq": True,
        "mtu": 1400,
        "ip": "0.0.0.0",
        "bridge": "br-own",
    }


def test_docker0_is_read_from_the_kernel_and_its_ranges_from_the_engine(engine: Engine) -> None:
    network = {**BRIDGE, "Options": {**BRIDGE["Options"], "com.docker.network.bridge.name": "docker0"}}
    network["IPAM"] = {
        "Config": [
            {
                "Subnet": "10.77.0.0/24",
                "IPRange": "10.77.0.128/25",
                "Gateway": "10.77.0.1",
                "AuxiliaryAddresses": {"DefaultGatewayIPv4": "10.77.0.254"},
            },
            {
                "Subnet": "fd00:77::/64",
                "IPRange": "fd00:77::/80",
                "AuxiliaryAddresses": {"DefaultGatewayIPv6": "fd00:77::ff"},
            },
        ]
    }
    engine.answers["/networks/bridge"] = (200, network)
    live = live_config.read_live(EngineApi(engine.socket))
    assert {key: live[key] for key in live if key.startswith(("fixed", "default-gateway"))} == {
        "fixed-cidr": "10.77.0.128/25",
        "fixed-cidr-v6": "fd00:77::/80",
        "default-gateway": "10.77.0.254",
        "default-gateway-v6": "fd00:77::ff",
    }
    # Whatever this machine has.
    own = [str(address) for address in host_network.addresses("docker0") if address.version == 4]
    assert live.get("bip") == (own[0] if own else None)
    assert "bridge" not in live


def test_what_networks_have_to_get_along_with(engine: Engine, tmp_path: pathlib.Path) -> None:
    web = {
        "Name": "web",
        "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}, {"Subnet": "fd00:18::/64"}, {"Gateway": "x"}]},
    }
    networks = [BRIDGE, web, {"Name": "host", "IPAM": {"Config": None}}, {"Name": "none", "IPAM": None}]
    engine.answers["/networks"] = (200, networks)
    around = live_config.inspect_surroundings(EngineApi(engine.socket), (26, 1, 5), str(tmp_path))
    assert around.networks == [
        ("web", ipaddress.ip_network("172.18.0.0/16")),
        ("web", ipaddress.ip_network("fd00:18::/64")),
    ]
    assert around.engine_version == (26, 1, 5)
    assert around.links is not None and "lo" in around.links
    assert not around.swarm
    for state, member in (("active", True), ("pending", True), ("locked", True), ("inactive", False)):
        engine.answers["/info"] = (200, {**INFO, "Swarm": {"LocalNodeState": state}})
        assert live_config.inspect_surroundings(EngineApi(engine.socket), None, "/none").swarm is member


def test_an_engine_that_answers_with_an_error(engine: Engine) -> None:
    engine.answers["/networks"] = (500, {"message": "store is locked"})
    with pytest.raises(Unreachable, match="/networks answered 500: store is locked"):
        live_config.inspect_surroundings(EngineApi(engine.socket), None, "/none")


def test_a_swarm_is_found_where_no_engine_runs(tmp_path: pathlib.Path) -> None:
    def swarm() -> bool:
        return live_config.inspect_surroundings(None, None, str(tmp_path)).swarm

    assert not swarm()
    state = tmp_path / "swarm" / "docker-state.json"
    state.parent.mkdir()
    state.write_text("")
    assert not swarm()
    state.write_text('{"LocalAddr": "10.0.0.1"}')
    assert swarm()
