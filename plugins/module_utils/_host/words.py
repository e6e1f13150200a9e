# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Say in a sentence how many there are of something, and when an image was made."""

from __future__ import annotations

import datetime
import re

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# Docker is younger: reproducible builds say 1970 or 1980, and the engine 0001 for what it does not know.
_FIRST_IMAGE = datetime.datetime(2013, 3, 1, tzinfo=datetime.timezone.utc)


def counted(number: float, one: str, many: str = "") -> str:
    """Return, for instance, "1 second", "2.5 seconds" or "2 libraries"."""
    return f"{number if isinstance(number, int) else format(number, 'g')} {one if number == 1 else many or one + 's'}"


def moment(value: object) -> datetime.datetime | None:
    """Return the time at which an image was made; None if that is not known or before there were images."""
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    zone = "+00:00" if match[3] in "Zz" else match[3]
    try:
        found = datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")
    except ValueError:
        return None
    return found if found >= _FIRST_IMAGE else None
