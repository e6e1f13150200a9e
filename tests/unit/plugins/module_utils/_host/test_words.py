# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in sentences."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

PLUGINS = pathlib.Path(__file__).resolve().parents[5] / "plugins"
# A number that is formatted and followed by its word in the plural, or by an ending that is chosen on the spot.
_BY_HAND = re.compile(r":g\} (seconds|minutes|hours|days)\b|\}\{'' if [^}]+ == 1 else 's'\}")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0, "tag"), "0 tags"),
        ((1, "second"), "1 second"),
        ((1.0, "second"), "1 second"),
        ((2.5, "second"), "2.5 seconds"),
        ((30.0, "second"), "30 seconds"),
        ((1, "library", "libraries"), "1 library"),
        ((2, "library", "libraries"), "2 libraries"),
        ((1234567, "row"), "1234567 rows"),
    ],
)
def test_a_number_has_its_word(given: tuple[int, str], expected: str) -> None:
    assert counted(*given) == expected


def test_no_sentence_counts_by_hand() -> None:
    """Line 13 of the registry: "After 1 seconds of waiting"."""
    found = [
        f"{file.relative_to(PLUGINS)}: {match[0]}"
        for file in sorted(PLUGINS.rglob("*.py"))
        for match in _BY_HAND.finditer(file.read_text())
    ]
    assert found == []
