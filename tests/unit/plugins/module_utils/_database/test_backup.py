# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as they are kept: which are good, which may go, and which are refused."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup import store
from ansible_collections.dockyard.ops.plugins.module_utils._database.checksum import checksum
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql import dump
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

NOW = 1_800_000_000.0
DAY = 86400


def make(folder: Path, name: str, days_ago: float, container: str = "shop") -> store.Backup:
    """Return a backup that is complete, under a name of its own."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "all.sql.gz").write_bytes(b"data of " + name.encode())
    file = str(path / "all.sql.gz")
    manifest = store.Manifest(
        container=container,
        flavour="mariadb",
        title="MariaDB",
        version="11.8.9",
        made=NOW - days_ago * DAY,
        file="all.sql.gz",
        bytes=(path / "all.sql.gz").stat().st_size,
        sha256=checksum(file),
        census={"rows": {"shop.t": 1}, "text": "1 row"},
    )
    done = store.Store(str(folder), container).complete(str(path), manifest)
    Path(done.path).rename(path)
    return store.Backup(str(path), manifest)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Several in one second, in no other way than by their own names.
    number = itertools.count()
    monkeypatch.setattr(store.Store, "_free_name", lambda self: f"{self.folder}/free-{next(number)}")
    return tmp_path


def test_a_complete_backup_is_read_back(folder: Path) -> None:
    made = make(folder, "shop-20260101T000000", 1)
    assert store.read(made.path) == made
    assert store.Store(str(folder), "shop").newest() == made


def test_only_good_ones_of_the_instance_count(folder: Path) -> None:
    for name in ("shop-20260101T000000", "shop-20260102T000000", "shop-other-20260103T000000"):
        make(folder, name, 1)
    (folder / "shop-20260102T000000" / "all.sql.gz").write_bytes(b"")
    (folder / "shop-20260104T000000").mkdir()
    assert [Path(each.path).name for each in store.Store(str(folder), "shop").good()] == ["shop-20260101T000000"]
    # The newest is damaged, and an older one is not taken in its place without a word.
    with pytest.raises(DockyardError) as caught:
        store.Store(str(folder), "shop").newest()
    assert_explained(caught.value)


@pytest.mark.parametrize(
    ("keep", "keep_days", "gone"),
    [
        (7, None, []),
        (2, None, [3, 40, 50]),
        (2, 30, [40, 50]),
        (4, 1, [50]),
        (5, 0, []),
        # Never none.
        (0, 0, [2, 3, 40, 50]),
    ],
)
def test_which_may_go(folder: Path, keep: int, keep_days: float | None, gone: list[int]) -> None:
    for number, days in enumerate((50, 40, 3, 2, 1)):
        make(folder, f"shop-2026010{number}T000000", days)
    expired = store.Store(str(folder), "shop").expired(keep, keep_days, NOW)
    assert sorted(round((NOW - each.manifest.made) / DAY) for each in expired) == gone


def test_damaged_ones_do_not_push_good_ones_out(folder: Path) -> None:
    for number, days in enumerate((3, 2, 1)):
        make(folder, f"shop-2026010{number}T000000", days)
    for name in ("shop-20260101T000000", "shop-20260102T000000"):
        (folder / name / "all.sql.gz").write_bytes(b"20 bytes of a failure")
    assert store.Store(str(folder), "shop").expired(1, None, NOW) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "manifest.json").unlink(),
        lambda path: (path / "manifest.json").write_text("{"),
        lambda path: (path / "manifest.json").write_text("[]"),
        lambda path: (path / "manifest.json").write_text(
            json.dumps({**json.loads((path / "manifest.json").read_text()), "version": "1.0"})
        ),
        lambda path: (path / "all.sql.gz").write_bytes(b""),
        lambda path: (path / "all.sql.gz").unlink(),
        lambda path: (path / "all.sql.gz").write_bytes((path / "all.sql.gz").read_bytes()[::-1]),
    ],
)
def test_a_damaged_one_is_refused(folder: Path, damage) -> None:  # type: ignore[no-untyped-def]
    made = make(folder, "shop-20260101T000000", 1)
    damage(Path(made.path))
    with pytest.raises(DockyardError) as caught:
        store.read(made.path)
    assert caught.value.code == "database_backup_refused"
    assert_explained(caught.value)


def test_what_a_killed_run_has_left_goes(folder: Path) -> None:
    for name in (".unfinished-shop-12", ".unfinished-other-12"):
        (folder / name).mkdir()
    store.Store(str(folder), "shop").prepare(0)
    assert sorted(path.name for path in folder.iterdir()) == [".unfinished-other-12"]


def test_too_little_space_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1 << 20)
    with pytest.raises(DockyardError) as caught:
        store.Store(str(folder / "new"), "shop").prepare(1 << 30)
    assert caught.value.code == "database_no_space"
    assert_explained(caught.value)
    assert not (folder / "new").exists()


@pytest.mark.parametrize(("content", "whole"), [(b"SELECT 1;\n", True), (b"SELECT 1;\n" * 1000, False)])
def test_a_dump_is_loaded_as_a_whole(tmp_path: Path, content: bytes, whole: bool) -> None:
    path = tmp_path / "all.sql.gz"
    data = gzip.compress(content)
    path.write_bytes(data if whole else data[:-10])
    if whole:
        dump.load(["cat"], str(path))
        return
    with pytest.raises(DockyardError) as caught:
        dump.load(["cat"], str(path))
    assert_explained(caught.value)


def test_a_client_that_ends_early_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "all.sql.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000_000))
    with pytest.raises(DockyardError, match=r"can't be loaded \(no thanks\)"):
        dump.load(["sh", "-c", "echo no thanks >&2; exit 1"], str(path))
