# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A version of Harbor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

# A minor release, as (2, 12).
Series = tuple[int, int]

_VERSION = re.compile(r"\s*v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+][0-9A-Za-z.+_-]*)?\s*")


@dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse 2.8.6, v2.8.6, or v2.8.6-8a3f1c2d as C(systeminfo) has it.

        Raise DockyardError if it is none of them.
        """
        found = _VERSION.fullmatch(text)
        if not found:
            raise DockyardError(
                "harbor_version_invalid",
                f"{text!r} is no version of Harbor; give all three numbers of it, such as 2.12.4.",
            )
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """Return the version as images and archives have it."""
        return f"v{self}"

    @property
    def series(self) -> Series:
        return self.major, self.minor
