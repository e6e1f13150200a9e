# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that was killed is ended by whoever comes next, and no data are dropped that clients may have written."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database import keeper, server_container
from ansible_collections.dockyard.ops.plugins.module_utils._database.instance_folder import InstanceFolder
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained


class Server:
    """A server that starts on whole data only."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def wait(self, _seconds: float) -> None:
        if not (self._data / "whole").exists():
            raise DockyardError("mysql_does_not_start", "It does not start.")


class Keeper(keeper.Keeper):
    """An instance whose container is an entry of a list."""

    running = False

    def __init__(self, folder: Path) -> None:
        engine = types.SimpleNamespace(command=self._command)
        super().__init__(engine, "shop", InstanceFolder(str(folder)))  # type: ignore[arg-type]
        self.data = folder / "data"

    def _command(self, *words: str) -> None:
        self.running = self.running or words[0] == "start"

    def is_running(self) -> bool:
        return self.running

    def stop(self, _seconds: float) -> None:
        self.running = False

    def definition_of(self, _record: dict[str, Any]) -> Any:
        return types.SimpleNamespace(stop_timeout=1, start_timeout=1, restart_policy="always")

    def running_server(self) -> Any:
        return Server(self.data)

    def sweep(self) -> None: ...

    def align(self, _seconds: float) -> None: ...

    def set_back(self) -> bool:
        return True


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setattr(server_container, "prove_health", lambda _docker, _name: None)
    made = Keeper(tmp_path)
    made.folder.write_record({"state": server_container.RESTORING, "flavour": "mariadb"})
    return made


def put(folder: Path, whose: str, whole: bool = True) -> None:
    folder.mkdir()
    (folder / whose).write_text("")
    if whole:
        (folder / "whole").write_text("")


@pytest.mark.parametrize(
    ("left", "whose"),
    [
        # Nothing was exchanged yet.
        ([("data", "before", True)], "before"),
        # In the middle.
        ([("data.before", "before", True)], "before"),
        # What was restored is in place, and may have been written to.
        ([("data.before", "before", True), ("data", "restored", True)], "restored"),
        # It does not start.
        ([("data.before", "before", True), ("data", "restored", False)], "before"),
        # A run before was killed while it put back.
        ([("data.before", "before", True), ("data.failed", "restored", False)], "before"),
        ([("data", "before", True), ("data.failed", "restored", False)], "before"),
    ],
)
def test_it_is_ended(instance: Keeper, left: list[tuple[str, str, bool]], whose: str) -> None:
    for name, content, whole in left:
        put(instance.data.with_name(name), content, whole)
    sentence = instance.recover()
    assert sentence is not None and sentence.startswith("An earlier restore was interrupted; ")
    assert instance.running
    assert (instance.data / whose).exists()
    assert sorted(path.name for path in instance.data.parent.iterdir()) == ["data", "instance.json"]
    record = instance.folder.record()
    assert record is not None and record["state"] == "steady"
    assert instance.recover() is None


def test_nothing_is_backed_up_or_tried_before(instance: Keeper) -> None:
    record = instance.folder.record()
    assert record is not None
    with pytest.raises(DockyardError) as caught:
        instance.require_restored(record)
    assert caught.value.code == "database_restore_unfinished"
    assert_explained(caught.value)
    instance.require_restored({**record, "state": "steady"})
