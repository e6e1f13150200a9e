# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a server is waited for that is up and says something."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database import server_container
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql import server

_RUNNING = {"State": {"Running": True, "Restarting": False}, "RestartCount": 0}


class Engine:
    """An engine whose container runs; only that is asked of it."""

    def container(self, _name: str) -> dict[str, Any]:
        return _RUNNING


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be a second later."""
    seconds = itertools.count()
    monkeypatch.setattr(server_container.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(server_container.time, "sleep", lambda _seconds: None)


@pytest.mark.parametrize(
    "reason",
    [
        "ERROR 1045 (28000): Access denied for user 'dockyard-admin'@'localhost' (using password: YES)",
        "WRONGPASS invalid username-password pair or user is disabled.",
    ],
)
def test_who_refuses_the_login_is_not_waited_for(reason: str) -> None:
    said = server_container.wait(Engine(), "shop", 3600, lambda: reason)  # type: ignore[arg-type]
    assert said == f"The server in the container shop refuses the login ({reason})."


def test_who_refuses_the_login_for_a_moment_only_is_waited_for() -> None:
    answers = iter([*["ERROR 1045 (28000): Access denied"] * 5, "ERROR 2002 (HY000): Can't connect", ""])
    assert server_container.wait(Engine(), "shop", 3600, lambda: next(answers)) == ""  # type: ignore[arg-type]


def test_who_says_nothing_is_waited_for_to_the_end() -> None:
    said = server_container.wait(Engine(), "shop", 60, lambda: "LOADING Redis is loading")  # type: ignore[arg-type]
    assert said == "The server in the container shop does not answer after 60 seconds (LOADING Redis is loading)."


@pytest.mark.parametrize(
    ("states", "asked"),
    [
        ([True, True, False], 3),
        ([True] * 100, 29),  # no longer than the seconds
        ([False], 1),
    ],
)
def test_a_server_that_is_starting_is_waited_for(states: list[bool], asked: int) -> None:
    answers = iter(states)
    questions: list[bool] = []

    def is_starting() -> bool:
        questions.append(next(answers))
        return questions[-1]

    server_container.wait_while_starting(Engine(), "shop", 30, is_starting)  # type: ignore[arg-type]
    assert len(questions) == asked


def test_a_server_that_has_ended_is_not_waited_for() -> None:
    class Ended(Engine):
        def container(self, _name: str) -> dict[str, Any]:
            return {"State": {"Running": False}}

    server_container.wait_while_starting(Ended(), "shop", 30, lambda: pytest.fail("asked"))  # type: ignore[arg-type]


class Logging:
    """An engine with a container whose client and log say what a test wants. since: of the log that was asked for."""

    def __init__(self, pid: int, log: str) -> None:
        self._pid = pid
        self._log = log
        self.since = ""

    def container(self, _name: str) -> dict[str, Any]:
        return {"State": {"Pid": self._pid, "StartedAt": "2026-11-30T10:00:00Z"}}

    def log(self, _name: str, _lines: int, since: str) -> str:
        self.since = since
        return self._log


@pytest.mark.parametrize(
    ("said", "pid", "log", "starting"),
    [
        ("ERROR 2002 (HY000): Can't connect to local server", 7, "", True),
        ("ERROR 2002 (HY000): Can't connect to local server", 7, "mariadbd: ready for connections.", False),
        ("Error response from daemon: Container shop is restarting", 0, "mariadbd: ready for connections.", True),
        ("ERROR 1045 (28000): Access denied for user", 7, "", False),
        ("ERROR 1040 (08004): Too many connections", 7, "mariadbd: ready for connections.", False),
    ],
)
def test_whether_a_server_is_starting(
    said: str, pid: int, log: str, starting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Logging(pid, log)
    found = server.Server(engine, "shop", "mariadb")  # type: ignore[arg-type]
    monkeypatch.setattr(server.Server, "client", lambda _self: ["sh", "-c", f'echo "{said}" >&2; exit 1'])
    assert found.is_starting() == starting
    assert engine.since in ("", "2026-11-30T10:00:00Z")
