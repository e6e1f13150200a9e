# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Back up the folders of a registry's instance into one archive: what must not change in a read-only window."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import archive

from .api import Registry
from .container import Container
from .place import Place
from .read_only_window import ReadOnlyWindow
from .window_end import marker


@dataclass(frozen=True)
class Request:
    """What is asked for.

    base: the folder of the instance; folders: those below it that are archived if they are there.
    window_folders: those of them that are archived while the registry takes no uploads.
    registry: the same registry over its API, with which it is proven that it takes none; None if it can't be asked so.
    keep: how many archives of this container are kept, 0 for all.
    """

    container: Container
    base: str
    folders: Sequence[str]
    window_folders: Sequence[str]
    target: str
    keep: int = 0
    timeout: float = 21600
    start_timeout: float = 60
    registry: Registry | None = None


def back_up(request: Request, check_mode: bool) -> dict[str, Any]:
    """Write an archive, or say that it would be written. Return the module's results."""
    place = request.container.place()
    present = [folder for folder in request.folders if os.path.lexists(os.path.join(request.base, folder))]
    if not present:
        raise DockyardError(
            "registry_backup_nothing",
            f"{request.base} has none of {', '.join(request.folders)}; name the folder of the registry's instance.",
        )
    size = archive.size_of(request.base, present)
    archive.require_space(request.target, size, f"a backup of {request.base}")
    path = archive.stamped(request.target, request.container.name)
    if check_mode:
        return {"changed": True, "archive": path, "estimated_bytes": size}
    os.makedirs(request.target, mode=0o700, exist_ok=True)
    os.chmod(request.target, 0o700)
    archive.clear_parts(request.target, request.container.name)
    contents, seconds, warnings = _write(request, place, path, present)
    removed = archive.prune(request.target, request.container.name, request.keep) if request.keep > 0 else []
    return {
        "changed": True,
        "archive": path,
        "removed": removed,
        "window_seconds": round(seconds, 1),
        "warnings": warnings,
        **described(contents),
    }


def described(contents: archive.Contents) -> dict[str, Any]:
    """Return an archive's contents as the module's results."""
    return {
        "sha256": contents.sha256,
        "bytes": contents.bytes,
        "contents": {name: {"files": part.files, "bytes": part.bytes} for name, part in contents.parts.items()},
    }


def _write(
    request: Request, place: Place, path: str, present: Sequence[str]
) -> tuple[archive.Contents, float, list[str]]:
    left_out = [
        os.path.relpath(marker(place.config_file), request.base),
        os.path.relpath(f"{place.config_file}.new", request.base),
    ]
    frozen = [folder for folder in present if folder in request.window_folders]
    seconds, warnings = 0.0, []
    with archive.Writer(path, time.monotonic() + request.timeout) as writer:
        # Outside of the window, in which the configuration is another one.
        for folder in present:
            if folder not in frozen:
                writer.add(request.base, folder, left_out)
        if frozen:
            window = ReadOnlyWindow(request.container, place, request.start_timeout, request.registry)
            with _named(request.container.name), window:
                for folder in frozen:
                    writer.add(request.base, folder)
            seconds, warnings = window.seconds, window.warnings
        try:
            return writer.complete(), seconds, warnings
        except DockyardError as error:
            # The registry was restarted for its window.
            error.changed = error.changed or bool(frozen)
            raise


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Say of an error in the window what became of the registry."""
    try:
        yield
    except DockyardError as error:
        if error.code.startswith("registry_"):
            raise
        raise DockyardError(
            "registry_backup_failed",
            f"The data of the registry {name} could not be archived; the registry is back in read-write service."
            f" {error.message}",
            changed=True,
        ) from error
