# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs of root may still write on a file system, whose figures are imitated."""

from __future__ import annotations

import os
import pathlib
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained


def figures(**changed: int) -> Any:
    return SimpleNamespace(**{"f_bfree": 10, "f_bavail": 0, "f_frsize": 4096, "f_files": 100, "f_ffree": 7, **changed})


def test_blocks_kept_for_root_count(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: figures())
    assert disk.room_of_root(str(tmp_path / "not" / "yet")) == disk.Room(40960, 7)
    assert disk.free_bytes(str(tmp_path)) == 0
    monkeypatch.setattr(os, "statvfs", lambda path: figures(f_files=0, f_ffree=0))  # as btrfs has it
    assert disk.room_of_root(str(tmp_path)) == disk.Room(40960, None)


def test_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    def fail(path: str) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "statvfs", fail)
    with pytest.raises(DockyardError, match="Input/output error") as caught:
        disk.room_of_root(str(tmp_path))
    assert_explained(caught.value)
