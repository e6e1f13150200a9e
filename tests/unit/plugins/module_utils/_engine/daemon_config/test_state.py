# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is saved between two runs: all of it comes back, and what is damaged counts as nothing."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import inventory
from ansible_collections.dockyard.ops.plugins.module_utils._engine.containers import Container
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import state
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.state import Change, SavedState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.inventory import Inventory
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Engine
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = "/etc/docker/daemon.json"
ENGINE = Engine("6f2c0f5e-93c4-4f64-8a8d-5c2f4f8a9d11", 4711, 1_234_567_890)
WEB = Container("4c01db0b339c" + "0" * 52, "web", paused=True)
TASK = Container("d3adb33f0000" + "1" * 52, "stack_web.1.x", of_swarm=True)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path))
    (tmp_path / "docker_daemon").mkdir()
    return tmp_path / "docker_daemon"


texts = st.text(st.characters(codec="utf-8"), max_size=10)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
configs = st.dictionaries(texts, values, max_size=4)
engines = st.none() | st.builds(Engine, texts, st.integers(1), st.integers(0))
inventories = st.builds(
    Inventory,
    texts,
    st.sampled_from(["graph", "containerd"]),
    texts,
    st.lists(
        st.builds(
            inventory.Container,
            texts,
            texts,
            texts,
            networks=st.dictionaries(texts, st.lists(texts, max_size=2), max_size=2),
            published=st.lists(st.builds(inventory.Publication, texts, texts, texts), max_size=2),
        ),
        max_size=2,
    ),
    st.dictionaries(texts, st.lists(texts, max_size=2), max_size=2),
)
changes = st.builds(
    Change,
    st.none() | st.binary(max_size=50),
    engines,
    st.lists(st.builds(Container, texts, texts, st.booleans(), st.booleans(), st.booleans()), max_size=3),
    st.none() | texts,
    st.none() | inventories,
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(saved=st.builds(SavedState, engines, st.none() | configs, st.none() | changes, st.booleans(), configs))
def test_all_of_it_comes_back(saved: SavedState) -> None:
    encoded = json.loads(json.dumps(state._encoded(saved)))
    assert state._decoded(encoded) == saved


def test_the_state_is_private_and_written_only_when_it_changes(folder: pathlib.Path) -> None:
    saved = SavedState(
        ENGINE, {"proxies": {"http-proxy": "http://a:b@c"}}, Change(b"\xff old", ENGINE, [WEB, TASK], "x")
    )
    state.write(FILE, saved)
    path = folder / "etc-docker-daemon.json"
    assert os.listdir(folder) == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert state.read(FILE) == saved
    inode = path.stat().st_ino
    state.write(FILE, saved)
    assert path.stat().st_ino == inode
    state.write(FILE, SavedState())
    assert path.stat().st_ino != inode
    assert state.read(FILE) == SavedState(None, None, None)


def test_what_an_earlier_version_saved_is_read(folder: pathlib.Path) -> None:
    saved = SavedState(ENGINE, {"a": 1}, Change(b"old", ENGINE, [WEB]))
    earlier = state._encoded(saved)
    del earlier["down"], earlier["brought"], earlier["change"]["inventory"], earlier["change"]["moves_data"]
    for name in ("started", "health", "unstable", "published_on"):
        del earlier["change"]["containers"][0][name]
    assert state._decoded(json.loads(json.dumps(earlier))) == saved


def test_each_file_has_its_own_state(folder: pathlib.Path) -> None:
    state.write(FILE, SavedState(ENGINE, {"a": 1}))
    state.write("/srv/docker/daemon.json", SavedState(ENGINE, {"b": 1}))
    assert state.read(FILE).loaded == {"a": 1}
    assert state.read("/srv/docker/daemon.json").loaded == {"b": 1}
    assert state.read("/nowhere") == SavedState()
    state.write("/srv/docker-daemon.json", SavedState(ENGINE, {"c": 1}))
    assert state.read("/srv/docker/daemon.json").loaded == {"b": 1}


GOOD: dict[str, Any] = state._encoded(SavedState(ENGINE, {"icc": False}, Change(b"{}", ENGINE, [WEB])))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x00",
        b"\xff\xfe",
        json.dumps(GOOD).encode()[:100],
        b"[]",
        b"5",
        b"null",
        b"{}",
        json.dumps({**GOOD, "engine": {"boot": "x"}}).encode(),
        json.dumps({**GOOD, "engine": "x"}).encode(),
        json.dumps({**GOOD, "change": {"old": "e30="}}).encode(),
        json.dumps({**GOOD, "change": {**GOOD["change"], "old": "!"}}).encode(),
        json.dumps({**GOOD, "change": {**GOOD["change"], "containers": [{"id": "x"}]}}).encode(),
        json.dumps({**GOOD, "change": {**GOOD["change"], "containers": [{"no such": "x"}]}}).encode(),
    ],
)
def test_a_damaged_state_counts_as_none_and_can_be_written_again(folder: pathlib.Path, content: bytes) -> None:
    (folder / "etc-docker-daemon.json").write_bytes(content)
    assert state.read(FILE) == SavedState()
    state.write(FILE, SavedState(ENGINE, {}))
    assert state.read(FILE) == SavedState(ENGINE, {})


def test_the_lock_makes_its_folder_for_root_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lib" / "docker_daemon"
    monkeypatch.setattr(state_dir, "ROOT", str(folder.parent))
    with state.locked(1):
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(DockyardError) as caught, state.locked(0.1):
            pass
    assert caught.value.message == (
        f"Another run holds the lock on {folder} for more than 0.1 seconds; wait until it has ended and run again."
    )
    with state.locked(0):
        assert os.listdir(folder) == []


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "file"))
    with pytest.raises(DockyardError) as caught, state.locked(1):
        pass
    assert caught.value.message == (
        f"Can't create {tmp_path}/file/docker_daemon: a part of this path is a file and not a folder; move it away and"
        " run again."
    )
