# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Start a process that goes on when the connection is gone, recognize one that was started earlier, end in order."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextlib.contextmanager
def interruptible(interrupted: Callable[[str], DockyardError]) -> Iterator[None]:
    """Turn the signals that end a process into an error, so that what was begun is cleaned up.

    interrupted: makes the error of the signal's name.
    """

    def interrupt(number: int, _frame: Any) -> None:
        raise interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def detach(work: Callable[[], None]) -> None:
    """Run work in a process of its own, with no terminal, no parent that could take it along, and no connection.

    What work needs must be imported already: the archive that an Ansible module runs from is removed when it ends.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.chdir("/")
        # As a shell of root has it: containers of other users read what the installer writes.
        os.umask(0o022)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        work()
    finally:
        os._exit(0)


def boot_id() -> str:
    """Return what the kernel calls this boot; it is another one after each."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def started_at(pid: int) -> int | None:
    """Return when a process started, in ticks since the boot; None if there is none of that number, or a dead one."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name is in brackets and may hold any character, brackets included.
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start = fields[0], fields[19]
    return None if state in ("Z", "X") else int(start)


def group_is_alive(pid: int, started: int, boot: str) -> bool:
    """Return whether a process is there, or any process of the session that it was the first of.

    pid, started, boot: the first process, when it started, and in which boot. Numbers are used again after the end of
    a process, and after a reboot.
    """
    if boot != boot_id():
        return False
    start = started_at(pid)
    if start is not None:
        return start == started
    # The number is not given to another process as long as there is a group of that number.
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(int(name)) == os.getsid(int(name)) == pid and started_at(int(name)) is not None:
                return True
    return False
