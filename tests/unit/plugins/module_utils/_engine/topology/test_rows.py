# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of containers and networks from what engines of several versions answer, and findings from rows."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.naming import bridge_device
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import iptables, survey
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.containers import Seen
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.engine_view import EngineView
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.findings import Findings
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Firewall
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.networks import Networks
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

SAMPLE = pathlib.Path(__file__).resolve().parents[4] / "helpers" / "topology.json"
WEB, SIDE = "a" * 64, "b" * 64
NETWORK = {"Id": "c" * 64, "Name": "own", "Driver": "bridge", "Options": {}}


@pytest.fixture
def view() -> EngineView:
    listed: dict[str, dict[str, Any]] = {
        WEB: {"Id": WEB, "Names": ["/other/web", "/web"], "HostConfig": {"NetworkMode": "own"}},
        SIDE: {"Id": SIDE, "Names": ["/side"], "HostConfig": {"NetworkMode": f"container:{WEB}"}},
    }
    return EngineView("/nosuch.sock", networks=[NETWORK], listed=listed)


def test_names_and_who_has_joined_whom(view: EngineView) -> None:
    assert (view.name(WEB), view.name("d" * 64)) == ("web", "d" * 12)
    assert (view.joined(SIDE), view.joined(WEB)) == (WEB, None)
    assert (view.sharing(WEB), view.sharing(SIDE)) == ([SIDE], [WEB])


@pytest.mark.parametrize(
    ("info", "backend"),
    [({}, None), ({"FirewallBackend": {"Driver": "nftables+firewalld"}}, None)],
)
def test_an_engine_that_does_not_answer(info: dict[str, Any], backend: str | None) -> None:
    assert EngineView("/nosuch.sock", info=info).firewall_backend is backend


def test_the_bridge_of_a_network() -> None:
    assert bridge_device(NETWORK) == "br-" + "c" * 12
    assert bridge_device({**NETWORK, "Options": {"com.docker.network.bridge.name": "shop0"}}) == "shop0"
    assert bridge_device({**NETWORK, "Driver": "overlay"}) is None


@pytest.mark.parametrize(
    ("config", "subnet"),
    [
        ({"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}, ("10.1.0.0/24", "10.1.0.1", 3, 254)),
        (
            {"Subnet": "10.1.0.0/24", "IPRange": "10.1.0.128/25", "Gateway": "10.1.0.1"},
            ("10.1.0.0/24", "10.1.0.1", 3, 127),
        ),
        ({"Subnet": "10.1.0.0/24"}, ("10.1.0.0/24", None, 2, 254)),
        ({"Subnet": "fd00::/64", "Gateway": "fd00::1/64"}, ("fd00::/64", "fd00::1", 2, 2**64)),
    ],
)
def test_addresses_in_use(view: EngineView, config: dict[str, str], subnet: tuple[object, ...]) -> None:
    containers = {
        "x": {"IPv4Address": "10.1.0.2/24", "IPv6Address": "fd00::2/64"},
        "y": {"IPv4Address": "10.1.0.3/24", "IPv6Address": ""},
    }
    view.networks = [{**NETWORK, "IPAM": {"Config": [config]}, "Containers": containers}]
    (row,) = Networks(view, {}, [], None, ["no rules"]).rows()
    (found,) = row["subnets"]
    assert (found["subnet"], found["gateway"], found["used"], found["size"]) == subnet
    assert {one["reason"] for one in row["unknown"]} == {
        "The device br-cccccccccccc is not there; restart the engine, which makes it again."
    }
    fields = ["bridge_index", "mtu", "ports_used", "icc.in_force", "masquerade.in_force"]
    assert [one["field"] for one in row["unknown"]] == fields


def findings(change: Any = None, rules: str = "", **more: Any) -> list[dict[str, Any]]:
    """Return the findings about a host on which nothing is wrong but for a change."""
    topology = json.loads(SAMPLE.read_text())["topology"]
    topology["stray_links"] = []
    for network in topology["networks"]:
        for wish in ("icc", "masquerade"):
            network[wish]["in_force"] = network[wish]["declared"]
    seen = [Seen(row, {"HostConfig": {}}) for row in topology["containers"]]
    if change is not None:
        change(topology, {one.row["name"]: one for one in seen})
    firewall = Firewall(iptables.parse(rules, "ip")) if rules else None
    return Findings(topology["host"], topology["networks"], seen, topology["stray_links"], firewall, **more).rows()


def by_name(topology: Any, name: str) -> Any:
    return next(network for network in topology["networks"] if network["name"] == name)


def test_nothing_is_wrong() -> None:
    assert findings() == []


def test_a_bridge_near_its_limit() -> None:
    def fill(topology: Any, _seen: Any) -> None:
        by_name(topology, "backend")["ports_used"] = 921

    (found,) = findings(fill)
    assert (found["kind"], found["severity"], found["network"]) == ("bridge_nearly_full", "warning", "backend")
    assert "has 921 of at most 1023 ports" in found["message"]


def test_subnets_that_overlap() -> None:
    def widen(topology: Any, _seen: Any) -> None:
        by_name(topology, "backend")["subnets"][0]["subnet"] = "10.20.0.0/16"

    messages = [row["message"] for row in findings(widen)]
    assert messages[0].startswith("10.20.0.0/16 of backend and 10.20.1.0/24 of frontend overlap; give one")
    assert len(messages) == 2
    routed = [
        ("10.20.2.128/25", "vpn0"),
        ("10.20.1.0/24", by_name(json.loads(SAMPLE.read_text())["topology"], "frontend")["bridge"]),
    ]
    (found,) = findings(routed=routed)
    assert found["message"].startswith(
        "10.20.2.0/24 of backend overlaps 10.20.2.128/25, which this host reaches over vpn0"
    )


def test_ports_that_clash() -> None:
    def publish(_topology: Any, seen: Any) -> None:
        for name, address, port in (
            ("web", "", "80"),
            ("api", "192.0.2.10", "80"),
            ("db", "", ""),
            ("legacy", "", "22"),
        ):
            seen[name].details["HostConfig"] = {"PortBindings": {"80/tcp": [{"HostIp": address, "HostPort": port}]}}

    found = findings(publish, busy=[("tcp", "::", 22, "sshd"), ("udp", "0.0.0.0", 80, "dns")])
    first, second = (row for row in found if row["kind"] == "port_conflict")
    assert first["message"].startswith("api and web both publish port 80/tcp, and only one of them can have it")
    assert second["message"].startswith("legacy publishes port 22/tcp, on which sshd listens on this host")


def test_a_port_that_the_firewall_drops() -> None:
    rules = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i eth0 -p tcp -m tcp --dport 443 -j DROP\nCOMMIT\n"
    (found,) = findings(rules=rules)
    assert (found["kind"], found["container"], found["network"]) == ("port_dropped", "web", "frontend")
    assert found["message"].endswith("-A FORWARD -i eth0 -p tcp -m tcp --dport 443 -j DROP")


def test_a_port_of_which_it_can_not_be_said_whether_the_firewall_drops_it() -> None:
    rules = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i eth0 -m limit --limit 5/min -j DROP\nCOMMIT\n"
    found = findings(rules=rules)
    assert {(row["kind"], row["severity"]) for row in found} == {("port_dropped", "notice")}
    assert found[0]["message"].endswith("is not understood: -A FORWARD -i eth0 -m limit --limit 5/min -j DROP")


def test_icc_that_is_not_in_force_either_way() -> None:
    def turn(topology: Any, _seen: Any) -> None:
        by_name(topology, "vault")["icc"].update(in_force=True, reason="No rule forbids it.")
        by_name(topology, "backend")["icc"].update(in_force=False, reason="-A DOCKER-USER -j DROP")

    first, second = findings(turn)
    assert (first["severity"], first["network"]) == ("error", "vault")
    assert first["message"] == "ICC is off in vault, and its containers reach each other: No rule forbids it."
    assert (second["severity"], second["network"]) == ("warning", "backend")


def test_without_an_engine_the_host_is_described_all_the_same() -> None:
    options = survey.Options("/nosuch.sock", 1, frozenset(("firewall",)))
    found = survey.survey(options)
    assert found["networks"] == []
    assert [one["field"] for one in found["host"]["unknown"]][:2] == ["engine", "networks"]
    assert "No Docker Engine answers on /nosuch.sock" in found["host"]["unknown"][0]["reason"]
    assert found["host"]["engine"] == {"version": None, "api_version": None, "rootless": None, "firewall_backend": None}


def test_a_container_that_is_not_there(view: EngineView) -> None:
    survey._check_names(view, ["web", SIDE[:12]])
    with pytest.raises(DockyardError, match="This host has no container bbb; give names or identifiers"):
        survey._check_names(view, ["bbb"])


def test_the_sample_is_as_the_module_returns_it(view: EngineView) -> None:
    """The sample is what others draw; its rows have the keys that the module's rows have."""
    topology = json.loads(SAMPLE.read_text())["topology"]
    (row,) = Networks(view, {}, [], None, []).rows()
    assert all(list(network) == list(row) for network in topology["networks"])
    copied = copy.deepcopy(topology["networks"][0])
    assert copied["icc"].keys() == row["icc"].keys() and copied["masquerade"].keys() == row["masquerade"].keys()
