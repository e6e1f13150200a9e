# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the page on performance: a time of ours against that of a peer."""

from __future__ import annotations

Row = dict[str, object]


def row(subject: str, ours: float, peer: str, theirs: float, wanted: str, faster: float = 0, within: float = 0) -> Row:
    """Return a row that is held if ours is so many times faster, or within so many times theirs. Times are seconds."""
    ratio = theirs / ours if faster else ours / theirs
    return {
        "subject": subject,
        "ours_seconds": ours,
        "peer": peer,
        "peer_seconds": theirs,
        "ratio": ratio,
        "wanted": wanted,
        "held": ratio >= faster if faster else ratio <= within,
    }
