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
import io
import os
import re
import sys
import zipfile
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, run

from . import encryption, nightly
from .store import require_absolute

PROGRAMS = "/usr/local/lib/dockyard"
SETTINGS = "/etc/dockyard/backups"
UNITS = "/etc/systemd/system"
_PACKAGE = "ansible_collections.dockyard.ops.plugins.module_utils"
_MAIN = f"import sys\nfrom {nightly.__name__} import main\nsys.exit(main(sys.argv[1:]))\n"
_SECONDS = 60.0
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that equal programs are equal archives


@dataclasses.dataclass(frozen=True)
class Timer:
    """at: when, as C(OnCalendar) of systemd takes it."""

    settings: nightly.Settings
    at: str

    @property
    def name(self) -> str:
        return self.settings.request.container


def program() -> bytes:
    """Return an archive that Python runs, of the modules of this collection that are loaded here."""
    found = {"__main__.py": _MAIN}
    parts = _PACKAGE.split(".")
    for name in [".".join(parts[: length + 1]) for length in range(len(parts))]:
        found[f"{name.replace('.', '/')}/__init__.py"] = ""
    for name, module in list(sys.modules.items()):
        source = _source(name, module) if name.startswith(f"{_PACKAGE}._") else None
        if source is not None:
            found[f"{name.replace('.', '/')}.py"] = source
            found[f"{name.rpartition('.')[0].replace('.', '/')}/__init__.py"] = ""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(found):
            archive.writestr(zipfile.ZipInfo(path, _LONG_AGO), found[path], zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _source(name: str, module: object) -> str | None:
    """Return the source of a module; None for a package, and for the one module that needs Ansible."""
    loader: Any = getattr(getattr(module, "__spec__", None), "loader", None)
    if name == f"{_PACKAGE}._module" or hasattr(module, "__path__") or not hasattr(loader, "get_source"):
        return None
    source: str | None = loader.get_source(name)
    return source


def desired_files(timer: Timer) -> dict[str, tuple[bytes, int]]:
    """Return the files of a timer by their paths, each with its mode."""
    archive = program()
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
    unit = os.path.basename(_unit(name, "timer"))
    return all(
        run(["systemctl", how, "--quiet", unit], _SECONDS).returncode == 0 for how in ("is-active", "is-enabled")
    )


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
    done = run(["systemd-analyze", "calendar", timer.at], _SECONDS)
    if done.returncode != 0 or "\n" in timer.at:
        raise DockyardError(
            "database_backup_time_invalid",
            f"systemd does not understand the time '{timer.at}' ({last_line(done)}); write it as OnCalendar takes it,"
            " for instance daily or *-*-* 02:30:00.",
        )
    hook = settings.hook
    if hook and not (os.path.isabs(hook) and os.access(hook, os.X_OK) and os.path.isfile(hook)):
        raise DockyardError(
            "database_backup_hook_invalid",
            f"{hook}, given as hook, is no program on this host; write it first, as executable, and give its"
            " whole path.",
        )


def differing(timer: Timer) -> list[str]:
    """Return the paths of the files that are not as they are to be."""
    return [
        path
        for path, (content, mode) in desired_files(timer).items()
        if atomic_file.read(path) != content or os.stat(path).st_mode & 0o777 != mode
    ]


def install(timer: Timer) -> None:
    """Write the files and switch the timer on. What fails is put back."""
    wanted = desired_files(timer)
    before = {path: atomic_file.read(path) for path in wanted}
    was_on = is_on(timer.name)
    try:
        for path, (content, mode) in wanted.items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            atomic_file.write(path, content, mode=mode)
        _switch(timer.name, "enable")
    except DockyardError:
        for path, former in before.items():
            if former is None:
                atomic_file.remove(path)
            else:
                atomic_file.write(path, former, mode=wanted[path][1])
        run(["systemctl", "daemon-reload"], _SECONDS)
        if was_on:
            _switch(timer.name, "enable")
        raise
    _remove_unused_programs()


def _switch(name: str, how: str) -> None:
    unit = os.path.basename(_unit(name, "timer"))
    for words in (["daemon-reload"], [how, "--now", unit], *([["restart", unit]] if how == "enable" else [])):
        done = run(["systemctl", *words], _SECONDS)
        if done.returncode != 0:
            raise DockyardError(
                "database_backup_timer_failed",
                f"systemctl {' '.join(words)} failed ({last_line(done)}); look at journalctl -u {unit}.",
            )


def present(name: str) -> list[str]:
    """Return the files of an instance's timer that are there."""
    paths = [_unit(name, "timer"), _unit(name, "service"), os.path.join(SETTINGS, f"{name}.json")]
    return [path for path in paths if os.path.lexists(path)]


def remove(name: str) -> None:
    """Switch the timer off and remove its files. Backups stay."""
    if os.path.lexists(_unit(name, "timer")):
        _switch(name, "disable")
    for path in present(name):
        atomic_file.remove(path)
    run(["systemctl", "daemon-reload"], _SECONDS)
    _remove_unused_programs()


def _remove_unused_programs() -> None:
    """Remove the programs that no timer's service names."""
    units = [atomic_file.read(path) or b"" for path in glob.glob(_unit("*", "service"))]
    for path in glob.glob(os.path.join(PROGRAMS, "backup-*.pyz")):
        if not any(path.encode() in content for content in units):
            atomic_file.remove(path)


def _unit(name: str, kind: str) -> str:
    return os.path.join(UNITS, f"dockyard-backup-{name}.{kind}")
