# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and locks in a real folder, also between processes."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import InvalidRecord, StateDir


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "lib" / "dockyard"))
    return StateDir("product", "srv-a")


def mode_of(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_record_is_written_and_read_and_only_root_can_read_it(folder: StateDir, tmp_path: pathlib.Path) -> None:
    assert folder.read_record("job.json") is None
    assert not (tmp_path / "lib").exists(), "reading creates nothing"
    folder.write_record("job.json", {"step": 1, "name": "ä"})
    assert folder.read_record("job.json") == {"step": 1, "name": "ä"}
    assert mode_of(folder.file("job.json")) == 0o600
    assert mode_of(folder.path) == mode_of(os.path.dirname(folder.path)) == 0o700


def test_a_record_that_is_the_same_is_not_written_again(folder: StateDir) -> None:
    folder.write_record("job.json", {"step": 1})
    before = os.stat(folder.file("job.json"))
    folder.write_record("job.json", {"step": 1})
    assert os.stat(folder.file("job.json")).st_ino == before.st_ino
    folder.write_record("job.json", {"step": 2})
    assert os.stat(folder.file("job.json")).st_ino != before.st_ino
    assert os.listdir(folder.path) == ["job.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_record_is_not_taken_for_one(folder: StateDir, content: bytes) -> None:
    folder.create()
    pathlib.Path(folder.file("job.json")).write_bytes(content)
    with pytest.raises(InvalidRecord):
        folder.read_record("job.json")


def test_the_lock_keeps_another_run_out_and_is_seen(folder: StateDir) -> None:
    assert folder.is_locked() is False
    assert not os.path.exists(folder.path), "asking creates nothing"
    with folder.locked(timeout=1):
        assert folder.is_locked() is True
        assert folder.try_lock() is None
        with pytest.raises(DockyardError) as caught, folder.locked(timeout=0.1):
            pass
        assert caught.value.code == "file_locked"
    assert folder.is_locked() is False
    descriptor = folder.try_lock()
    assert descriptor is not None
    assert folder.is_locked() is True
    os.close(descriptor)
    assert folder.is_locked() is False


def test_the_lock_goes_on_in_a_process_that_has_the_descriptor(folder: StateDir) -> None:
    descriptor = folder.try_lock()
    assert descriptor is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    os.close(descriptor)
    assert folder.is_locked() is True
    os.close(writer)
    os.waitpid(child, 0)
    assert folder.is_locked() is False


def test_paths_have_names_as_systemd_gives_them() -> None:
    assert state_dir.escape_path("/etc/docker/daemon.json") == "etc-docker-daemon.json"
    assert state_dir.escape_path("/etc/a-b/") == "etc-a\\x2db"
    assert state_dir.escape_path("/etc/a-b") != state_dir.escape_path("/etc/a/b")


def test_a_place_where_no_folder_can_be_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dir, "ROOT", "/dev/null/dockyard")
    with pytest.raises(DockyardError) as caught:
        StateDir("product").create()
    assert caught.value.message == (
        "Can't create /dev/null/dockyard/product: a part of this path is a file and not a folder; move it away and"
        " run again."
    )
