# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask firewalld which zones it has bound network devices to."""

from __future__ import annotations

import shutil

from . import commands

_INTERFACES = "interfaces:"


def zones_of_devices() -> dict[str, str]:
    """Return the zone that each device is bound to now; nothing where firewalld is not there or does not run."""
    if not shutil.which("firewall-cmd"):
        return {}
    done = commands.run(["firewall-cmd", "--get-active-zones"], timeout=60)
    if done.returncode != 0:
        return {}
    found, zone = {}, ""
    for line in done.stdout.splitlines():
        name, _separator, rest = line.strip().partition(" ")
        if not line.startswith((" ", "\t")):
            zone = name  # the default one has a remark behind it
        elif name == _INTERFACES:
            found.update(dict.fromkeys(rest.split(), zone))
    return found
