# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hops that must not be tried, on install folders of every version, and what a plan must find in the host's way.

The folders are made for this: harbor.yml, a compose file with the version's images, and a database folder with the
major that this version leaves. The module only reads them, since it refuses.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Callable

from harbor.host import Host

Fault = Callable[[Host], "tuple[str, list[str]]"]


@dataclasses.dataclass(frozen=True)
class Hop:
    """major: of the database on disk. way: what the refusal must name behind the source; "" where there is no way."""

    source: str
    target: str
    major: str
    way: str


# The rows of the PostgreSQL table with what each refuses, the documented minimum sources, and the rollbacks.
HOPS = (
    Hop("2.6.4", "2.7.4", "9.6", "2.6.x -> 2.7.4"),
    Hop("2.2.4", "2.7.4", "9.6", "2.4.x -> 2.6.x -> 2.7.4"),
    Hop("2.2.4", "2.9.5", "9.6", "2.4.x -> 2.6.x -> 2.8.x -> 2.9.5"),
    Hop("2.6.4", "2.8.6", "9.6", "2.6.x -> 2.8.6"),
    Hop("2.7.4", "2.9.5", "9.6", ""),
    Hop("2.9.5", "2.11.2", "13", "2.10.x -> 2.11.2"),
    Hop("2.12.4", "2.15.2", "14", "2.14.x -> 2.15.2"),
    Hop("2.6.4", "2.9.5", "13", "2.8.x -> 2.9.5"),
    Hop("2.6.4", "2.11.2", "13", "2.8.x -> 2.10.x -> 2.11.2"),
    Hop("2.8.6", "2.11.2", "13", "2.10.x -> 2.11.2"),
    Hop("2.8.6", "2.12.4", "13", "2.10.x -> 2.12.4"),
    Hop("2.8.6", "2.15.2", "13", "2.10.x -> 2.12.x -> 2.15.2"),
    Hop("2.10.3", "2.15.2", "14", "2.12.x -> 2.15.2"),
    Hop("2.10.3", "2.13.0", "14", "2.12.x -> 2.13.0"),
    Hop("2.11.2", "2.15.1", "15", "2.14.x -> 2.15.1"),
    Hop("1.10.19", "2.0.6", "13", "2.3.x"),
    Hop("1.10.18", "2.1.6", "13", "2.3.x"),
    Hop("1.10.19", "2.2.4", "13", "2.3.x"),
    Hop("1.10.17", "2.3.5", "9.6", "2.2.x -> 2.3.5"),
    Hop("2.12.4", "2.10.3", "15", ""),
    Hop("2.15.2", "2.15.1", "18", ""),
    Hop("2.10.3", "2.8.6", "14", ""),
)
SMALL = (("1.10.19", "2.0.6"), ("2.8.6", "2.12.4"), ("2.10.3", "2.8.6"))
_FOLDER = "/root/pretended"


def _make(hop: Hop) -> str:
    database = f"{_FOLDER}/data/database" if hop.major == "9.6" else f"{_FOLDER}/data/database/pg{hop.major}"
    images = "".join(
        f"  {service}:\\n    image: goharbor/{image}:v{hop.source}\\n"
        for service, image in (("core", "harbor-core"), ("postgresql", "harbor-db"), ("proxy", "nginx-photon"))
    )
    lines = ("hostname: harbor.test", "http:", "  port: 80", f"data_volume: {_FOLDER}/data", "_version: 2.0.0", "")
    config = "\\n".join(lines)
    return (
        f"rm -rf {_FOLDER} && mkdir -p {_FOLDER}/harbor {database} && echo {hop.major} > {database}/PG_VERSION"
        f" && printf '{config}' > {_FOLDER}/harbor/harbor.yml"
        f" && printf 'services:\\n{images}' > {_FOLDER}/harbor/docker-compose.yml"
        f" && printf '#!/bin/bash\\ndocker run goharbor/prepare:v{hop.source} prepare\\n' > {_FOLDER}/harbor/prepare"
    )


def _forbidden(host: Host, hop: Hop) -> tuple[str, list[str]]:
    host.must(_make(hop))
    archive = {"src": f"/releases/harbor-offline-installer-v{hop.target}.tgz", "remote_src": True}
    answer = host.upgrade(archive, path=f"{_FOLDER}/harbor", check=True)
    broken = []
    message = answer.get("msg", "")
    if not answer.get("failed") or answer.get("outcome") != "refused":
        broken.append(f"it was not refused: {message}")
    blockers = answer.get("plan", {}).get("blockers", [])
    said = next((blocker for blocker in blockers if hop.target in blocker), "")
    if not said:
        broken.append(f"no reason names {hop.target}: {message}")
    if hop.way and not said.endswith(f"go {hop.source} -> {hop.way}."):
        broken.append(f"the way over {hop.way} is not named: {said}")
    return said, broken


def _refused(answer: dict[str, Any], says: str) -> list[str]:
    if answer.get("outcome") != "refused" or says not in answer.get("msg", ""):
        return [f"it was not refused: {answer.get('msg')}"]
    return []


def edited_compose(host: Host) -> tuple[str, list[str]]:
    running = host.containers()
    host.must("cd /opt/harbor && touch -r docker-compose.yml /root/time && touch -d '+10 minutes' docker-compose.yml")
    answer = host.upgrade()
    host.must("touch -r /root/time /opt/harbor/docker-compose.yml")
    return "refused", _refused(answer, "edited_compose: discard") + host.untouched(running)


def wrong_password(host: Host) -> tuple[str, list[str]]:
    running = host.containers()
    answer = host.upgrade(admin_password="not this one")
    return "refused", _refused(answer, "admin_password") + host.untouched(running)


def no_room(host: Host) -> tuple[str, list[str]]:
    running = host.containers()
    host.must("mkdir -p /tiny && mount -t tmpfs -o size=8m tmpfs /tiny")
    try:
        answer = host.upgrade(backup_path="/tiny")
    finally:
        host.must("umount /tiny")
    return "refused", _refused(answer, "too little room") + host.untouched(running)


def not_running(host: Host) -> tuple[str, list[str]]:
    host.must("docker stop $(docker ps --quiet) >/dev/null")
    answer = host.upgrade()
    host.harbor.start()
    return "refused", _refused(answer, "does not run")


def of(small: bool) -> list[tuple[str, Fault]]:
    # A small run has one of each kind: another era, the policy, a downgrade. All hops are in the unit tests, too.
    hops = [hop for hop in HOPS if (hop.source, hop.target) in SMALL] if small else HOPS
    return [
        *((f"forbidden hop {hop.source} to {hop.target}", functools.partial(_forbidden, hop=hop)) for hop in hops),
        ("compose file edited by hand", edited_compose),
        ("password of the administrator is wrong", wrong_password),
        ("no room for the copy", no_room),
        ("Harbor does not run", not_running),
    ]
