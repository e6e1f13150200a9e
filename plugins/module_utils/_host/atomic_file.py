# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read and replace files on the managed host without ever leaving half of one behind.

Every file that this collection owns is written here: temporary file with mode 0600 in the same
folder, fsync, owner, group, mode and SELinux context while it is still private, rename, fsync of
the folder. Two runs are kept apart by an advisory lock on the folder itself, which leaves no lock
file behind and works where the folder is read by another program (C(certs.d)).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .words import counted

PREFIX = ".ansible."  # of temporary files and folders
# With the name of the file and the process that writes it, or of neither.
_LEFTOVER = re.compile(r"\.ansible\.(?:.+\.(?P<pid>\d+)\.)?[a-z0-9_]{8}", re.DOTALL)
_LONGEST_NAME = 50  # characters, so that the temporary file's own name, of at most 255 bytes, has room for the rest
_REMEDIES = {
    errno.ENOSPC: "the file system is full; free some space there",
    errno.EDQUOT: "the disk quota is used up; raise it or free some space",
    errno.EROFS: "the file system is mounted read-only; remount it read-write",
    errno.EACCES: "permission denied; run as a user who may (become: true)",
    errno.EPERM: "operation not permitted (an immutable file? see lsattr); lift that",
    errno.ENOENT: "no such file or folder; create the folder",
    errno.ENOTDIR: "a part of this path is a file and not a folder; move it away",
    errno.EISDIR: "there is a folder in its place; move it away",
    # Also what the kernel says to who opens a socket.
    errno.ENXIO: "it is a device, a pipe or a socket and no file; give the path of a file",
    errno.EBUSY: "it is a mount of its own, as a single file in a container is; mount its folder instead",
    errno.ELOOP: "too many symbolic links; fix the link",
}
# FS_IOC_GETFLAGS of linux/fs.h, and FS_IMMUTABLE_FL and FS_APPEND_FL, with which nothing is renamed there.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_CANT_BE_REPLACED = 0x10 | 0x20


def explain(action: str, path: str, error: OSError) -> DockyardError:
    """Return the error for an OSError: what failed, where, and what to do.

    action: a verb, for instance C(write). Who calls this after something has changed sets C(changed) of the result.
    """
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        remedy = f"{error.strerror or error}; fix that"
    return DockyardError("file_operation_failed", f"Can't {action} {path}: {remedy} and run again.")


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading. Raise OSError for what is no regular file, which could be read without an end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    try:
        _require_regular(path, os.fstat(descriptor).st_mode)
    except OSError:
        file.close()
        raise
    return file


def _require_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(number, os.strerror(number), path)


def read(path: str) -> bytes | None:
    """Return the content of a file, or None if there is none."""
    try:
        with open_regular(path) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain("read", path, error) from error


def changed_at(path: str) -> float:
    """Return when a file was last written, put there or touched otherwise, in seconds since the epoch.

    C(cp --preserve), rsync and tar give a file the time of another one, also one that they write over. When they did so
    is in the time of the inode's last change, which nobody can set.
    """
    status = os.stat(path)
    return max(status.st_mtime, status.st_ctime)


@contextlib.contextmanager
def locked(folder: str, timeout: float = 30.0) -> Iterator[None]:
    """Hold the advisory lock of a folder that exists.

    timeout: seconds to wait for another run of this collection before giving up.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise explain("open", folder, error) from error
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise DockyardError(
                        "file_locked",
                        f"Another run holds the lock on {folder} for more than {counted(timeout, 'second')};"
                        " wait until it has ended and run again.",
                    ) from error
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def fsync_folder(folder: str) -> None:
    """Make a rename or removal in this folder survive a power cut. Raise OSError if the disk does not confirm it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems (FUSE, older NFS) can't sync a folder; the rename itself is done.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Make a rename or removal that is done in this folder survive a power cut."""
    try:
        fsync_folder(folder)
    except OSError as error:
        raise DockyardError(
            "file_not_synced",
            f"A change in {folder} was made, but the disk did not confirm it: {error.strerror};"
            " check that disk (dmesg) and run again.",
            changed=True,
        ) from error


def write(
    path: str,
    content: bytes,
    *,
    mode: int = 0o644,
    set_attributes: Callable[[str], object] | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Replace the file at path in one step, or leave it as it was and raise DockyardError.

    path: the file; a symbolic link is followed, so that the link itself stays.
    content: all of the new content.
    mode: permissions of a file that is new; an existing file keeps its owner, group and mode.
    set_attributes: called with the temporary file's path just before the rename, to set owner, group,
        mode or SELinux context (AnsibleModule.set_fs_attributes_if_different does it).
    check: called last before the rename; raises to call the change off, for instance
        because another process has written to the file in the meantime.
    """
    path = os.path.realpath(path)
    staged = stage(path, content, mode=mode, set_attributes=set_attributes)
    temporary: str | None = staged
    try:
        if check is not None:
            check()
        os.rename(staged, path)
        temporary = None
        sync_folder(os.path.dirname(path))
    except OSError as error:
        raise explain("write", path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def stage(
    path: str, content: bytes, *, mode: int = 0o644, set_attributes: Callable[[str], object] | None = None
) -> str:
    """Write all of the new content beside the file, ready for one rename, and return the temporary file's path.

    This is the first half of write(), for those who change several files as one. A symbolic link at path is not
    followed. What fails leaves nothing behind; what runs that were killed have left of this file is removed.
    """
    temporary = None
    folder, name = os.path.split(path)
    beginning = f"{PREFIX}{name[:_LONGEST_NAME]}."
    try:
        _remove_leftovers(folder, beginning)
        descriptor, temporary = tempfile.mkstemp(prefix=f"{beginning}{os.getpid()}.", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            _copy_attributes(path, file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if set_attributes is not None:
            set_attributes(temporary)
        staged, temporary = temporary, None
        return staged
    except OSError as error:
        raise explain("write", path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def is_leftover(name: str) -> bool:
    """Return whether a file or folder is what a run that was killed has left behind."""
    return _LEFTOVER.fullmatch(name) is not None


def _remove_leftovers(folder: str, beginning: str) -> None:
    """Remove temporary files of one name whose process is no more."""
    with contextlib.suppress(OSError):  # what stays takes nothing but its room
        for name in os.listdir(folder):
            found = _LEFTOVER.fullmatch(name) if name.startswith(beginning) else None
            if found and found["pid"] and not os.path.exists(f"/proc/{found['pid']}"):
                os.unlink(os.path.join(folder, name))


def check_writable(path: str) -> None:
    """Raise the error with which write() would end on a file system as it is now, so that check mode says it as well.

    Folders that are missing are taken as those that write() finds made.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    try:
        status = os.statvfs(folder)
        if status.f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), folder)
        if any(_flags(each) & _CANT_BE_REPLACED for each in (folder, path)):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), path)
        if status.f_blocks and not status.f_bfree:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
    except OSError as error:
        raise explain("write", path, error) from error


def _flags(path: str) -> int:
    """Return what lsattr shows of a file or a folder; 0 where its file system has no flags, or it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        found = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(struct.calcsize("l")))
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return int.from_bytes(found[:4], sys.byteorder)


def _copy_attributes(path: str, descriptor: int, mode: int) -> None:
    """Give an open file owner, group and mode of the file at path, or the mode if there is none."""
    try:
        existing = os.stat(path)
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    _require_regular(path, existing.st_mode)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (existing.st_uid, existing.st_gid):
        os.fchown(descriptor, existing.st_uid, existing.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(existing.st_mode))


def remove(path: str) -> bool:
    """Remove a file. Return whether there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain("remove", path, error) from error
    sync_folder(os.path.dirname(path))
    return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def backup(path: str) -> str:
    """Copy a file beside itself, with owner and mode, and return the copy's path.

    The name is the one that AnsibleModule.backup_local() gives.
    """
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
    copy = f"{path}.{os.getpid()}.{stamp}"
    try:
        with open(path, "rb") as source, open(copy, "wb", opener=_open_private) as target:
            shutil.copyfileobj(source, target)
            original = os.fstat(source.fileno())
            os.fchown(target.fileno(), original.st_uid, original.st_gid)
        shutil.copystat(path, copy)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(copy)
        raise explain("back up", path, error) from error
    return copy
