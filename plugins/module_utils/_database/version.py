# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Versions of database servers: tuples of numbers, and how they are written."""

from __future__ import annotations

import re

Version = tuple[int, ...]
_VERSION = re.compile(r"(\d+(?:\.\d+)+)")


def parse(text: str) -> Version:
    """Return the first version in a string; () if there is none in it."""
    found = _VERSION.search(text)
    return tuple(map(int, found[1].split("."))) if found else ()


def shown(version: Version) -> str:
    """Return a version as it is written; C(unknown) for none."""
    return ".".join(map(str, version)) or "unknown"
