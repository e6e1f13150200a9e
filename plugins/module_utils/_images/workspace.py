# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The folder that a build works in: one build at a time on a host, and what a build that was killed left is removed."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.processes import interruptible
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import InvalidRecord, StateDir

from .engine import Docker
from .programs import Budget, no_space_in

_NOTE = "build.json"
_PREFIX = "dockyard-image-"


@contextlib.contextmanager
def workspace(directory: str, docker: Docker, budget: Budget) -> Iterator[pathlib.Path]:
    """Make a folder in a directory for one build, and remove it afterwards.

    Another build on this host is waited for. One that was killed has left a note of where it worked; what it left there
    and in the engine is removed first.
    """
    state = StateDir("images")
    with state.locked(budget.left()):
        _sweep(state, docker)
        with interruptible(_interrupted), _space(directory), _umask(0o022):
            folder = tempfile.mkdtemp(prefix=_PREFIX, dir=directory)
            try:
                state.write_record(_NOTE, {"folder": folder, "pid": os.getpid()})
                yield pathlib.Path(folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                atomic_file.remove(state.file(_NOTE))


def _sweep(state: StateDir, docker: Docker) -> None:
    """Remove what a build that was killed left in its folder and in the engine."""
    try:
        note = state.read_record(_NOTE)
    except InvalidRecord:
        note = {}
    if note is None:
        return
    folder = str(note.get("folder", ""))
    if os.path.basename(folder).startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    docker.sweep()
    atomic_file.remove(state.file(_NOTE))


def _interrupted(by: str) -> DockyardError:
    return DockyardError("image_interrupted", f"The building of an image was interrupted by {by}; run it again.")


@contextlib.contextmanager
def _space(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space_in(directory) from error
        raise DockyardError(
            "image_directory_unusable",
            f"The folder {directory} can't be used for building an image ({error.strerror or error}); name another one"
            " with build_directory.",
        ) from error


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
