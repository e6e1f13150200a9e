# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read what the engine, and systemd about its unit, have logged, for a reason that fits into a sentence."""

from __future__ import annotations

import errno
import os

from .log_words import most_telling
from .service import SERVICE, run_program

NO_SPACE = os.strerror(errno.ENOSPC).lower()  # as programs in Go have it
# What the unit's processes log, and systemd about them. With --unit, words of systemd would be left out from a process
# that it was about to make one of the unit's, and that ended before the journal asked to which unit it belonged.
_JOURNAL = ["journalctl", "--output=cat", "--no-pager", f"_SYSTEMD_UNIT={SERVICE}", "+", f"UNIT={SERVICE}", "_UID=0"]


def recent_errors(since: float, lines: int = 4) -> str:
    """Return what the engine has logged as one line: its errors, or its last lines if there are none.

    since: seconds since the epoch.
    lines: how many of them at most.
    """
    run_program(["journalctl", "--sync"], timeout=20)  # what it has just logged may not be written yet
    return most_telling(
        run_program([*_JOURNAL, f"--since=@{since:.3f}", "--lines=200"], timeout=60).stdout.splitlines(), lines
    )


def ran_out_of_space(since: float) -> bool:
    """Return whether the engine has logged that a disk is full.

    since: seconds since the epoch.
    """
    return NO_SPACE in run_program([*_JOURNAL, f"--since=@{since:.3f}"], timeout=60).stdout
