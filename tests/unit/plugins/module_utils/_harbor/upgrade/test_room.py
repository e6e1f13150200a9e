# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room that is asked again, a reserve for the rollback, and a database that must have ended in order to be copied."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.data_volume import server_state
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import (
    job_store,
    room,
    steps_offline,
    steps_rollback,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets, UpgradeContext
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker, compose_file

MIB = 1 << 20
SHUT_DOWN, IN_PRODUCTION = 1, 6


def control_file(folder: Path, state: int, version: int = 1300) -> None:
    """Write what a PostgreSQL begins its control file with."""
    (folder / "global").mkdir(parents=True, exist_ok=True)
    content = struct.pack("=QIIi", 7_400_000_000_000_000_000, version, 202209061, state)
    (folder / "global" / "pg_control").write_bytes(content.ljust(8192, b"\0"))


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UpgradeContext:
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "jobs"))
    database = tmp_path / "data" / "database" / "pg13"
    database.mkdir(parents=True)
    (database / "PG_VERSION").write_text("13\n")
    (database / "base").write_bytes(b"x" * 3 * MIB)
    control_file(database, SHUT_DOWN)
    for name in ("harbor", "work", "backup"):
        (tmp_path / name).mkdir()
    (tmp_path / "harbor" / "docker-compose.yml").write_text(compose_file("v2.8.6"))
    job = Job(
        id="20261124T051500-2.8.6-2.12.4",
        path=str(tmp_path / "harbor"),
        source="2.8.6",
        hops=[Hop("2.10.3", "/a.tgz", "/r"), Hop("2.12.4", "/b.tgz", "/s")],
        data_volume=str(tmp_path / "data"),
        work=str(tmp_path / "work"),
        backup=str(tmp_path / "backup"),
        parts=["database"],
        flags=[],
        options={"timeout": 60},
        database_major="13",
    )
    store = JobStore(job.path)
    store.create()
    return UpgradeContext(store, job, Secrets("admin", None))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what sets the room that is left on all disks, in MiB."""

    def has(mib: int) -> None:
        monkeypatch.setattr(disk, "free_bytes", lambda _path: mib * MIB)

    return has


def test_room_for_the_database_is_asked_before_the_stop(context: UpgradeContext, free: Callable[[int], None]) -> None:
    free(104)
    room.require_before_stop(context)
    free(102)
    with pytest.raises(DockyardError) as caught:
        room.require_before_stop(context)
    assert caught.value.code == "harbor_no_room"
    assert (
        caught.value.message
        == f"There is too little room on the file system of {context.job.data_volume}/database now: 103 MiB are needed"
        " and 102 MiB are free; free 2 MiB there and run again"
    )


def test_without_another_postgresql_a_little_room_is_enough(
    context: UpgradeContext, free: Callable[[int], None]
) -> None:
    context.job.database_major = None  # an external one
    free(100)
    room.require_before_stop(context)
    free(99)
    with pytest.raises(DockyardError, match="100 MiB are needed and 99 MiB are free"):
        room.require_before_stop(context)


def test_room_is_asked_before_each_new_postgresql(context: UpgradeContext, free: Callable[[int], None]) -> None:
    free(0)
    first = context.job.hops[0]
    with pytest.raises(DockyardError, match="103 MiB are needed and 0 MiB are free"):
        room.require_before_install(context, first)
    # It was upgraded by a run that was killed right after.
    old = Path(context.job.data_volume, "database", "pg13")
    (old / "PG_VERSION").write_text("14\n")
    room.require_before_install(context, first)
    with pytest.raises(DockyardError, match="103 MiB are needed"):
        room.require_before_install(context, context.job.hops[1])  # of 14, which becomes 15


def test_harbor_is_not_stopped_without_room(
    context: UpgradeContext, free: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(tmp_path, monkeypatch)
    docker.start(context.job.path)
    free(50)
    with pytest.raises(DockyardError, match="too little room"):
        steps_offline.stop(context)
    assert context.job.down_since is None
    assert docker.load()["calls"] == []


def test_the_reserve_is_kept_once_for_each_file_system_and_freed(context: UpgradeContext) -> None:
    room.keep_reserve(context)
    kept = list(Path(context.job.data_volume).glob(".dockyard-reserve-*"))
    assert [path.stat().st_size for path in kept] == [64 * MIB]
    assert [path.stat().st_blocks * 512 >= 64 * MIB for path in kept] == [True]
    assert list(Path(context.job.work).iterdir()) == []
    room.free_reserve(context)
    assert list(Path(context.job.data_volume).glob(".dockyard-*")) == []
    room.free_reserve(context)


def test_no_reserve_no_stop(context: UpgradeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_FILE_BYTES", 1 << 60)
    with pytest.raises(DockyardError, match=r"MiB for a rollback can't be kept in .*\.dockyard-reserve-"):
        room.keep_reserve(context)
    assert list(Path(context.job.data_volume).glob(".dockyard-*")) == []


# ---- what failed goes before the old database starts


def rolled_back(context: UpgradeContext, reason: str | None) -> tuple[Path, Path]:
    """Put the data back. Return the folders of the old and the new database, as they would be in place."""
    job, top = context.job, Path(context.job.data_volume, "database")
    job.done, job.reason = ["stop", "copy_again"], reason
    copied = Path(job.backup, "data", "database", "pg13")
    copied.mkdir(parents=True)
    (copied / "PG_VERSION").write_text("13\n")
    (top / "pg14").mkdir()
    steps_rollback.restore_data(context)
    return top / "pg13", top / "pg14"


def test_the_failed_database_is_gone_before_the_old_one_starts(context: UpgradeContext) -> None:
    old, new = rolled_back(context, "it failed")
    assert old.is_dir() and not new.exists()
    assert list(Path(context.job.data_volume).glob(".dockyard-failed-*")) == []


def test_on_request_the_new_data_stay_until_the_proof(context: UpgradeContext) -> None:
    old, new = rolled_back(context, None)
    assert old.is_dir() and not new.exists()
    kept = Path(context.job.data_volume).glob(".dockyard-failed-*/*")
    assert sorted(path.name for path in kept) == ["pg13", "pg14"]


@pytest.mark.parametrize(
    ("done", "reason", "kills"),
    [
        (["stop", "copy_again"], "it failed", True),
        (["stop"], "it failed", False),
        (["stop", "copy_again"], None, False),
    ],
)
def test_only_data_that_are_thrown_away_are_killed(
    context: UpgradeContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    done: list[str],
    reason: str | None,
    kills: bool,
) -> None:
    docker = Docker(tmp_path, monkeypatch)
    docker.start(context.job.path)
    context.job.done, context.job.reason = done, reason
    steps_rollback.stop(context)
    assert docker.names == []
    assert (docker.calls("kill") == []) is kills


# ---- a copy is consistent only of a database that has ended in order


@pytest.mark.parametrize(
    ("state", "version", "expected"),
    [
        (0, 960, "starting up"),
        (SHUT_DOWN, 960, "shut down"),
        (2, 1300, "shut down in recovery"),
        (3, 1300, "shutting down"),
        (4, 1800, "in crash recovery"),
        (IN_PRODUCTION, 1800, "in production"),
        (7, 1300, "unknown"),
        (-1, 1300, "unknown"),
        (SHUT_DOWN, 0, "unknown"),
    ],
)
def test_the_control_file_says_how_the_server_ended(tmp_path: Path, state: int, version: int, expected: str) -> None:
    control_file(tmp_path, state, version)
    assert server_state(str(tmp_path)) == expected


def test_without_a_control_file_nothing_is_known(tmp_path: Path) -> None:
    assert server_state(str(tmp_path)) == "unknown"
    control_file(tmp_path, SHUT_DOWN)
    (tmp_path / "global" / "pg_control").write_bytes(b"\x01")
    assert server_state(str(tmp_path)) == "unknown"


def test_a_database_that_ended_in_order_is_copied(
    context: UpgradeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(tmp_path, monkeypatch)
    steps_offline.copy_again(context)
    assert (tmp_path / "backup" / "data" / "database" / "pg13" / "base").stat().st_size == 3 * MIB
    assert docker.calls("compose", "up") == []


def test_one_that_was_killed_is_started_alone_and_ended(
    context: UpgradeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(tmp_path, monkeypatch)
    database = tmp_path / "data" / "database" / "pg13"
    control_file(database, IN_PRODUCTION)
    ends = steps_offline.stop_and_remove

    def end(*arguments: object) -> None:
        ends(context.job.path, 60)
        control_file(database, SHUT_DOWN)

    monkeypatch.setattr(steps_offline, "stop_and_remove", end)
    steps_offline.copy_again(context)
    assert docker.calls("compose", "up") == [["compose", "up", "-d", "postgresql"]]


@pytest.mark.parametrize(("state", "word"), [(IN_PRODUCTION, "in production"), (7, "unknown")])
def test_one_that_can_not_be_ended_is_no_consistent_copy(
    context: UpgradeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: int, word: str
) -> None:
    Docker(tmp_path, monkeypatch)
    control_file(tmp_path / "data" / "database" / "pg13", state)
    with pytest.raises(DockyardError) as caught:
        steps_offline.copy_again(context)
    assert caught.value.code == "harbor_database_not_ended"
    assert (
        caught.value.message
        == f"PostgreSQL was not ended in order (its control file says: {word}), so that no copy of its data would be"
        " consistent; look at postgresql.log, and run again when Harbor is healthy"
    )
    assert not (tmp_path / "backup" / "data").exists()
