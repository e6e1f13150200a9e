# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted of images that were loaded. That they are found by it is in the integration target image_load."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.plugins.module_utils._images import loaded
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

DIGEST = f"sha256:{'1' * 64}"


@pytest.fixture(autouse=True)
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


@pytest.mark.parametrize("image", ["app:1", "docker.io/library/app", f"index.docker.io/library/app:2@{DIGEST}"])
def test_an_image_is_noted_whatever_it_is_called(image: str) -> None:
    assert loaded.key(image, DIGEST) == f"docker.io/library/app@{DIGEST}"


def test_what_was_noted_before_stays() -> None:
    assert loaded.noted() == {}
    loaded.note({"a": {"id": "1", "name": "a:1"}})
    loaded.note({"b": {"id": "2", "name": "b:1"}})
    assert loaded.noted() == {"a": {"id": "1", "name": "a:1"}, "b": {"id": "2", "name": "b:1"}}


def test_the_record_is_of_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded.note({"a": {"id": "1", "name": "a:1"}})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert loaded.noted() == {}


def test_a_record_that_is_unreadable_is_not_taken_for_empty(root: pathlib.Path) -> None:
    (root / "images").mkdir()
    (root / "images/digests.json").write_text("[")
    with pytest.raises(DockyardError) as caught:
        loaded.noted()
    assert_explained(caught.value)
