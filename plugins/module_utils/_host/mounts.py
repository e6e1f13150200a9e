# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read what is mounted on the host, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A mount, by proc(5).

    root: the path in its file system that is mounted, such as C(/) or C(net:[4026531840]).
    point: where it is mounted.
    kind: the file system, such as C(cgroup2); options: those of that file system.
    """

    root: str
    point: str
    kind: str
    options: tuple[str, ...]


def read_mounts(mountinfo: str = "/proc/self/mountinfo") -> Iterator[Mount]:
    """Yield the mounts, in the order in which they were made."""
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split()
            kind = fields[fields.index("-") + 1]
            yield Mount(_plain(fields[3]), _plain(fields[4]), kind, tuple(fields[-1].split(",")))


def _plain(word: str) -> str:
    """Return a path of which blanks and backslashes are written in octal."""
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), word)
