# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Reading and replacing files on the managed host without ever leaving half of one behind.

Every file that this collection owns is written here: temporary file with mode 0600 in the same
folder, fsync, owner, group, mode and SELinux context while it is still private, rename, fsync of
the folder. Two runs are kept apart by an advisory lock on the folder itself, which leaves no lock
file behind and works where the folder is read by somebody else's program (C(certs.d)).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

_REMEDIES = {
    errno.ENOSPC: "the file system is full; free some space there",
    errno.EDQUOT: "the disk quota is used up; raise it or free some space",
    errno.EROFS: "the file system is mounted read-only; remount it read-write",
    errno.EACCES: "permission denied; run as a user who may (become: true)",
    errno.EPERM: "operation not permitted (an immutable file? see lsattr); lift that",
    errno.ENOENT: "no such file or folder; create the folder",
    errno.ENOTDIR: "a part of this path is a file and not a folder; move it away",
    errno.EISDIR: "there is a folder in its place; move it away",
    errno.EBUSY: "it is a mount of its own, as a single file in a container is; mount its folder instead",
    errno.ELOOP: "too many symbolic links; mend the link",
}


def explain(doing: str, path: str, error: OSError) -> Problem:
    """Turns an OSError into one sentence: what failed, where, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        remedy = f"{error.strerror or error}; mend that"
    return Problem(f"Can't {doing} {path}: {remedy} and run again. Nothing was changed.")


def read(path: str) -> bytes | None:
    """Content of a file; None where there is none. Anything else raises Problem."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain("read", path, error) from error


@contextlib.contextmanager
def locked(folder: str, timeout: float = 30.0) -> Iterator[None]:
    """Holds the advisory lock of a folder that exists.

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
                    raise Problem(
                        f"Another run holds the lock on {folder} for more than {timeout:g} seconds;"
                        " wait until it has ended and run again. Nothing was changed."
                    ) from error
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Makes a rename or removal in this folder survive a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Some file systems (FUSE, older NFS) can't sync a folder; the rename itself stands.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise Problem(
                f"A change in {folder} was made, but the disk did not confirm it: {error.strerror};"
                " check that disk (dmesg) and run again."
            ) from error


def write(
    path: str,
    content: bytes,
    *,
    mode: int = 0o644,
    set_attributes: Callable[[str], object] | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Replaces the file at path in one step, or leaves it as it was and raises Problem.

    path: the file; a symbolic link is followed, so that the link itself stays.
    content: all of the new content.
    mode: permissions of a file that is new; an existing file keeps its owner, group and mode.
    set_attributes: called with the temporary file's path just before the rename, to set owner, group,
        mode or SELinux context (AnsibleModule.set_fs_attributes_if_different does it).
    check: called last before the rename; raises to call the change off, for instance
        because somebody else has written to the file meanwhile.
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
    """First half of write(): all of the new content beside the file, ready for one rename.

    For those who change several files as one. Returns the temporary file's path; a symbolic link
    at path is not followed. What fails leaves nothing behind and raises Problem.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".ansible.", dir=os.path.dirname(path))
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            _take_over_attributes(path, file.fileno(), mode)
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


def _take_over_attributes(path: str, descriptor: int, mode: int) -> None:
    try:
        existing = os.stat(path)
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    if stat.S_ISDIR(existing.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (existing.st_uid, existing.st_gid):
        os.fchown(descriptor, existing.st_uid, existing.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(existing.st_mode))


def remove(path: str) -> bool:
    """Removes a file; False where there was none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain("remove", path, error) from error
    sync_folder(os.path.dirname(path))
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def backup(path: str) -> str:
    """Copies a file beside itself, with owner and mode, and returns the copy's path.

    The name is the one that AnsibleModule.backup_local() gives.
    """
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
    copy = f"{path}.{os.getpid()}.{stamp}"
    try:
        with open(path, "rb") as source, open(copy, "wb", opener=_private) as target:
            shutil.copyfileobj(source, target)
            original = os.fstat(source.fileno())
            os.fchown(target.fileno(), original.st_uid, original.st_gid)
        shutil.copystat(path, copy)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(copy)
        raise explain("back up", path, error) from error
    return copy
