# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Measure disk space on the managed host: what is free, and what files occupy."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections.abc import Iterator

from . import atomic_file


def existing_folder(path: str) -> str:
    """Return the path itself, or the nearest folder above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def free_bytes(path: str) -> int:
    """Return how much an ordinary program may still write at a path, which need not exist yet."""
    folder = existing_folder(path)
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise atomic_file.explain("read", folder, error) from error
    return status.f_bavail * status.f_frsize


@dataclasses.dataclass(frozen=True)
class Room:
    """What a file system still takes: bytes, and files; None where their number has no limit."""

    bytes: int
    files: int | None


def room_of_root(path: str) -> Room:
    """Return what a program of root may still write at a path, which need not exist yet: with what is kept for root."""
    folder = existing_folder(path)
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise atomic_file.explain("read", folder, error) from error
    return Room(status.f_bfree * status.f_frsize, status.f_ffree if status.f_files else None)


def on_one_file_system(path: str, other: str) -> bool:
    """Return whether two paths, which need not exist yet, are on the same file system."""
    return os.stat(existing_folder(path)).st_dev == os.stat(existing_folder(other)).st_dev


def content_bytes(path: str) -> int:
    """Return the sizes of all files below a folder, or of one file; 0 for nothing.

    What vanishes while they are counted is left out.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            return status.st_size
    total = 0
    for entry in _walk(path):
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file(follow_symlinks=False):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        yield entry
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
