# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A copy of a folder that is first made while its owner still writes, and then brought up to date once it has stopped.

The second pass copies only what has changed since. Owners, modes, times, extended attributes (and with them ACLs and
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
from collections.abc import Iterator
from functools import partial
from typing import Callable, TypeVar

from . import atomic_file

# linux/fs.h: _IOW(0x94, 9, int)
_FICLONE = 0x40049409
_CHUNK = 16 * 1024 * 1024
# A file that was written to so shortly before it was read may be written to again within the same tick of the
# kernel's clock, which its time does not show.
_SETTLED_NS = 2_000_000_000

# What opening or reading a file says that has vanished, or has become something else, since its folder was listed.
_TURNED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)

Told = Callable[[int], None]
_Found = TypeVar("_Found")


@dataclasses.dataclass
class Copied:
    """What one pass has done. bytes: the sizes of the copied files."""

    files: int = 0
    bytes: int = 0
    removed: int = 0


def measure(folder: str) -> int:
    """Bytes in all files of a folder, or of one file; 0 where there is none. What vanishes meanwhile does not count."""
    if _is(folder, stat.S_ISREG):
        return os.lstat(folder).st_size
    total = 0
    for entry in _walk(folder):
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


def bring_up_to_date(
    source: str,
    target: str,
    *,
    in_use: bool = False,
    trust_times: bool = True,
    told: Told | None = None,
) -> Copied:
    """Makes target like source, which is a folder or a file. What target has and source has not goes.

    in_use: source may be written to meanwhile. What changes or vanishes is left to the next pass.
    trust_times: files of the same size and time are the same; without it, everything is copied.
    told: called now and then with the bytes that were looked at since the last call.
    """
    done = Copied()
    try:
        copy = _folder if os.path.isdir(source) else _one
        copy(source, target, in_use, trust_times, told or (lambda _bytes: None), done)
        # Also after a first pass: whoever stops then would wait for the disk to take all this.
        os.sync()
    except OSError as error:
        raise atomic_file.explain("copy", error.filename or source, error) from error
    return done


def can_reflink(folder: str) -> bool:
    """Whether the file system of this folder shares data between copies."""
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


def _folder(source: str, target: str, in_use: bool, trust_times: bool, told: Told, done: Copied) -> None:
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
                _folder(entry.path, copy, in_use, trust_times, told, done)
            else:
                _one(entry.path, copy, in_use, trust_times, told, done)
        except OSError as error:
            if not in_use or error.errno not in _TURNED:
                raise
            _clear(copy)
    _dress(source, target, status)


def _one(source: str, target: str, in_use: bool, trust_times: bool, told: Told, done: Copied) -> None:
    looked = time.time_ns()
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
    if stat.S_ISSOCK(status.st_mode):
        _clear(target)
        return  # belongs to a process, not to the data
    if stat.S_ISREG(status.st_mode):
        if not (trust_times and _same(status, target)):
            _file(source, target, status, told)
            done.files += 1
            done.bytes += status.st_size
        else:
            told(status.st_size)
        # By the moment before the copy, which may take longer than that.
        unsettled = in_use and looked - status.st_mtime_ns < _SETTLED_NS
        _dress(source, target, status, mtime_ns=0 if unsettled else status.st_mtime_ns)
        return
    _clear(target)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
        os.lchown(target, status.st_uid, status.st_gid)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        return
    os.mknod(target, status.st_mode, status.st_rdev)
    _dress(source, target, status)


def _same(status: os.stat_result, target: str) -> bool:
    try:
        copy = os.lstat(target)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(copy.st_mode) and (copy.st_size, copy.st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def _file(source: str, target: str, status: os.stat_result, told: Told) -> None:
    if not _is(target, stat.S_ISREG):
        _clear(target)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if _reflinked(descriptor, copy):
                told(status.st_size)
            else:
                _bytes(descriptor, copy, told)
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


def _bytes(source: int, target: int, told: Told) -> None:
    while True:
        chunk = os.read(source, _CHUNK)
        if not chunk:
            return
        view = memoryview(chunk)
        while view:
            view = view[os.write(target, view) :]
        told(len(chunk))


def _dress(source: str, target: str, status: os.stat_result, mtime_ns: int | None = None) -> None:
    """Gives target the owner, mode, extended attributes and times of source. Times come last."""
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    _attributes(source, target)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns if mtime_ns is None else mtime_ns))


def _attributes(source: str, target: str) -> None:
    wanted = set(_if_it_may(partial(os.listxattr, source)) or ())
    present = set(_if_it_may(partial(os.listxattr, target)) or ())
    for name in present - wanted:
        _if_it_may(partial(os.removexattr, target, name))
    for name in wanted:
        value = _if_it_may(partial(os.getxattr, source, name))
        if value is not None and (name not in present or os.getxattr(target, name) != value):
            _if_it_may(partial(os.setxattr, target, name, value))


def _if_it_may(work: Callable[[], _Found]) -> _Found | None:
    """The file system of the copy may have no attributes, or one may be the kernel's own. The others are kept."""
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
