# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says why the declared networks can't be made here, before any of them is touched, and what will be changed.

Reads JSON: networks (declared), existing and containers (as the engine lists them), trial (what docker_network said in
check mode, as Ansible registers it) and replace_in_use. Writes JSON: problems, changing (the names of the networks that
will be made, replaced or removed), and users (by name of a network that exists and will change, its containers).

An engine refuses overlaps among its own networks, but only after it has made the first of them, and overlaps with the
host's routes never.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Item = dict[str, Any]
PREDEFINED = ("bridge", "host", "none")


def problems_of_list(networks: list[Item]) -> Iterator[str]:
    names = [network["name"] for network in networks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} stands there {names.count(name)} times; declare it once."
    for network in networks:
        name = network["name"]
        if name in PREDEFINED:
            yield f"{name} is a network of the engine itself; choose another name."
        elif network.get("state") != "absent":
            if network.get("icc") is not None and driver(network) != "bridge":
                yield f"{name} has icc and the driver {driver(network)}; only the driver bridge has it, leave it out."
            for part in network.get("subnets") or []:
                yield from problems_of_subnet(name, part)


def problems_of_subnet(name: str, part: Item) -> Iterator[str]:
    try:
        subnet = ipaddress.ip_network(part["subnet"])
        if "/" not in part["subnet"]:
            raise ValueError("it has no prefix length")
    except ValueError as error:
        yield f"{name} has the subnet {part['subnet']}, which is none ({error}); write it like 10.90.0.0/24."
        return
    if part.get("ip_range"):
        try:
            span = ipaddress.ip_network(part["ip_range"])
        except ValueError as error:
            yield f"{name} has the ip_range {part['ip_range']}, which is none ({error}); write it like a subnet."
        else:
            if not within(span, subnet):
                yield f"{name} has the ip_range {span}, which is no part of its subnet {subnet}; choose one."
    addresses = {"gateway": part.get("gateway"), **(part.get("aux_addresses") or {})}
    for role, text in addresses.items():
        if text:
            try:
                inside = ipaddress.ip_address(text) in subnet
            except ValueError:
                inside = False
            if not inside:
                yield f"{name} has the {role} {text}, which is no address in its subnet {subnet}; choose one of that."


def driver(network: Item) -> str:
    return str(network.get("driver") or "bridge")


def within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def subnets(network: Item) -> list[Network]:
    """Of a declared one, or of one that the engine lists."""
    if "Name" in network:
        parts = (network.get("IPAM") or {}).get("Config") or []
        return [ipaddress.ip_network(part["Subnet"], strict=False) for part in parts if part.get("Subnet")]
    return [ipaddress.ip_network(part["subnet"]) for part in network.get("subnets") or []]


def is_swarm(network: Item) -> bool:
    """Networks of a Swarm have an address space of their own."""
    return network.get("Scope") == "swarm" if "Name" in network else driver(network) == "overlay"


def device(network: Item) -> str:
    """The bridge of a network that the engine lists."""
    options = network.get("Options") or {}
    return str(options.get("com.docker.network.bridge.name") or f"br-{network['Id'][:12]}")


def routes() -> list[tuple[Network, str]]:
    """Networks and devices of all routing tables, because VPNs often have one of their own. Without default routes."""
    found = []
    for family in ("-4", "-6"):
        command = ["ip", "-json", family, "route", "show", "table", "all"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        # A kernel without IPv6 has no such routes.
        for route in json.loads(done.stdout or "[]") if done.returncode == 0 else []:
            if route["dst"] == "default" or route.get("dev") == "lo" or route.get("type", "unicast") != "unicast":
                continue
            network = ipaddress.ip_network(route["dst"], strict=False)
            if not (network.is_link_local or network.is_multicast):
                found.append((network, str(route.get("dev", "no device"))))
    return found


def problems_of_overlap(made: list[Item], staying: list[Item], ways: list[tuple[Network, str]]) -> Iterator[str]:
    """made: declared ones that will be made. staying: listed ones that stay. ways: routes that stay."""
    others = [(network["Name"], is_swarm(network), other) for network in staying for other in subnets(network)]
    for network in made:
        name = network["name"]
        for subnet in subnets(network):
            taken = [other for other in others if other[1] == is_swarm(network) and overlap(subnet, other[2])]
            for other_name, _swarm, other in taken[:1]:
                yield f"the subnet {subnet} of {name} overlaps {other} of the network {other_name}; choose another."
            # A macvlan or ipvlan is in a network that the host has a route to.
            if not taken and driver(network) == "bridge":
                for other, dev in [way for way in ways if overlap(subnet, way[0])][:1]:
                    yield (
                        f"the subnet {subnet} of {name} overlaps {other}, to which the host has a route over {dev};"
                        " choose another."
                    )
        others += [(name, is_swarm(network), subnet) for subnet in subnets(network)]


def problems_of_use(users: dict[str, list[str]], absent: list[str], differing: dict[str, list[str]]) -> Iterator[str]:
    for name, containers in sorted(users.items()):
        reason = (
            "is to be removed"
            if name in absent
            else f"differs in {', '.join(differing[name])} and can only be replaced by a new one"
        )
        yield (
            f"{name} {reason}, and the containers {', '.join(sorted(containers))} are connected to it; disconnect them"
            " first, or set docker_engine_networks_replace_in_use: true."
        )


def users_of(containers: list[Item], names: list[str]) -> dict[str, list[str]]:
    """Stopped containers too: without their network they don't start any more."""
    users: dict[str, list[str]] = {}
    for container in containers:
        for name in (container.get("NetworkSettings") or {}).get("Networks") or {}:
            if name in names:
                users.setdefault(name, []).append(container["Names"][0].lstrip("/"))
    return {name: sorted(found) for name, found in users.items()}


def outcome(result: Item) -> tuple[bool, list[str], str]:
    """Whether docker_network would change something, in which options, and why it can't."""
    if "actions" in result:
        return bool(result["actions"]), (result.get("diff") or {}).get("differences") or [], ""
    if result.get("skipped"):  # there is no engine to ask yet
        return result["__docker_engine_network"].get("state") != "absent", [], ""
    return False, [], str(result.get("msg") or "no reason given").strip()


def main() -> None:
    asked = json.load(sys.stdin)
    declared: list[Item] = asked["networks"]
    trial = {result["__docker_engine_network"]["name"]: outcome(result) for result in asked["trial"]}
    differing = {name: options for name, (changes, options, _reason) in trial.items() if changes}
    existing = {network["Name"]: network for network in asked["existing"]}
    users = users_of(asked["containers"], [name for name in differing if name in existing])
    problems = list(problems_of_list(declared))
    problems = problems or [f"{name}: {reason}" for name, (_changes, _options, reason) in trial.items() if reason]
    if not problems:
        absent = [network["name"] for network in declared if network.get("state") == "absent"]
        made = [item for item in declared if item["name"] not in absent and item["name"] in differing]
        staying = [network for name, network in existing.items() if name not in differing]
        gone = [device(network) for name, network in existing.items() if name in differing]
        ways = [(network, dev) for network, dev in routes() if dev not in gone]
        problems = list(problems_of_overlap(made, staying, ways))
        if not asked["replace_in_use"]:
            problems += problems_of_use(users, absent, differing)
    print(json.dumps({"problems": problems, "changing": list(differing), "users": users}))


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError:
        sys.exit("the command ip, which tells the host's routes, is not there; install iproute2")
