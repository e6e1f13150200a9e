# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other versions to start from than that of the other faults: from 1.x on, and where the real pg_upgrade runs."""

from __future__ import annotations

import functools
import re
import time
from typing import Callable

from harbor.host import Host

Fault = Callable[[Host], "tuple[str, list[str]]"]

# Configuration by the migrator's image, then by prepare; PostgreSQL 9.6, then 13.
OLD, WAY = "1.9.4", ("1.10.17", "2.2.4", "2.4.3", "2.6.4", "2.8.6")
# PostgreSQL 15, then 18, both of them real.
BEFORE, AFTER = "2.14.1", "2.15.2"
_SAID = r"the upgrade of its database was interrupted: /data/database/pg18 and /data/database/pg15 are both there"
_SOON = 120  # seconds; the time for all of it is twice that
_IN_PG_UPGRADE = "until pgrep -f [b]in/pg_upgrade >/dev/null; do sleep 0.02; done; sleep 0.7; "


def from_1_to_2(host: Host) -> tuple[str, list[str]]:
    with host.instead(OLD, ()):
        host.must(f"docker load --quiet --input /releases/harbor-migrator-v{WAY[0]}.tar.gz")
        host.remember_images()
        answer = host.upgrade(*(host.archive(version) for version in WAY))
        broken = host.lost(WAY[-1])
    if answer.get("outcome") != "upgraded" or answer.get("hops") != list(WAY):
        broken.append(f"it did not go over {', '.join(WAY)}: {answer.get('msg')}")
    return str(answer.get("msg")), broken


def in_pg_upgrade(host: Host, interruption: str) -> tuple[str, list[str]]:
    """Interrupt pg_upgrade. It may go on or go back, but what pg_upgrade has made by half must not become the data."""
    with host.instead(BEFORE, ("--with-trivy",)):
        command = _IN_PG_UPGRADE + ("sync" if interruption == "reboot" else interruption)
        at = host.begin(f"install {AFTER}", command, host.archive(AFTER))
        if interruption == "reboot":
            host.reboot()
            host.wait_for("docker info >/dev/null 2>&1")
        begin = time.monotonic()
        answer = host.upgrade(host.archive(AFTER))
        seconds = time.monotonic() - begin
        outcome = answer.get("outcome")
        broken = host.lost(AFTER if outcome == "upgraded" else BEFORE)
    if at is None or outcome not in ("upgraded", "rolled_back"):
        broken.append(f"interrupted at {at}: {answer.get('msg')}")
    if outcome == "rolled_back" and not re.search(_SAID, answer.get("msg", "")):
        broken.append(f"the message does not say /{_SAID}/: {answer.get('msg')}")
    if seconds > _SOON:
        broken.append(f"it was seen only after {seconds:.0f} seconds")
    return f"interrupted at {at}, then {outcome}: {answer.get('msg')}", broken


def killed_as_it_begins(host: Host) -> tuple[str, list[str]]:
    """Kill the run while the container upgrades the database and the installer starts others.

    Neither may begin again.
    """
    with host.instead(BEFORE, ("--with-trivy",)):
        command = (
            "until pgrep -f [b]in/initdb >/dev/null; do sleep 0.01; done; pkill -9 -f '[A]nsiballZ_harbor_upgrade'"
        )
        at = host.begin(f"install {AFTER}", command, host.archive(AFTER))
        answer = host.upgrade(host.archive(AFTER))
        broken = host.lost(AFTER)
    if at is None or answer.get("outcome") != "upgraded":
        broken.append(f"killed at {at}: {answer.get('msg')}")
    return f"killed at {at}, then {answer.get('outcome')}", broken


def of(small: bool) -> list[tuple[str, Fault]]:
    if small:
        return []
    interruptions = ("systemctl restart docker", "docker kill harbor-db >/dev/null", "reboot")
    return [
        (f"from {OLD} over {len(WAY) - 1} versions to {WAY[-1]}", from_1_to_2),
        ("killed as the upgrade of PostgreSQL begins", killed_as_it_begins),
        *((f"in pg_upgrade: {what}", functools.partial(in_pg_upgrade, interruption=what)) for what in interruptions),
    ]
