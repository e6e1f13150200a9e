# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Run programs on the managed host and read what they report."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .words import counted

# What compose of old says after the reason, and the identifiers of containers in the reason.
# What docker and compose end with, after the reason.
_NOISE = re.compile(
    r"Encountered errors while bringing up the project\.?|Error: failed to \w+ containers: .*| \([0-9a-f]{64}\)"
)


def run(
    argv: Sequence[str], timeout: float | None = None, stdin: str | None = None, cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in the C locale; its exit status is the caller's business.

    stdin: what it reads; nothing if it is None.
    timeout: seconds, after which the program and all that it has started are killed. Who runs a program that changes
        something sets C(changed) of that error.
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
        raise DockyardError(
            "host_command_missing",
            f"Can't run {argv[0]} ({error.strerror}); install it, or put it on the PATH of the user that Ansible"
            " becomes.",
        ) from error
    try:
        output, errors = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        raise DockyardError(
            "host_command_timeout",
            f"'{shlex.join(argv)[:200]}' did not end within {counted(timeout or 0, 'second')} and"
            " was stopped; look at the load of this host and at journalctl -u docker.service.",
        ) from error
    except BaseException:
        _kill(process)
        raise
    return subprocess.CompletedProcess(list(argv), process.returncode, output, errors)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a program and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of a program's output that is not empty, for a message."""
    lines = [_NOISE.sub("", line).strip() for line in (done.stderr or done.stdout).splitlines()]
    lines = [line for line in lines if line]
    return lines[-1].rstrip(".")[:300] if lines else f"exit status {done.returncode} without a word"


def parse_version(output: str) -> tuple[int, ...]:
    """Return the numbers of the first version in a program's output; none if there is no version in it."""
    match = re.search(r"(\d+(?:\.\d+)+)", output)
    return tuple(map(int, match[1].split("."))) if match else ()
