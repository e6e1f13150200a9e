# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The host's default routes: which of them the kernel drops when IPv6 forwarding is switched on, and what is lost.

A kernel learns default routes by router advertisement where C(accept_ra) is 1 and forwarding is off, or where it is 2.
When forwarding is switched on, it drops those of the first kind and learns no others. NetworkManager and
systemd-networkd learn them by themselves: such a route has the protocol C(ra) too, and stays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import commands, sysctl

# Routes as iproute2 prints them, by the flag of the family.
DefaultRoutes = dict[str, list[str]]

_FAMILIES = {"-4": "IPv4", "-6": "IPv6"}
_FORWARDING = "net.ipv6.conf.all.forwarding"
_ROUTES = "/proc/net/ipv6_route"
_LEARNED = 0x00010000 | 0x00040000  # RTF_DEFAULT, RTF_ADDRCONF: of those that the kernel itself has learned
_GATEWAY = 0x2  # RTF_GATEWAY
_STATES = ("linkdown", "dead", "offload")  # printed, and not taken back
_SECONDS = 5  # for a program that has just replaced a route


def forwards_ipv6() -> bool | None:
    """Return whether the host forwards IPv6; None if it has no IPv6."""
    value = sysctl.now(_FORWARDING)
    return None if value is None else value != "0"


def learned_devices() -> list[str]:
    """Return the devices of routes that the kernel drops when forwarding is switched on; none if it is on already."""
    if forwards_ipv6() is not False:
        return []
    try:
        with open(_ROUTES, encoding="ascii", errors="replace") as file:
            fields = [line.split() for line in file]
    except OSError:
        return []
    devices = {row[9] for row in fields if int(row[8], 16) & _LEARNED and int(row[8], 16) & _GATEWAY}
    return sorted(device for device in devices if sysctl.now(accept_ra(device)) != "2")


def accept_ra(device: str) -> str:
    """Return the name of the parameter by which a device takes router advertisements."""
    # A dot in the name of a device would divide it; with slashes the parameter goes by the same name for sysctl(8).
    return f"net/ipv6/conf/{device}/accept_ra" if "." in device else f"net.ipv6.conf.{device}.accept_ra"


def read() -> DefaultRoutes:
    """Return the default routes of the main table."""
    return {family: _shown(family) for family in _FAMILIES}


def _shown(family: str) -> list[str]:
    done = commands.run(["ip", family, "-oneline", "route", "show", "default"], timeout=30)
    lines = done.stdout.replace("\\", " ").splitlines() if done.returncode == 0 else []
    return [" ".join(line.split()) for line in lines if line.strip()]


def lost(before: DefaultRoutes, seconds: float = _SECONDS) -> list[str]:
    """Return the routes of those families that had a default route before and have none any more."""
    deadline = time.monotonic() + seconds
    while True:
        gone = [route for family, routes in before.items() if routes and not _shown(family) for route in routes]
        if not gone or time.monotonic() >= deadline:
            return gone
        time.sleep(0.2)


def put_back(before: DefaultRoutes) -> list[str]:
    """Add the routes of those families that have none any more. Return those that could not be added."""
    missing = []
    for family, routes in before.items():
        if not routes or _shown(family):
            continue
        if family == "-6" and any(" proto ra " in f"{route} " for route in routes):
            _stop_forwarding(routes)
        missing += [route for route in routes if not _add(family, route)]
    return missing


def _stop_forwarding(routes: Sequence[str]) -> None:
    """Switch forwarding off if the kernel has dropped routes because of it, as it would not learn them again."""
    devices = {route.split()[route.split().index("dev") + 1] for route in routes if " dev " in route}
    if forwards_ipv6() and any(sysctl.now(accept_ra(device)) == "1" for device in devices):
        for name in (_FORWARDING, "net.ipv6.conf.default.forwarding"):
            sysctl.write(name, "0")


def _add(family: str, route: str) -> bool:
    words = [word for word in route.split() if word not in _STATES]
    for place, word in enumerate(words[:-1]):
        if word == "expires":
            words[place + 1] = words[place + 1].replace("sec", "")
    try:
        return commands.run(["ip", family, "route", "replace", *words], timeout=30).returncode == 0
    except DockyardError:
        return False
