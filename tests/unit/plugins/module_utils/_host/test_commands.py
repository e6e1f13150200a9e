# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are run: their input, their output, and their end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import run


def test_run(tmp_path: Path) -> None:
    done = run(["/bin/sh", "-c", "cat; pwd; echo $LC_ALL; exit 3"], stdin="words\n", cwd=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, f"words\n{tmp_path}\nC\n")


def test_run_reads_nothing_by_default() -> None:
    assert run(["/bin/sh", "-c", "read x || echo nothing"]).stdout == "nothing\n"


def test_run_output_that_is_no_text() -> None:
    assert run(["/bin/sh", "-c", r"printf 'a\377b'"]).stdout == "a\ufffdb"


def test_run_too_long_takes_its_children_along(tmp_path: Path) -> None:
    file = tmp_path / "late"
    begin = time.monotonic()
    with pytest.raises(Problem) as caught:
        run(["/bin/sh", "-c", f"(sleep 1; touch {file}) & wait"], timeout=0.2)
    assert time.monotonic() - begin < 0.9
    assert "did not end within 0.2 seconds and was stopped" in caught.value.message
    time.sleep(1.1)
    assert not file.exists()


def test_run_without_the_program() -> None:
    with pytest.raises(Problem) as caught:
        run(["/nonexistent/docker"])
    assert caught.value.message == (
        "Can't run /nonexistent/docker (No such file or directory); install it, or put it on the PATH of the user that"
        " Ansible becomes."
    )
