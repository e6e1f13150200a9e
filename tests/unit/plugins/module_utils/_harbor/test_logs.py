# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of a Harbor do and say from a moment on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.logs import Watch
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker

DIRTY = "2026-11-24T05:00:00Z [FATAL] [/core/main.go:180]: failed to migrate: Dirty database version 15. Fix and force"
SAID = (
    "harbor-core: an earlier migration of the database's schema has failed or was interrupted (Dirty database"
    " version 15)"
)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "harbor"
    path.mkdir()
    return str(path)


def restart(docker: Docker, number: int, times: int) -> None:
    docker.load()["containers"][number]["RestartCount"] += times
    docker.save()


def test_restarts_count_from_the_first_look_on(docker: Docker, folder: str) -> None:
    docker.add("core", folder, restarts=9)
    watch = Watch(folder)
    assert [watch.restarts(container) for container in watch.containers()] == [0]
    restart(docker, 0, 2)
    assert [watch.restarts(container) for container in watch.containers()] == [2]
    docker.add("postgresql", folder, restarts=1)  # made since
    assert [watch.restarts(container) for container in watch.containers()] == [2, 1]


def test_the_engine_counts_again_what_was_started_by_hand(docker: Docker, folder: str) -> None:
    docker.add("core", folder, restarts=9)
    watch = Watch(folder)
    watch.containers()
    restart(docker, 0, -8)
    assert [watch.restarts(container) for container in watch.containers()] == [1]


def test_lines_of_before_do_not_count(docker: Docker, folder: str) -> None:
    docker.add("core", folder, log_before=f"{DIRTY}\n", log="[ERROR] something else\n")
    watch = Watch(folder)
    assert watch.cause(watch.containers()) is None
    assert watch.explain(watch.containers()) == "harbor-core: [ERROR] something else"


def test_the_cause_is_told_and_not_its_consequences(docker: Docker, folder: str) -> None:
    docker.add("jobservice", folder, state="restarting", restarts=9, log="error: core:8080 refused\n")
    docker.add("core", folder, state="restarting", log=f"{DIRTY}\n")
    watch = Watch(folder)
    assert watch.explain(watch.in_trouble()) == SAID


def test_what_is_not_known_is_quoted_the_database_first(docker: Docker, folder: str) -> None:
    docker.add("jobservice", folder, state="restarting", log="error: nobody there\n")
    docker.add("portal", folder, log="error: nobody wants to know\n")
    docker.add("core", folder, state="exited", log="starting\n[FATAL] strange\n")
    docker.add("postgresql", folder, health="unhealthy", log="database system is ready\n")
    watch = Watch(folder)
    assert (
        watch.explain(watch.in_trouble())
        == "harbor-db: database system is ready; harbor-core: [FATAL] strange; harbor-jobservice: error: nobody there"
    )
    assert watch.explain(watch.in_trouble(), lines=1) == "harbor-db: database system is ready"


def test_if_all_run_the_core_is_asked(docker: Docker, folder: str) -> None:
    docker.add("core", folder, log="error: migration takes long\n")
    docker.add("portal", folder, log="fatal\n")
    watch = Watch(folder)
    assert watch.explain(watch.in_trouble()) == "harbor-core: error: migration takes long"


def test_from_the_hosts_log_folder(docker: Docker, folder: str, tmp_path: Path) -> None:
    # Engines before 20.10 keep nothing of what goes to syslog.
    docker.add("core", folder, state="restarting", log="")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "core.log").write_text(f"Nov 24 05:00:00 172.18.0.1 core[12]: {DIRTY}\n")
    watch = Watch(folder, str(logs))
    assert watch.explain(watch.in_trouble()) == ""
    with (logs / "core.log").open("a") as file:
        file.write(f"Nov 24 05:01:00 172.18.0.1 core[12]: {DIRTY}\n")
    assert watch.explain(watch.in_trouble()) == SAID
    # It is rotated, and what is in it is of now.
    (logs / "core.log").write_text("Nov 24 05:02:00 172.18.0.1 core[12]: [FATAL] new\n")
    assert watch.explain(watch.in_trouble()) == "harbor-core: [FATAL] new"
    assert Watch(folder, str(tmp_path / "none")).explain(watch.in_trouble()) == ""


def test_of_nothing(docker: Docker, folder: str) -> None:
    watch = Watch(folder)
    assert watch.explain(watch.in_trouble()) == ""
