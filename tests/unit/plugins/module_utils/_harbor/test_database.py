# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real folders and real processes show whether the database is being upgraded, or was and is not any more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import database
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.containers import Container

SAID = "the upgrade of its database was interrupted: {0}/database/pg18 and {0}/database/pg15 are both there"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a data volume with the new database and the old."""
    for major in ("15", "18"):
        folder = tmp_path / "database" / f"pg{major}"
        folder.mkdir(parents=True)
        (folder / "PG_VERSION").write_text(f"{major}\n")
    return tmp_path


@pytest.fixture(params=["postgres", "/usr/pgsql/18/bin/postgres", "postgres: checkpointer"])
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    """Start a process under a name that the server has."""
    with subprocess.Popen([request.param, "60"], executable="/bin/sleep") as process:
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
            pass  # in the moment of its start
        yield process.pid
        process.kill()


def container(pid: int = 0, state: str = "running", service: str = "postgresql") -> Container:
    return Container("harbor-db", service, "goharbor/harbor-db:v2.15.2", state, "", 0, pid=pid)


def test_a_server_beside_the_old_database_was_interrupted(data: Path, server: int) -> None:
    assert database.interruption(str(data), [container(server)]) == SAID.format(data)


def test_one_that_does_not_run_was_interrupted(data: Path) -> None:
    assert database.interruption(str(data), [container(state="exited")]) == SAID.format(data)
    assert database.interruption(str(data), []) == SAID.format(data)


def test_as_long_as_another_program_runs_it_may_be_upgraded(data: Path) -> None:
    assert database.interruption(str(data), [container(os.getpid())]) is None


def test_a_process_that_has_ended_in_the_meantime_tells_nothing(data: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    assert database.interruption(str(data), [container(process.pid)]) is None


def test_other_containers_do_not_count(data: Path) -> None:
    assert database.interruption(str(data), [container(os.getpid(), service="core")]) == SAID.format(data)


def test_one_database_is_as_it_should_be(data: Path, server: int) -> None:
    (data / "database" / "pg15" / "PG_VERSION").unlink()
    assert database.interruption(str(data), [container(server)]) is None
