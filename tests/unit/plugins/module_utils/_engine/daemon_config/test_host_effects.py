# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of daemon.json takes from others on the host. The host is imitated; real ones are in tests/faults."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import host_switches, listeners
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import host_effects
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import HostState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.listeners import Bound
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Unit
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

BRIDGE = {"Name": "bridge", "Driver": "bridge", "EnableIPv6": True, "Id": "b" * 64}
SIX = {"Name": "six", "Driver": "bridge", "EnableIPv6": True, "Id": "6" * 64}
LAN = {"Name": "lan", "Driver": "macvlan", "EnableIPv6": True, "Id": "7" * 64}
APART = {
    "Name": "apart",
    "Driver": "bridge",
    "Id": "a" * 64,
    "Options": {"com.docker.network.bridge.enable_icc": "false"},
}
OF_NEW = {"com.docker.network.enable_ipv6": "true", "com.docker.network.bridge.enable_icc": "false"}


class Api:
    """Stand-in for an engine that answers two questions."""

    def __init__(self, networks: list[dict[str, Any]], version: str) -> None:
        self._answers = {"/networks": networks, "/version": {"Version": version}}

    def get(self, path: str) -> Any:
        return self._answers[path]


def plan(
    target: dict[str, Any],
    *networks: dict[str, Any],
    action: str = "restart",
    flags: tuple[str, ...] = (),
    version: str = "26.1.5",
    loaded: dict[str, Any] | None = None,
    live: dict[str, Any] | None = None,
    **more: Any,
) -> Plan:
    host = HostState(None, {}, None, Unit("running", ["dockerd", *flags]), "running")
    host.api, host.loaded, host.live = Api(list(networks), version), loaded or {}, live or {}  # type: ignore[assignment]
    more.setdefault("pending", sorted(target))
    return Plan(host, target, None, sorted(target), action=action, **more)  # type: ignore[arg-type]


@pytest.fixture
def causes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the engine is found to switch, and why."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(host_switches, "refuse_forwarding", lambda why: found.update(six=why))
    monkeypatch.setattr(
        host_switches,
        "refuse_bridge_filter",
        lambda why, own, sets_policy: found.update(apart=why, own=own, sets_policy=sets_policy),
    )
    return found


@pytest.mark.parametrize(
    ("target", "networks", "options", "six"),
    [
        ({"ipv6": True}, [], {}, ["ipv6: true"]),
        ({"ipv6": True}, [], {"action": "none"}, ["ipv6: true"]),  # restart: never, and then the next boot
        ({}, [], {"flags": ("--ipv6",)}, ["ipv6: true"]),
        (
            {"default-network-opts": {"bridge": OF_NEW}},
            [],
            {},
            ["default-network-opts (com.docker.network.enable_ipv6)"],
        ),
        ({"debug": True}, [BRIDGE, SIX, LAN], {}, ["the network six"]),  # made again by any restart
        ({"debug": True}, [SIX], {"action": "reload"}, []),
        ({"ipv6": False}, [BRIDGE], {}, []),
    ],
)
def test_what_has_an_engine_forward_ipv6(
    causes: dict[str, Any], target: dict[str, Any], networks: list[Any], options: dict[str, Any], six: list[str]
) -> None:
    host_effects.refuse_switches(plan(target, *networks, **options), target)
    assert causes["six"] == six


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ({"ipv6": True, "ip-forward": False}, ()),
        ({"ipv6": True}, ("--ip-forward=false",)),
        ({"ipv6": True, "firewall-backend": "nftables"}, ()),
    ],
)
def test_an_engine_that_leaves_forwarding_as_it_is(
    causes: dict[str, Any], target: dict[str, Any], flags: tuple[str, ...]
) -> None:
    host_effects.refuse_switches(plan(target, flags=flags), target)
    assert "six" not in causes
    assert causes["sets_policy"] is False


@pytest.mark.parametrize(
    ("target", "networks", "options", "four", "six"),
    [
        ({"icc": False}, [], {}, ["icc: false"], []),
        ({"icc": False, "ipv6": True}, [], {}, ["icc: false"], ["icc: false"]),
        ({"icc": False}, [SIX], {}, ["icc: false"], ["icc: false"]),
        ({}, [], {"flags": ("--icc=false",)}, ["icc: false"], []),
        (
            {"default-network-opts": {"bridge": OF_NEW}},
            [],
            {},
            ["default-network-opts (com.docker.network.bridge.enable_icc)"],
            [],
        ),
        ({"debug": True}, [APART], {}, ["the network apart"], []),
        ({"debug": True}, [APART], {"action": "none"}, [], []),
        ({"userland-proxy": False}, [], {"version": "28.0.1"}, ["userland-proxy: false"], []),
        ({"userland-proxy": False}, [], {"version": "27.5.1"}, [], []),
    ],
)
def test_what_has_the_firewall_filter_inside_bridges(
    causes: dict[str, Any],
    target: dict[str, Any],
    networks: list[Any],
    options: dict[str, Any],
    four: list[str],
    six: list[str],
) -> None:
    host_effects.refuse_switches(plan(target, *networks, **options), target)
    assert causes["apart"] == {4: four, 6: six}
    assert causes["own"] == {"docker0", *(f"br-{network['Id'][:12]}" for network in networks)}


def test_without_rules_nothing_is_filtered(causes: dict[str, Any]) -> None:
    target = {"iptables": False, "userland-proxy": False}
    host_effects.refuse_switches(plan(target, APART, version="28.0.1"), target)
    assert "apart" not in causes


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[Bound]:
    """Return the sockets of the host's programs."""
    sockets: list[Bound] = []
    monkeypatch.setattr(listeners, "bound_to", lambda addresses: [one for one in sockets if one.address in addresses])
    return sockets


def socket_of(process: str, address: str, follows: bool = False) -> Bound:
    return Bound(f"{process} (process 7)", ipaddress.ip_address(address), 53, "udp", follows)


HERE = {"bip": "172.17.0.1/16", "bip6": "fd00:77::1/64"}


@pytest.mark.parametrize(
    ("target", "options", "address", "key"),
    [
        ({"bip": "10.77.0.1/24"}, {}, "172.17.0.1", "bip"),
        ({}, {"bridge_default": "172.18.0.1/16"}, "172.17.0.1", "bip"),
        ({"bridge": "none"}, {}, "172.17.0.1", "bridge"),
        ({"bridge": "br9"}, {}, "fd00:77::1", "bridge"),
        ({"ipv6": True, "bip6": "fd00:78::1/64"}, {}, "fd00:77::1", "bip6"),
        ({"ipv6": True, "fixed-cidr-v6": "fd00:78::/64"}, {}, "fd00:77::1", "fixed-cidr-v6"),
        ({}, {"pending": ["ipv6"]}, "fd00:77::1", "ipv6"),
    ],
)
def test_a_program_loses_the_address_it_listens_on(
    bound: list[Bound], target: dict[str, Any], options: dict[str, Any], address: str, key: str
) -> None:
    bound.append(socket_of("dnsmasq", address))
    with pytest.raises(DockyardError) as caught:
        list(host_effects.judge_listeners(plan(target, live=HERE, **options)))
    assert_explained(caught.value)
    assert caught.value.message == (
        f"{key} takes {address} from docker0, and dnsmasq (process 7) listens on {address} port 53/udp, where nobody"
        " would reach it any more; have it listen on another address, or stop it, first."
    )


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ({"bip": "172.17.0.1/24"}, {}),
        ({"mtu": 1400}, {}),
        ({"ipv6": True, "fixed-cidr-v6": "fd00:77::/80"}, {}),
        ({"bip": "10.77.0.1/24"}, {"action": "none"}),
        ({"bip": "10.77.0.1/24"}, {"unapplied": ["bip"]}),
    ],
)
def test_docker0_keeps_its_addresses(bound: list[Bound], target: dict[str, Any], options: dict[str, Any]) -> None:
    bound += [socket_of("dnsmasq", "172.17.0.1"), socket_of("dnsmasq", "fd00:77::1")]
    assert list(host_effects.judge_listeners(plan(target, live=HERE, **options))) == []


def test_a_program_that_listens_on_each_address_is_warned_of(bound: list[Bound]) -> None:
    bound += [socket_of("named", "172.17.0.1", follows=True), socket_of("docker-proxy", "172.17.0.1")]
    (warning,) = host_effects.judge_listeners(plan({"bip": "10.77.0.1/24"}, live=HERE))
    assert warning == (
        "docker0 loses an address on which named (process 7) listens on 172.17.0.1 port 53/udp, as on other addresses"
        " of the host; look whether it takes the new one by itself, or restart it."
    )


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return its parameters at boot, and now."""
    values: dict[str, str] = {"now": "1"}
    monkeypatch.setattr(sysctl, "at_boot", lambda *names: values.get("boot"))
    monkeypatch.setattr(sysctl, "now", lambda name: values["now"])
    return values


def test_what_shows_only_after_the_next_boot(kernel: dict[str, str]) -> None:
    off: dict[str, Any] = {"iptables": False, "ip-forward": False}
    forward, iptables = host_effects.warnings_of_boot(plan(off), off)
    assert forward.startswith("ip-forward: without it the engine leaves forwarding as it is")
    assert iptables.startswith(
        "iptables: without it containers get no way out and published ports only by docker-proxy"
    )
    assert list(host_effects.warnings_of_boot(plan(off, loaded=off), off)) == []
    assert list(host_effects.warnings_of_boot(plan({}), {})) == []
    kernel["boot"] = "1"
    assert list(host_effects.warnings_of_boot(plan(off), off)) == [iptables]


def test_each_run_says_that_forwarding_is_off(kernel: dict[str, str]) -> None:
    off: dict[str, Any] = {"ip-forward": False}
    assert list(host_effects.warning_of_no_forwarding(plan(off), off)) == []
    kernel["now"] = "0"
    assert list(host_effects.warning_of_no_forwarding(plan({}), {})) == []
    (warning,) = host_effects.warning_of_no_forwarding(plan(off, action="none"), off)
    assert warning.startswith("ip-forward is false, so that the engine leaves forwarding as it is, and it is off")
