# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find bridges that firewalld has in another zone than the engine's.

An engine binds each bridge to the zone docker when it makes it, and at each start of its own. If another zone has it,
firewalld refuses (ZONE_CONFLICT): without docker0 the engine does not start, and without the bridge of another network
it starts, and that network is there by its name alone. Seen on 20.10 to 29; 26.1 does not even start when
docker0 is where it belongs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._host import firewalld

_OWN = "docker"
_BINDS_INTERNAL = (23,)
_BINDS_WITHOUT_RULES = (29,)


def is_bound(version: Sequence[int], writes_rules: bool, internal: bool = False) -> bool:
    """Return whether an engine binds a bridge to its zone.

    writes_rules: whether it writes rules of the firewall. internal: whether the bridge is that of an internal network.
    """
    if not writes_rules and tuple(version) < _BINDS_WITHOUT_RULES:
        return False
    return not internal or tuple(version) >= _BINDS_INTERNAL


def bound_elsewhere(devices: Iterable[str]) -> dict[str, str]:
    """Return those of the devices that another zone has, and that zone."""
    wanted = set(devices)
    zones = firewalld.zones_of_devices() if wanted else {}
    return {device: zones[device] for device in sorted(wanted) if zones.get(device, _OWN) != _OWN}


def sentence(elsewhere: Mapping[str, str]) -> str:
    """Return that as a part of a sentence."""
    return " and ".join(f"{device} in the zone {zone}" for device, zone in elsewhere.items())


def remedy(elsewhere: Mapping[str, str]) -> str:
    """Return the commands that give the bridges to the engine's zone, now and for good."""
    return "; ".join(
        f"firewall-cmd --zone={_OWN} --change-interface={device}, and firewall-cmd --permanent --zone={zone}"
        f" --remove-interface={device}"
        for device, zone in elsewhere.items()
    )
