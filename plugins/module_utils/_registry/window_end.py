# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Close the read-only window of a registry, whoever has opened it."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import overlay
from .container import Container

_PAUSE = 0.5  # seconds


def marker(config_file: str) -> str:
    """Return the path of the configuration that a window sets aside."""
    return f"{config_file}.read-write"


def close(container: Container, config_file: str, start_timeout: float) -> bool:
    """Close a window that a run left open. Return False if none is open.

    A registry whose container is gone gets its configuration back all the same.
    """
    aside = marker(config_file)
    if not os.path.exists(aside):
        return False
    _put_back(config_file)
    if not _is_gone(container, start_timeout) and not container.restart(start_timeout):
        raise DockyardError(
            "registry_window_not_closed",
            f"The registry in the container {container.name} is not back in read-write service after its read-only"
            f" window; look at docker logs {container.name} and run the role dockyard.ops.registry.",
            changed=True,
        )
    os.unlink(aside)
    atomic_file.sync_folder(os.path.dirname(config_file))
    return True


def _is_gone(container: Container, seconds: float) -> bool:
    """Return whether there is no container. The engine itself may be restarting at this moment, so it is waited for."""
    end = time.monotonic() + seconds
    while True:
        try:
            return container.details() is None
        except DockyardError as error:
            if time.monotonic() >= end:
                error.changed = True
                raise
            time.sleep(_PAUSE)


def _put_back(config_file: str) -> None:
    """Give the configuration its name again; a hard link needs no space, and the marker stays."""
    reason = overlay.lift(config_file)
    if reason:
        raise DockyardError(
            "registry_window_not_closed",
            f"What is mounted over {config_file} in the read-only window can't be taken away ({reason}); do that with"
            " umount, and restart the registry.",
            changed=True,
        )
    fresh = f"{config_file}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    try:
        os.link(marker(config_file), fresh)
        os.rename(fresh, config_file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)  # a rename between two names of one file does nothing
        atomic_file.sync_folder(os.path.dirname(config_file))
    except OSError as error:
        raise DockyardError(
            "registry_window_not_closed",
            f"{marker(config_file)} can't be put back as {config_file} ({error.strerror}); do that by hand, and restart"
            " the registry.",
            changed=True,
        ) from error
