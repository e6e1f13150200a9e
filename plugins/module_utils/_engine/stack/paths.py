# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Paths on the host that a definition names."""

from __future__ import annotations

import os

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


def complete(place: str, path: str, folder: str) -> str:
    """Return a whole path. Raise DockyardError if nothing says from which folder it counts.

    folder: of the compose file; empty without one.
    """
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded) and not folder:
        raise DockyardError(
            "stack_path_relative",
            f"{place} names {path}, and without compose_file nothing says from which folder that counts; write the"
            " whole"
            " path.",
        )
    return os.path.normpath(os.path.join(folder, expanded))
