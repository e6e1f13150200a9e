# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack of the role traefik_stack on three hosts: what happens to nodes, and what users get wrong."""

from __future__ import annotations

import functools
from typing import Callable

import table
from stack_cluster import Cluster

from stack import certificates, data, modules, nodes, refusals, updates

SUITES = ("trixie", "bookworm")
DEFAULT = ("trixie",)
Fault = Callable[[Cluster], "tuple[str, list[str]]"]


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each. The hosts are started for them, and taken down afterwards."""
    faults: list[tuple[str, Fault]] = [
        *nodes.faults(),
        *refusals.faults(),
        *updates.faults(),
        *data.faults(),
        *modules.faults(),
        *certificates.faults(),
    ]
    faults = [fault for fault in faults if wanted(fault[0])]
    if not faults:
        return
    cluster = Cluster(tuple(f"faults-stack-{suite}-{number}" for number in (1, 2, 3)), suite)
    try:
        cluster.up()
        result.inject(suite, "deployed on three nodes", functools.partial(nodes.deployed, cluster))
        for name, fault in faults:
            result.inject(suite, name, functools.partial(fault, cluster))
    finally:
        cluster.down()
