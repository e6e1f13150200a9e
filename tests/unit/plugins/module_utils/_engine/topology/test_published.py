# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a packet for a published port gets there, past rules of every place where people drop it.

The rules are as iptables-save and nft print them; real packets are in the integration target docker_topology_info.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, nft
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Chain, Firewall, Packet

PACKET = Packet("eth0", "docker0", "tcp", None, "172.17.0.2", 80, True, "192.0.2.10", 8090)


def saved(table: str, chain: str, rule: str) -> list[Chain]:
    return iptables.parse(f"*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} {rule}\nCOMMIT\n", "ip")


def ruleset(family: str, chain: dict[str, object], *expressions: dict[str, object]) -> list[Chain]:
    place = {"family": family, "table": "mine"}
    rule = {**place, "chain": "c", "handle": 2, "expr": [*expressions, {"drop": None}]}
    return nft.parse(
        json.dumps({"nftables": [{"chain": {**place, "name": "c", "handle": 1, **chain}}, {"rule": rule}]})
    )


def match(left: Mapping[str, object], right: object) -> dict[str, object]:
    return {"match": {"op": "==", "left": left, "right": right}}


PORT: dict[str, object] = {"payload": {"protocol": "tcp", "field": "dport"}}
PREROUTING: dict[str, object] = {"hook": "prerouting", "prio": -150, "policy": "accept"}
INGRESS: dict[str, object] = {"hook": "ingress", "prio": 0, "policy": "accept", "dev": "eth0"}


@pytest.mark.parametrize(
    "chains",
    [
        saved("raw", "PREROUTING", "-p tcp -m tcp --dport 8090 -j DROP"),
        saved("mangle", "PREROUTING", "-d 192.0.2.10/32 -p tcp -m multiport --dports 22,8090 -j DROP"),
        saved("filter", "FORWARD", "-p tcp -m tcp --dport 80 -j DROP"),
        saved("filter", "FORWARD", "-p tcp -m conntrack --ctorigdstport 8090 -j DROP"),
        saved(
            "filter", "FORWARD", "-m conntrack --ctorigdst 192.0.2.0/24 -j REJECT --reject-with icmp-port-unreachable"
        ),
        ruleset("inet", PREROUTING, match(PORT, 8090)),
        ruleset("netdev", INGRESS, match(PORT, 8090)),
        ruleset("inet", {**PREROUTING, "prio": 10}, match(PORT, 80)),
        ruleset("ip", {"hook": "forward", "prio": 0}, match({"ct": {"key": "proto-dst", "dir": "original"}}, 8090)),
    ],
)
def test_each_place_where_it_is_dropped(chains: list[Chain]) -> None:
    verdict, text, doubts = Firewall(chains).deliver(PACKET)
    assert (verdict, doubts) == ("drop", [])
    assert "8090" in text or "80" in text or "192.0.2.0/24" in text


@pytest.mark.parametrize(
    "chains",
    [
        [],
        saved("raw", "PREROUTING", "-p tcp -m tcp --dport 80 -j DROP"),
        saved("raw", "PREROUTING", "-d 172.17.0.2/32 ! -i docker0 -j DROP"),
        saved("raw", "PREROUTING", "-i wlan0 -p tcp -m tcp --dport 8090 -j DROP"),
        saved("filter", "FORWARD", "-p tcp -m tcp --dport 8090 -j DROP"),
        saved("filter", "FORWARD", "-p udp -m conntrack --ctorigdstport 8090 -j DROP"),
        # Which addresses a list has is not known; one of all others is not in it.
        saved("filter", "FORWARD", "-m set --match-set banned src -j DROP"),
        ruleset("netdev", {**INGRESS, "dev": "wlan0"}, match(PORT, 8090)),
        ruleset("inet", PREROUTING, match(PORT, 80)),
    ],
)
def test_what_is_for_other_packets(chains: list[Chain]) -> None:
    assert Firewall(chains).deliver(PACKET)[::2] == ("accept", [])


@pytest.mark.parametrize(
    ("rule", "doubted"),
    [
        ("-p tcp -m tcp --dport 80 -m limit --limit 5/min -j DROP", True),
        ("-m set --match-set closed dst,dst -j DROP", True),
        ("-p udp -m limit --limit 5/min -j DROP", False),
        ("-m limit --limit 5/min -j ACCEPT", False),
    ],
)
def test_a_condition_that_is_not_understood(rule: str, doubted: bool) -> None:
    verdict, _text, doubts = Firewall(saved("filter", "FORWARD", rule)).deliver(PACKET)
    assert verdict == "accept"
    assert doubts == ([f"-A FORWARD {rule}"] if doubted else [])
