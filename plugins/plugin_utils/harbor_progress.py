# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The progress of a Harbor upgrade as a line to read."""

from __future__ import annotations

import time
from typing import Any

_UNITS = ("B", "kB", "MB", "GB", "TB")


def line(progress: dict[str, Any], now: float | None = None) -> str:
    """Return, for instance, "7/19 Copying the data while Harbor is up: 1.2 GB of 3.4 GB, 210 MB/s, 11 s left; up"."""
    if not progress.get("step"):
        return "beginning"
    text = f"{progress['number']}/{progress['count']} {progress['text']}"
    if progress.get("done"):
        # How large a download is need not be known.
        of = f" of {size(progress['total'])}" if progress.get("total") else ""
        text += f": {size(progress['done'])}{of}"
        if progress.get("rate"):
            text += f", {size(progress['rate'])}/s"
        if progress.get("left") is not None:
            text += f", {duration(progress['left'])} left"
    return f"{text}; {_service(progress, time.time() if now is None else now)}"


def _service(progress: dict[str, Any], now: float) -> str:
    down_since = progress.get("down_since")
    if down_since is not None:
        return f"down for {duration(progress.get('downtime', 0) + now - down_since)}"
    if progress.get("downtime"):
        return f"up again after {duration(progress['downtime'])}"
    return "serving"


def size(amount: float) -> str:
    """Return bytes with a unit of powers of 1000, as disks and networks are sold."""
    power = 0
    while amount >= 1000 and power < len(_UNITS) - 1:
        amount /= 1000
        power += 1
    digits = 0 if power < 2 or amount >= 100 else 1
    return f"{amount:.{digits}f} {_UNITS[power]}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
