# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of a data root. What engines make of them is in tests/faults, rows "data would move"."""

from __future__ import annotations

import pathlib

from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import data_root


def test_what_a_start_has_made_that_came_to_nothing_is_removed_and_nothing_else(tmp_path: pathlib.Path) -> None:
    (tmp_path / "overlay2" / "l").mkdir(parents=True)
    (tmp_path / "zfs" / "layer").mkdir(parents=True)
    (tmp_path / "zfs" / "layer" / "link").write_text("AB")
    assert data_root.prior_drivers(str(tmp_path)) == ["overlay2", "zfs"]
    for driver in ("overlay2", "zfs", "btrfs"):
        data_root.remove_empty_driver(str(tmp_path), driver)
    assert data_root.prior_drivers(str(tmp_path)) == ["zfs"]
    assert (tmp_path / "zfs" / "layer" / "link").read_text() == "AB"
