# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of harbor_upgrade on one generation of the engine."""

from __future__ import annotations

import time
from typing import Callable

import table
from harbor import eras, failures, kills, refusals, values
from harbor.host import Host

# docker run --privileged, which Harbor's installer asks for, works in test hosts of these.
SUITES = ("trixie", "sid")
DEFAULT = ("trixie",)


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Adds a row for each fault. A host is started for them, and taken down afterwards."""
    faults = [*refusals.of(small), *kills.of(small), *failures.of(small), *values.FAULTS, *eras.of(small)]
    host = Host(suite)
    try:
        host.up()
        for name, fault in faults:
            if wanted(name):
                begin = time.monotonic()
                try:
                    outcome, broken = fault(host)
                except Exception as error:  # a fault that could not be injected is not one that held
                    outcome, broken = "the test itself failed", [f"{type(error).__name__}: {error}"]
                result.add(table.Row(suite, name, outcome, broken, time.monotonic() - begin))
                host.reset()
    finally:
        host.down()
