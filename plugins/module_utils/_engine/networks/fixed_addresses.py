# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The fixed addresses of containers on a network that is replaced: which are kept, and which the new one takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address

from .desired import DesiredNetwork, Subnet
from .steps import Step
from .survey import Endpoint


def reconnected(endpoint: Endpoint, network: DesiredNetwork) -> dict[str, Any]:
    """Return how a container is connected to a new network: as before, but with a fixed address only if it has it."""
    config = dict(endpoint.config)
    fixed = config.pop("IPAMConfig", None)
    if fixed and all(
        any(ipaddress.ip_address(address) in subnet for subnet in network.networks)
        for key, address in fixed.items()
        if key in ("IPv4Address", "IPv6Address") and address
    ):
        config["IPAMConfig"] = fixed
    return config


def taken_by_network(steps: Sequence[Step]) -> Iterator[str]:
    """Yield which addresses a new network has for itself, and so not for a container whose own is one of them."""
    for step in steps:
        if step.action != "replace":
            continue
        kept = dict(_kept_addresses(step))
        for part in step.whole.subnets:
            for address, role in _reserved(part):
                if address in kept:
                    yield (
                        f"{address}, the fixed address of {kept[address]}, would be {role} of {step.name}, and no"
                        " container can have that; choose another, or create the container again with another address"
                        " first"
                    )


def _kept_addresses(step: Step) -> Iterator[tuple[Address, str]]:
    """Yield the fixed addresses with which containers are connected to a new network, and their names."""
    for endpoint in step.endpoints:
        fixed = reconnected(endpoint, step.whole).get("IPAMConfig") or {}
        for key in ("IPv4Address", "IPv6Address"):
            if fixed.get(key):
                yield ipaddress.ip_address(fixed[key]), endpoint.name


def _reserved(part: Subnet) -> Iterator[tuple[Address, str]]:
    """Yield the addresses of a subnet that no container gets, and what they are."""
    subnet = part.network
    if part.gateway:
        yield ipaddress.ip_address(part.gateway), "the gateway"
    elif not part.ip_range:  # of which engines take different ones
        yield subnet.network_address + 1, "the gateway"
    for name, text in part.aux_addresses.items():
        yield ipaddress.ip_address(text), f"the aux_address {name}"
    yield subnet.network_address, "the first address"
    if subnet.version == 4:
        yield subnet.broadcast_address, "the last address"
