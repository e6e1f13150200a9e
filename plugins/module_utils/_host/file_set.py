# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Change several files and folders as one.

First everything new is staged beside its place, which is where a full disk or a read-only file
system shows; nothing that anybody reads has changed until then. Then come only renames, in the
order asked for. What was there before is kept beside it until the last one is done, so that putting it
back needs neither space nor new content: it is the very same file again, with its owner, mode and times.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import atomic_file


class Attributes:
    """Owner, group and mode that files are to have. A module adds the SELinux context."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid

    def differ(self, path: str, mode: int) -> bool:
        """Return whether an existing file or folder has other ones, or is a symbolic link."""
        status = os.lstat(path)
        return (
            stat.S_ISLNK(status.st_mode)
            or stat.S_IMODE(status.st_mode) != mode
            or (status.st_uid, status.st_gid) != (self.uid, self.gid)
        )

    def apply(self, path: str, destination: str, mode: int) -> None:
        """Set them on the file at path, which is renamed to destination later."""
        status = os.lstat(path)
        if (status.st_uid, status.st_gid) != (self.uid, self.gid):
            os.chown(path, self.uid, self.gid)
        os.chmod(path, mode)


@dataclass
class _Step:
    path: str
    # What takes its place: a staged file or folder, or nothing.
    new: str | None
    # What was there before, under the name that it has in the meantime.
    kept: str | None = None
    before: tuple[int, ...] | None = None
    done: bool = False


@dataclass
class FileSet:
    """Collect changes of files and folders, and make them as one.

        with FileSet(attributes) as files:
            files.write(...)
            files.remove(...)
            files.commit()

    Leaving the block without commit(), or with an exception, puts everything back.
    """

    attributes: Attributes
    _steps: list[_Step] = field(default_factory=list)
    _created: list[str] = field(default_factory=list)
    _folders_before: list[tuple[str, os.stat_result]] = field(default_factory=list)
    _committed: bool = False

    def __enter__(self) -> FileSet:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self._committed:
            lost = self._put_back()
            if lost:
                raise DockyardError(
                    "file_rollback_failed",
                    f"{error or 'The change was called off.'} Putting back what was there failed too:"
                    f" fix {'; '.join(lost)}.",
                    changed=True,
                ) from error
            if isinstance(error, DockyardError) and any(map(os.path.isdir, self._created)):
                error.changed = True  # another process has begun to use a new folder

    def make_folders(self, path: str, mode: int = 0o755) -> None:
        """Create a folder and its parents at once, if they are missing."""
        missing = []
        while not os.path.isdir(path):
            if os.path.lexists(path):
                raise DockyardError(
                    "file_in_place_of_folder", f"{path} is in the place of a folder; move it away and run again."
                )
            missing.append(path)
            path = os.path.dirname(path)
        for folder in reversed(missing):
            try:
                os.mkdir(folder)
                self._created.append(folder)
                self.attributes.apply(folder, folder, mode)
            except OSError as error:
                raise atomic_file.explain("create", folder, error) from error

    def write_folder(self, path: str, mode: int, contents: dict[str, tuple[bytes, int]]) -> None:
        """Stage a folder that does not exist yet, with all its files: readers see it whole or not at all.

        contents: content and mode by name.
        """
        try:
            staged = tempfile.mkdtemp(prefix=atomic_file.PREFIX, dir=os.path.dirname(path))
        except OSError as error:
            raise atomic_file.explain("create", path, error) from error
        self._steps.append(_Step(path, staged))
        for name, (content, file_mode) in contents.items():
            temporary = self._stage(os.path.join(staged, name), os.path.join(path, name), content, file_mode)
            os.rename(temporary, os.path.join(staged, name))
        try:
            self.attributes.apply(staged, path, mode)
            atomic_file.fsync_folder(staged)
        except OSError as error:
            raise atomic_file.explain("create", path, error) from error

    def _stage(self, path: str, destination: str, content: bytes, mode: int) -> str:
        try:
            return atomic_file.stage(
                path, content, set_attributes=lambda temporary: self.attributes.apply(temporary, destination, mode)
            )
        except DockyardError as error:
            # A staged folder is not known to the user.
            error.args = (error.message.replace(path, destination),)
            raise

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Stage a file's new content. A symbolic link in its place is replaced, not followed."""
        self._steps.append(_Step(path, self._stage(path, path, content, mode)))

    def remove(self, path: str) -> None:
        """Stage the removal of a file, or of a folder with all that is in it."""
        self._steps.append(_Step(path, None))

    def set_folder_attributes(self, path: str, mode: int) -> None:
        """Set owner and mode of an existing folder, at once."""
        try:
            self._folders_before.append((path, os.stat(path)))
            self.attributes.apply(path, path, mode)
        except OSError as error:
            raise atomic_file.explain("set owner and mode of", path, error) from error

    def commit(self, verify: Callable[[], None] | None = None) -> None:
        """Make all changes; an exception in the middle means that all is put back.

        verify: inspects the result and raises DockyardError if it is not what it should be.
        """
        for step in self._steps:
            try:
                self._carry_out(step)
            except OSError as error:
                raise atomic_file.explain("write" if step.new else "remove", step.path, error) from error
        try:
            for folder in {os.path.dirname(step.path) for step in self._steps}:
                atomic_file.fsync_folder(folder)
        except OSError as error:
            raise atomic_file.explain("write", folder, error) from error
        if verify is not None:
            verify()
        self._committed = True
        for step in self._steps:
            if step.kept is not None:
                _discard(step.kept)

    def _carry_out(self, step: _Step) -> None:
        step.before = _identity(step.path)
        if step.new is not None and os.path.isdir(step.path) and not os.path.islink(step.path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if os.path.lexists(step.path):
            step.kept = _free_name(os.path.dirname(step.path))
            try:
                # A second name for the old file, so that there is no moment without one.
                if step.new is None or not stat.S_ISREG(os.lstat(step.path).st_mode):
                    raise OSError
                os.link(step.path, step.kept)
            except OSError:
                try:
                    os.rename(step.path, step.kept)
                except OSError:
                    step.kept = None
                    raise
        if step.new is not None:
            os.rename(step.new, step.path)
        step.done = True

    def _put_back(self) -> list[str]:
        """Put everything back. Return what could not be put back, as phrases for the user."""
        lost: list[str] = []
        for step in reversed(self._steps):
            try:
                if step.done and step.kept is None and step.new is not None:
                    os.rename(step.path, step.new)
                if step.kept is not None:
                    if os.path.lexists(step.path) and os.path.samefile(step.kept, step.path):
                        os.unlink(step.kept)  # rename() does nothing where both are one file
                    else:
                        os.rename(step.kept, step.path)
                if step.kept is not None or step.done:
                    _prove(step)
            except OSError as error:
                place = f", its former content is in {step.kept}" if step.kept else ""
                lost.append(f"{step.path} ({error.strerror}{place})")
            if step.new is not None:
                _discard(step.new)
        for path, before in reversed(self._folders_before):
            try:
                os.chown(path, before.st_uid, before.st_gid)
                os.chmod(path, stat.S_IMODE(before.st_mode))
            except OSError as error:
                lost.append(f"{path} ({error.strerror})")
        for folder in reversed(self._created):
            with contextlib.suppress(OSError):  # another process has begun to use it
                os.rmdir(folder)
        return lost


def _identity(path: str) -> tuple[int, ...] | None:
    """Return what tells whether a path is as it was: inode, size, time of change, owner and mode; None for nothing."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return (
        *(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns),
        *(status.st_uid, status.st_gid, status.st_mode),
    )


def _prove(step: _Step) -> None:
    """Raise OSError if a path is not as it was before the change."""
    if _identity(step.path) != step.before:
        raise OSError(errno.ESTALE, "something else is there now")


def _free_name(folder: str) -> str:
    """Return a path in a folder that nothing has yet. The lock keeps other runs from taking it."""
    descriptor, path = tempfile.mkstemp(prefix=atomic_file.PREFIX, dir=folder)
    os.close(descriptor)
    os.unlink(path)
    return path


def _discard(path: str) -> None:
    """Remove what only this run knows. If it can't, the next run does."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)
