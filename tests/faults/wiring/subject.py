# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_topology_info says, held against the truth, on one generation: while containers come and go as well."""

from __future__ import annotations

import functools
from typing import Callable

import images
import table

from wiring import churn, neighbours, overlay, truth
from wiring.host import Host

SUITES = DEFAULT = images.SUITES
CONTAINERS, FEW = 30, 10
PER_SECOND, SECONDS = 20, 60
# Debian 12's engine has no annotations, and its crun does not start on a test host; runc starts fewer.
_RUNTIMES = {"bookworm": ""}
_BY_RUNC = 3
Fault = Callable[[Host], "tuple[str, list[str]]"]


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each. A host is started for them, and taken down afterwards."""
    runtime = _RUNTIMES.get(suite, "crun")
    rate = PER_SECOND if runtime and not small else _BY_RUNC
    load = churn.Load(rate, 10 if small else SECONDS, "" if small else runtime)
    containers = FEW if small else CONTAINERS
    faults: list[tuple[str, Fault]] = [
        (f"truth, {containers} containers", functools.partial(truth.truth, containers=containers)),
        (f"churn, {rate} a second", functools.partial(churn.churn, load=load)),
        ("podman and containerd beside Docker", neighbours.podman),
        ("Docker without root", neighbours.rootless),
        ("overlay networks of two hosts", lambda host: overlay.overlay(host, other)),
    ]
    if not any(wanted(name) for name, _fault in faults):
        return
    host, other = Host(suite), Host(suite, "-second")
    try:
        host.up()
        if wanted(faults[-1][0]):
            other.up()
        for name, fault in faults:
            if wanted(name):
                result.inject(suite, name, functools.partial(fault, host))
    finally:
        host.down()
        other.down()
