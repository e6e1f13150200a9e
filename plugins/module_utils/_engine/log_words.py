# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Choose, of what dockerd and systemd write, the words that tell why."""

from __future__ import annotations

import re

# Also what systemd says about the unit itself.
_NOISE = re.compile(
    r"level=(debug|info|warning)|^(Starting|Started|Stopping|Stopped|Failed to start) |^docker\.service: "
)
_EXIT = re.compile(
    r"process exited|timed out|terminated|Failed to (load environment files|run '|spawn |locate executable)"
    r"|Failed at step|Unable to locate executable|Changing to the requested working directory failed"
)
_ERROR = re.compile(
    r"level=(error|fatal|panic)|^failed to |^unable to |^Error|dockerd needs|invalid|flag", re.IGNORECASE
)


def most_telling(lines: list[str], most: int = 4) -> str:
    """Return at most so many of the lines as one: errors, or the last ones if there are none."""
    errors = [line for line in lines if _ERROR.search(line) and not _NOISE.search(line)]
    chosen = errors or [line for line in lines if line.strip() and not _NOISE.search(line)]
    ends = [line for line in lines if line.startswith("docker.service: ") and _EXIT.search(line)]
    # An ExecStartPre or -Post that fails ends the engine too, whose last words are about that. Where the engine itself
    # has said nothing, systemd's words are all.
    chosen = [*chosen, *(line for line in ends if "Main process exited" not in line)] if chosen else ends
    messages = [_log_message(line) for line in chosen]
    return "; ".join(dict.fromkeys(messages[-most:]))


def _log_message(line: str) -> str:
    """Return a line of the engine's log without time stamp and level."""
    fields = re.search(r'msg="((?:[^"\\]|\\.)*)"(.*)', line)
    if not fields:
        return line.strip().rstrip(".;")
    reason = re.search(r'error="((?:[^"\\]|\\.)*)"', fields[2])
    return (fields[1] + (f": {reason[1]}" if reason else "")).replace('\\"', '"')
