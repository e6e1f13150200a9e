# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run finds that follows one which was killed: containers that are going, and servers that are ending."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database import docker as docker_module
from ansible_collections.dockyard.ops.plugins.module_utils._database.docker import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._database.redis.upgrade import RedisKind
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade import container_kind
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade.job import Job
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

GOING = "Error response from daemon: removal of container x is already in progress"
GONE = "Error: No such container: x"


class Engine(Docker):
    """An engine with one container. states: what it is at each look, the last one for ever; None: there is none."""

    def __init__(self, states: list[dict[str, Any] | None], removal: str = "") -> None:
        self._states = states
        self._removal = removal
        self.removed = 0

    def try_command(
        self, *arguments: str, seconds: float = 120, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        if arguments[0] == "rm":
            self.removed += 1
            return subprocess.CompletedProcess(arguments, 1 if self._removal else 0, "", self._removal)
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if state is None:
            return subprocess.CompletedProcess(arguments, 1, "", GONE)
        details = {"State": {"Restarting": False, "ExitCode": 0, **state}}
        return subprocess.CompletedProcess(arguments, 0, json.dumps([details]), "")


UP: dict[str, Any] = {"Running": True}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be a second later."""
    seconds = itertools.count()
    for module in (docker_module, container_kind):
        monkeypatch.setattr(module.time, "monotonic", lambda: float(next(seconds)))
        monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)


# ---- a container ----


@pytest.mark.parametrize("said", [GOING, GONE])
def test_a_container_that_the_engine_is_removing_is_waited_for(said: str) -> None:
    engine = Engine([UP, UP, UP, None], said)
    engine.remove("x")
    assert engine.removed == 3


def test_a_container_that_is_always_going_is_not_waited_for_for_ever() -> None:
    with pytest.raises(DockyardError) as caught:
        Engine([UP], GOING).remove("x")
    assert caught.value.message == (
        "docker rm failed (removal of container x is already in progress); look at journalctl -u docker.service."
    )


def test_a_container_that_can_not_be_removed_is_said_at_once() -> None:
    engine = Engine([UP], "Error response from daemon: driver failed")
    with pytest.raises(DockyardError):
        engine.remove("x")
    assert engine.removed == 1


# ---- a server ----


class _Server:
    def __init__(self, silent: str) -> None:
        self._silent = silent

    def why_not_up(self) -> str:
        return self._silent


def _ends(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    states: list[dict[str, Any] | None],
    silent: str = "no answer",
    counted: bool = True,
) -> bool:
    job = Job("j", str(tmp_path), "r", "redis", "Redis", "7", "8", "r:7", "r:8", "w", 1, 5, True, {})
    job.census = {"text": "1 key"} if counted else None
    kind = RedisKind(Engine(states), job)
    monkeypatch.setattr(kind._keeper, "running_server", lambda: _Server(silent))
    return kind.ends_after_all(job)


def test_a_server_that_was_asked_to_end_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    assert _ends(monkeypatch, tmp_path, [UP, UP, {"Running": False}])


def test_a_server_that_answers_has_not_been_asked_to_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    assert not _ends(monkeypatch, tmp_path, [UP], silent="")


@pytest.mark.parametrize("states", [[UP], [UP, {"Running": False, "ExitCode": 137}], [None]])
def test_a_server_that_does_not_end_well_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, states: list[dict[str, Any] | None]
) -> None:
    assert not _ends(monkeypatch, tmp_path, states)


def test_a_server_that_was_not_counted_was_not_asked_to_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    assert not _ends(monkeypatch, tmp_path, [UP, {"Running": False}], counted=False)
