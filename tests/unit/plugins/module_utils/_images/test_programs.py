# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs say, in one line, and how long they may take."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import programs


def done(stderr: str, stdout: str = "", code: int = 1) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, stdout, stderr)


def test_the_line_that_says_most() -> None:
    output = "W: odd\nE: Failed to fetch http://me:secret@mirror.test/x  refused\nE: Some index files failed\n"
    assert (
        programs.telling_line(done(output), "E: Failed to fetch", "E:")
        == "Failed to fetch http://***@mirror.test/x  refused"
    )
    assert programs.telling_line(done("", "out")) == "out"
    assert programs.telling_line(done("", "", 7)) == "exit status 7"


def test_the_last_lines_of_a_log() -> None:
    assert programs.last_lines("1\n\n2\n3\n4\n5\n\x1b[31m6\n") == "2 / 3 / 4 / 5 / [31m6"
    assert programs.last_lines(" \n") == ""


@pytest.mark.parametrize(
    ("output", "full"),
    [
        ("tar: ./x: Cannot write: No space left on device", True),
        ("E: You don't have enough free space in /var/tmp/x.", True),
        ("tar: Unexpected EOF", False),
    ],
)
def test_a_full_disk_is_recognized(output: str, full: bool) -> None:
    assert programs.is_full(output) is full


def test_the_time_is_for_all_programs_together() -> None:
    budget = programs.Budget(1.5)
    assert budget.run("echo", "x").stdout == "x\n"
    begin = time.monotonic()
    with pytest.raises(DockyardError, match="was not built within 1.5 seconds; look at the load") as error:
        budget.run("sleep", "60")
    assert time.monotonic() - begin < 40
    assert error.value.code == "image_timeout"
    with pytest.raises(DockyardError, match="was not built within 1.5 seconds"):
        budget.run("true")
