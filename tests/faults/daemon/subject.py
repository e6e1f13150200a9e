# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All faults of docker_daemon and docker_bridge on one generation."""

from __future__ import annotations

import functools
import re
from typing import Callable

import table

from daemon import (
    bad_configurations,
    containers,
    data,
    files,
    host_effects,
    interrupted,
    lost_rules,
    network,
    nftables,
    people,
    restart_obstacles,
    started_beside,
    units,
)
from daemon.host import SUITES as ENGINES
from daemon.host import Host

SUITES = DEFAULT = ENGINES
# In a small run these are left out, of which others of their kind are in it.
_NOT_SMALL = frozenset(
    {
        "containers run, with health checks",
        "data would move, live-restore",
        "data would move, keys in the file since an earlier edit",
        "data would move, allowed",
        "data stays, the values that the engine has",
        "disk full where the change is saved, during the restart",
        "engine down, and its file is what is declared",
    }
)
Fault = Callable[[Host], "tuple[str, list[str]]"]


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each fault. A host is started for them, and taken down afterwards."""
    host = Host(suite, kill_every=0.7 if small else 0.1)
    faults: list[tuple[str, Fault]] = [
        *((f"bad configuration, {bad.name}", _of(bad)) for bad in bad_configurations.of(small)),
        *files.FAULTS,
        *containers.FAULTS,
        *(data.FAULTS_28 if host.suite == "sid" and not small else data.FAULTS),
        *network.FAULTS,
        *host_effects.FAULTS,
        *interrupted.FAULTS,
        *(people.SMALL if small else people.FAULTS),
        *(units.SMALL if small else units.FAULTS),
        *(restart_obstacles.SMALL if small else restart_obstacles.FAULTS),
        *(started_beside.SMALL if small else started_beside.FAULTS),
        *(lost_rules.SMALL if small else lost_rules.FAULTS),
        *(nftables.FAULTS_29 if host.suite == "engine29" and not small else nftables.FAULTS),
    ]
    try:
        host.up()
        for name, fault in faults:
            if small and name in _NOT_SMALL:
                continue
            if wanted(name) and not result.inject(suite, name, functools.partial(fault, host)):
                _reset(host)
    finally:
        host.down()


def _reset(host: Host) -> None:
    """Back to the state that every fault starts from, so that one that did not hold does not spoil the others."""
    host.run(
        "umount /etc/docker /var/lib/dockyard 2>/dev/null; chattr -i /etc/docker/daemon.json 2>/dev/null;"
        " rm -rf /etc/docker/daemon.json /etc/systemd/system/docker.service.d /etc/default/docker /var/lib/dockyard;"
        " systemctl daemon-reload; systemctl reset-failed docker docker.socket; systemctl restart docker"
    )
    host.containers_up()
    host.base()


def _of(bad: bad_configurations.Bad) -> Fault:
    def fault(host: Host) -> tuple[str, list[str]]:
        if bad.arrange:
            host.must(bad.arrange)
        original = host.read()
        if bad.file is not None:
            host.write(bad.file)
        before = host.state()
        answer = host.daemon(config=bad.config, on_running_containers="proceed", **bad.options)
        rolled_back = bool(answer.get("rolled_back"))
        broken = host.healthy(before, same_engine=not rolled_back)
        if not answer.get("failed"):
            broken.append(f"it was accepted: {answer.get('msg')}")
        if not re.search(bad.says, answer.get("msg", ""), re.DOTALL):
            broken.append(f"the message does not say /{bad.says}/: {answer.get('msg')}")
        if answer.get("no_answer") or "traceback" in answer:
            broken.append("the module ended with a traceback")
        if rolled_back and not bad.put_back:
            broken.append("the engine had to try it")
        if bad.file is not None:
            host.write(original)
        if bad.tidy:
            host.must(bad.tidy)
        return ("put back" if rolled_back else "refused"), broken

    return fault
