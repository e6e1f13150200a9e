# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Where the files of a registry are, in its container and on the host."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where the files of a registry are.

    config: the configuration file as the container sees it; config_file: the same on the host.
    environment: the container's variables, NAME=VALUE, some of which win over the file.
    """

    config: str
    config_file: str
    mounts: tuple[tuple[str, str], ...]  # destination in the container, source on the host
    environment: tuple[str, ...] = ()

    def on_host(self, path: str) -> str | None:
        """Return where a path of the container is on the host; None if it is in no mount."""
        for destination, source in sorted(self.mounts, key=lambda mount: -len(mount[0])):
            if path == destination or path.startswith(f"{destination.rstrip('/')}/"):
                return os.path.normpath(os.path.join(source, os.path.relpath(path, destination)))
        return None
