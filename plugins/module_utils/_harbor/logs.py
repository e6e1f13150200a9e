# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the containers of a Harbor do and say from a moment on: restarts and log lines of before do not count."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import run

from .causes import Cause, error_lines, find_cause
from .containers import DATABASES, STORES, Container, find_containers

# Where Harbor's own log container writes (log.local.location in harbor.yml), for engines that don't keep what they send
# there.
_LOG_FOLDER = "/var/log/harbor"
_TAIL = 600  # lines of a log that are looked through; the SQL of a migration that failed takes hundreds
_CORES = ("core", "ui")


class Watch:
    """The containers of a Harbor from the moment on in which this is made."""

    def __init__(self, folder: str, log_folder: str = _LOG_FOLDER) -> None:
        self._folder = folder
        self._log_folder = log_folder
        self._since = time.time()
        self._restarts: dict[str, int] | None = None
        self._lengths = {name: os.path.getsize(path) for name, path in _files(log_folder)}

    def containers(self) -> list[Container]:
        """Return the containers as they are now. Raise DockyardError while the engine does not answer."""
        found = find_containers(self._folder)
        if self._restarts is None:
            self._restarts = {container.id: container.restarts for container in found}
        return found

    def restarts(self, container: Container) -> int:
        """Return how often the engine has started it again since; who starts it by hand begins to count from 0."""
        before = (self._restarts or {}).get(container.id, 0)
        return container.restarts - before if container.restarts >= before else container.restarts

    def lines(self, container: Container) -> list[str]:
        """Return what it has said since."""
        done = run(
            ["docker", "logs", "--since", f"{self._since:.6f}", "--tail", str(_TAIL), container.id or container.name],
            timeout=60,
        )
        text = f"{done.stdout}\n{done.stderr}" if done.returncode == 0 else ""
        if text.strip():
            return text.splitlines()
        name = f"{container.service}.log"
        return _written_since(os.path.join(self._log_folder, name), self._lengths.get(name, 0))[-_TAIL:]

    def cause(self, containers: Iterable[Container]) -> Cause | None:
        """Return the cause of a failure that these containers' logs know."""
        return find_cause({container.name: self.lines(container) for container in _ordered(containers)})

    def explain(self, containers: Iterable[Container], lines: int = 5) -> str:
        """Return the cause of a failure in these containers, or else the lines that speak of one; "" if there is none.

        All is in one line, and each container's name is in front of what it says.
        """
        ordered = _ordered(containers)
        logs = {container.name: self.lines(container) for container in ordered}
        cause = find_cause(logs)
        if cause is not None:
            return str(cause)
        errors: list[str] = []
        for name, log in logs.items():
            errors += [f"{name}: {line}" for line in error_lines(log, lines - len(errors))]
        return "; ".join(errors)

    def in_trouble(self) -> list[Container]:
        """Return the containers that do not run as they should; those of the core if all do."""
        found = self.containers()
        troubled = [container for container in found if container.troubled or self.restarts(container)]
        return troubled or [container for container in found if container.service in _CORES]


def _ordered(containers: Iterable[Container]) -> list[Container]:
    """Return the containers so that those are first of which the others are consequences."""
    rank = (*DATABASES, *STORES, *_CORES)
    return sorted(
        containers, key=lambda each: (rank.index(each.service) if each.service in rank else len(rank), -each.restarts)
    )


def _files(folder: str) -> list[tuple[str, str]]:
    try:
        return [(entry.name, entry.path) for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return []


def _written_since(path: str, length: int) -> list[str]:
    try:
        with open(path, "rb") as file:
            # One that was rotated since is shorter than it was.
            if os.fstat(file.fileno()).st_size >= length:
                file.seek(length)
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
