# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Close a read-only window whose owner was killed.

Where systemd runs, the guardian is a unit of its own, in no group of processes and in no session of the owner: what
kills these does not kill it. It is in memory, so that a full disk is no obstacle. Elsewhere it is a second process.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, commands, processes, program
from ansible_collections.dockyard.ops.plugins.module_utils._host.systemd import booted_by_systemd

from .container import Container
from .window_end import close, marker

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_FOLDER = "/run/dockyard"
_PAUSE = 0.3  # seconds
_SYSTEMD_SECONDS = 20


class Guardian:
    """The one of one window, which this process is about to open."""

    def __init__(self, container: Container, config_file: str, start_timeout: float) -> None:
        self._container = container
        self._config_file = config_file
        self._start_timeout = start_timeout
        self._unit = ""
        self._process = 0
        self._line = -1

    def start(self) -> None:
        """Have it wait for the end of this process."""
        if not self._start_unit():
            self._fork()

    def end(self) -> None:
        """End it, unless there is still a window to close."""
        closed = not os.path.exists(marker(self._config_file))
        if self._unit:
            if closed:
                with contextlib.suppress(DockyardError):
                    commands.run(["systemctl", "stop", self._unit], _SYSTEMD_SECONDS)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(_program(self._unit))
            return
        with contextlib.suppress(OSError):
            os.write(self._line, b"x" if closed else b"")
        with contextlib.suppress(OSError):
            os.close(self._line)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._process, 0)

    def _start_unit(self) -> bool:
        """Start the unit. Return False if there is no systemd that does it."""
        if not booted_by_systemd() or os.geteuid() != 0:
            return False
        name = re.sub("[^a-zA-Z0-9_.-]", "-", self._container.name)
        unit = f"dockyard-window-{name}-{os.getpid()}.service"
        try:
            os.makedirs(_FOLDER, mode=0o700, exist_ok=True)
            atomic_file.write(_program(unit), program.packed("_registry.guardian"), mode=0o600)
            done = commands.run(
                [
                    *("systemd-run", "--quiet", "--collect", "--unit", unit),
                    *("--property", "Description=Closes the read-only window of a registry whose run was killed"),
                    *("--property", "KillMode=process"),
                    *(sys.executable, _program(unit), self._container.name, self._config_file),
                    *(str(self._start_timeout), str(os.getpid()), str(processes.started_at(os.getpid()))),
                ],
                _SYSTEMD_SECONDS,
            )
        except (OSError, DockyardError):
            return False
        self._unit = unit if done.returncode == 0 else ""
        return bool(self._unit)

    def _fork(self) -> None:
        reader, self._line = os.pipe()
        self._process = os.fork()
        if self._process:
            os.close(reader)
            return
        status = 1
        try:
            os.setsid()
            for ignored in SIGNALS:
                signal.signal(ignored, signal.SIG_IGN)
            os.close(self._line)
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            # A byte says that the window is closed; the end of the line without one, that its owner is gone.
            if not os.read(reader, 1):
                close(self._container, self._config_file, self._start_timeout)
            status = 0
        finally:
            # Not even an exception may lead back into the code of the process that was copied.
            os._exit(status)


def _program(unit: str) -> str:
    return os.path.join(_FOLDER, f"{unit}.pyz")


def watch(container: Container, config_file: str, start_timeout: float, owner: int, started: int) -> None:
    """Wait for the end of the owner, and close what it has left open."""
    while processes.started_at(owner) == started:
        time.sleep(_PAUSE)
    # The next run may be closing it just now.
    with atomic_file.locked(os.path.dirname(config_file), 2 * start_timeout + 60):
        close(container, config_file, start_timeout)


def main(arguments: list[str]) -> int:
    """Do it as the unit's arguments say. Return the exit status."""
    name, config_file, start_timeout, owner, started = arguments
    try:
        watch(Container(name), config_file, float(start_timeout), int(owner), int(started))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(sys.argv[0])
    return 0
