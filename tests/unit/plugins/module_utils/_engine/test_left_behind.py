# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and routes of people for what a change takes away.

Imitated is what iptables-save and ip print; a real host is in the faults.
"""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import left_behind
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, rules_in_force
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall
from ansible_collections.dockyard.ops.plugins.module_utils._host import network

OLD = ipaddress.ip_network("172.17.0.0/16")
SAVED = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:DOCKER-USER - [0:0]
:DOCKER-FORWARD - [0:0]
:ufw-user-input - [0:0]
-A FORWARD -o docker0 -j ACCEPT
-A DOCKER-FORWARD -i br-one -j ACCEPT
-A DOCKER-USER -i br-one ! -o br-one -j DROP
-A DOCKER-USER -i br-ones -j DROP
-A ufw-user-input -s 172.17.0.0/16 -p tcp --dport 5432 -j ACCEPT
-A ufw-user-input -s 172.17.0.9/32 -j ACCEPT
-A ufw-user-input -s 172.16.0.0/12 -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
"""


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (Firewall(iptables.parse(SAVED, "ip")), []))
    policies = [
        {"priority": 0, "src": "all", "table": "local"},
        {"priority": 100, "src": "all", "iif": "br-one", "table": "7"},
        {"priority": 101, "src": "172.17.4.0", "srclen": 24, "table": "7"},
    ]
    routes = [
        {"dst": "172.17.0.0/16", "dev": "docker0", "protocol": "kernel"},
        {"dst": "10.98.0.0/24", "gateway": "172.17.0.2", "dev": "docker0"},
        {"dst": "10.97.0.0/24", "dev": "br-one"},
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
    ]
    monkeypatch.setattr(network, "read_policies", lambda: policies)
    monkeypatch.setattr(network, "read_routes", lambda: routes)


def test_a_network_that_goes() -> None:
    assert left_behind.sentence((), [OLD]) == (
        "Rules and routes of this host that the engine has not made are for 172.17.0.0/16 and do nothing after the"
        " change, or are gone: -A ufw-user-input -s 172.17.0.0/16 -p tcp --dport 5432 -j ACCEPT; -A ufw-user-input -s"
        " 172.17.0.9/32 -j ACCEPT; ip rule 101 172.17.4.0/24; ip route 10.98.0.0/24 via 172.17.0.2 dev docker0; write"
        " them for what comes in its place."
    )


def test_a_device_that_goes() -> None:
    said = left_behind.sentence(["br-one"], []) or ""
    assert "-A DOCKER-USER -i br-one ! -o br-one -j DROP; ip rule 100 br-one; ip route 10.97.0.0/24 dev br-one;" in said
    assert "br-ones" not in said and "DOCKER-FORWARD" not in said


def test_more_than_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = left_behind.sentence(["br-one"], [OLD]) or ""
    assert "are for br-one and 172.17.0.0/16 and" in said and "; and 2 more; write" in said


def test_nothing_that_names_it() -> None:
    assert left_behind.sentence(["br-other"], [ipaddress.ip_network("10.1.0.0/24")]) is None
    assert left_behind.sentence((), []) is None
