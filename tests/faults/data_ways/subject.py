# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of databases: of their upgrades, backups and restores, and the traps of the servers themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable

import table

from data_ways import backups, traps, upgrades
from data_ways.host import FAMILIES, Host, Outcome

SUITES = ("trixie", "bookworm", "sid")
DEFAULT = ("trixie",)
_SMALL_STEPS = ("stop", "start", "open")
_LOADING = "docker inspect {name}.dockyard-restore"
_EXCHANGING = """grep -q '"restoring"' {folder}/instance.json"""
Fault = Callable[[Host], Outcome]


def _faults(small: bool) -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for name, family in FAMILIES.items():
        steps = _SMALL_STEPS if small or name == "valkey" else (*upgrades.STEPS, *upgrades.MORE_STEPS.get(name, ()))
        ways: dict[str, Callable[..., Outcome]] = {
            **{f"killed at {step}": functools.partial(upgrades.killed, step=step) for step in steps},
            "host off at start": functools.partial(upgrades.rebooted, step="start"),
            "server killed before": upgrades.crashed_before,
            "disk full at the copy": upgrades.full_disk,
            **({"disk full at the copy ahead": upgrades.full_disk_ahead} if name in upgrades.MORE_STEPS else {}),
            "new server that does not start": upgrades.does_not_start,
            "host off in a backup": backups.off_in_backup,
            "host off in a restore": functools.partial(backups.off_in_restore, moment=_LOADING),
            "host off when a restore exchanges the data": functools.partial(backups.off_in_restore, moment=_EXCHANGING),
            "backups that can't be made": backups.can_not_be_made,
            **({} if small else {"a million of a kilobyte": upgrades.large}),
        }
        found |= {f"{name}: {what}": functools.partial(fault, family=family) for what, fault in ways.items()}
    return {**found, **{f"trap: {name}": trap for name, trap in traps.TRAPS.items()}}


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each fault. A host is started for them, and taken down afterwards."""
    faults = {name: fault for name, fault in _faults(small).items() if wanted(name)}
    if not faults:
        return
    host = Host(suite)
    host.up()
    try:
        for name, fault in faults.items():
            result.inject(suite, name, functools.partial(fault, host))
    finally:
        host.down()
