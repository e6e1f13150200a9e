# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A timer of systemd that backs up an instance, with all that it needs on the host.

/usr/local/lib/dockyard/backup-DIGEST.pyz  the program: this collection's own backend, as the module has brought it
/etc/dockyard/backups/NAME.json            what is backed up, and how
dockyard-backup-NAME.service, .timer       units of systemd
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import os
import re
import sys

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, program, systemd
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes

from . import encryption, nightly
from .store import require_absolute

PROGRAMS = "/usr/local/lib/dockyard"
SETTINGS = "/etc/dockyard/backups"


@dataclasses.dataclass(frozen=True)
class Timer:
    """at: when, as C(OnCalendar) of systemd takes it."""

    settings: nightly.Settings
    at: str

    @property
    def name(self) -> str:
        return self.settings.request.container


def desired_files(timer: Timer) -> dict[str, tuple[bytes, int]]:
    """Return the files of a timer by their paths, each with its mode."""
    archive = program.packed("_database.backup.nightly")
    program_path = os.path.join(PROGRAMS, f"backup-{hashlib.sha256(archive).hexdigest()[:16]}.pyz")
    settings = os.path.join(SETTINGS, f"{timer.name}.json")
    python = sys.executable or "/usr/bin/python3"
    service = f"""# Written by dockyard.ops; changes are overwritten by the next run.
[Unit]
Description=Backup of the database {timer.name}
After=docker.service

[Service]
Type=oneshot
Nice=10
ExecStart={python} {program_path} {settings}
"""
    units = f"""# Written by dockyard.ops; changes are overwritten by the next run.
[Unit]
Description=Time of the backup of the database {timer.name}

[Timer]
OnCalendar={timer.at}
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {
        program_path: (archive, 0o644),
        settings: (timer.settings.encoded().encode(), 0o600),
        _unit(timer.name, "service"): (service.encode(), 0o644),
        _unit(timer.name, "timer"): (units.encode(), 0o644),
    }


def is_on(name: str) -> bool:
    """Return whether the timer waits for its time, now and after a boot."""
    return systemd.waits(_name(name, "timer"))


def check_name(name: str) -> None:
    """Raise DockyardError for a name that no container, and so no unit, can have."""
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", name):
        raise DockyardError(
            "database_instance_unknown", f"'{name}' is no name of a container; give that of the instance."
        )


def check(timer: Timer) -> None:
    """Raise DockyardError if this host can't have such a timer."""
    settings = timer.settings
    require_absolute(settings.request.folder)
    if settings.request.key_file:
        encryption.secret_of(settings.request.key_file)
    reason = systemd.why_no_calendar(timer.at)
    if reason:
        raise DockyardError(
            "database_backup_time_invalid",
            f"systemd does not understand the time '{timer.at}' ({reason}); write it as OnCalendar takes it,"
            " for instance daily or *-*-* 02:30:00.",
        )
    hook = settings.hook
    if hook and not (os.path.isabs(hook) and os.access(hook, os.X_OK) and os.path.isfile(hook)):
        raise DockyardError(
            "database_backup_hook_invalid",
            f"{hook}, given as hook, is no program on this host; write it first, as executable, and give its"
            " whole path.",
        )


def differing(timer: Timer, attributes: Attributes) -> systemd.Files:
    """Return the files that are not as they are to be."""
    return systemd.different(desired_files(timer), attributes)


def install(name: str, files: systemd.Files, attributes: Attributes) -> None:
    """Write those files of a timer and switch it on. What fails is put back."""
    was_on = is_on(name)
    unit = _name(name, "timer")
    try:
        systemd.replace(
            files,
            attributes,
            lambda: _require(name, systemd.reload() or systemd.switch_on(unit, _unit(name, "timer") in files)),
        )
    except DockyardError:
        if was_on:
            systemd.switch_on(unit, True)
        raise
    _remove_unused_programs()


def _require(name: str, complaint: str) -> None:
    if complaint:
        raise DockyardError(
            "database_backup_timer_failed", f"{complaint}; look at journalctl -u {_name(name, 'timer')}."
        )


def present(name: str) -> list[str]:
    """Return the files of an instance's timer that are there."""
    paths = [_unit(name, "timer"), _unit(name, "service"), os.path.join(SETTINGS, f"{name}.json")]
    return [path for path in paths if os.path.lexists(path)]


def remove(name: str) -> None:
    """Switch the timer off and remove its files. Backups stay."""
    if os.path.lexists(_unit(name, "timer")):
        _require(name, systemd.switch_off(_name(name, "timer")))
    for path in present(name):
        atomic_file.remove(path)
    systemd.reload()
    _remove_unused_programs()


def _remove_unused_programs() -> None:
    """Remove the programs that no timer's service names."""
    units = [atomic_file.read(path) or b"" for path in glob.glob(_unit("*", "service"))]
    for path in glob.glob(os.path.join(PROGRAMS, "backup-*.pyz")):
        if not any(path.encode() in content for content in units):
            atomic_file.remove(path)


def _unit(name: str, kind: str) -> str:
    return os.path.join(systemd.UNITS, _name(name, kind))


def _name(name: str, kind: str) -> str:
    return f"dockyard-backup-{name}.{kind}"
