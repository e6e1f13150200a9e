# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Whether systemd runs this host, and timers of it whose units this collection writes.

Their files are replaced as one, and each timer is proven to wait for its time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from . import atomic_file, commands
from .file_set import Attributes, FileSet

UNITS = "/etc/systemd/system"
_SECONDS = 60.0

# Content and mode of each file by its path; None for one that is to be absent.
Files = Mapping[str, "tuple[bytes | None, int]"]


def booted_by_systemd() -> bool:
    """Return whether systemd runs this host, by the rule of sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def why_no_calendar(calendar: str) -> str:
    """Return why systemd does not take a time as C(OnCalendar); empty if it does."""
    if "\n" in calendar:
        return "it has several lines"
    done = commands.run(["systemd-analyze", "calendar", "--", calendar], _SECONDS)
    return "" if done.returncode == 0 else commands.last_line(done)


def waits(unit: str) -> bool:
    """Return whether a timer waits for its time, now and after a boot."""
    return not (_complaint("--quiet", "is-active", unit) or _complaint("--quiet", "is-enabled", unit))


def different(files: Files, attributes: Attributes) -> dict[str, tuple[bytes | None, int]]:
    """Return the files that are not as they are to be."""
    return {
        path: (content, mode)
        for path, (content, mode) in files.items()
        if atomic_file.read(path) != content or (content is not None and attributes.differ(path, mode))
    }


def replace(files: Files, attributes: Attributes, start: Callable[[], None]) -> None:
    """Write and remove files as one.

    start: has systemd take them over, and raises DockyardError if it does not; then all files are put back.
    """
    try:
        with FileSet(attributes) as changes:
            for path, (content, mode) in files.items():
                if content is None:
                    changes.remove(path)
                else:
                    changes.make_folders(os.path.dirname(path))
                    changes.write(path, content, mode)
            changes.commit(start)
    except Exception:
        reload()
        raise


def reload() -> str:
    """Have systemd read its units. Return its complaint, or an empty string."""
    return _complaint("daemon-reload")


def switch_on(unit: str, changed: bool) -> str:
    """Have a timer wait for its time, and look whether it does. Return what speaks against it, or an empty string.

    changed: its unit is another one than when it was started. A timer that runs takes a new time only by a restart.
    """
    return (
        _complaint("enable", unit)
        or _complaint("restart" if changed else "start", unit)
        or ("" if waits(unit) else f"{unit} does not wait for its time")
    )


def switch_off(unit: str) -> str:
    """Stop a timer, and have it not start at boot. Return systemd's complaint, or an empty string."""
    return _complaint("disable", "--now", unit)


def _complaint(*arguments: str) -> str:
    done = commands.run(["systemctl", *arguments], _SECONDS)
    return "" if done.returncode == 0 else f"systemctl {' '.join(arguments)} failed ({commands.last_line(done)})"
