# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against firewall-backend: nftables.

Imitated are the kernel's parameters; real engines are in the faults.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import firewall_backend
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, rules_in_force
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

NFTABLES = {"firewall-backend": "nftables"}
ON = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the parameters are now, and at boot."""
    now, boot = dict(ON), dict(ON)
    monkeypatch.setattr(sysctl, "now", now.get)
    monkeypatch.setattr(sysctl, "at_boot", lambda *names: boot.get(names[0]))
    has_rules(monkeypatch, "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")
    return now, boot


def has_rules(monkeypatch: pytest.MonkeyPatch, saved: str, family: str = "ip") -> None:
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (Firewall(iptables.parse(saved, family)), []))


Host = tuple[dict[str, str], dict[str, str]]


def found(config: dict[str, Any], swarm: bool = False) -> list[tuple[str, str, bool]]:
    complaints = list(firewall_backend.complaints(config, Surroundings(swarm=swarm)))
    for complaint in complaints:
        assert_explained(complaint.error)
    return [(complaint.keys[0], complaint.error.code, complaint.at_start) for complaint in complaints]


def test_a_host_that_forwards_at_each_boot(host: Host) -> None:
    assert found({**NFTABLES, "ipv6": True}) == []


@pytest.mark.parametrize("config", [{}, {"firewall-backend": "iptables"}, {**NFTABLES, "iptables": False}])
def test_another_backend_needs_nothing(host: Host, config: dict[str, Any]) -> None:
    host[0]["net.ipv4.ip_forward"] = "0"
    assert found(config, swarm=True) == []


def test_forwarding_that_only_docker_has_switched_on(host: Host) -> None:
    """Line 12(d): the engine would not come up after the next boot."""
    host[1].clear()
    assert found(NFTABLES) == [("firewall-backend", "daemon_forwarding_off", False)]
    (complaint,) = firewall_backend.complaints(NFTABLES, Surroundings())
    assert complaint.error.message == (
        "firewall-backend: with nftables, an engine needs IPv4 forwarding, which it does not switch on by itself. It is"
        " on now and nothing on this host sets it at boot, so that the engine would not start after the next one; set"
        " net.ipv4.ip_forward = 1 to last, in a file of /etc/sysctl.d that is in force, or declare ip-forward: false if"
        " no container needs a way out."
    )
    assert found({**NFTABLES, "ip-forward": False}) == []


def test_forwarding_that_is_off(host: Host) -> None:
    host[0]["net.ipv4.ip_forward"] = "0"
    assert found(NFTABLES) == [("firewall-backend", "daemon_forwarding_off", True)]


def test_ipv6_without_forwarding(host: Host) -> None:
    """Line 12(e)."""
    host[0]["net.ipv6.conf.all.forwarding"] = "0"
    assert found({**NFTABLES, "ipv6": True}) == [("ipv6", "daemon_forwarding_off", True)]
    assert found(NFTABLES) == []


def test_a_member_of_a_swarm(host: Host) -> None:
    assert found(NFTABLES, swarm=True) == [("firewall-backend", "daemon_nftables_in_swarm", True)]
    assert found({**NFTABLES, "features": {"swarm-nftables": True}}, swarm=True) == []


@pytest.mark.parametrize(
    ("family", "config", "refused"), [("ip", {}, True), ("ip6", {"ipv6": True}, True), ("ip6", {}, False)]
)
def test_a_policy_that_the_engine_leaves_behind(
    host: Host, monkeypatch: pytest.MonkeyPatch, family: str, config: dict[str, Any], refused: bool
) -> None:
    rules = "-A FORWARD -j DOCKER-USER\n-A FORWARD -j DOCKER-FORWARD\n"
    has_rules(monkeypatch, f"*filter\n:FORWARD DROP [0:0]\n:DOCKER-FORWARD - [0:0]\n{rules}COMMIT\n", family)
    expected = [("firewall-backend", "daemon_forward_policy", False)] if refused else []
    assert found({**NFTABLES, **config}) == expected


@pytest.mark.parametrize(
    ("policy", "rules"),
    [
        ("DROP", "-A FORWARD -j DOCKER-USER\n-A FORWARD -i docker0 -j ACCEPT\n"),
        ("ACCEPT", "-A FORWARD -j DOCKER-FORWARD\n"),
    ],
)
def test_a_policy_that_is_not_the_engines(host: Host, monkeypatch: pytest.MonkeyPatch, policy: str, rules: str) -> None:
    """An engine that has nftables already leaves the jump to DOCKER-USER."""
    has_rules(monkeypatch, f"*filter\n:FORWARD {policy} [0:0]\n:DOCKER-FORWARD - [0:0]\n{rules}COMMIT\n")
    assert found(NFTABLES) == []


def test_rules_of_people_that_are_not_asked_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = "*filter\n:DOCKER-USER - [0:0]\n-A DOCKER-USER -s 10.0.0.0/8 -j DROP\n-A DOCKER-USER -j RETURN\nCOMMIT\n"
    has_rules(monkeypatch, saved)
    (warning,) = firewall_backend.warnings({}, NFTABLES)
    assert "asks no chain DOCKER-USER, which has 1 of your own rules (-A DOCKER-USER -s 10.0.0.0/8 -j DROP)" in warning
    assert list(firewall_backend.warnings(NFTABLES, NFTABLES)) == []
    assert list(firewall_backend.warnings({}, {})) == []
