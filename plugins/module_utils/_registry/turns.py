# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Work on a registry that may have been left in a read-only window, by one run at a time."""

from __future__ import annotations

import os
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import window_end
from .container import Container

# Another run may be in its window; its guardian closes it within two starts of the registry.
LOCK_SECONDS = 30.0


def in_turn(
    registry: Container,
    start_timeout: float,
    work: Callable[[], dict[str, Any]],
    *,
    check_mode: bool = False,
    patience: float = LOCK_SECONDS,
) -> dict[str, Any]:
    """Close what a killed run left open, then do the work. Return its results.

    patience: seconds to wait for another run.
    """
    config_file = registry.place().config_file
    with atomic_file.locked(os.path.dirname(config_file), patience):
        if check_mode:
            result = work()
            return {**result, "changed": result["changed"] or os.path.exists(window_end.marker(config_file))}
        closed = window_end.close(registry, config_file, start_timeout)
        try:
            result = work()
        except DockyardError as error:
            error.changed = error.changed or closed
            raise
    return {**result, "changed": result["changed"] or closed}
