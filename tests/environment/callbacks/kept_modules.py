# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the payloads that Ansible builds of modules, from one run of Ansible to the next.

A test starts Ansible dozens of times, and half of the controller's processor time then goes into building the same
payloads again. Ansible keeps them for one run in its local temporary folder, and locks and renames there as is
needed for several processes. This callback makes that place a link to a folder that outlives the run, whose name is
a digest of everything that a payload is made of. The payloads themselves are Ansible's own, unchanged.

DOCKYARD_PLAIN=1 in the environment leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sys
import time

import ansible
from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__

DOCUMENTATION = r"""
name: kept_modules
type: aggregate
short_description: Keeps built payloads of modules between runs
description: For this collection's tests only.
"""
ROOT = pathlib.Path(__file__).resolve().parents[3]
KEPT = ROOT / ".cache" / "built_modules"
DAY = 24 * 3600


def foreign_folders() -> list[pathlib.Path]:
    """Return the folders with modules that are not this collection's, and with what those import."""
    core = pathlib.Path(ansible.__file__).parent
    plugins = sorted((ROOT / ".cache" / "collections" / "ansible_collections").glob("*/*/plugins"))
    others = [folder for folder in plugins if folder.parts[-3] != "dockyard"]
    return [folder / part for folder in (core, *others) for part in ("modules", "module_utils")]


def digest() -> str:
    """Return a digest of everything that goes into a payload: our own files' content, and size and time of others'."""
    found = hashlib.sha256(f"{__version__} {sys.version} {ROOT}".encode())
    for file in sorted((ROOT / "plugins").rglob("*.py")):
        found.update(f"{file.relative_to(ROOT)}\0".encode())
        found.update(hashlib.sha256(file.read_bytes()).digest())
    for folder in foreign_folders():
        for path, _folders, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.endswith(".py"):
                    status = os.stat(os.path.join(path, name))
                    found.update(f"{path}/{name} {status.st_size} {status.st_mtime_ns}\0".encode())
    return found.hexdigest()[:16]


def remove_older(used: pathlib.Path) -> None:
    """Remove the payloads of which no run has made use for a day."""
    for folder in KEPT.iterdir():
        if folder != used and time.time() - folder.stat().st_mtime > DAY:
            shutil.rmtree(folder, ignore_errors=True)


class CallbackModule(CallbackBase):
    """Puts the link in place before the first task; at the end, compares what was kept with what its name says."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kept_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.kept: pathlib.Path | None = None
        if os.environ.get("DOCKYARD_PLAIN"):
            return
        self.kept = KEPT / digest()
        self.kept.mkdir(parents=True, exist_ok=True)
        os.utime(self.kept)
        remove_older(self.kept)
        os.symlink(self.kept, os.path.join(vars(constants)["DEFAULT_LOCAL_TMP"], "ansiballz_cache"))

    def v2_playbook_on_stats(self, stats: object) -> None:
        """Throw away what was kept if a file was edited in the middle of the run: some of it may be of the new file."""
        if self.kept is not None and self.kept.name != digest():
            for file in self.kept.iterdir():
                file.unlink(missing_ok=True)
