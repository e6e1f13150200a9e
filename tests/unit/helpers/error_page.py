# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare errors with the paragraph that the error page has for their code."""

from __future__ import annotations

import functools
import pathlib
import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

PAGES = pathlib.Path(__file__).resolve().parents[3] / "docs" / "docsite" / "rst"
_LITERAL = re.compile(r"``(.+?)``")
_TARGET = re.compile(r"_`([a-z0-9_]+)`:?")


@functools.cache
def phrases() -> dict[str, list[str]]:
    """Return by code what the pages quote of its messages."""
    quoted: dict[str, list[str]] = {}
    for page in sorted(PAGES.glob("errors*.rst")):
        term = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("``"):
                term = line
            elif line.startswith("   "):
                for code in _TARGET.findall(line):
                    quoted.setdefault(code, []).extend(_LITERAL.findall(term))
    return quoted


def _pattern(phrase: str) -> re.Pattern[str]:
    """Return a phrase as a pattern: <...> and … stand for what differs from case to case."""
    parts = re.split(r"<[a-z ]+>|…", phrase)
    return re.compile(".*".join(re.escape(part.strip(" ") if part.strip(" ") else part) for part in parts), re.DOTALL)


def assert_explained(error: DockyardError, changed: bool = False) -> None:
    """Fail unless the paragraph of the error's code quotes its message, and it says truly whether anything changed."""
    quoted = phrases().get(error.code)
    assert quoted, f"the error page has no paragraph for {error.code}"
    assert any(_pattern(phrase).search(error.message) for phrase in quoted), (error.code, error.message, quoted)
    assert error.changed is changed
    assert "Nothing was changed" not in error.message, "_module adds it"
