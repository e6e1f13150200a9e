# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find a Docker Engine on the host that docker.service does not run, such as a snap's."""

from __future__ import annotations

import dataclasses
import os
import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .api import EngineApi, Unreachable
from .service import SERVICE

_PROC = "/proc"


@dataclasses.dataclass(frozen=True)
class OtherEngine:
    """An engine of somewhere else.

    pid: of its dockerd; program: the path of that.
    unit: the unit of systemd that runs it; None if none does.
    """

    pid: int
    program: str
    unit: str | None

    @property
    def described(self) -> str:
        """Return how it is named in a message."""
        by = f"by {self.unit}" if self.unit else "by no unit of systemd"
        process = f"process {self.pid}, {self.program}"
        return f"A Docker Engine is on this host that is run {by} and not by {SERVICE} ({process})"

    def refusal(self, path: str) -> DockyardError:
        """Return the error for a host that has it.

        path: the daemon.json that was to be changed.
        """
        snap = ", as snaps read /var/snap/docker/current/config/daemon.json" if "snap" in (self.unit or "") else ""
        return DockyardError(
            "engine_foreign",
            f"{self.described}; it would not read {path}{snap}. Change it by its own means, or remove it before an"
            " engine of this host's packages is to be managed.",
        )


def refuse_stranger(path: str, socket: str) -> None:
    """Raise DockyardError if something answers on the socket of an engine that no unit of this host runs.

    path: the daemon.json that was to be changed. socket: where an engine would answer.
    """
    try:
        version = EngineApi(socket, timeout=5).get("/version")
    except Unreachable:
        return
    components = version.get("Components") or [{}]
    name = f"{components[0].get('Name') or 'An engine'} {version.get('Version') or ''}".strip()
    raise DockyardError(
        "engine_foreign",
        f"{name} answers on {socket} and {SERVICE} is not on this host, so that it would not read {path}, and an engine"
        " of this host's packages would take its socket away; change it by its own means, or stop it (for Podman:"
        " podman.socket, or the package podman-docker) before an engine is to be managed here.",
    )


def find_other_engine() -> OtherEngine | None:
    """Return an engine of root in this process namespace that docker.service does not run, None if there is none."""
    for entry in sorted((name for name in os.listdir(_PROC) if name.isdigit()), key=int):
        try:
            found = _inspect(int(entry))
        except OSError:  # has ended in the meantime
            continue
        if found is not None and found.unit != SERVICE:
            return found
    return None


def _inspect(pid: int) -> OtherEngine | None:
    folder = f"{_PROC}/{pid}"
    with open(f"{folder}/comm", encoding="utf-8", errors="replace") as file:
        if file.read().strip() != "dockerd":
            return None
    # One in a container is the container's business, and one of a user does not answer for the host.
    if os.stat(folder).st_uid != 0 or os.readlink(f"{folder}/ns/pid") != os.readlink(f"{_PROC}/self/ns/pid"):
        return None
    with open(f"{folder}/cmdline", encoding="utf-8", errors="replace") as file:
        program = file.read().split("\0")[0]
    with open(f"{folder}/cgroup", encoding="utf-8", errors="replace") as file:
        groups = file.read()
    return OtherEngine(pid, program, _unit(groups))


def _unit(groups: str) -> str | None:
    """Return the unit of a process from the control groups that it is in."""
    services = re.findall(r"/([^/\n]+\.service)(?:/[^\n]*)?$", groups, re.MULTILINE)
    return services[-1] if services else None
