# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure real file systems."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk


def test_sizes_are_those_of_files_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * 10)
    (tmp_path / "file").write_bytes(b"x" * 5)
    (tmp_path / "link").symlink_to("folder")
    assert disk.content_bytes(str(tmp_path)) == 15
    assert disk.content_bytes(str(tmp_path / "file")) == 5
    assert disk.content_bytes(str(tmp_path / "none")) == 0
    assert disk.content_bytes(str(tmp_path / "file" / "none")) == 0


def test_free_space_is_that_of_the_nearest_folder_which_exists(tmp_path: pathlib.Path) -> None:
    expected = shutil.disk_usage(tmp_path).free
    assert disk.free_bytes(str(tmp_path / "none" / "deeper")) == pytest.approx(expected, rel=0.2)
    assert disk.free_bytes("/proc/none") == 0
    (tmp_path / "file").touch()
    assert disk.existing_folder(str(tmp_path / "file")) == str(tmp_path)


def test_two_paths_on_one_file_system(tmp_path: pathlib.Path) -> None:
    assert disk.on_one_file_system(str(tmp_path / "none"), str(tmp_path))
    assert not disk.on_one_file_system(str(tmp_path), "/proc/none")


def test_a_file_system_that_does_not_answer_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def statvfs(path: str) -> os.statvfs_result:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(os, "statvfs", statvfs)
    with pytest.raises(DockyardError) as caught:
        disk.free_bytes("/")
    assert caught.value.message == "Can't read /: Input/output error; fix that and run again."
