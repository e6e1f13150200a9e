# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of harbor_upgrade on one generation of the engine."""

from __future__ import annotations

import functools
from typing import Callable

import table

from harbor import eras, external, failures, kills, refusals, values
from harbor.host import Host

# docker run --privileged, which Harbor's installer asks for, works in test hosts of these.
SUITES = ("trixie", "sid")
DEFAULT = ("trixie",)


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each fault. A host is started for them, and taken down afterwards."""
    faults = [*refusals.of(small), *kills.of(small), *failures.of(small), *values.FAULTS]
    faults += [*external.of(small), *eras.of(small)]
    host = Host(suite)
    try:
        host.up()
        for name, fault in faults:
            if wanted(name):
                result.inject(suite, name, functools.partial(fault, host))
                host.reset()
    finally:
        host.down()
