# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that a user reads during an upgrade, exactly."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.plugin_utils.harbor_progress import duration, line, size

STEP = {"step": "copy", "text": "Copying the data while Harbor is up", "number": 7, "count": 19}
SERVES: dict[str, Any] = {**STEP, "done": 0, "total": 0, "rate": 0, "left": None, "down_since": None, "downtime": 0.0}


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ({}, "beginning"),
        ({"step": ""}, "beginning"),
        (STEP, "7/19 Copying the data while Harbor is up; serving"),
        (SERVES, "7/19 Copying the data while Harbor is up; serving"),
        (
            {**SERVES, "done": 1_234_567_890, "total": 3_400_000_000, "rate": 210_000_000, "left": 11},
            "7/19 Copying the data while Harbor is up: 1.2 GB of 3.4 GB, 210 MB/s, 11 s left; serving",
        ),
        (
            {**SERVES, "done": 512, "total": 4096, "rate": 0, "left": None},
            "7/19 Copying the data while Harbor is up: 512 B of 4 kB; serving",
        ),
        (
            {**SERVES, "done": 5_000_000, "total": 0, "rate": 1_000_000, "left": None},
            "7/19 Copying the data while Harbor is up: 5.0 MB, 1.0 MB/s; serving",
        ),
        (
            {**SERVES, "done": 4096, "total": 4096, "rate": 4096, "left": 0},
            "7/19 Copying the data while Harbor is up: 4 kB of 4 kB, 4 kB/s, 0 s left; serving",
        ),
        (
            {**SERVES, "down_since": 900.0, "downtime": 0.0},
            "7/19 Copying the data while Harbor is up; down for 1 min 40 s",
        ),
        # The rollback after an upgrade that was down as well.
        (
            {**SERVES, "down_since": 999.6, "downtime": 61},
            "7/19 Copying the data while Harbor is up; down for 1 min 1 s",
        ),
        (
            {**SERVES, "downtime": 47.2},
            "7/19 Copying the data while Harbor is up; up again after 47 s",
        ),
    ],
)
def test_a_line(progress: dict[str, Any], said: str) -> None:
    assert line(progress, now=1000.0) == said


def test_now_is_now() -> None:
    assert line({**SERVES, "down_since": 0.0}).startswith("7/19 Copying the data while Harbor is up; down for ")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_500_000, "1.5 MB"),
        (99_900_000, "99.9 MB"),
        (100_000_000, "100 MB"),
        (2_000_000_000, "2.0 GB"),
        (3_450_000_000_000, "3.5 TB"),
        (12_000_000_000_000_000, "12000 TB"),
    ],
)
def test_a_size(amount: float, said: str) -> None:
    assert size(amount) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599.7, "1 h 0 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_a_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said
