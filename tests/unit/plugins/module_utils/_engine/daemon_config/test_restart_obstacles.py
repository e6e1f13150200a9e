# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps an engine that runs from starting again. Firewalld and disks are imitated, real ones in tests/faults."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service, unit_start
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import restart_obstacles
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import HostState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Unit
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk, firewalld
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

NETWORKS = [
    {"Name": "bridge", "Driver": "bridge", "Id": "b" * 64},
    {"Name": "app", "Driver": "bridge", "Id": "a" * 64},
    {"Name": "shut", "Driver": "bridge", "Id": "5" * 64, "Internal": True},
    {"Name": "lan", "Driver": "macvlan", "Id": "7" * 64},
]
OF_APP, OF_SHUT = f"br-{'a' * 12}", f"br-{'5' * 12}"
ROOM = disk.Room(1 << 40, 1 << 20)


class Api:
    """Stand-in for an engine that is asked for its networks."""

    def get(self, path: str) -> Any:
        return {"/networks": NETWORKS}[path]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the host has: zones of devices, room by paths, the version of its engine."""
    found: dict[str, Any] = {"zones": {}, "room": ROOM, "version": (26, 1, 5)}
    monkeypatch.setattr(unit_start, "refuse", lambda: None)
    monkeypatch.setattr(firewalld, "zones_of_devices", lambda: found["zones"])
    monkeypatch.setattr(disk, "room_of_root", lambda path: found["room"] if path == "/data" else ROOM)
    monkeypatch.setattr(service, "installed_version", lambda unit: found["version"])
    return found


def refused(config: dict[str, Any], *flags: str) -> tuple[str, str]:
    state = HostState(None, {}, None, Unit("running", ["dockerd", *flags]), "running", api=Api())  # type: ignore[arg-type]
    plan = Plan(state, config, None, [], action="restart")
    try:
        restart_obstacles.refuse(plan, config)
    except DockyardError as error:
        assert_explained(error)
        return error.code, error.message
    return "", ""


@pytest.mark.parametrize("device", ["docker0", OF_APP, OF_SHUT])
def test_a_bridge_in_another_zone(host: dict[str, Any], device: str) -> None:
    host["zones"] = {device: "trusted", "eth0": "public"}
    code, message = refused({})
    assert code == "daemon_zone_conflict"
    assert message.startswith(f"firewalld has {device} in the zone trusted, and an engine that starts binds")
    assert f"(firewall-cmd --zone=docker --change-interface={device}, and" in message
    host["zones"] = {device: "docker"}
    assert refused({}) == ("", "")


@pytest.mark.parametrize(
    ("config", "flags", "zones"),
    [
        ({"bridge": "none"}, (), {"docker0": "trusted"}),
        ({"bridge": "br-mine"}, (), {"docker0": "trusted"}),
        ({}, ("--bridge=br-mine",), {"docker0": "trusted"}),
        ({"iptables": False}, (), {"docker0": "trusted", OF_APP: "home"}),
        ({}, (), {"lan": "home"}),
    ],
)
def test_what_the_engine_does_not_bind(
    host: dict[str, Any], config: dict[str, Any], flags: tuple[str, ...], zones: dict[str, str]
) -> None:
    host["zones"] = zones
    assert refused(config, *flags) == ("", "")
    host["zones"] = {"br-mine": "home"}
    assert (refused(config, *flags)[0] == "daemon_zone_conflict") is ("br-mine" in str((config, flags)))


@pytest.mark.parametrize(
    ("room", "says"),
    [
        (disk.Room(0, 5), "only 0 KiB are free, and 16 MiB are the least"),
        (disk.Room((16 << 20) - 1, None), "only 16383 KiB are free, and 16 MiB are the least"),
        (disk.Room(1 << 30, 0), "no file can be made any more, as all inodes are taken"),
    ],
)
def test_a_full_disk(host: dict[str, Any], room: disk.Room, says: str) -> None:
    host["room"] = room
    for config, flags in (({"data-root": "/data"}, ()), ({}, ("--data-root=/data",))):
        code, message = refused(config, *flags)
        assert (code, message.partition(": ")[2]) == (
            "daemon_no_room",
            f"{says}. An engine that starts there finds none of its containers; make room (docker system df shows what"
            " takes it), and run again.",
        )
    assert refused({}) == ("", "")  # there is room where it has its data
    host["room"] = disk.Room(16 << 20, None)
    assert refused({"data-root": "/data"}) == ("", "")
