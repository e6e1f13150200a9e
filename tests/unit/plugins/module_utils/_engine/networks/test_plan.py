# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of networks takes on a host, and what speaks against it, each by its text."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import desired, fixed_addresses, plan, whole
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.survey import (
    Endpoint,
    ExistingNetwork,
    Survey,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

ID = "0123456789abcdef"
REFUSED = "The networks can't be as declared: "


def declared(name: str, *subnets: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "subnets": [{"subnet": subnet} for subnet in subnets], **options}


def listed(name: str, *subnets: str, containers: tuple[str, ...] = (), **options: Any) -> ExistingNetwork:
    """As an engine lists it."""
    config = [{"Subnet": subnet} for subnet in subnets]
    raw = {"Name": name, "Id": ID, "Scope": "local", "Driver": "bridge", "IPAM": {"Config": config}, **options}
    return ExistingNetwork(raw, [Endpoint(container, container) for container in containers])


def survey(*networks: ExistingNetwork, manager: bool = False, **around: Any) -> Survey:
    return Survey("running", None, Surroundings(**around), list(networks), manager)


def refusal(networks: list[dict[str, Any]], found: Survey, replace_in_use: bool = False) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        plan.build_plan(desired.parse(networks), found, replace_in_use)
    assert not caught.value.changed
    return caught.value


def steps(networks: list[dict[str, Any]], found: Survey, replace_in_use: bool = False) -> list[tuple[str, str]]:
    return [(step.action, step.name) for step in plan.build_plan(desired.parse(networks), found, replace_in_use).steps]


ROUTE = (ipaddress.ip_network("10.0.0.0/8"), "tun0")
# A host of a cloud: an address alone, and nothing around it has a route.
CLOUD: dict[str, Any] = {
    "addresses": [(ipaddress.ip_interface("10.88.0.5/32"), "eth0")],
    "gateways": [(ipaddress.ip_address("10.89.0.254"), "eth0")],
    "peers": [ipaddress.ip_address("10.90.0.7")],
    "name_servers": [ipaddress.ip_address("10.91.0.53")],
}


@pytest.mark.parametrize(
    ("networks", "found", "problem"),
    [
        (
            [declared("a", "10.1.0.0/25")],
            survey(listed("old", "10.1.0.0/16")),
            "the subnet 10.1.0.0/25 of a overlaps the Docker network old (10.1.0.0/16); choose another",
        ),
        (
            [declared("a", "172.17.3.0/24")],
            survey(listed("bridge", "172.17.0.0/16")),
            "the subnet 172.17.3.0/24 of a overlaps the Docker network bridge (172.17.0.0/16); choose another",
        ),
        (
            [declared("a", "10.1.0.0/24"), declared("b", "10.1.0.0/25")],
            survey(),
            "the subnet 10.1.0.0/25 of b overlaps the Docker network a (10.1.0.0/24); choose another",
        ),
        (
            [declared("a", "10.1.0.0/24")],
            survey(routes=[ROUTE]),
            "the subnet 10.1.0.0/24 of a overlaps 10.0.0.0/8, to which the host has a route over tun0; choose another",
        ),
        # Said once: the other network, and not also the route to it.
        (
            [declared("a", "10.1.0.0/24")],
            survey(listed("old", "10.1.0.0/24"), routes=[(ipaddress.ip_network("10.1.0.0/24"), "br-0123456789ab")]),
            "the subnet 10.1.0.0/24 of a overlaps the Docker network old (10.1.0.0/24); choose another",
        ),
        (
            [declared("a", "10.1.0.0/24", driver="overlay")],
            survey(listed("old", "10.1.0.0/24", Scope="swarm"), manager=True),
            "the subnet 10.1.0.0/24 of a overlaps the Docker network old (10.1.0.0/24); choose another",
        ),
        (
            [declared("a", "10.88.0.0/24")],
            survey(**CLOUD),
            "the subnet 10.88.0.0/24 of a takes in 10.88.0.5, the host's own address on eth0; choose another",
        ),
        (
            [declared("a", "10.89.0.0/24")],
            survey(**CLOUD),
            "the subnet 10.89.0.0/24 of a takes in 10.89.0.254, the host's gateway on eth0, which it would no longer"
            " reach; choose another",
        ),
        (
            [declared("a", "10.90.0.0/24")],
            survey(**CLOUD),
            "the subnet 10.90.0.0/24 of a takes in 10.90.0.7, to which the host has an open connection that would"
            " break; choose another",
        ),
        (
            [declared("a", "10.91.0.0/24")],
            survey(**CLOUD),
            "the subnet 10.91.0.0/24 of a takes in the host's name server 10.91.0.53, which it would no longer reach;"
            " choose another",
        ),
        (
            [declared("a")],
            survey(listed("a"), listed("a")),
            "the engine has 2 networks of the name a; remove those that are not needed (docker network rm 0123456789ab"
            " or 0123456789ab)",
        ),
        (
            [declared("a", ipv6=True)],
            survey(engine_version=(26, 1, 5)),
            "a has ipv6 and no subnet of IPv6, which an engine before 27 needs, and this one is 26.1.5; give it one",
        ),
    ],
)
def test_a_network_that_has_no_place_here(networks: list[dict[str, Any]], found: Survey, problem: str) -> None:
    error = refusal(networks, found)
    assert (error.code, error.message) == ("network_refused", f"{REFUSED}{problem}.")


def test_all_reasons_are_reported() -> None:
    error = refusal([declared("a", "10.88.0.0/24"), declared("b", "10.89.0.0/16")], survey(**CLOUD))
    assert error.message == (
        f"{REFUSED}the subnet 10.88.0.0/24 of a takes in 10.88.0.5, the host's own address on eth0; choose another."
        " Also: the subnet 10.89.0.0/16 of b takes in 10.89.0.254, the host's gateway on eth0, which it would no longer"
        " reach; choose another."
    )


@pytest.mark.parametrize(
    ("networks", "found"),
    [
        ([declared("lan", "10.1.0.0/24", driver="macvlan")], survey(routes=[ROUTE], **CLOUD)),
        ([declared("a", "10.1.0.0/24", driver="overlay")], survey(listed("old", "10.1.0.0/24"), manager=True)),
        ([declared("a", "fd00:1::/64", ipv6=True)], survey(listed("old", "10.1.0.0/24"), routes=[ROUTE])),
        ([declared("a")], survey(listed("none"), listed("odd", "10.2.0.3/24"), routes=[ROUTE])),
        ([declared("a", ipv6=True)], survey(engine_version=(28, 5, 2))),
    ],
)
def test_a_network_that_has_a_place_here(networks: list[dict[str, Any]], found: Survey) -> None:
    assert steps(networks, found) == [("create", networks[0]["name"])]


def test_a_network_makes_room_for_another() -> None:
    """Also its bridge's route and address, and the connections to its containers."""
    found = survey(
        listed("a", "10.1.0.0/24"),
        routes=[(ipaddress.ip_network("10.1.0.0/24"), "br-0123456789ab")],
        addresses=[(ipaddress.ip_interface("10.1.0.1/24"), "br-0123456789ab")],
        peers=[ipaddress.ip_address("10.1.0.7")],
    )
    networks = [declared("b", "10.1.0.0/25"), {"name": "a", "state": "absent"}]
    assert steps(networks, found) == [("remove", "a"), ("create", "b")]
    assert steps([declared("a", "10.1.0.0/16")], found) == [("replace", "a")]


def test_what_is_as_declared_is_left_alone() -> None:
    """Even if it has become wrong in the meantime: nothing is taken away by leaving it."""
    found = survey(listed("a", "10.1.0.0/24", containers=("web",)), routes=[ROUTE])
    assert steps([declared("a", "10.1.0.0/24"), {"name": "b", "state": "absent"}], found) == []


PART = {
    "Subnet": "10.1.0.0/24",
    "Gateway": "10.1.0.1",
    "IPRange": "10.1.0.128/25",
    "AuxiliaryAddresses": {"r": "10.1.0.2"},
}
EXISTING = listed(
    "a",
    IPAM={"Config": [PART, {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1/64"}]},
    Internal=True,
    EnableIPv6=True,
    Options={"com.docker.network.driver.mtu": "1400"},
    Labels={"owner": "web", "more": "yes"},
)


@pytest.mark.parametrize(
    ("options", "differing"),
    [
        ({}, []),
        ({"subnets": [{"subnet": "10.1.0.0/24"}]}, []),
        ({"subnets": [{"subnet": "fd00:1:0::/64", "gateway": "fd00:1:0::1"}]}, []),
        ({"subnets": [{"subnet": "10.1.0.0/24", "ip_range": "10.1.0.128/25", "aux_addresses": {"r": "10.1.0.2"}}]}, []),
        ({"subnets": [{"subnet": "10.1.0.0/25"}]}, ["subnets"]),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.9"}]}, ["subnets"]),
        ({"subnets": [{"subnet": "10.1.0.0/24", "ip_range": "10.1.0.0/25"}]}, ["subnets"]),
        ({"subnets": [{"subnet": "10.1.0.0/24", "aux_addresses": {"s": "10.1.0.2"}}]}, ["subnets"]),
        ({"driver": "macvlan"}, ["driver"]),
        ({"driver_options": {"com.docker.network.bridge.enable_ip_masquerade": True}}, []),
        ({"internal": True, "ipv6": True, "attachable": False, "icc": True, "mtu": 1400}, []),
        ({"internal": False, "ipv6": False, "attachable": True}, ["internal", "attachable", "ipv6"]),
        ({"icc": False, "mtu": 1500}, ["icc", "mtu"]),
        ({"icc": "no", "mtu": "1500"}, ["icc", "mtu"]),
        ({"icc": "", "internal": "", "attachable": "", "ipv6": "", "mtu": ""}, []),
        (
            {"driver_options": {"com.docker.network.bridge.name": "x"}},
            ["driver_options.com.docker.network.bridge.name"],
        ),
        ({"labels": {"owner": "web"}}, []),
        ({"labels": {"owner": "db", "new": 1}}, ["labels.owner", "labels.new"]),
    ],
)
def test_in_what_a_network_differs(options: dict[str, Any], differing: list[str]) -> None:
    (network,) = desired.parse([{"name": "a", **options}])
    assert plan.differences(whole.completed(network, EXISTING), EXISTING) == differing


def test_containers_are_not_disconnected_by_surprise() -> None:
    found = survey(
        listed("a", "10.1.0.0/24", containers=("web", "db")),
        listed("b", containers=("web",)),
        listed("c", "10.3.0.0/24"),
    )
    networks = [
        declared("a", "10.2.0.0/24", internal=True),
        {"name": "b", "state": "absent"},
        declared("c", "10.4.0.0/24"),
    ]
    found.api = None
    planned = plan.build_plan(desired.parse(networks), found, True)
    for step in planned.steps:
        step.endpoints = step.existing.endpoints if step.existing else []
    with pytest.raises(DockyardError) as caught:
        plan._refuse_in_use(planned.steps)
    assert (caught.value.code, caught.value.message) == (
        "network_in_use",
        "b is to be removed, and the containers web are connected to it; disconnect them first, or set replace_in_use:"
        " true. Also: a differs in subnets, internal and can only be replaced by a new one, and the containers db, web"
        " are connected to it; disconnect them first, or set replace_in_use: true.",
    )


def test_what_containers_lose_is_said() -> None:
    (network,) = desired.parse([declared("a", "10.1.0.0/25")])
    kept = Endpoint("1", "web", {"Aliases": ["www"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}})
    lost = Endpoint("2", "db", {"Aliases": ["sql"], "IPAMConfig": {"IPv4Address": "10.1.0.200"}})
    assert fixed_addresses.reconnected(kept, network) == kept.config
    assert fixed_addresses.reconnected(lost, network) == {"Aliases": ["sql"]}
    kept.chosen_ports.append("80/tcp, now 32768")
    lost.config["MacAddress"] = "02:42:0a:01:00:63"
    network = whole.completed(network, EXISTING)
    replaced = plan.Step("replace", network, EXISTING, ["subnets"], [kept, lost])
    removed = plan.Step("remove", network, EXISTING, [], [kept])
    said = list(plan._warnings([replaced, removed], (28, 5, 2)))
    assert [line for line in said if "MAC" not in line] == list(plan._warnings([replaced, removed], (29, 0)))
    assert [line for line in said if "MAC" not in line] == list(plan._warnings([replaced, removed], (20, 10)))
    assert said == [
        "a is replaced: the containers db, web lose their connections over it, and are connected to the new one; in"
        " those that run its device has another name (such as eth1 in place of eth0) until their next start.",
        "a is replaced: db can't keep the fixed addresses, which are in none of its subnets.",
        "a is replaced: db can't keep the fixed MAC address, as this engine gives a container that it connects another"
        " one; create the container again to give it back.",
        "a is replaced: the engine gives other ports of the host to web (80/tcp, now 32768), as it has chosen them by"
        " itself; publish fixed ones to keep them.",
        "a is removed: the containers web are disconnected from it.",
    ]


@pytest.mark.parametrize(
    ("subnet", "fixed", "role"),
    [
        ({"subnet": "10.1.0.0/24", "gateway": "10.1.0.2"}, {"IPv4Address": "10.1.0.2"}, "the gateway"),
        # None is given, and an engine takes the first one.
        ({"subnet": "10.1.0.0/25"}, {"IPv4Address": "10.1.0.1"}, "the gateway"),
        (
            {"subnet": "10.1.0.0/24", "gateway": "10.1.0.1", "aux_addresses": {"router": "10.1.0.9"}},
            {"IPv4Address": "10.1.0.9"},
            "the aux_address router",
        ),
        ({"subnet": "10.1.0.0/25", "gateway": "10.1.0.1"}, {"IPv4Address": "10.1.0.127"}, "the last address"),
        ({"subnet": "10.1.0.128/25", "gateway": "10.1.0.200"}, {"IPv4Address": "10.1.0.128"}, "the first address"),
        ({"subnet": "fd00:1::/64", "gateway": "fd00:1::2"}, {"IPv6Address": "fd00:1:0::2"}, "the gateway"),
    ],
)
def test_a_fixed_address_that_a_new_network_has_for_itself(
    subnet: dict[str, Any], fixed: dict[str, str], role: str
) -> None:
    """The gateway is the fixed address of a connected container."""
    (network,) = desired.parse([{"name": "a", "driver": "bridge", "subnets": [subnet], "ipv6": True}])
    existing = listed("a")
    step = plan.Step("replace", network, existing, ["subnets"], [Endpoint("1", "web", {"IPAMConfig": fixed})])
    (address,) = (str(ipaddress.ip_address(text)) for text in fixed.values())
    assert list(fixed_addresses.taken_by_network([step]))[:1] == [
        f"{address}, the fixed address of web, would be {role} of a, and no container can have that; choose another, or"
        " create the container again with another address first"
    ]


def test_fixed_addresses_that_a_new_network_leaves() -> None:
    (network,) = desired.parse(
        [
            {
                "name": "a",
                "driver": "bridge",
                "subnets": [
                    {"subnet": "10.1.0.0/24", "gateway": "10.1.0.3"},
                    {"subnet": "10.2.0.0/24", "ip_range": "10.2.0.0/25"},
                ],
            }
        ]
    )
    addresses = ("10.1.0.2", "10.1.0.1", "10.2.0.1", "10.3.0.1")
    there = [Endpoint(text, text, {"IPAMConfig": {"IPv4Address": text}}) for text in addresses]
    replaced = plan.Step("replace", network, listed("a"), ["subnets"], [*there, Endpoint("2", "dynamic", {})])
    removed = plan.Step(
        "remove", network, listed("a"), [], [Endpoint("1", "web", {"IPAMConfig": {"IPv4Address": "10.1.0.3"}})]
    )
    assert list(fixed_addresses.taken_by_network([replaced, removed])) == []


def test_the_device_of_a_network() -> None:
    assert listed("a").device == "br-0123456789ab"
    assert listed("a", Options={"com.docker.network.bridge.name": "tenants"}).device == "tenants"
    assert listed("a", Driver="macvlan").device == ""


def test_a_network_is_created_again_as_it_was() -> None:
    assert whole.of_existing(EXISTING).as_api() == {
        "Name": "a",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": True,
        "Attachable": False,
        "EnableIPv6": True,
        "Options": {"com.docker.network.driver.mtu": "1400"},
        "Labels": {"owner": "web", "more": "yes"},
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [PART, {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1"}],
        },
    }
    of_another = listed("a", ConfigFrom={"Network": "template"})
    assert whole.of_existing(of_another).as_api() == {
        "Name": "a",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": False,
        "Attachable": False,
        "ConfigFrom": {"Network": "template"},
    }


SET = listed(
    "a",
    Driver="macvlan",
    Internal=True,
    Attachable=True,
    EnableIPv6=True,
    EnableIPv4=True,
    IPAM={
        "Driver": "plugin",
        "Options": {"pool": "x"},
        "Config": [PART, {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1/64"}],
    },
    Options={"parent": "eth0", "com.docker.network.driver.mtu": "1400"},
    Labels={"com.docker.compose.network": "a"},
)
SIX = {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1"}


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"labels": {"owner": "web"}}, {"Labels": {"com.docker.compose.network": "a", "owner": "web"}}),
        ({"internal": False}, {"Internal": False}),
        ({"attachable": False}, {"Attachable": False}),
        ({"mtu": 1500}, {"Options": {"parent": "eth0", "com.docker.network.driver.mtu": "1500"}}),
        (
            {"driver_options": {"macvlan_mode": "vepa"}},
            {"Options": {"parent": "eth0", "com.docker.network.driver.mtu": "1400", "macvlan_mode": "vepa"}},
        ),
        # Options of another driver would mean nothing.
        ({"driver": "ipvlan"}, {"Driver": "ipvlan", "Options": {"com.docker.network.driver.mtu": "1400"}}),
        (
            {"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.9"}]},
            {"Config": [{**PART, "Gateway": "10.1.0.9"}, SIX]},
        ),
        (
            {"subnets": [{"subnet": "10.1.0.0/24", "aux_addresses": {"s": "10.1.0.3"}}]},
            {"Config": [{**PART, "AuxiliaryAddresses": {"r": "10.1.0.2", "s": "10.1.0.3"}}, SIX]},
        ),
        # A subnet takes the place of those of its kind.
        ({"subnets": [{"subnet": "10.2.0.0/24"}]}, {"Config": [SIX, {"Subnet": "10.2.0.0/24"}]}),
        ({"subnets": [{"subnet": "fd00:2::/64"}]}, {"Config": [PART, {"Subnet": "fd00:2::/64"}]}),
        ({"ipv6": False}, {"EnableIPv6": False, "Config": [PART]}),
    ],
)
def test_what_is_not_declared_is_kept(options: dict[str, Any], changed: dict[str, Any]) -> None:
    """Of a network that is replaced, because it differs in what is declared."""
    (step,) = plan.build_plan(desired.parse([{"name": "a", **options}]), survey(SET), False).steps
    assert step.action == "replace"
    was = whole.of_existing(SET).as_api()
    config = changed.pop("Config", was["IPAM"]["Config"])
    assert step.whole.as_api() == {**was, **changed, "IPAM": {**was["IPAM"], "Config": config}}
    # The proof covers all of it.
    assert plan.differences(step.whole, SET)
    proven = {key: value for key, value in step.whole.as_api().items() if key not in ("Name", "CheckDuplicate")}
    assert plan.differences(step.whole, listed("a", **proven)) == []
    kinds = ("Labels", "Options") if options.get("driver") is None else ("Labels",)
    for key in kinds:
        assert plan.differences(step.whole, listed("a", **{**proven, key: {}}))
    for key in ("Internal", "Attachable", "EnableIPv6", "EnableIPv4"):
        assert plan.differences(step.whole, listed("a", **{**proven, key: not proven[key]}))
    assert plan.differences(step.whole, listed("a", **{**proven, "IPAM": {**proven["IPAM"], "Driver": "default"}})) == [
        "IPAM"
    ]


def test_kept_subnets_are_not_judged_but_by_the_rest_of_the_list() -> None:
    """They take nothing more from the host than they do already."""
    found = survey(listed("a", "10.1.0.0/24"), routes=[ROUTE])
    assert steps([{"name": "a", "labels": {"x": "y"}}], found) == [("replace", "a")]
    error = refusal([{"name": "a", "labels": {"x": "y"}}, declared("b", "10.1.0.0/25", driver="macvlan")], found)
    assert error.message == (
        f"{REFUSED}the subnet 10.1.0.0/25 of b overlaps the Docker network a (10.1.0.0/24); choose another."
    )


def test_the_driver_is_no_difference_if_it_is_not_given() -> None:
    assert steps([{"name": "a", "labels": {"com.docker.compose.network": "a"}}], survey(SET)) == []
    error = refusal([{"name": "a", "icc": False}], survey(SET))
    assert error.message == f"{REFUSED}a has icc and the driver macvlan; only the driver bridge has it, leave it out."
    wide = listed(
        "wide", "10.1.0.0/24", Driver="overlay", Scope="swarm", Options={whole.VXLAN_IDS: "4097", "encrypted": ""}
    )
    found = survey(wide, manager=True)
    (step,) = plan.build_plan(desired.parse([{"name": "wide", "labels": {"x": "y"}}]), found, False).steps
    assert (step.whole.driver, step.whole.options) == ("overlay", {whole.VXLAN_IDS: "4097", "encrypted": ""})
    (step,) = plan.build_plan(desired.parse([declared("wide", "10.2.0.0/24")]), found, False).steps
    assert (step.whole.driver, step.whole.options) == ("overlay", {"encrypted": ""})


OF_TEMPLATE = listed("a", "10.1.0.0/24", Driver="macvlan", ConfigFrom={"Network": "template"})
GATEWAY_WORDS = (
    "carries the traffic of a Swarm node's services, and {}; leave it out, and change it by hand as Docker's"
    " documentation of Swarm networks says"
)


@pytest.mark.parametrize(
    ("network", "existing", "problem"),
    [
        (
            {"name": "docker_gwbridge", "state": "absent"},
            listed("docker_gwbridge"),
            "docker_gwbridge " + GATEWAY_WORDS.format("is removed when the node has left the Swarm"),
        ),
        (
            {"name": "docker_gwbridge", "icc": False},
            listed("docker_gwbridge"),
            "docker_gwbridge " + GATEWAY_WORDS.format("differs in icc"),
        ),
        (
            {"name": "mesh", "internal": True},
            listed("mesh", Driver="overlay", Ingress=True),
            "mesh " + GATEWAY_WORDS.format("differs in internal"),
        ),
        ({"name": "ingress"}, listed("ingress"), "ingress is a network of the engine itself; choose another name"),
        (
            {"name": "a", "labels": {"x": "y"}, "mtu": 1400, "internal": True},
            OF_TEMPLATE,
            "a takes its configuration from the network template, and differs in mtu, labels.x, which an engine does"
            " not take beside it; leave that out, or remove a first",
        ),
        (
            {"name": "a", "driver": "bridge"},
            listed("a", Driver="null", ConfigOnly=True),
            "a is a configuration for other networks, which has no driver; leave driver out",
        ),
    ],
)
def test_a_network_that_can_not_be_replaced(network: dict[str, Any], existing: ExistingNetwork, problem: str) -> None:
    error = refusal([network], survey(existing, manager=True), replace_in_use=True)
    assert (error.code, error.message) == ("network_refused", f"{REFUSED}{problem}.")


def test_networks_of_the_swarm_that_are_as_declared() -> None:
    assert steps([{"name": "docker_gwbridge"}], survey(listed("docker_gwbridge"))) == []
    assert steps([{"name": "docker_gwbridge"}], survey()) == [("create", "docker_gwbridge")]
    assert steps([{"name": "a", "internal": True}], survey(OF_TEMPLATE)) == [("replace", "a")]


def test_a_configuration_network_has_no_addresses_itself() -> None:
    template = listed("template", "10.1.0.0/24", Driver="null", ConfigOnly=True)
    found = survey(template, OF_TEMPLATE)
    assert steps([{"name": "a", "internal": True}], found) == [("replace", "a")]
    assert steps([{"name": "template", "labels": {"x": "y"}}], survey(template)) == [("replace", "template")]
    for wanted in ({"labels": {"x": "y"}}, {"state": "absent"}):
        error = refusal([{"name": "template", **wanted}], found)
        assert error.message == (
            f"{REFUSED}template is the configuration of a, and can't be changed or removed as long as these networks"
            " exist; remove them first."
        )
