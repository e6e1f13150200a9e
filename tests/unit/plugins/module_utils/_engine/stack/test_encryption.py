# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that do not understand each other on encrypted networks."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import encryption

ENCRYPTED = {"Driver": "overlay", "Options": {"encrypted": ""}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"encrypted": ""}, True),
        ({"encrypted": "true"}, True),
        ({"encrypted": "false"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_what_is_encrypted(options: dict[str, str] | None, expected: bool) -> None:
    assert encryption.is_encrypted({"Driver": "overlay", "Options": options}) is expected
    assert not encryption.is_encrypted({"Driver": "bridge", "Options": {"encrypted": ""}})


@pytest.mark.parametrize(
    ("apart", "other", "warned"),
    [
        ("29.0.0", "28.5.1", True),
        ("29.2.0", "29.2.1", True),
        ("28.2.2", "28.2.1", True),
        ("25.0.14", "26.1.5+dfsg1", True),
        ("29.1.0", "28.2.2", False),
        ("28.5.1", "26.1.5", False),
        ("29.1.0", "", False),
    ],
)
def test_which_versions_are_apart(apart: str, other: str, warned: bool) -> None:
    found = encryption.warnings([("s_a", ENCRYPTED), ("s_b", {"Driver": "overlay"})], {"one": apart, "two": other})
    assert [f"one ({apart})" in each and f"two ({other})" in each and "s_a" in each for each in found] == [
        True
    ] * warned
