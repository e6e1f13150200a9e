# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""User-defined networks as they are declared, and what is wrong with the list by itself. No host is touched here."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Network

from .. import naming
from ..daemon_config.key_types import converted
from ..daemon_config.keys import FLAG, NUMBER
from . import rules

State = Literal["present", "absent"]
PREDEFINED = ("bridge", "default", "host", "none", "ingress")
DRIVER = "bridge"  # of a network that is created without one
_KINDS = {**dict.fromkeys(("icc", "internal", "attachable", "ipv6"), FLAG), "mtu": NUMBER}


@dataclasses.dataclass(frozen=True)
class Subnet:
    """A subnet of a network, with strings as they were declared."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def network(self) -> Network:
        return ipaddress.ip_network(self.subnet)

    def as_api(self) -> dict[str, Any]:
        """Return the subnet as the engine takes it."""
        found: dict[str, Any] = {"Subnet": self.subnet}
        if self.gateway:
            found["Gateway"] = self.gateway
        if self.ip_range:
            found["IPRange"] = self.ip_range
        if self.aux_addresses:
            found["AuxiliaryAddresses"] = self.aux_addresses
        return found


@dataclasses.dataclass(frozen=True)
class DesiredNetwork:
    """A network that is declared. What is None, or empty, stays as it is on a network that exists.

    icc, mtu: as declared. options: all driver options, those for icc and mtu included.
    driver: an empty string if it is not given.
    kept: what no option is for, as the engine takes it; of a network that is made like one that exists (whole.py).
    """

    name: str
    state: State = "present"
    driver: str = ""
    subnets: tuple[Subnet, ...] = ()
    icc: bool | None = None
    mtu: int | None = None
    internal: bool | None = None
    attachable: bool | None = None
    ipv6: bool | None = None
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def networks(self) -> list[Network]:
        return [subnet.network for subnet in self.subnets]

    @property
    def of_configuration(self) -> str:
        """Return the name of the network that it takes its configuration from, and an empty string if there is none."""
        return str(self.kept.get("ConfigFrom", {}).get("Network") or "")

    @property
    def of_swarm(self) -> bool:
        """Tell whether it is in the address space of a Swarm, which is not that of the host."""
        return self.driver == "overlay"

    @property
    def on_host(self) -> bool:
        """Tell whether the host gets an address and a route in it. A macvlan or ipvlan is in a network that it has."""
        return self.driver == "bridge"

    def as_api(self) -> dict[str, Any]:
        """Return what the engine is asked to create."""
        body: dict[str, Any] = {
            "Name": self.name,
            "CheckDuplicate": True,  # engines before 25 create a second network of that name without it
            "Driver": self.driver,
            "Options": self.options,
            "Labels": self.labels,
        }
        for key, value in (("Internal", self.internal), ("Attachable", self.attachable), ("EnableIPv6", self.ipv6)):
            if value is not None:
                body[key] = value
        if self.subnets:
            body["IPAM"] = {"Config": [subnet.as_api() for subnet in self.subnets]}
        body.update({key: value for key, value in self.kept.items() if key != "IPAM"})
        if "IPAM" in self.kept:
            body["IPAM"] = {**self.kept["IPAM"], **body.get("IPAM", {})}
        if self.of_configuration:
            # All of these come from the other network, and are not taken.
            body = {key: value for key, value in body.items() if key not in ("IPAM", "Options", "Labels", "EnableIPv6")}
        return body


def parse(declared: list[dict[str, Any]]) -> list[DesiredNetwork]:
    """Return the networks of the module's option.

    A flag or a number may be a string, as surveys give it, and an empty one is not given. What is neither stays, and
    problems() has it.
    """
    return [_parse_one(network) for network in declared]


def _parse_one(found: dict[str, Any]) -> DesiredNetwork:
    found = {**found, **{option: converted(kind, found.get(option)) for option, kind in _KINDS.items()}}
    icc, mtu = found["icc"], found["mtu"]
    options = {str(key): _text(value) for key, value in (found.get("driver_options") or {}).items()}
    if icc is not None:
        options[naming.ICC] = _text(icc)
    if mtu is not None:
        options[naming.MTU] = str(mtu)
    return DesiredNetwork(
        name=found["name"],
        state=found.get("state") or "present",
        driver=found.get("driver") or "",
        subnets=tuple(
            Subnet(
                subnet=part["subnet"],
                gateway=part.get("gateway") or "",
                ip_range=part.get("ip_range") or "",
                aux_addresses={str(key): str(value) for key, value in (part.get("aux_addresses") or {}).items()},
            )
            for part in found.get("subnets") or []
        ),
        icc=icc,
        mtu=mtu,
        internal=found["internal"],
        attachable=found["attachable"],
        ipv6=found["ipv6"],
        options=options,
        labels={str(key): _text(value) for key, value in (found.get("labels") or {}).items()},
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems(networks: list[DesiredNetwork]) -> Iterator[str]:
    """Yield what is wrong with a list of networks, whatever the host is like."""
    names = [network.name for network in networks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is declared {names.count(name)} times; declare it once"
    for network in networks:
        if not network.name.strip():
            yield "a network has no name; give it one"
        elif network.name in PREDEFINED:
            yield f"{network.name} is a network of the engine itself; choose another name"
        elif network.state == "present":
            yield from _problems_of_one(network)


def _problems_of_one(network: DesiredNetwork) -> Iterator[str]:
    name = network.name
    wrong_types = list(_problems_of_types(network))
    if wrong_types:
        yield from wrong_types
        return
    if network.icc is not None and network.driver != "bridge":
        yield f"{name} has icc and the driver {network.driver}; only the driver bridge has it, leave it out"
    wrong = rules.wrong_mtu(network.mtu or 0, bool(network.ipv6))
    if wrong:
        yield f"the mtu of {name} is {network.mtu}, {wrong}"
    seen: list[Network] = []
    for part in network.subnets:
        found = list(_problems_of_subnet(network, part))
        yield from found
        if not found:
            for other in seen:
                if rules.overlap(part.network, other):
                    yield f"the subnets {part.subnet} and {other} of {name} overlap; leave one of them out"
            seen.append(part.network)
    if any(subnet.version == 6 for subnet in seen) and not network.ipv6:
        yield f"{name} has a subnet of IPv6 and not ipv6: true, without which the engine does not use it; set it"


def _problems_of_types(network: DesiredNetwork) -> Iterator[str]:
    for option, kind in _KINDS.items():
        value = getattr(network, option)
        flag = isinstance(value, bool)
        if value is not None and not (flag if kind == FLAG else isinstance(value, int) and not flag):
            yield f"{option} of {network.name} must be {kind}, and is {value!r}; change it"


def _problems_of_subnet(network: DesiredNetwork, part: Subnet) -> Iterator[str]:
    name = network.name
    try:
        subnet = ipaddress.ip_network(part.subnet)
        if "/" not in part.subnet:
            raise ValueError("it has no prefix length")
    except ValueError as error:
        yield f"{name} has the subnet {part.subnet}, which is none ({error}); write it like 10.90.0.0/24"
        return
    if network.on_host:
        for reason in rules.unusable(subnet, subnet.network_address + 1 if subnet.num_addresses > 1 else subnet[0]):
            yield f"the subnet {subnet} of {name} {reason}"
    if part.ip_range:
        try:
            span = ipaddress.ip_network(part.ip_range)
        except ValueError as error:
            yield f"{name} has the ip_range {part.ip_range}, which is none ({error}); write it like a subnet"
        else:
            if not rules.within(span, subnet):
                yield f"{name} has the ip_range {span}, which is no part of its subnet {subnet}; choose one"
    for role, text in {"gateway": part.gateway, **part.aux_addresses}.items():
        if not text:
            continue
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or address not in subnet:
            yield f"{name} has the {role} {text}, which is no address in its subnet {subnet}; choose one of that"
        elif role == "gateway" and network.on_host and rules.at_the_edge(address, subnet):
            yield (
                f"{name} has the gateway {text}, the first or last address of its subnet {subnet}, which no host can"
                " have; choose another"
            )
