# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Several files and folders changed as one.

First everything new is staged beside its place, which is where a full disk or a read-only file
system shows; nothing that anybody reads has changed until then. Then come only renames, in the
order asked for. What was there before is kept beside it until the last one is done, so that putting it
back needs neither space nor new content: it is the very same file again, with its owner, mode and times.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

from . import atomic_file

_PREFIX = ".ansible."
_LEFTOVER = re.compile(r"\.ansible\.[a-z0-9_]{8}")


def is_leftover(name: str) -> bool:
    """Whether a file is what a run that was killed has left behind."""
    return _LEFTOVER.fullmatch(name) is not None


class Attributes:
    """Owner, group and mode that files are to have. A module puts SELinux on top."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid

    def differ(self, path: str, mode: int) -> bool:
        """Whether an existing file or folder has other ones, or is a symbolic link."""
        found = os.lstat(path)
        return (
            stat.S_ISLNK(found.st_mode)
            or stat.S_IMODE(found.st_mode) != mode
            or (found.st_uid, found.st_gid) != (self.uid, self.gid)
        )

    def apply(self, path: str, destination: str, mode: int) -> None:
        """Gives them to the file at path, which is on its way to destination."""
        found = os.lstat(path)
        if (found.st_uid, found.st_gid) != (self.uid, self.gid):
            os.chown(path, self.uid, self.gid)
        os.chmod(path, mode)


@dataclass
class _Step:
    path: str
    # What takes its place: a staged file or folder, or nothing.
    new: str | None
    # What was there before, under its name meanwhile.
    kept: str | None = None
    before: tuple[int, ...] | None = None
    done: bool = False


@dataclass
class FileSet:
    """with FileSet(attributes) as files: files.write(...); files.remove(...); files.commit()

    Leaving the block without commit(), or with an exception, puts everything back.
    """

    attributes: Attributes
    _steps: list[_Step] = field(default_factory=list)
    _made: list[str] = field(default_factory=list)
    _dressed: list[tuple[str, os.stat_result]] = field(default_factory=list)
    _committed: bool = False

    def __enter__(self) -> FileSet:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self._committed:
            lost = self._put_back()
            if lost:
                first = str(error).replace(" Nothing was changed.", "")
                raise Problem(f"{first} Putting back what was there failed too: {lost}") from error

    def make_folders(self, path: str, mode: int = 0o755) -> None:
        """Makes a folder and its parents at once, where they are missing."""
        missing = []
        while not os.path.isdir(path):
            if os.path.lexists(path):
                raise Problem(f"{path} is in the place of a folder; move it away and run again. Nothing was changed.")
            missing.append(path)
            path = os.path.dirname(path)
        for folder in reversed(missing):
            try:
                os.mkdir(folder)
                self._made.append(folder)
                self.attributes.apply(folder, folder, mode)
            except OSError as error:
                raise atomic_file.explain("create", folder, error) from error

    def write_folder(self, path: str, mode: int, contents: dict[str, tuple[bytes, int]]) -> None:
        """Stages a folder that does not exist yet, with all its files: readers see it whole or not at all.

        contents: content and mode by name.
        """
        try:
            staged = tempfile.mkdtemp(prefix=_PREFIX, dir=os.path.dirname(path))
        except OSError as error:
            raise atomic_file.explain("create", path, error) from error
        self._steps.append(_Step(path, staged))
        for name, (content, file_mode) in contents.items():
            temporary = self._stage(os.path.join(staged, name), os.path.join(path, name), content, file_mode)
            os.rename(temporary, os.path.join(staged, name))
        try:
            self.attributes.apply(staged, path, mode)
            atomic_file.sync_folder(staged)
        except OSError as error:
            raise atomic_file.explain("create", path, error) from error

    def _stage(self, path: str, destination: str, content: bytes, mode: int) -> str:
        try:
            return atomic_file.stage(
                path, content, set_attributes=lambda temporary: self.attributes.apply(temporary, destination, mode)
            )
        except Problem as problem:
            # A staged folder is not known to the user.
            raise Problem(str(problem).replace(path, destination)) from problem

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Stages a file's new content. A symbolic link in its place is replaced, not followed."""
        self._steps.append(_Step(path, self._stage(path, path, content, mode)))

    def remove(self, path: str) -> None:
        """Has a file, or a folder with all that is in it, removed."""
        self._steps.append(_Step(path, None))

    def dress_folder(self, path: str, mode: int) -> None:
        """Gives an existing folder its owner and mode, at once."""
        try:
            self._dressed.append((path, os.stat(path)))
            self.attributes.apply(path, path, mode)
        except OSError as error:
            raise atomic_file.explain("set owner and mode of", path, error) from error

    def commit(self, verify: Callable[[], None] | None = None) -> None:
        """Does all that was asked for; an exception in the middle means that all is put back.

        verify: looks at the result and raises Problem where it is not what it should be.
        """
        for step in self._steps:
            try:
                self._do(step)
            except OSError as error:
                raise atomic_file.explain("write" if step.new else "remove", step.path, error) from error
        try:
            for folder in {os.path.dirname(step.path) for step in self._steps}:
                atomic_file.sync_folder(folder)
        except OSError as error:
            raise atomic_file.explain("write", folder, error) from error
        if verify is not None:
            verify()
        self._committed = True
        for step in self._steps:
            if step.kept is not None:
                _discard(step.kept)

    def _do(self, step: _Step) -> None:
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

    def _put_back(self) -> str:
        """Puts everything back; what could not be put back, as text for the user, or nothing."""
        lost = []
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
        for path, before in reversed(self._dressed):
            try:
                os.chown(path, before.st_uid, before.st_gid)
                os.chmod(path, stat.S_IMODE(before.st_mode))
            except OSError as error:
                lost.append(f"{path} ({error.strerror})")
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody else has begun to use it
                os.rmdir(folder)
        return "; ".join(lost) and "mend " + "; ".join(lost) + "."


def _identity(path: str) -> tuple[int, ...] | None:
    """What is at a path: its inode, size, time of change, owner and mode; None for nothing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_uid, found.st_gid, found.st_mode)


def _prove(step: _Step) -> None:
    if _identity(step.path) != step.before:
        raise OSError(errno.ESTALE, "something else stands there now")


def _free_name(folder: str) -> str:
    """A name beside a file that nothing has yet. The lock keeps other runs from taking it."""
    descriptor, path = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    os.close(descriptor)
    os.unlink(path)
    return path


def _discard(path: str) -> None:
    """Removes what only this run knows. Where it can't, the next run does."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)
