# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as the programs of three generations print them, and packets that are judged by them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, nft
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall, Packet

# Of Docker 26.1 with a network of its own (br-a), one without ICC (br-w), and an internal one (br-v).
SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-w -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-w -j DOCKER
-A FORWARD -i br-w ! -o br-w -j ACCEPT
-A FORWARD -o br-a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-a -j DOCKER
-A FORWARD -i br-a ! -o br-a -j ACCEPT
-A FORWARD -i br-a -o br-a -j ACCEPT
-A FORWARD -i br-w -o br-w -j DROP
-A DOCKER -d 172.18.0.2/32 ! -i br-a -o br-a -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br-w ! -o br-w -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 ! -s 172.20.0.0/16 -o br-v -j DROP
-A DOCKER-ISOLATION-STAGE-1 ! -d 172.20.0.0/16 -i br-v -j DROP
-A DOCKER-ISOLATION-STAGE-1 -i br-a ! -o br-a -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br-w -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o br-a -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.18.0.0/16 ! -o br-a -j MASQUERADE
-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i br-a -j RETURN
-A DOCKER ! -i br-a -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80
COMMIT
"""


def match(left: object, right: object, operator: str = "==") -> dict[str, object]:
    return {"match": {"op": operator, "left": left, "right": right}}


IIF, OIF = {"meta": {"key": "iifname"}}, {"meta": {"key": "oifname"}}
SOURCE, DESTINATION = ({"payload": {"protocol": "ip", "field": field}} for field in ("saddr", "daddr"))
PORT = {"payload": {"protocol": "tcp", "field": "dport"}}
TABLE = {"family": "ip", "table": "docker-bridges"}


def chain(name: str, **hook: object) -> dict[str, object]:
    return {"chain": {**TABLE, "name": name, "handle": 1, **hook}}


def rule(name: str, *expressions: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"rule": {**TABLE, "chain": name, "handle": 2, "expr": [*expressions], **more}}


COUNTER: dict[str, object] = {"counter": {"packets": 0, "bytes": 0}}
JUMPS = [["br-a", {"jump": {"target": "in-a"}}], ["br-w", {"jump": {"target": "in-w"}}]]
# Of Docker 29 with the backend nftables.
RULESET = json.dumps(
    {
        "nftables": [
            {"metainfo": {"version": "1.1.3", "json_schema_version": 1}},
            {"table": {"family": "ip", "name": "docker-bridges", "handle": 1}},
            {"map": {**TABLE, "name": "in-jumps", "type": "ifname", "map": "verdict", "elem": JUMPS}},
            {"map": {**TABLE, "name": "empty", "type": "ifname", "map": "verdict"}},
            chain("filter-FORWARD", type="filter", hook="forward", prio=0, policy="accept"),
            chain("nat-POSTROUTING", type="nat", hook="postrouting", prio=100, policy="accept"),
            chain("nat-PREROUTING", type="nat", hook="prerouting", prio=-100, policy="accept"),
            *(chain(name) for name in ("in-a", "in-w", "published")),
            rule("filter-FORWARD", {"vmap": {"key": OIF, "data": "@in-jumps"}}),
            rule("filter-FORWARD", {"vmap": {"key": IIF, "data": "@empty"}}),
            rule("in-a", match({"ct": {"key": "state"}}, ["established", "related"], "in"), COUNTER, {"accept": None}),
            rule("in-a", match(IIF, "br-a"), COUNTER, {"accept": None}, comment="ICC"),
            rule("in-a", match(DESTINATION, "172.18.0.2"), match(PORT, 80), COUNTER, {"accept": None}),
            rule("in-a", COUNTER, {"drop": None}, comment="UNPUBLISHED PORT DROP"),
            rule("in-w", match(IIF, "br-w"), COUNTER, {"drop": None}, comment="ICC"),
            rule(
                "nat-POSTROUTING",
                match(OIF, "br-a", "!="),
                match(SOURCE, {"prefix": {"addr": "172.18.0.0", "len": 16}}),
                {"masquerade": None},
            ),
            rule(
                "nat-PREROUTING",
                match({"fib": {"flags": ["daddr"], "result": "type"}}, "local"),
                {"jump": {"target": "published"}},
            ),
            rule(
                "published", match(IIF, "br-a", "!="), match(PORT, 8080), {"dnat": {"addr": "172.18.0.2", "port": 80}}
            ),
        ]
    }
)


def packet(iif: str, oif: str, destination: str, port: int = 80, source: str | None = None) -> Packet:
    return Packet(iif, oif, "tcp", source, destination, port, translated=iif == "eth0")


@pytest.fixture(params=["iptables", "nft"])
def firewall(request: pytest.FixtureRequest) -> Firewall:
    return Firewall(iptables.parse(SAVED, "ip") if request.param == "iptables" else nft.parse(RULESET))


def test_inside_a_bridge(firewall: Firewall) -> None:
    assert firewall.forward(packet("br-a", "br-a", "172.18.0.3", 9, "172.18.0.2"))[0] == "accept"
    verdict, text = firewall.forward(packet("br-w", "br-w", "172.21.0.3", 9, "172.21.0.2"))
    assert verdict == "drop" and "br-w" in text


def test_a_rule_is_a_better_reason_than_the_policy_of_an_empty_chain() -> None:
    other = nft.parse(
        '{"nftables": [{"chain": {"family": "ip", "table": "netavark", "name": "FORWARD", "hook": "forward",'
        ' "prio": 10, "policy": "accept"}}]}'
    )
    firewall = Firewall(iptables.parse(SAVED, "ip") + other)
    verdict, text = firewall.forward(packet("br-a", "br-a", "172.18.0.3", 9, "172.18.0.2"))
    assert (verdict, text) == ("accept", "-A FORWARD -i br-a -o br-a -j ACCEPT")
    assert Firewall(other).forward(packet("br-a", "br-a", "172.18.0.3", 9, "172.18.0.2")) == (
        "accept",
        "policy of netavark FORWARD",
    )


def test_a_published_port_and_the_subnets_rule(firewall: Firewall) -> None:
    assert firewall.forward(packet("eth0", "br-a", "172.18.0.2"))[0] == "accept"
    masquerade = firewall.masquerades("172.18.0.0/16") or ""
    assert "172.18.0.0/16" in masquerade and "masquerade" in masquerade.lower()
    assert firewall.masquerades("172.21.0.0/16") is None
    rules = firewall.published("tcp", "172.18.0.2", 80, 8080)
    assert len(rules) == 2 and "8080" in rules[0]
    assert firewall.published("udp", "172.18.0.2", 80, 8080) == []
    assert firewall.published("tcp", "172.18.0.3", 80, 8080) == []


def test_between_networks() -> None:
    firewall = Firewall(iptables.parse(SAVED, "ip"))
    assert firewall.forward(packet("br-a", "br-w", "172.21.0.2", 9, "172.18.0.2")) == (
        "drop",
        "-A DOCKER-ISOLATION-STAGE-2 -o br-w -j DROP",
    )
    assert firewall.forward(packet("br-v", "eth0", "192.0.2.1", 9, "172.20.0.2"))[0] == "drop"


def test_the_policy_and_another_table_have_a_say() -> None:
    closed = SAVED.replace(":FORWARD ACCEPT", ":FORWARD DROP")
    verdict, text = Firewall(iptables.parse(closed, "ip")).forward(packet("eth0", "eth1", "192.0.2.9"))
    assert (verdict, text) == ("drop", "policy of filter FORWARD")
    own = {"family": "inet", "table": "mine"}
    other = [
        {"chain": {**own, "name": "forward", "hook": "forward", "prio": 10, "policy": "drop"}},
        {"rule": {**own, "chain": "forward", "expr": [match(IIF, {"set": ["br-a", "br-b"]}), {"accept": None}]}},
    ]
    both = [*iptables.parse(SAVED, "ip"), *nft.parse(json.dumps({"nftables": other}))]
    assert Firewall(both).forward(packet("br-a", "br-a", "172.18.0.3", 9, "172.18.0.2"))[0] == "accept"
    assert Firewall(both).forward(packet("eth0", "br-a", "172.18.0.2")) == ("drop", "policy of mine forward")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("-p tcp -m tcp --dport 80 -j DROP", "drop"),
        ("-p tcp -m multiport --dports 22,80:81 -j REJECT --reject-with icmp-port-unreachable", "drop"),
        ("-p tcp -m tcp --dport 81 -j DROP", "accept"),
        ("-s 10.0.0.0/8 -j DROP", "accept"),  # of some sources only
        ("-i eth+ -p tcp -j DROP", "drop"),
        ("-m set --match-set banned src -j DROP", "accept"),  # what is not understood decides nothing
        ('-m comment --comment "no -j ACCEPT here" -j DROP', "drop"),
        ("-m conntrack --ctstate NEW -j DROP", "drop"),
        ("-m conntrack --ctstate ESTABLISHED -j DROP", "accept"),
    ],
)
def test_rules_of_the_administrator(line: str, verdict: str) -> None:
    saved = SAVED.replace("-A DOCKER-USER -j RETURN", f"-A DOCKER-USER {line}\n-A DOCKER-USER -j RETURN")
    assert Firewall(iptables.parse(saved, "ip")).forward(packet("eth0", "br-a", "172.18.0.2"))[0] == verdict


def test_extensions_of_iptables_shown_by_nft_decide_nothing() -> None:
    own = {"family": "ip", "table": "nat", "chain": "DOCKER"}
    listed = [
        {"chain": {"family": "ip", "table": "nat", "name": "DOCKER", "hook": "prerouting", "prio": -100}},
        {"rule": {**own, "expr": [match(PORT, 8080), {"xt": {"type": "target", "name": "DNAT"}}]}},
    ]
    (found,) = nft.parse(json.dumps({"nftables": listed}))
    assert found.rules[0].opaque and found.rules[0].text == "ip nat DOCKER tcp dport 8080 xt target DNAT"
    assert nft.parse(json.dumps({"nftables": listed}), frozenset([("ip", "nat")])) == []
