# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of everything.py: a nox session in processes of its own, with its log, its times and its test hosts."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
from typing import Any

import times

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs"
# Several times what the longest step needs on a busy machine: it ends what would never end by itself.
LIMIT = 90 * 60
INTERRUPTED = threading.Event()  # ends the steps that run


@dataclasses.dataclass
class Step:
    """parts: the programs of tests/parts that it needs.

    failed_because: sentences about what happened to the step from outside, beside what its log says.
    """

    name: str
    session: str
    arguments: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    passed: bool = False
    failed_because: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.times = times.Times(self.name, False, 0.0, 0.0, 0.0)

    @property
    def log(self) -> pathlib.Path:
        return LOGS / f"{self.name}.log"

    @property
    def hosts(self) -> pathlib.Path:
        """The file in which hosts.py notes the end of each of the step's test hosts."""
        return LOGS / f"{self.name}.hosts"

    def command(self) -> list[str]:
        return ["nox", "--no-error-on-external-run", "-s", self.session, "--", *self.arguments]

    def run(self, limit: float = LIMIT) -> None:
        """Run the step to its end, or to the limit in seconds."""
        self.hosts.unlink(missing_ok=True)
        # Two steps of integration targets may run at a time.
        environment = {**os.environ, "DOCKYARD_HOSTS_FILE": str(self.hosts), "DOCKYARD_HOST_NAME": self.name}
        begin = time.monotonic()
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                status, self.times.processor = wait(process.pid, begin + limit)
            finally:
                # What it left running in the background.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self.times.wall = time.monotonic() - begin
        if status is None:
            self.failed_because.append(f"It had not ended after {limit / 60:.0f} minutes, and was killed.")
        self.passed = self.times.passed = status == 0
        self.read_hosts()

    def read_hosts(self) -> None:
        """Add up the time of the step's test hosts, and say which of them died."""
        if self.hosts.exists():
            ended: list[dict[str, Any]] = [json.loads(line) for line in self.hosts.read_text().splitlines()]
            self.times.hosts = sum((host.get("seconds", 0.0) for host in ended), 0.0)
            self.failed_because += [host["died"] for host in ended if "died" in host]


def wait(pid: int, deadline: float) -> tuple[int | None, float]:
    """Wait for a child. Return its exit status and its processor time; no status if it was killed at the deadline.

    That time includes its own children's, and theirs, as far as each of them was waited for.
    """
    late = False
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return None if late else os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        if not late and (INTERRUPTED.is_set() or time.monotonic() > deadline):
            os.killpg(pid, signal.SIGKILL)
            late = True
        time.sleep(0.1)
