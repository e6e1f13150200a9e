# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The whole of a network that takes another one's place: as the existing one is, with what is declared over it."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from typing import Any

from .. import naming
from .desired import DRIVER, DesiredNetwork, Subnet
from .survey import ExistingNetwork

VXLAN_IDS = "com.docker.network.driver.overlay.vxlanid_list"  # by subnet; the Swarm chooses those that are not given
_KEPT = ("EnableIPv4", "Ingress", "ConfigOnly", "ConfigFrom")


def of_existing(existing: ExistingNetwork) -> DesiredNetwork:
    """Return a network that exists, as it would be declared in order to have the same again."""
    raw = existing.raw
    ipam = raw.get("IPAM") or {}
    kept: dict[str, Any] = {key: raw[key] for key in _KEPT if raw.get(key) and raw[key] != {"Network": ""}}
    if "EnableIPv4" in raw:
        kept["EnableIPv4"] = raw["EnableIPv4"]
    kept["IPAM"] = {"Driver": ipam.get("Driver") or "default", "Options": ipam.get("Options") or {}}
    return DesiredNetwork(
        name=existing.name,
        driver=existing.driver,
        subnets=tuple(_subnet(part) for part in existing.ipam if part.get("Subnet")),
        internal=bool(raw.get("Internal")),
        attachable=bool(raw.get("Attachable")),
        ipv6=bool(raw.get("EnableIPv6")),
        options=dict(existing.options),
        labels=dict(existing.labels),
        kept=kept,
    )


def _subnet(part: dict[str, Any]) -> Subnet:
    return Subnet(
        subnet=str(ipaddress.ip_network(part["Subnet"], strict=False)),
        # Old engines show the gateway that they chose for IPv6 with a prefix length, and do not take it like that.
        gateway=str(part.get("Gateway") or "").partition("/")[0],
        ip_range=str(part.get("IPRange") or ""),
        aux_addresses=dict(part.get("AuxiliaryAddresses") or {}),
    )


def completed(declared: DesiredNetwork, existing: ExistingNetwork | None) -> DesiredNetwork:
    """Return a declared network with the driver and the use of IPv6 that it has if they are not given."""
    if existing is None:
        return dataclasses.replace(declared, driver=declared.driver or DRIVER)
    ipv6 = declared.ipv6
    if ipv6 is None and existing.raw.get("EnableIPv6"):
        ipv6 = True
    return dataclasses.replace(declared, driver=declared.driver or existing.driver, ipv6=ipv6)


def laid_over(declared: DesiredNetwork, existing: ExistingNetwork) -> DesiredNetwork:
    """Return the network that takes the place of an existing one."""
    old = of_existing(existing)
    subnets = tuple(_subnets(declared, old))
    options = old.options
    if declared.driver != old.driver:  # options of one driver mean nothing to another one
        options = {key: value for key, value in options.items() if key == naming.MTU}
    elif [part.subnet for part in subnets] != [part.subnet for part in old.subnets]:
        options = {key: value for key, value in options.items() if key != VXLAN_IDS}
    return dataclasses.replace(
        old,
        driver=declared.driver,
        subnets=subnets,
        internal=old.internal if declared.internal is None else declared.internal,
        attachable=old.attachable if declared.attachable is None else declared.attachable,
        ipv6=old.ipv6 if declared.ipv6 is None else declared.ipv6,
        icc=declared.icc,
        mtu=declared.mtu,
        options={**options, **declared.options},
        labels={**old.labels, **declared.labels},
    )


def _subnets(declared: DesiredNetwork, old: DesiredNetwork) -> Iterator[Subnet]:
    """Yield the declared subnets with what they have already, and those that they do not replace.

    Subnets of IPv4 replace those of IPv4, and subnets of IPv6 those of IPv6, if one of them is not there.
    """
    had = {part.network: part for part in old.subnets}
    given = {part.network: part for part in declared.subnets}
    replaced = {subnet.version for subnet in given if subnet not in had}
    if declared.ipv6 is False:
        replaced.add(6)
    for subnet, part in had.items():
        if subnet in given:
            yield _over(given[subnet], part)
        elif subnet.version not in replaced:
            yield part
    for subnet, part in given.items():
        if subnet not in had:
            yield part


def _over(given: Subnet, part: Subnet) -> Subnet:
    return Subnet(
        subnet=part.subnet,
        gateway=given.gateway or part.gateway,
        ip_range=given.ip_range or part.ip_range,
        aux_addresses={**part.aux_addresses, **given.aux_addresses},
    )
