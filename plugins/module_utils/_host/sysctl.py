# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read and set a parameter of the kernel: what it is now, and what it is set to when the host boots."""

from __future__ import annotations

import os

# As systemd-sysctl reads them, see sysctl.d(5): a file of an earlier folder replaces one of the same name in a later
# one, and of all files, in the order of their names, the last assignment counts.
_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")


def now(name: str) -> str | None:
    """Return what a parameter is now; None if the kernel does not have it."""
    return _read(_path(name))


def write(name: str, value: str) -> bool:
    """Set a parameter until the next boot. Return whether the kernel has taken it."""
    try:
        with open(_path(name), "w", encoding="ascii") as file:
            file.write(value)
    except OSError:
        return False
    return True


def _path(name: str) -> str:
    """Return the file of a parameter. As for sysctl(8), a name with slashes may have dots in its parts."""
    return os.path.join("/proc/sys", *name.split("/" if "/" in name else "."))


def at_boot(*names: str) -> str | None:
    """Return what a parameter is set to at each boot, None if nothing sets it.

    names: those that the parameter goes by.
    """
    value = None
    for path in _files():
        for line in (_read(path) or "").splitlines():
            key, separator, text = line.strip().lstrip("-").partition("=")
            if separator and not key.startswith(("#", ";")) and key.strip().replace("/", ".") in names:
                value = text.strip()
    return value


def _files() -> list[str]:
    found: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".conf"):
                found.setdefault(name, os.path.join(folder, name))
    return [found[name] for name in sorted(found)]


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
