# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Files with which a registry was seen to be up: a copy is kept in its instance, and put back over what did not do."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import shutil
from collections.abc import Iterator, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

_FOLDER = ".proven"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def keep(base: str, folders: Sequence[str]) -> None:
    """Keep the files of these folders of an instance as those with which its registry is up."""
    fresh, kept, old = (_path(base, end) for end in (".new", "", ".old"))
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        os.mkdir(fresh, 0o700)
        for name in folders:
            if os.path.isdir(os.path.join(base, name)):  # a registry need not have TLS of its own
                shutil.copytree(os.path.join(base, name), os.path.join(fresh, name), symlinks=True)
        if os.path.isdir(kept):
            os.rename(kept, old)
        os.rename(fresh, kept)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise not_kept(base, error) from error
    atomic_file.sync_folder(base)
    shutil.rmtree(old, ignore_errors=True)


def not_kept(base: str, reason: Exception) -> DockyardError:
    return DockyardError(
        "registry_proven_not_kept",
        f"The files with which the registry is up can't be kept in {_path(base, '')} ({reason}); look at the disk.",
        changed=True,
    )


def put_back(base: str, folders: Sequence[str]) -> bool:
    """Make each file as it was proven, and remove those that were not there. Return whether any was another one.

    A full disk is no obstacle.
    """
    kept = next((path for path in (_path(base, ""), _path(base, ".old")) if os.path.isdir(path)), "")
    changed = False
    for folder in folders:
        here, before = os.path.join(base, folder), os.path.join(kept, folder)
        if not kept or not os.path.isdir(before):
            continue
        try:
            os.makedirs(here, exist_ok=True)
            for name in set(os.listdir(here)) - set(os.listdir(before)):
                if os.path.isfile(os.path.join(here, name)):
                    os.unlink(os.path.join(here, name))
                    changed = True
            for name in _different(before, here):
                _put_file_back(os.path.join(before, name), os.path.join(here, name))
                changed = True
            atomic_file.sync_folder(here)
        except OSError as error:
            raise DockyardError(
                "registry_files_not_put_back",
                f"The proven files in {before} can't be put back in {here} ({error}); look at the disk and run again.",
                changed=True,
            ) from error
    return changed


def _different(before: str, here: str) -> Iterator[str]:
    for name in sorted(os.listdir(before)):
        proven, present = os.path.join(before, name), os.path.join(here, name)
        if os.path.isfile(proven) and not (os.path.isfile(present) and filecmp.cmp(proven, present, shallow=False)):
            yield name


def _put_file_back(proven: str, path: str) -> None:
    fresh = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    try:
        shutil.copy2(proven, fresh)
        details = os.stat(proven)
        os.chown(fresh, details.st_uid, details.st_gid)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        # A hard link needs no space. What writes into these folders exchanges files and writes into none.
        os.unlink(fresh)
        os.link(proven, fresh)
    os.rename(fresh, path)


def _path(base: str, end: str) -> str:
    return os.path.join(base, f"{_FOLDER}{end}")
