# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a rule that was lost, by what iptables-save prints; real packets are in the faults of docker_daemon.

Imitated are the engine's answers and the program's output, both as an engine 26.1 had them. Whether a bridge is there
is asked of the kernel, so that the loopback device stands for one.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, lost_rules, rules_in_force
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall

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


class Engine:
    """The two lists that are asked for."""

    def __init__(self, network: dict[str, Any], ports: list[dict[str, Any]], container_network: str = "bridge") -> None:
        self._answers: dict[str, list[dict[str, Any]]] = {
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

    def get(self, path: str) -> list[dict[str, Any]]:
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
    return lost_rules.find(engine)  # type: ignore[arg-type]


MASQUERADE = "bridge declares masquerading, and no rule masquerades 172.17.0.0/16."
PORT = "web publishes port 8080/tcp, and no rule carries it there."


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
