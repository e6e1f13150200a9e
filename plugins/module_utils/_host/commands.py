# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Run programs on the managed host and say what they complain of."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

# What compose of old says after the reason, and the identifiers of containers in the reason.
_NOISE = re.compile(r"Encountered errors while bringing up the project\.?| \([0-9a-f]{64}\)")


def run(
    argv: Sequence[str], timeout: float | None = None, stdin: str | None = None, cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program in the C locale; its exit status is the caller's business.

    stdin: what it reads; nothing where it is None.
    timeout: seconds, after which the program and all that it has started are killed.
    Problem: it is not there, or takes longer.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C"},
            # The compose plugin is a child of docker's and would survive it, with the pipe held open.
            start_new_session=True,
        )
    except OSError as error:
        raise Problem(
            f"Can't run {argv[0]} ({error.strerror}); install it, or put it on the PATH of the user that Ansible"
            " becomes."
        ) from error
    try:
        output, errors = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        raise Problem(
            f"'{shlex.join(argv)[:200]}' did not end within {timeout:g} seconds and was stopped; look at the load of"
            " this host and at journalctl -u docker.service."
        ) from error
    except BaseException:
        _kill(process)
        raise
    return subprocess.CompletedProcess(list(argv), process.returncode, output, errors)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The last of a program's words that say something."""
    lines = [_NOISE.sub("", line).strip() for line in (done.stderr or done.stdout).splitlines()]
    said = [line for line in lines if line]
    return said[-1].rstrip(".")[:300] if said else f"exit status {done.returncode} without a word"


def numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+(?:\.\d+)+)", text)
    return tuple(map(int, found[1].split("."))) if found else ()
