# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a rule that was lost, by what iptables-save and nft print; real packets are in the daemon's faults.

Imitated are the engine's answers and the program's output, both as an engine 26.1 had them. Whether a bridge is there
is asked of the kernel, so that the loopback device stands for one.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, lost_rules, rules_in_force
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Chain, Firewall
from ansible_collections.dockyard.ops.tests.unit.helpers import ruleset

WHOLE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
-A FORWARD -o lo -j DOCKER
-A FORWARD -i lo ! -o lo -j ACCEPT
-A FORWARD -i lo -o lo -j DROP
-A DOCKER -d 172.17.0.2/32 ! -i lo -o lo -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o lo -j MASQUERADE
-A DOCKER ! -i lo -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""
FLUSHED = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
"""


def firewalld(*of_docker: str) -> list[Chain]:
    """Return what firewalld 2.3 has, cut down. of_docker: the devices in the zone docker."""
    hook = ruleset.chain("filter_FORWARD", hook="forward", prio=10)
    return ruleset.parsed(
        "firewalld",
        hook,
        ruleset.rule("filter_FORWARD", ruleset.match("ct", "state", {"set": ["established", "related"]}), "accept"),
        ruleset.rule("filter_FORWARD", ruleset.match("ct", "status", "dnat", "in"), "accept"),
        ruleset.rule("filter_FORWARD", ruleset.match("meta", "iifname", "lan0"), "accept"),
        ruleset.rule("filter_FORWARD", ruleset.match("ct", "state", "invalid", "in"), "drop"),
        *(
            ruleset.rule(
                "filter_FORWARD", ruleset.match("meta", "iifname", device), {"goto": {"target": "filter_FWD_docker"}}
            )
            for device in of_docker
        ),
        ruleset.rule("filter_FORWARD", {"goto": {"target": "filter_FWD_public"}}),
        ruleset.chain("filter_FWD_docker"),
        ruleset.rule("filter_FWD_docker", "accept"),
        ruleset.chain("filter_FWD_public"),
        ruleset.rule("filter_FWD_public", {"jump": {"target": "filter_FWD_public_allow"}}),
        ruleset.rule("filter_FWD_public", {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}),
        ruleset.chain("filter_FWD_public_allow"),
    )


class Engine:
    """The lists that are asked for, and what it writes its rules with."""

    def __init__(self, network: dict[str, Any], ports: list[dict[str, Any]], container_network: str = "bridge") -> None:
        self._answers: dict[str, Any] = {
            "/info": {},
            "/networks": [network],
            "/containers/json": [
                {
                    "Id": "0" * 64,
                    "Names": ["/web"],
                    "Ports": ports,
                    "NetworkSettings": {"Networks": {container_network: {"IPAddress": "172.17.0.2"}}},
                }
            ],
        }

    def get(self, path: str) -> Any:
        return self._answers[path]


def network(driver: str = "bridge", internal: bool = False, **options: str) -> dict[str, Any]:
    prefix = "com.docker.network.bridge."
    return {
        "Name": "bridge",
        "Id": "f" * 64,
        "Driver": driver,
        "Internal": internal,
        "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]},
        "Options": {f"{prefix}{key}": value for key, value in {"name": "lo", **options}.items()},
    }


def port(address: str = "0.0.0.0") -> dict[str, Any]:
    return {"IP": address, "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}


def find(monkeypatch: pytest.MonkeyPatch, saved: str | None, engine: Engine) -> list[str]:
    firewall = Firewall(iptables.parse(saved, "ip")) if saved else None
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (firewall, [] if saved else ["iptables-save fails."]))
    found = lost_rules.find(engine)  # type: ignore[arg-type]
    assert found.foreign == []
    return found.lost


MASQUERADE = "bridge declares masquerading, and no rule masquerades 172.17.0.0/16."
PORT = "web publishes port 8080/tcp, and no rule carries it there."


def test_the_translation_of_a_port_is_lost_and_what_lets_it_pass_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the chain of published ports was emptied, and all others are there."""
    saved = "".join(line for line in WHOLE.splitlines(keepends=True) if "DNAT" not in line)
    assert find(monkeypatch, saved, Engine(network(), [port()])) == [PORT]


def test_what_lets_a_port_pass_is_lost_and_its_translation_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = "".join(line for line in WHOLE.splitlines(keepends=True) if "--dport 80 -j" not in line)
    assert find(monkeypatch, saved, Engine(network(), [port(), port("192.0.2.1")]))[1:] == [
        "web publishes port 8080/tcp, and no rule lets it pass there: policy of filter FORWARD."
    ]
    # What another program lets pass is enough.
    assert find(monkeypatch, saved.replace("FORWARD DROP", "FORWARD ACCEPT"), Engine(network(), [port()])) == []


def test_the_policy_of_forward_is_all_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush of the table filter alone leaves what ufw or the engine have set: nothing passes."""
    saved = "".join(line for line in WHOLE.splitlines(keepends=True) if not line.startswith("-A FORWARD"))
    (lost,) = find(monkeypatch, saved, Engine(network(), []))
    assert lost == (
        "No rule lets pass what the containers of bridge send out: the policy of the chain FORWARD in the table ip"
        " filter."
    )
    assert find(monkeypatch, saved, Engine(network(internal=True), [])) == []
    with_nftables = Engine(network(), [])
    with_nftables._answers["/info"] = {"FirewallBackend": {"Driver": "nftables"}}
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (Firewall(iptables.parse(saved, "ip")), []))
    found = lost_rules.find(with_nftables)  # type: ignore[arg-type]
    assert found.lost == []
    assert found.foreign == [
        "Nothing gets out of the containers of bridge, and nothing to them, though the engine's own rules let it pass:"
        " the policy of the chain FORWARD in the table ip filter drops it, and every chain has to let it pass. Add"
        " rules for these bridges there, or make the network an internal one if that is wanted."
    ]


def test_a_firewalld_that_has_started_after_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules of the engine are there, and a later chain of another firewall rejects what is forwarded."""
    firewall = Firewall([*iptables.parse(WHOLE, "ip"), *firewalld()])
    monkeypatch.setattr(rules_in_force, "in_force", lambda: (firewall, []))
    found = lost_rules.find(Engine(network(), [port()]))  # type: ignore[arg-type]
    assert found.foreign == []
    assert found.lost == [
        "firewalld has lo of bridge in no zone, and lets nothing pass that its containers send out: inet firewalld"
        " filter_FWD_public reject."
    ]
    firewall = Firewall([*iptables.parse(WHOLE, "ip"), *firewalld("lo")])
    assert lost_rules.find(Engine(network(), [port()])) == lost_rules.InForce()  # type: ignore[arg-type]
    assert lost_rules.find(Engine(network(internal=True), [port()])) == lost_rules.InForce()  # type: ignore[arg-type]


def test_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(monkeypatch, WHOLE, Engine(network(), [port(), {"PrivatePort": 443, "Type": "tcp"}])) == []


def test_everything_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(monkeypatch, FLUSHED, Engine(network(enable_icc="false"), [port()]))
    assert found[0].startswith("ICC is off in bridge, and its containers reach each other: ")
    assert found[1:] == [MASQUERADE, PORT]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        (Engine(network(enable_ip_masquerade="false"), [port()]), [PORT]),
        (Engine(network(internal=True), [port()]), [PORT]),
        (Engine(network(), [port("127.0.0.1")]), [MASQUERADE]),
        (Engine(network(), [port("::")]), [MASQUERADE]),
        (Engine(network(), [port()], "elsewhere"), [MASQUERADE]),
        # Other rules than those that are looked for, or none at all.
        (Engine(network(gateway_mode_ipv4="routed"), [port()]), []),
        (Engine(network(name="not-there"), [port()]), []),
        (Engine(network("macvlan"), [port()]), []),
    ],
)
def test_what_has_no_such_rule_lacks_none(monkeypatch: pytest.MonkeyPatch, engine: Engine, expected: list[str]) -> None:
    assert find(monkeypatch, FLUSHED, engine) == expected


def test_rules_that_can_not_be_read_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(monkeypatch, None, Engine(network(enable_icc="false"), [port()])) == []
