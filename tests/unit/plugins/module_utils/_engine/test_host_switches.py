# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine switches on for all of the host. The kernel's switches are imitated; real ones are in tests/faults."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import host_switches
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, rules_in_force
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import default_routes, sysctl
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

DROPS = "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n{}COMMIT\n"
CAUSES = {4: ["icc: false"], 6: []}


def test_a_learned_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_routes, "learned_devices", lambda: ["eth0.7", "wan0"])
    host_switches.refuse_forwarding([])
    for causes, verb in ((["ipv6: true"], "has"), (["ipv6: true", "the network six"], "have")):
        with pytest.raises(DockyardError) as caught:
            host_switches.refuse_forwarding(causes)
        assert_explained(caught.value)
        assert caught.value.message == (
            f"{' and '.join(causes)} {verb} the engine switch IPv6 forwarding on (net.ipv6.conf.all.forwarding), and"
            " the kernel then drops the default route that it has learned by router advertisement on eth0.7, wan0, and"
            " learns no other, so that the host is cut off; set net/ipv6/conf/eth0.7/accept_ra = 2 and"
            " net.ipv6.conf.wan0.accept_ra = 2 first, now and in a file of /etc/sysctl.d."
        )


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the rules of the firewall that follow, on a host with a bridge of guests."""
    lines: list[str] = []
    monkeypatch.setattr(host_switches, "netfilter", lambda version: False)
    monkeypatch.setattr(host_network, "bridges", lambda: frozenset({"br-vm", "docker0"}))
    monkeypatch.setattr(host_switches, "_with_ports", lambda bridges: iter(sorted(bridges)))
    monkeypatch.setattr(sysctl, "now", lambda name: "1")
    monkeypatch.setattr(
        rules_in_force,
        "in_force",
        lambda: (Firewall(iptables.parse(DROPS.format("".join(f"{line}\n" for line in lines)), "ip")), []),
    )
    return lines


def test_a_firewall_that_drops_what_guests_send_each_other(rules: list[str]) -> None:
    with pytest.raises(DockyardError) as caught:
        host_switches.refuse_bridge_filter(CAUSES, {"docker0"})
    assert_explained(caught.value)
    assert caught.value.message == (
        "icc: false has the engine switch net.bridge.bridge-nf-call-iptables on, with which the host's firewall filters"
        " inside all bridges, and it would drop what passes inside br-vm (policy of filter FORWARD); let that pass"
        " first (iptables -I FORWARD -i br-vm -o br-vm -j ACCEPT), now and at each boot."
    )


@pytest.mark.parametrize(
    "rule",
    [
        "-A DOCKER-USER -i br-vm -o br-vm -j ACCEPT",
        "-A FORWARD -i br-vm -j ACCEPT",
        "-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT",
    ],
)
def test_a_rule_that_lets_them(rules: list[str], rule: str) -> None:
    rules.append(rule)
    host_switches.refuse_bridge_filter(CAUSES, {"docker0"})


@pytest.mark.parametrize(
    "rule", ["-A FORWARD -m physdev ! --physdev-is-bridged -j ACCEPT", "-A FORWARD -i br-vm ! -o br-vm -j ACCEPT"]
)
def test_a_rule_for_something_else(rules: list[str], rule: str) -> None:
    rules.append(rule)
    with pytest.raises(DockyardError):
        host_switches.refuse_bridge_filter(CAUSES, {"docker0"})


def test_nothing_is_taken(rules: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    host_switches.refuse_bridge_filter({4: [], 6: []}, {"docker0"})
    host_switches.refuse_bridge_filter(CAUSES, {"docker0", "br-vm"})
    # By IPv6 nothing is dropped here.
    host_switches.refuse_bridge_filter({4: [], 6: ["icc: false"]}, {"docker0"})
    monkeypatch.setattr(host_switches, "netfilter", lambda version: True)
    host_switches.refuse_bridge_filter(CAUSES, {"docker0"})


def test_the_policy_that_the_engine_sets_when_it_switches_forwarding_on(
    rules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting = DROPS.replace(":FORWARD DROP", ":FORWARD ACCEPT").format("")
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (Firewall(iptables.parse(accepting, "ip")), []))
    host_switches.refuse_bridge_filter(CAUSES, {"docker0"})
    monkeypatch.setattr(sysctl, "now", lambda name: "0")
    with pytest.raises(DockyardError, match=r"br-vm \(the policy that the engine gives FORWARD\)"):
        host_switches.refuse_bridge_filter(CAUSES, {"docker0"})
    host_switches.refuse_bridge_filter(CAUSES, {"docker0"}, sets_policy=False)


def test_bridges_without_ports_count_for_nothing() -> None:
    assert list(host_switches._with_ports({"no-such-bridge"})) == []
