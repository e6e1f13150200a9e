# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run real programs: their input, their output, and their end."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, parse_version, run


def test_run(tmp_path: Path) -> None:
    done = run(["/bin/sh", "-c", "cat; pwd; echo $LC_ALL; exit 3"], stdin="words\n", cwd=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, f"words\n{tmp_path}\nC\n")


def test_run_reads_nothing_by_default() -> None:
    assert run(["/bin/sh", "-c", "read x || echo nothing"]).stdout == "nothing\n"


def test_run_output_that_is_no_text() -> None:
    assert run(["/bin/sh", "-c", r"printf 'a\377b'"]).stdout == "a\ufffdb"


def test_run_too_long_takes_its_children_along(tmp_path: Path) -> None:
    file = tmp_path / "child"
    begin = time.monotonic()
    with pytest.raises(DockyardError) as caught:
        run(["/bin/sh", "-c", f"sleep 600 & echo $! > {file}; wait"], timeout=1)
    assert time.monotonic() - begin < 120
    assert caught.value.code == "host_command_timeout"
    assert "did not end within 1 second and was stopped" in caught.value.message
    command = Path(f"/proc/{file.read_text().strip()}/cmdline")  # empty until the killed child is waited for
    deadline = time.monotonic() + 120
    while command.exists() and "sleep" in command.read_text():
        assert time.monotonic() < deadline, "the child still runs"
        time.sleep(0.02)


def test_run_without_the_program() -> None:
    with pytest.raises(DockyardError) as caught:
        run(["/nonexistent/docker"])
    assert caught.value.code == "host_command_missing"
    assert caught.value.message == (
        "Can't run /nonexistent/docker (No such file or directory); install it, or put it on the PATH of the user that"
        " Ansible becomes."
    )


@pytest.mark.parametrize(
    ("output", "errors", "expected"),
    [
        ("out\n", "one\ntwo.\n\n", "two"),
        ("out\n", "", "out"),
        ("", "", "exit status 1 without a word"),
        ("", "no space\nEncountered errors while bringing up the project.\n", "no space"),
        ("", "the port is taken\nError: failed to start containers: web\n", "the port is taken"),
        ("", f"container ({'0a' * 32}) is gone", "container is gone"),
    ],
)
def test_the_last_line_that_is_not_empty(output: str, errors: str, expected: str) -> None:
    assert last_line(subprocess.CompletedProcess([], 1, output, errors)) == expected


@pytest.mark.parametrize(
    ("output", "version"),
    [("Docker Compose version v2.26.1-4", (2, 26, 1)), ("28.5.2+dfsg", (28, 5, 2)), ("none", ()), ("7", ())],
)
def test_versions_in_the_output_of_programs(output: str, version: tuple[int, ...]) -> None:
    assert parse_version(output) == version
