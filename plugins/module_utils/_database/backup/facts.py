# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How the last backup of each instance ended, as a local fact of Ansible."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .store import Store

FOLDER = "/etc/ansible/facts.d"
_NOTES, _FACT = "dockyard_backups.json", "dockyard_backups.fact"
# The age is that of the moment in which facts are read.
_PROGRAM = f"""#!{{python}}
import json, time
try:
    with open("{FOLDER}/{_NOTES}") as file:
        found = json.load(file)
except (OSError, ValueError):
    found = {{{{}}}}
for each in found.values():
    each["last_good_age"] = int(time.time()) - each["last_good_at"] if each["last_good_at"] else None
print(json.dumps(found))
"""


def note(name: str, store: Store, failure: str) -> None:
    """Note how a backup ended. failure: a sentence; "" if it was made."""
    good = store.good()
    newest = good[0] if good else None
    _write(
        name,
        {
            "ok": not failure,
            "message": failure,
            "ended_at": int(time.time()),
            "last_good": newest.path if newest else "",
            "last_good_at": int(newest.manifest.made) if newest else 0,
            "good": len(good),
        },
    )


def note_further(name: str, what: str, failure: str) -> None:
    """Note how what follows a backup ended. what: V(rehearsal) or V(elsewhere)."""
    _write(name, {what: {"ok": not failure, "message": failure, "ended_at": int(time.time())}})


def _write(name: str, values: dict[str, Any]) -> None:
    if not os.path.isdir(FOLDER):
        os.makedirs(FOLDER, exist_ok=True)
        # Whatever the umask is: users without privileges read facts as well.
        os.chmod(FOLDER, 0o755)
    path = os.path.join(FOLDER, _NOTES)
    with atomic_file.locked(FOLDER):
        found: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            found = json.loads(atomic_file.read(path) or b"{}")
        found[name] = {**found.get(name, {}), **values}
        atomic_file.write(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(), mode=0o644)
        fact = os.path.join(FOLDER, _FACT)
        program = _PROGRAM.format(python=sys.executable or "/usr/bin/python3").encode()
        if atomic_file.read(fact) != program or not os.access(fact, os.X_OK):
            atomic_file.write(fact, program, mode=0o755)
