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
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.logs import Watch
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker

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


def container(pid: int = 0, state: str = "running", service: str = "postgresql", restarts: int = 0) -> Container:
    return Container("harbor-db", service, "goharbor/harbor-db:v2.15.2", state, "", restarts, pid=pid)


def interruption(data: Path, *looks: list[Container]) -> str | None:
    """Look as often as asked; the last look is as those after it."""
    waiting = list(looks)
    return database.interruption(str(data), lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0])


def test_a_server_beside_the_old_database_was_interrupted(data: Path, server: int) -> None:
    assert interruption(data, [container(server)]) == SAID.format(data)


def test_one_that_does_not_run_was_interrupted(data: Path) -> None:
    assert interruption(data, [container(state="exited")]) == SAID.format(data)
    assert interruption(data, []) == SAID.format(data)


def test_as_long_as_another_program_runs_it_may_be_upgraded(data: Path) -> None:
    assert interruption(data, [container(os.getpid())]) is None


def test_a_process_that_has_ended_in_the_meantime_tells_nothing(data: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    assert interruption(data, [container(process.pid)]) is None


def test_one_that_fails_is_tried_again(data: Path) -> None:
    assert interruption(data, [container(state="restarting")]) is None


def test_one_that_was_started_again_during_the_look_was_not_interrupted(data: Path, server: int) -> None:
    # pg_upgrade fails, is tried again about every two seconds, and makes and removes the new folder each time.
    assert interruption(data, [container(state="exited")], [container(server)]) is None
    assert interruption(data, [container(server)], [container(server, restarts=1)]) is None


def test_other_containers_do_not_count(data: Path) -> None:
    assert interruption(data, [container(os.getpid(), service="core")]) == SAID.format(data)


def test_one_database_is_as_it_should_be(data: Path, server: int) -> None:
    (data / "database" / "pg15" / "PG_VERSION").unlink()
    assert interruption(data, [container(server)]) is None


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


def failure(docker: Docker, data: Path, restarts: int, log: str) -> str | None:
    docker.add("postgresql", str(data), state="restarting", log=log)
    watch = Watch(str(data))
    watch.containers()
    docker.load()["containers"][0]["RestartCount"] = restarts
    docker.save()
    return database.failure(str(data), watch.containers(), watch)


def test_a_server_that_fails_again_and_again_on_what_was_made_by_half(docker: Docker, data: Path) -> None:
    said = failure(docker, data, 4, 'FATAL:  data directory "/d/pg18" has invalid permissions\n')
    assert said == (
        'the database has failed 4 times: harbor-db: data directory "/d/pg18" has invalid permissions; an interrupted'
        f" upgrade has left {data}/database/pg18 and {data}/database/pg15"
    )


def test_an_upgrade_that_fails_was_not_interrupted(docker: Docker, data: Path) -> None:
    log = "Checking database connection settings   fatal\n\nNo.\nFailure, exiting\nfail to upgrade.\n"
    assert failure(docker, data, 5, log) == (
        "the database has failed 5 times: harbor-db: pg_upgrade failed at: Checking database connection settings (No)"
    )


def test_some_failures_are_no_end(docker: Docker, data: Path) -> None:
    assert failure(docker, data, 3, "FATAL:  the database system is starting up\n") is None
