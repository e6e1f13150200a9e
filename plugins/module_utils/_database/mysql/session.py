# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One login to a MySQL or MariaDB in a container, over its own client, in which one statement follows another."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Sequence
from typing import IO

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

Rows = list[list[str]]

_END = "dockyard-end-of-answer"
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
# The server can't be reached, or has gone away.
_NO_ANSWER = re.compile(r"ERROR (?:2002|2003|2006|2013|2026|1053|1927|1040)\b")


class NoAnswer(Exception):
    """The server does not answer; why is its message."""


class Refused(Exception):
    """The server has refused a statement; its own words are the message."""


class Session:
    """A login that lasts: locks and settings of it hold until it is closed.

    command: the client as it is started, which reads statements and writes rows. seconds: for one answer.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command = list(command)
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Session:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def ask(self, statements: str) -> Rows:
        """Return the rows of all statements. Raise Refused or NoAnswer, after which the session is over."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise NoAnswer("the session is not open")
        watch = threading.Timer(self._seconds, process.kill)
        watch.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{statements.rstrip().rstrip(';')};\nSELECT '{_END}';\n")
                process.stdin.flush()
            return self._rows(process.stdout)
        finally:
            watch.cancel()

    def _rows(self, output: IO[str]) -> Rows:
        rows: Rows = []
        for line in output:
            text = line.rstrip("\n")
            if text == _END:
                return rows
            rows.append([_unescaped(cell) for cell in text.split("\t")])
        raise self._failure()

    def _failure(self) -> Exception:
        process = self._process
        said = process.stderr.read() if process and process.stderr else ""
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        wrong = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "it was cut off")
        if not wrong.startswith("ERROR") or _NO_ANSWER.match(wrong):
            return NoAnswer(wrong)
        return Refused(re.sub(r" at line \d+:", ":", wrong, count=1))


def _unescaped(cell: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), cell, flags=re.DOTALL)


def no_answer(container: str, error: Exception) -> DockyardError:
    """Return the error for a server that does not answer."""
    return DockyardError(
        "mysql_no_answer",
        f"The server in the container {container} does not answer ({error}); look at docker logs {container}.",
    )


def refused(container: str, error: Exception) -> DockyardError:
    """Return the error for a statement that the server refuses."""
    return DockyardError(
        "mysql_refused_order",
        f"The server in the container {container} refuses a statement ({error}); look at docker logs {container}.",
    )
