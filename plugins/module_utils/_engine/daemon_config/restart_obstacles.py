# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Refuse to restart an engine that runs, and that could not start again whatever daemon.json holds.

The old file would not bring it back either, so that the restart would take every container down for good.
"""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk

from .. import firewall_zones, naming, service, unit_start
from ..networks.rules import DOCKER0
from .data_location import root_of
from .document import Config
from .live import writes_rules
from .planned_change import Plan

# With none left an engine starts and then has none of its containers, as it can't write what it knows of them; 16 KiB
# were enough for two (20.10 to 29). The rest is for containers that write when they start.
_LEAST_ROOM = 16  # MiB


def refuse(plan: Plan, sound: Config) -> None:
    """Raise DockyardError if the engine, or containers with it, would not come back from a start.

    sound: the keys of the target with the right types.
    """
    unit_start.refuse()
    _refuse_foreign_zones(plan, sound)
    _refuse_full_disk(root_of(sound, plan.host.unit))


def _refuse_foreign_zones(plan: Plan, sound: Config) -> None:
    bridge = next(iter(plan.host.unit.next_start.flag("--bridge", "-b")), None) or sound.get("bridge") or DOCKER0
    networks = plan.host.api.get("/networks") if plan.host.api is not None else []
    version = service.installed_version(plan.host.unit) or ()
    writes = writes_rules(sound, plan.host.unit.next_start.argv)
    own = [
        naming.bridge_device(network)
        for network in networks
        if network["Name"] != "bridge" and firewall_zones.is_bound(version, writes, bool(network.get("Internal")))
    ]
    if bridge != "none" and firewall_zones.is_bound(version, writes):
        own.append(bridge)
    elsewhere = firewall_zones.bound_elsewhere(filter(None, own))
    if elsewhere:
        raise DockyardError(
            "daemon_zone_conflict",
            f"firewalld has {firewall_zones.sentence(elsewhere)}, and an engine that starts binds its bridges to the"
            " zone docker, which firewalld refuses then: it would not start, or not have that network; give it to the"
            f" zone docker ({firewall_zones.remedy(elsewhere)}), and run again.",
        )


def _refuse_full_disk(root: str) -> None:
    room = disk.room_of_root(root)
    lacks = ""
    if room.bytes < _LEAST_ROOM << 20:
        lacks = f"only {room.bytes >> 10} KiB are free, and {_LEAST_ROOM} MiB are the least"
    elif room.files == 0:
        lacks = "no file can be made any more, as all inodes are taken"
    if lacks:
        raise DockyardError(
            "daemon_no_room",
            f"The disk of the engine's data ({root}) is full: {lacks}. An engine that starts there finds none of its"
            " containers; make room (docker system df shows what takes it), and run again.",
        )
