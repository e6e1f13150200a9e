# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A process that goes on when the module has ended and the connection is gone."""

from __future__ import annotations

import os
import signal
from typing import Callable


def detach(work: Callable[[], None]) -> None:
    """Runs work in a process of its own, with no terminal, no parent that could take it along, and no connection.

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
