# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Copy a folder while its owner still writes, and bring the copy up to date once it has stopped.

The second pass writes only what has changed since. Owners, modes, times, extended attributes (and with them ACLs and
SELinux contexts) are kept. Data is shared with the original where the file system can do that safely (reflink);
hard links are never made: a database writes into its files in place, and would write into the copy as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import shutil
import stat
import time
from functools import partial
from typing import Callable, TypeVar

from . import atomic_file

# linux/fs.h: _IOW(0x94, 9, int)
_FICLONE = 0x40049409
_CHUNK = 1024 * 1024
# A file that was written to so shortly before it was read may be written to again within the same tick of the
# kernel's clock, which its time does not show.
_SETTLED_NS = 2_000_000_000

# What opening or reading a file says that has vanished, or has become something else, since its folder was listed.
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)

Progress = Callable[[int], None]
_Result = TypeVar("_Result")


@dataclasses.dataclass
class Copied:
    """The numbers of one pass. bytes: the sizes of the copied files."""

    files: int = 0
    bytes: int = 0
    removed: int = 0


def bring_up_to_date(
    source: str,
    target: str,
    *,
    in_use: bool = False,
    trust_times: bool = True,
    progress: Progress | None = None,
) -> Copied:
    """Make target like source, which is a folder or a file. Remove what target has and source has not.

    in_use: source may be written to in the meantime. What changes or vanishes is left to the next pass.
    trust_times: files of the same size and time are the same; without it, everything is read and compared.
    progress: called now and then with the bytes that were compared or copied since the last call.
    """
    done = Copied()
    try:
        copy = _folder if os.path.isdir(source) else _one
        copy(source, target, in_use, trust_times, progress or (lambda _bytes: None), done)
        # Also after a first pass: whoever stops then would wait for the disk to take all this.
        os.sync()
    except OSError as error:
        failure = atomic_file.explain("copy", error.filename or source, error)
        failure.changed = True  # the copy is neither the old nor the new one
        raise failure from error
    return done


def can_reflink(folder: str) -> bool:
    """Return whether the file system of this folder shares data between copies."""
    one, other = os.path.join(folder, ".dockyard-reflink-a"), os.path.join(folder, ".dockyard-reflink-b")
    try:
        with open(one, "wb") as file:
            file.write(b"x" * 4096)
        with open(one, "rb") as source, open(other, "wb") as target:
            return _reflinked(source.fileno(), target.fileno())
    except OSError:
        return False
    finally:
        for path in (one, other):
            with contextlib.suppress(OSError):
                os.unlink(path)


def _folder(source: str, target: str, in_use: bool, trust_times: bool, progress: Progress, done: Copied) -> None:
    status = os.stat(source)
    if not _is(target, stat.S_ISDIR):
        _clear(target)
        os.mkdir(target, 0o700)
    entries = {entry.name: entry for entry in os.scandir(source)}
    for name in set(os.listdir(target)) - set(entries):
        _clear(os.path.join(target, name))
        done.removed += 1
    for entry in entries.values():
        copy = os.path.join(target, entry.name)
        try:
            if entry.is_dir(follow_symlinks=False):
                _folder(entry.path, copy, in_use, trust_times, progress, done)
            else:
                _one(entry.path, copy, in_use, trust_times, progress, done)
        except OSError as error:
            if not in_use or error.errno not in _VANISHED:
                raise
            _clear(copy)
    _copy_metadata(source, target, status)


def _one(source: str, target: str, in_use: bool, trust_times: bool, progress: Progress, done: Copied) -> None:
    compared_at = time.time_ns()
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
    if stat.S_ISSOCK(status.st_mode):
        _clear(target)
        return  # belongs to a process, not to the data
    if stat.S_ISREG(status.st_mode):
        if not (trust_times and _same(status, target)):
            _file(source, target, status, progress)
            done.files += 1
            done.bytes += status.st_size
        else:
            progress(status.st_size)
        # By the moment before the copy, which may take longer than that.
        unsettled = in_use and compared_at - status.st_mtime_ns < _SETTLED_NS
        _copy_metadata(source, target, status, mtime_ns=0 if unsettled else status.st_mtime_ns)
        return
    _clear(target)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
        os.lchown(target, status.st_uid, status.st_gid)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        return
    os.mknod(target, status.st_mode, status.st_rdev)
    _copy_metadata(source, target, status)


def _same(status: os.stat_result, target: str) -> bool:
    try:
        copy = os.lstat(target)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(copy.st_mode) and (copy.st_size, copy.st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def _file(source: str, target: str, status: os.stat_result, progress: Progress) -> None:
    if not _is(target, stat.S_ISREG):
        _clear(target)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        copy = os.open(target, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if _reflinked(descriptor, copy):
                # Of a longer file, the rest would stay.
                os.ftruncate(copy, os.fstat(descriptor).st_size)
                progress(status.st_size)
            else:
                _bytes(descriptor, copy, progress)
        finally:
            os.close(copy)
    finally:
        os.close(descriptor)


def _reflinked(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        return False
    return True


def _bytes(source: int, target: int, progress: Progress) -> None:
    """Make the content of target that of source. To read what is equal costs less than to write it again."""
    position = 0
    while True:
        chunk = os.read(source, _CHUNK)
        if not chunk:
            os.ftruncate(target, position)
            return
        if os.pread(target, len(chunk), position) != chunk:
            written = 0
            while written < len(chunk):
                written += os.pwrite(target, memoryview(chunk)[written:], position + written)
        position += len(chunk)
        progress(len(chunk))


def _copy_metadata(source: str, target: str, status: os.stat_result, mtime_ns: int | None = None) -> None:
    """Give target the owner, mode, extended attributes and times of source. Times come last."""
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    _attributes(source, target)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns if mtime_ns is None else mtime_ns))


def _attributes(source: str, target: str) -> None:
    desired = set(_try_attribute(partial(os.listxattr, source)) or ())
    present = set(_try_attribute(partial(os.listxattr, target)) or ())
    for name in present - desired:
        _try_attribute(partial(os.removexattr, target, name))
    for name in desired:
        value = _try_attribute(partial(os.getxattr, source, name))
        if value is not None and (name not in present or os.getxattr(target, name) != value):
            _try_attribute(partial(os.setxattr, target, name, value))


def _try_attribute(work: Callable[[], _Result]) -> _Result | None:
    """Return what a call for an extended attribute returns, or None if it is refused.

    The file system of the copy may have no attributes, or one may be the kernel's own. The others are kept.
    """
    try:
        return work()
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENODATA, errno.EINVAL):
            raise
        return None


def _is(path: str, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _clear(path: str) -> None:
    if _is(path, stat.S_ISDIR):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
