# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that let nothing pass of a bridge, and all those for which that must not be said.

The rules are as iptables-save and nft print them; real packets are in the faults of docker_daemon.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import forwarding, iptables
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Chain, Firewall
from ansible_collections.dockyard.ops.tests.unit.helpers.ruleset import chain, match, parsed, rule

SUBNET = "172.17.0.0/16"
ESTABLISHED = match("ct", "state", {"set": ["established", "related"]})
INTO: dict[str, Any] = {"jump": {"target": "more"}}


def site(*rules: dict[str, Any], policy: str = "drop") -> list[Chain]:
    return parsed("site", chain("forward", "forward", policy), *rules, chain("more"))


def saved(*rules: str, policy: str = "ACCEPT") -> list[Chain]:
    chains = f":FORWARD {policy} [0:0]\n:DOCKER-USER - [0:0]\n:ufw - [0:0]\n"
    return iptables.parse("*filter\n" + chains + "".join(f"-A {one}\n" for one in rules) + "COMMIT\n", "ip")


def texts(chains: list[Chain], direction: forwarding.Direction = "out") -> list[str]:
    return [block.text for block in forwarding.blocked(Firewall(chains), "docker0", SUBNET, direction)]


POLICY = "the policy of the chain forward in the table inet site."


@pytest.mark.parametrize(
    ("chains", "says"),
    [
        (site(), POLICY),
        (site(rule("forward", ESTABLISHED, "accept")), POLICY),
        (site(rule("forward", match("meta", "iifname", "br-lan"), "accept")), POLICY),
        (site(rule("forward", match("ip", "saddr", {"prefix": {"addr": "10.8.0.0", "len": 16}}), "accept")), POLICY),
        (site(rule("forward", INTO), rule("more", "drop"), policy="accept"), "inet site more drop"),
        (site(rule("forward", "reject"), policy="accept"), "inet site forward reject"),
        (site(rule("forward", match("tcp", "dport", 25), "drop")), POLICY),
        # What leaves a chain early comes to the policy.
        (site(rule("forward", match("tcp", "dport", 25), "return"), rule("forward", "drop")), POLICY),
        (site(rule("forward", INTO), rule("more", "return"), rule("more", "accept")), POLICY),
        (
            site(
                rule(
                    "forward",
                    {
                        "vmap": {
                            "key": {"ct": {"key": "state"}},
                            "data": {"set": [["established", {"accept": None}], ["invalid", {"drop": None}]]},
                        }
                    },
                )
            ),
            POLICY,
        ),
        (saved(policy="DROP"), "the policy of the chain FORWARD in the table ip filter."),
        (
            saved("FORWARD -j ufw", "ufw -m limit --limit 3/min -j LOG", "ufw -j REJECT"),
            "-A ufw -j REJECT",
        ),
        (
            saved("FORWARD -j REJECT --reject-with icmp-host-prohibited", "FORWARD -i docker0 -j ACCEPT"),
            "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        ),
    ],
)
def test_nothing_gets_out(chains: list[Chain], says: str) -> None:
    assert texts(chains) == [says]


@pytest.mark.parametrize(
    "chains",
    [
        [],
        site(policy="accept"),
        parsed("site", chain("input", "input", "drop"), chain("output", "output", "drop")),
        parsed("site", chain("forward", "forward", "drop"), family="ip6"),
        # Something may pass, if only to one place, or under a condition that is not understood.
        site(rule("forward", "accept")),
        site(rule("forward", match("tcp", "dport", 443), "accept")),
        site(rule("forward", match("ip", "daddr", "192.0.2.1"), "accept")),
        site(rule("forward", match("meta", "oifname", "eth0"), "accept")),
        site(rule("forward", match("meta", "mark", 1), "accept")),
        site(rule("forward", match("meta", "mark", 1), INTO), rule("more", "accept")),
        site(rule("forward", {"queue": None})),
        site(rule("forward", {"vmap": {"key": {"meta": {"key": "oif"}}, "data": {"set": []}}})),
        site(rule("forward", match("ct", "state", "new", "in"), "accept")),
        site(rule("forward", match("ip", "saddr", "172.17.0.9"), "accept")),
        site(
            rule(
                "forward",
                {
                    "vmap": {
                        "key": {"ct": {"key": "state"}},
                        "data": {"set": [["established", {"accept": None}], ["new", {"jump": {"target": "more"}}]]},
                    }
                },
            ),
            rule("more", match("meta", "oifname", "eth0"), "accept"),
        ),
        saved("FORWARD -j TCPMSS --clamp-mss-to-pmtu", policy="DROP"),
        saved("FORWARD -j NFQUEUE --queue-num 1", policy="DROP"),
        saved("FORWARD -j nowhere", policy="DROP"),
        saved("FORWARD -m set --match-set allowed dst -j ACCEPT", policy="DROP"),
        saved("FORWARD -i docker0 ! -o docker0 -j ACCEPT", policy="DROP"),
        # A rule names this bridge, or those of its kind.
        site(rule("forward", match("meta", "iifname", "docker0"), "drop"), policy="accept"),
        site(rule("forward", match("meta", "iifname", "docker*"), ESTABLISHED, "accept")),
        site(
            rule("forward", match("ip", "saddr", {"prefix": {"addr": "172.16.0.0", "len": 12}}), ESTABLISHED, "accept")
        ),
        site(rule("more", match("meta", "oifname", "docker0"), "drop")),
        saved(
            "FORWARD -j DOCKER-USER", "DOCKER-USER -m conntrack --ctstate ESTABLISHED -j ACCEPT", "DOCKER-USER -j DROP"
        ),
        saved("FORWARD -j ufw", "ufw -i docker0 -p tcp --dport 25 -j DROP", "ufw -j DROP"),
    ],
)
def test_where_nothing_is_said(chains: list[Chain]) -> None:
    assert texts(chains) == []


@pytest.mark.parametrize(
    ("chains", "is_blocked"),
    [
        (site(), True),
        (site(rule("forward", ESTABLISHED, "accept")), True),
        (site(rule("forward", match("ct", "status", "dnat", "in"), "accept")), False),
        (site(rule("forward", match("tcp", "dport", 80), "accept")), False),
        (site(rule("forward", match("meta", "iifname", "eth0"), "accept")), False),
        (site(rule("forward", match("meta", "oifname", "br-lan"), "accept")), True),
        (site(rule("forward", match("ip", "daddr", {"prefix": {"addr": "10.8.0.0", "len": 16}}), "accept")), True),
    ],
)
def test_what_is_sent_to_published_ports(chains: list[Chain], is_blocked: bool) -> None:
    assert bool(texts(chains, "in")) is is_blocked
