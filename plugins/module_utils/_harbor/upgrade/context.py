# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What every step of a Harbor upgrade works with: the job's record, journal and progress, commands, Harbor's API."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .. import releases
from ..api import HarborApi
from ..config import document
from ..version import Version
from .job import Census, Child, Hop, Job
from .job_store import JobStore

_TAIL = 2000  # characters of a command's output that are searched for its last words


@dataclasses.dataclass
class Secrets:
    """What a run needs and its record must not hold."""

    admin_username: str
    admin_password: str | None


class UpgradeContext:
    """One run over a job. The lock of its folder is held by the caller."""

    def __init__(self, store: JobStore, job: Job, secrets: Secrets) -> None:
        self.store = store
        self.job = job
        self.secrets = secrets
        self._step: dict[str, Any] = {}
        self._began = 0.0
        self._last = 0.0

    # --- what is reported

    def log(self, text: str) -> None:
        self.store.log(text)

    def begin_step(self, name: str, text: str, number: int, count: int) -> None:
        """Record that a step begins."""
        self.job.doing = name
        self.store.write(self.job)
        self._step = {"step": name, "text": text, "number": number, "count": count}
        self.log(f"{number}/{count} {text}")
        self.report_progress(0, 0)

    def report_progress(self, done: int, total: int) -> None:
        """Report the progress of the step in bytes; both 0 if bytes say nothing. Written at most twice a second."""
        now = time.time()
        if not done:
            self._began = now
        elif now - self._last < 0.5 and done < total:
            return
        self._last = now
        rate = done / (now - self._began) if done and now > self._began else 0.0
        self.store.write_progress(
            {
                **self._step,
                "done": done,
                "total": total,
                "rate": round(rate),
                "left": round((total - done) / rate) if rate and total >= done else None,
                "serving": self.job.down_since is None,
                "down_since": self.job.down_since,
                "downtime": self.job.downtime,
                "time": now,
            }
        )

    # --- time without service

    def mark_down(self) -> None:
        if self.job.down_since is None:
            self.job.down_since = time.time()
            self.store.write(self.job)

    def mark_up(self) -> None:
        self.job.downtime = self.job.downtime_now()
        self.job.down_since = None
        self.store.write(self.job)

    # --- commands

    def run_command(
        self, argv: Sequence[str], *, cwd: str | None = None, timeout: float, answers: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command; its output goes to output.log. If this run is killed, the next one ends the command."""
        with self._child(argv, cwd) as child:
            try:
                output, _none = child.communicate((answers or "").encode(), timeout=timeout)
            except subprocess.TimeoutExpired:
                _end_group(child.pid)
                output, _none = child.communicate()
                self.store.log_output(f"$ {' '.join(argv)}\n".encode() + output)
                raise DockyardError(
                    "harbor_command_failed", f"{' '.join(argv[:4])} did not end within {counted(timeout, 'second')}"
                ) from None
        self.store.log_output(f"$ {' '.join(argv)}\n".encode() + output)
        return subprocess.CompletedProcess(list(argv), child.returncode, output)

    def run_with_input(self, argv: Sequence[str], path: str, timeout: float) -> None:
        """Run a command with a file as its input, and report how far it has read."""
        total = os.path.getsize(path)
        with self._child(argv, None) as child, open(path, "rb") as source:
            overdue = threading.Timer(timeout, _end_group, [child.pid])
            overdue.start()
            try:
                words: list[bytes] = []
                reader = threading.Thread(target=lambda: words.append(_output(child)))
                reader.start()
                self._pour(source, child, total)
                reader.join()
                child.wait()
            finally:
                late = not overdue.is_alive()
                overdue.cancel()
        output = b"".join(words)
        self.store.log_output(f"$ {' '.join(argv)} < {path}\n".encode() + output)
        if child.returncode != 0 and late:
            raise DockyardError(
                "harbor_images_failed",
                f"{' '.join(argv)} did not end with {os.path.basename(path)} within {counted(timeout, 'second')}",
            )
        if child.returncode != 0:
            raise DockyardError(
                "harbor_images_failed", f"{' '.join(argv)} failed with {os.path.basename(path)}: {last_lines(output)}"
            )

    def _pour(self, source: Any, child: subprocess.Popen[bytes], total: int) -> None:
        done = 0
        self.report_progress(0, total)
        # A command that gives up closes its input, and says why in its output.
        with contextlib.suppress(BrokenPipeError):
            while True:
                chunk = source.read(1 << 20)
                if not chunk:
                    break
                _stdin(child).write(chunk)
                done += len(chunk)
                self.report_progress(done, total)
        with contextlib.suppress(BrokenPipeError):
            _stdin(child).close()

    @contextlib.contextmanager
    def _child(self, argv: Sequence[str], cwd: str | None) -> Iterator[subprocess.Popen[bytes]]:
        try:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise DockyardError("harbor_command_failed", f"{argv[0]} can't be started ({error.strerror})") from error
        started = processes.started_at(child.pid)
        self.job.child = Child(child.pid, started, processes.boot_id()) if started is not None else None
        self.store.write(self.job)
        try:
            yield child
        finally:
            if child.poll() is None:  # its input could not be read, for instance
                _end_group(child.pid)
                child.wait()
            self.job.child = None
            self.store.write(self.job)

    def end_orphans(self) -> None:
        """End what a run that was killed had started: two installers at once would ruin each other's work."""
        child = self.job.child
        if child is not None and processes.group_is_alive(child.pid, child.started, child.boot):
            _end_group(child.pid)
            self.log(f"Ended a command that the run before had left behind (process group {child.pid})")
        for pid in _composing(self.job.path):
            _end_group(pid)
            self.log(f"Ended a docker compose that the run before had left behind (process group {pid})")
        self.job.child = None
        self.store.write(self.job)

    # --- Harbor

    def hop(self, version: str) -> Hop:
        return next(hop for hop in self.job.hops if hop.version == version)

    def api(self, version: str) -> HarborApi:
        """Return the API of the Harbor that is installed in the folder, which is of this version."""
        config = self.config(version)
        return HarborApi(
            document.endpoint(config),
            document.hostname(config),
            releases.api_prefix(Version.parse(version)),
            self.secrets.admin_username,
            self.secrets.admin_password or document.admin_password(config),
        )

    def config(self, version: str) -> document.Config:
        name = releases.configuration_name(Version.parse(version))
        return document.read(os.path.join(self.job.path, name))

    def census(self, version: str) -> Census:
        """Count what is in Harbor now. samples: artifacts that can be fetched."""
        api = self.api(version)
        counts = api.counts()
        samples = [[sample.repository, sample.digest] for sample in api.samples() if api.has(sample)]
        return Census(counts.projects, counts.repositories, counts.users, samples)


def last_lines(output: bytes) -> str:
    """Return the last lines of a command's output as one."""
    lines = [line.strip() for line in output[-_TAIL:].decode(errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "it said nothing"


def _stdin(child: subprocess.Popen[bytes]) -> Any:
    return child.stdin


def _output(child: subprocess.Popen[bytes]) -> bytes:
    return child.stdout.read() if child.stdout is not None else b""


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _composing(store: str) -> list[int]:
    """Return the process groups of compose that work in this folder."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read()
            if _is_compose(words.split(b"\0")) and os.path.realpath(f"/proc/{name}/cwd") == store:
                found.add(os.getpgid(int(name)))
    return sorted(found - {os.getpgid(0)})


def _is_compose(words: list[bytes]) -> bool:
    """Return whether a command line is that of compose, and not of an editor with docker-compose.yml."""
    programs = [os.path.basename(word) for word in words[:2]]  # the second is that of an interpreter
    return b"docker-compose" in programs or (programs[0] == b"docker" and b"compose" in words)
