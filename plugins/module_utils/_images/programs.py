# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The time that a build may take in all, out of which each program that it runs gets what is left."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

NEEDED = "some 300 MB"


class Budget:
    """Runs programs until the time is up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, or raise DockyardError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.expired()
        return left

    def expired(self) -> DockyardError:
        """Return the error that says that the time is up."""
        return DockyardError(
            "image_timeout",
            f"The image was not built within {counted(self.seconds, 'second')}; look at the load of this"
            " host and at the speed of its package sources, or set timeout to more.",
        )

    def run(
        self, *argv: str, stdin: str | None = None, within: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program; its exit status is the caller's business.

        within: seconds that this one may take, if that is less than what is left.
        """
        left = self.left()
        try:
            return commands.run(argv, timeout=left if within is None else min(left, within), stdin=stdin)
        except DockyardError as error:
            if time.monotonic() >= self._end:
                raise self.expired() from error
            raise


def telling_line(done: subprocess.CompletedProcess[str], *starts: str) -> str:
    """Return the line of a failed program that says most, without any password of a URL.

    starts: what such a line begins with, the best first.
    """
    lines = [line.strip() for line in f"{done.stderr}\n{done.stdout}".splitlines() if line.strip()]
    for start in starts:
        lines = [line for line in lines if line.startswith(start)] or lines
    line = lines[0] if lines else f"exit status {done.returncode}"
    line = re.sub(r"^(?:[EW]|tar|docker): ", "", line)
    return re.sub(r"//[^/@\s]+@", "//***@", line).rstrip(".: ")[:300]


def last_lines(text: str, count: int = 5) -> str:
    """Return the last lines of a log on one line, without control characters."""
    lines = [re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", line).strip() for line in text.splitlines()]
    return " / ".join([line for line in lines if line][-count:])[-600:]


def no_space_in(directory: str) -> DockyardError:
    """Return the error for a folder that is full."""
    return DockyardError(
        "image_no_space",
        f"There is no space left for building an image in {directory}; free {NEEDED} there, or name another folder"
        " with build_directory.",
    )


def is_full(output: str) -> bool:
    """Return whether a program complained of a full disk."""
    return os.strerror(errno.ENOSPC).lower() in output.lower() or "enough free space" in output
