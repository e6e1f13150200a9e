# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a server is waited for that is up and says something."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database import server_container

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
