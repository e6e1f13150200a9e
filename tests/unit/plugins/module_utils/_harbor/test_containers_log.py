# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a Harbor's logs are reported when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.containers import (
    error_lines,
    find_containers,
    recent_log_errors,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker

DIRTY = "2026-11-24T05:00:00Z [FATAL] [/core/main.go:180]: failed to migrate: Dirty database version 15. Fix and force"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "harbor"
    path.mkdir()
    return str(path)


@pytest.mark.parametrize(
    ("log", "lines", "expected"),
    [
        (["starting", "listening"], 5, ["starting", "listening"]),
        (["a", "b", "c"], 2, ["b", "c"]),
        (["starting", "[ERROR] x", "waiting", "FATAL: y", "done"], 5, ["[ERROR] x", "FATAL: y"]),
        (["error 1 at 10:00", "error 1 at 10:01", "panic: z", "error 1 at 10:02"], 5, ["panic: z", "error 1 at 10:02"]),
        (["\x1b[31merror\x1b[0m: red\x00", "", "  "], 5, ["error: red"]),
        (["terrors are no failure"], 5, ["terrors are no failure"]),
        (["error"], 0, []),
        ([], 5, []),
    ],
)
def test_telling(log: list[str], lines: int, expected: list[str]) -> None:
    assert error_lines(log, lines) == expected


def test_long_lines_are_cut() -> None:
    assert len(error_lines(["error " + "x" * 5000], 1)[0]) == 400


def test_of_a_container(docker: Docker, folder: str) -> None:
    docker.add("core", folder, log=f"starting\n{DIRTY}\n")
    assert recent_log_errors(find_containers(folder)[0]) == f"harbor-core: {DIRTY}"


def test_of_a_folder_are_of_those_in_trouble(docker: Docker, folder: str) -> None:
    docker.add("jobservice", folder, state="restarting", restarts=9, log="error: core:8080 refused\n")
    docker.add("portal", folder, log="error: nobody wants to know\n")
    docker.add("core", folder, restarts=3, log=f"{DIRTY}\n")
    docker.add("postgresql", folder, health="unhealthy", log="database system is ready\n")
    assert recent_log_errors(folder) == (
        f"harbor-core: {DIRTY}; harbor-db: database system is ready; harbor-jobservice: error: core:8080 refused"
    )
    assert recent_log_errors(folder, lines=1) == f"harbor-core: {DIRTY}"


def test_of_a_folder_without_trouble_are_the_cores(docker: Docker, folder: str) -> None:
    docker.add("core", folder, log="error: migration takes long\n")
    docker.add("portal", folder, log="fatal\n")
    assert recent_log_errors(folder) == "harbor-core: error: migration takes long"


def test_from_the_hosts_log_folder(docker: Docker, folder: str, tmp_path: Path) -> None:
    # Engines before 20.10 keep nothing of what goes to syslog.
    docker.add("core", folder, state="restarting", log="")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "core.log").write_text(f"Nov 24 05:00:00 172.18.0.1 core[12]: {DIRTY}\n")
    words = recent_log_errors(folder, log_folder=str(logs))
    assert words == f"harbor-core: Nov 24 05:00:00 172.18.0.1 core[12]: {DIRTY}"
    assert recent_log_errors(folder, log_folder=str(tmp_path / "none")) == ""


def test_of_nothing(docker: Docker, folder: str) -> None:
    assert recent_log_errors(folder) == ""
