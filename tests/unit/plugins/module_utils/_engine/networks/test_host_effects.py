# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of networks takes from others on the host. The host is imitated; real ones are in tests/faults."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import host_switches, listeners
from ansible_collections.dockyard.ops.plugins.module_utils._engine.listeners import Bound
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import desired, plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.survey import ExistingNetwork, Survey
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import firewalld
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

ID = "0123456789abcdef"
DEVICE = "br-0123456789ab"


def build(networks: list[dict[str, Any]], *existing: ExistingNetwork, **survey: Any) -> plan.Plan:
    found = Survey("running", None, Surroundings(), list(existing), **survey)
    return plan.build_plan(desired.parse(networks), found, replace_in_use=True)


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "subnets": [{"subnet": subnet} for subnet in subnets], **options}


@pytest.fixture
def causes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the engine is found to switch, and why."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(host_switches, "refuse_forwarding", lambda why: found.update(six=why))
    monkeypatch.setattr(host_switches, "refuse_bridge_filter", lambda why, own: found.update(apart=why, own=own))
    return found


SIX = declared("six", "10.1.0.0/24", "fd00:1::/64", ipv6=True)
APART = declared("apart", "10.2.0.0/24", icc=False)
LAN = declared("lan", "10.3.0.0/24", "fd00:3::/64", ipv6=True, driver="macvlan", driver_options={"parent": "eth0"})
OLD = {
    "Name": "old",
    "Id": ID,
    "Driver": "bridge",
    "EnableIPv6": True,
    "IPAM": {"Config": [{"Subnet": "10.66.0.0/24"}, {"Subnet": "fd00:66::/64"}]},
}


def test_what_networks_have_an_engine_switch_on(causes: dict[str, Any]) -> None:
    build([SIX, APART, LAN, {"name": "gone", "state": "absent"}])
    assert causes == {
        "six": ["the network six (ipv6)"],
        "apart": {4: ["the network apart (icc: false)"], 6: []},
        "own": {"docker0"},
    }
    build([{**APART, "ipv6": True, "subnets": SIX["subnets"]}])
    assert causes["apart"][6] == ["the network apart (icc: false)"]


def test_a_network_that_is_there_switches_nothing(causes: dict[str, Any]) -> None:
    build([{"name": "old", "ipv6": True}], ExistingNetwork(OLD))
    assert (causes["six"], causes["own"]) == ([], {"docker0", DEVICE})
    # One that is replaced is made with the IPv6 that it has, though nobody declares it.
    build([{"name": "old", "internal": True}], ExistingNetwork(OLD))
    assert causes["six"] == ["the network old (ipv6)"]


def test_an_engine_that_switches_nothing(causes: dict[str, Any]) -> None:
    build([SIX, APART], switches_forwarding=False, writes_rules=False)
    assert causes == {}


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[Bound]:
    """Return the sockets of the host's programs."""
    sockets: list[Bound] = []
    here = [ipaddress.ip_interface("10.66.0.1/24")]
    monkeypatch.setattr(host_network, "addresses", lambda device: here if device == DEVICE else [])
    monkeypatch.setattr(listeners, "bound_to", lambda addresses: [one for one in sockets if one.address in addresses])
    return sockets


def database(follows: bool = False) -> Bound:
    return Bound("postgres (process 7)", ipaddress.ip_address("10.66.0.1"), 5432, "tcp", follows)


FOUR = {**OLD, "EnableIPv6": False, "IPAM": {"Config": [{"Subnet": "10.66.0.0/24"}]}}


@pytest.mark.parametrize(
    ("networks", "what"),
    [
        ([{"name": "old", "state": "absent"}], "removed"),
        ([declared("old", "10.67.0.0/24")], "replaced, as it differs in subnets"),
        (
            [{"name": "old", "subnets": [{"subnet": "10.66.0.0/24", "gateway": "10.66.0.9"}]}],
            "replaced, as it differs in subnets",
        ),
    ],
)
def test_a_program_loses_the_address_it_listens_on(
    bound: list[Bound], networks: list[dict[str, Any]], what: str
) -> None:
    bound.append(database())
    with pytest.raises(DockyardError) as caught:
        build(networks, ExistingNetwork(FOUR))
    assert_explained(caught.value)
    assert caught.value.code == "network_listener_address_gone"
    assert caught.value.message == (
        f"old is to be {what}, which takes 10.66.0.1 from the host, and postgres (process 7) listens on 10.66.0.1 port"
        " 5432/tcp, where nobody would reach it any more; have it listen on another address, or stop it, first."
    )
    bound[:] = [database(follows=True)]
    assert any(
        "listens on 10.66.0.1 port 5432/tcp, as on other" in one
        for one in build(networks, ExistingNetwork(FOUR)).warnings
    )


@pytest.mark.parametrize(
    "networks",
    [
        [{"name": "old", "internal": True}],
        [{"name": "old", "state": "absent"}, declared("new", "10.66.0.0/25")],
        [{"name": "old"}],
    ],
)
def test_the_host_keeps_the_address(bound: list[Bound], networks: list[dict[str, Any]]) -> None:
    bound.append(database())
    build(networks, ExistingNetwork(FOUR))


BRIDGE_NAME = "com.docker.network.bridge.name"


@pytest.mark.parametrize(
    ("network", "refused"),
    [
        (declared("new", "10.70.0.0/24", driver_options={BRIDGE_NAME: "br-app"}), "new"),
        (declared("new", "10.70.0.0/24", driver_options={BRIDGE_NAME: "br-own"}), ""),
        (declared("new", "10.70.0.0/24"), ""),
        ({"name": "old", "mtu": 1400}, "old"),
        ({"name": "old"}, ""),
        ({"name": "old", "state": "absent"}, ""),
    ],
)
def test_a_bridge_in_another_zone(
    monkeypatch: pytest.MonkeyPatch, bound: list[Bound], network: dict[str, Any], refused: str
) -> None:
    monkeypatch.setattr(firewalld, "zones_of_devices", lambda: {"br-app": "internal", "br-own": "docker"})
    old = ExistingNetwork({**FOUR, "Options": {BRIDGE_NAME: "br-app"}})
    around = Surroundings(engine_version=(26, 1, 5))
    survey = Survey("running", Engine(), around, [old])  # type: ignore[arg-type]
    if not refused:
        plan.build_plan(desired.parse([network]), survey, replace_in_use=True)
        return
    if refused == "new":
        survey.networks.clear()
    with pytest.raises(DockyardError) as caught:
        plan.build_plan(desired.parse([network]), survey, replace_in_use=True)
    assert_explained(caught.value)
    assert caught.value.code == "network_zone_conflict"
    assert caught.value.message == (
        f"{refused} can't be made, as firewalld has br-app in the zone internal, and refuses an engine that binds its"
        " bridges to the zone docker; give it to that zone (firewall-cmd --zone=docker --change-interface=br-app, and"
        " firewall-cmd --permanent --zone=internal --remove-interface=br-app), and run again."
    )


class Engine:
    """Stand-in for an engine without containers."""

    def get(self, path: str, **query: str) -> Any:
        return []

    def ask(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        return 200, {}
