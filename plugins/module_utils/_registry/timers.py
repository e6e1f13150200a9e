# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Timers of systemd that look after a registry, the program that they start, and how their last runs ended."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands, program, systemd
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes

from . import scheduled

_PROGRAM = "program.pyz"
_SYSTEMCTL_SECONDS = 60
_TEXTS = {
    "backup": "Backup",
    "garbage_collection": "Garbage collection",
    "retention": "Deletion of old tags",
    "renewal": "Renewal of the certificate",
}
_SERVICE = """# Written by dockyard.ops.registry_timers; changes here are overwritten.
[Unit]
Description={text} of the registry {name}
Wants=docker.service
After=docker.service network-online.target

[Service]
Type=oneshot
ExecStart={python} {program} {name} {work}
# What closes a read-only window after a kill is a process of this unit, and needs the time of a start.
TimeoutStopSec={stop}
OOMPolicy=continue
"""
_TIMER = """# Written by dockyard.ops.registry_timers; changes here are overwritten.
[Unit]
Description={text} of the registry {name}

[Timer]
OnCalendar={calendar}
RandomizedDelaySec={delay}
Persistent=true

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True)
class Wanted:
    """What there is to be.

    calendars: when each work is done, as OnCalendar of systemd has it; works without one have no timer.
    settings: what the program reads. delay: most seconds that each run is late by chance.
    """

    name: str
    calendars: dict[str, str]
    settings: dict[str, Any] = field(repr=False)
    delay: int = 0


class Timers:
    """The timers of one registry."""

    def __init__(self, wanted: Wanted, attributes: Attributes) -> None:
        self._wanted = wanted
        self._attributes = attributes
        self._state = scheduled.folder(wanted.name)

    def unit(self, work: str, kind: str) -> str:
        """Return the name of a unit."""
        return f"dockyard-registry-{self._wanted.name}-{work.replace('_', '-')}.{kind}"

    def check(self) -> None:
        """Raise DockyardError for what systemd does not take."""
        for work, calendar in self._wanted.calendars.items():
            reason = systemd.why_no_calendar(calendar)
            if reason:
                raise DockyardError(
                    "registry_timer_calendar",
                    f"calendar of {work} is '{calendar}', which systemd does not understand ({reason}); give a time"
                    " such as '*-*-* 02:00:00', see systemd.time(7).",
                )

    def _files(self) -> systemd.Files:
        """Return the files as they are to be."""
        found: dict[str, tuple[bytes | None, int]] = {}
        any_at_all = bool(self._wanted.calendars)
        settings = json.dumps(self._wanted.settings, indent=1, sort_keys=True).encode() + b"\n"
        found[self._state.file(_PROGRAM)] = (program.packed("_registry.scheduled") if any_at_all else None, 0o600)
        found[self._state.file(scheduled.SETTINGS)] = (settings if any_at_all else None, 0o600)
        for work in scheduled.WORKS:
            values = {
                "text": _TEXTS[work],
                "name": self._wanted.name,
                "work": work,
                "python": sys.executable,
                "program": self._state.file(_PROGRAM),
                "stop": 3 * self._wanted.settings["start_timeout"] + 60,
                "calendar": self._wanted.calendars.get(work, ""),
                "delay": self._wanted.delay,
            }
            for kind, text in (("service", _SERVICE), ("timer", _TIMER)):
                content = text.format(**values).encode() if work in self._wanted.calendars else None
                found[os.path.join(systemd.UNITS, self.unit(work, kind))] = (content, 0o644)
            if work not in self._wanted.calendars:
                found[self._state.file(scheduled.outcome_file(work))] = (None, 0o600)
        return found

    def different(self) -> dict[str, tuple[bytes | None, int]]:
        """Return the files that are not as they are to be."""
        return systemd.different(self._files(), self._attributes)

    def idle(self) -> list[str]:
        """Return the timers that are to wait for their time and do not, though they are written already."""
        units = [self.unit(work, "timer") for work in self._wanted.calendars]
        return [unit for unit in units if not systemd.waits(unit)]

    def apply(self) -> None:
        """Make it so, and prove that each timer waits for its time; what was there comes back if one does not."""
        different = self.different()
        if self._wanted.calendars:
            self._state.create()
        gone = [os.path.basename(path) for path, (content, _mode) in different.items() if content is None]
        for unit in (name for name in gone if name.endswith(".timer")):
            self._require(systemd.switch_off(unit))
        systemd.replace(different, self._attributes, lambda: self._start(different))
        if not self._wanted.calendars and os.path.isdir(self._state.path) and not os.listdir(self._state.path):
            os.rmdir(self._state.path)

    def _start(self, different: systemd.Files) -> None:
        if any(path.startswith(systemd.UNITS) for path in different):
            self._require(systemd.reload())
        for work in self._wanted.calendars:
            unit = self.unit(work, "timer")
            self._require(systemd.switch_on(unit, os.path.join(systemd.UNITS, unit) in different))

    def _require(self, complaint: str) -> None:
        if complaint:
            raise DockyardError(
                "registry_timer_failed",
                f"The timers of the registry {self._wanted.name} could not be set up: {complaint}. The files from"
                " before were put back.",
                changed=True,
            )

    def report(self) -> list[dict[str, Any]]:
        """Return for each work its time, the next run, and how the last one ended; None as long as there was none."""
        found = []
        for work, calendar in self._wanted.calendars.items():
            unit = self.unit(work, "timer")
            shown = commands.run(
                ["systemctl", "show", "--property=NextElapseUSecRealtime", "--value", unit], _SYSTEMCTL_SECONDS
            )
            try:
                last = self._state.read_record(scheduled.outcome_file(work))
            except ValueError:
                last = None
            found.append({"work": work, "calendar": calendar, "unit": unit, "next": shown.stdout.strip(), "last": last})
        return found
