# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Write a folder's parts into one tar archive with its checksum beside it, check such an archive, and unpack it.

The archive gets its name only when it is complete and on the disk, and its checksum last: what has no checksum is no
backup. Owners are kept by number, because an archive is unpacked on hosts that have other users.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import atomic_file, disk

_CHUNK = 1024 * 1024
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = "[0-9]{8}T[0-9]{6}Z"
# A header for each entry, and what tar rounds up to.
_OVERHEAD = 2048


@dataclass
class Part:
    """What an archive holds of one top-level folder."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Contents:
    """An archive that was read to its end. names: the paths of its files; parts: by top-level folder."""

    parts: dict[str, Part]
    sha256: str
    bytes: int
    names: frozenset[str] = field(repr=False, default=frozenset())


class _Digesting:
    """A file that is written, and its SHA-256 with it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        if self._file.closed:  # tarfile writes the rest of an interrupted archive when it is removed from memory
            return len(data)
        self.digest.update(data)
        return self._file.write(data)


class Writer:
    """An archive that is being written: C(path).part until complete() gives it its name."""

    def __init__(self, path: str, deadline: float | None = None) -> None:
        """Prepare an archive.

        deadline: the time.monotonic() at which add() gives up; None for never.
        """
        self.path = path
        self.parts: dict[str, Part] = {}
        self._part = f"{path}.part"
        self._deadline = deadline

    def __enter__(self) -> Writer:
        try:
            descriptor = os.open(
                self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _failed("write", self._part, error) from error
        self._file = os.fdopen(descriptor, "wb")
        self._digesting = _Digesting(self._file)
        self._tar = tarfile.open(fileobj=self._digesting, mode="w|", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        for leftover in (self._part, f"{self.path}.sha256.part"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(leftover)

    def add(self, base: str, folder: str, leave_out: Iterable[str] = ()) -> None:
        """Add a folder below base with all that is in it.

        leave_out: paths below base that are not archived, with all that is in them.
        """
        left_out = tuple(leave_out)
        try:
            for path in _walk(os.path.join(base, folder)):
                name = os.path.relpath(path, base)
                if not any(name == path_out or name.startswith(f"{path_out}/") for path_out in left_out):
                    self._add(path, name, self.parts.setdefault(folder, Part()))
        except (OSError, tarfile.TarError) as error:
            raise _failed("archive", f"{base}/{folder} in {self.path}", error) from error

    def _add(self, path: str, name: str, part: Part) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise DockyardError(
                "host_archive_timeout", f"{self.path} was not complete in time; raise the limit, or look at the disk."
            )
        try:
            entry = self._tar.gettarinfo(path, name)
        except FileNotFoundError:
            return  # removed since its folder was listed
        if entry is None:  # a socket
            return
        # No name of a user that another host may not have.
        entry.uname = entry.gname = ""
        if not entry.isreg():
            self._tar.addfile(entry)
            return
        with open(path, "rb") as file:
            self._tar.addfile(entry, file)
        part.files += 1
        part.bytes += entry.size

    def complete(self) -> Contents:
        """Bring the archive to the disk, and give it and its checksum their names."""
        try:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            size = os.fstat(self._file.fileno()).st_size
            sha256 = self._digesting.digest.hexdigest()
            os.rename(self._part, self.path)
            atomic_file.sync_folder(os.path.dirname(self.path))
        except OSError as error:
            raise _failed("write", self.path, error) from error
        line = f"{sha256}  {os.path.basename(self.path)}\n"
        try:
            atomic_file.write(f"{self.path}.sha256", line.encode(), mode=0o600)
        except DockyardError:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            raise
        return Contents(self.parts, sha256, size)


def stamped(folder: str, name: str) -> str:
    """Return the path of an archive that is written now."""
    return os.path.join(folder, f"{name}-{time.strftime(_STAMP, time.gmtime())}.tar")


def clear_parts(folder: str, name: str) -> None:
    """Remove what killed runs have left of archives of this name. Who calls it holds the lock of those archives."""
    pattern = re.compile(rf"{re.escape(name)}-{_STAMPED}\.tar(?:\.sha256)?\.part")
    for entry in os.listdir(folder):
        if pattern.fullmatch(entry):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, entry))


def prune(folder: str, name: str, keep: int) -> list[str]:
    """Remove all but the newest archives of this name. Return the paths of those that were removed.

    Names carry the time, so their order is that of time. Only what has a checksum counts as an archive.
    """
    pattern = re.compile(rf"{re.escape(name)}-{_STAMPED}\.tar\.sha256")
    sums = sorted(entry for entry in os.listdir(folder) if pattern.fullmatch(entry))
    removed = []
    for entry in sums[: max(0, len(sums) - keep)]:
        archive = os.path.join(folder, entry[: -len(".sha256")])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(archive)
        os.unlink(os.path.join(folder, entry))
        removed.append(archive)
    return removed


def require_space(where: str, needed: int, what: str) -> None:
    """Raise DockyardError if the file system of a path, which need not exist yet, has no room."""
    free = disk.free_bytes(where)
    if free <= needed:
        raise DockyardError(
            "host_no_space",
            f"The file system of {where} has {free} bytes left, and {what} needs {needed}; free some space there.",
        )


def size_of(base: str, folders: Iterable[str]) -> int:
    """Return about how many bytes an archive of these folders has."""
    return sum(disk.content_bytes(os.path.join(base, folder)) for folder in folders) + _OVERHEAD


def check(path: str, sha256: str, folders: Iterable[str], required: Iterable[str]) -> Contents:
    """Read an archive to its end. Raise DockyardError if it must not be unpacked.

    sha256: its checksum; "" for the one in the file beside it.
    folders: what it may hold at its top level.
    required: files that it must hold.
    """
    if not os.path.isfile(path):
        raise DockyardError("host_archive_missing", f"There is no archive {path} on this host; give the path of one.")
    expected = sha256 or _sum_beside(path)
    actual, size = _sum_of(path)
    if actual != expected.lower():
        raise DockyardError(
            "host_archive_damaged",
            f"The checksum of {path} is not {expected}: the archive is damaged or another one; take another backup.",
        )
    allowed = set(folders)
    parts: dict[str, Part] = {}
    names = set()
    for entry in _entries(path):
        top = entry.name.split("/")[0]
        if top not in allowed:
            raise _foreign(path, f"holds {entry.name!r}, which is outside {', '.join(sorted(allowed))}")
        if ".." in entry.name.split("/") or entry.name.startswith("/"):
            raise _foreign(path, "holds paths with '..'")
        if not (entry.isreg() or entry.isdir() or (entry.issym() and _stays_inside(entry))):
            raise _foreign(path, f"holds {entry.name!r}, which is neither a file nor a folder")
        part = parts.setdefault(top, Part())
        if entry.isreg():
            part.files += 1
            part.bytes += entry.size
            names.add(entry.name)
    for name in required:
        if name not in names:
            raise _foreign(path, f"holds no {name}")
    return Contents(parts, actual, size, frozenset(names))


def read(path: str, name: str) -> bytes:
    """Return the content of a file of a checked archive."""
    try:
        with tarfile.open(path, "r:") as tar:
            file = tar.extractfile(name)
            return file.read() if file else b""
    except (OSError, KeyError, tarfile.TarError) as error:
        raise _failed("read", f"{name} in {path}", error) from error


def unpack(path: str, target: str) -> None:
    """Unpack a checked archive into a folder that is made for it; what fails leaves none."""
    try:
        os.mkdir(target, 0o700)
        with tarfile.open(path, "r:") as tar:
            # The archive was checked entry by entry; owners and modes are to be as they were.
            trusted: dict[str, Any] = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
            tar.extractall(target, numeric_owner=True, **trusted)
        # All at once: a data folder has hundreds of thousands of files.
        os.sync()
    except (OSError, tarfile.TarError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise _failed("unpack", f"{path} into {target}", error) from error
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _sum_beside(path: str) -> str:
    content = atomic_file.read(f"{path}.sha256")
    if content is None:
        raise DockyardError(
            "host_archive_no_checksum",
            f"The archive {path} has no {path}.sha256 beside it; bring that too, or give its checksum.",
        )
    return content.decode("ascii", "replace").partition(" ")[0].strip()


def _sum_of(path: str) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    try:
        with atomic_file.open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise _failed("read", path, error) from error
    return digest.hexdigest(), size


def _entries(path: str) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(path, "r:") as tar:
            for entry in tar:
                yield entry
                # Otherwise the list of all entries stays in memory.
                tar.members = []  # type: ignore[attr-defined]
    except (OSError, tarfile.TarError, EOFError) as error:
        raise DockyardError(
            "host_archive_foreign", f"{path} is not a tar archive that can be read ({error})."
        ) from error


def _stays_inside(entry: tarfile.TarInfo) -> bool:
    """Return whether a symbolic link leads to something in its own top-level folder."""
    if entry.linkname.startswith("/"):
        return False
    target = os.path.normpath(os.path.join(os.path.dirname(entry.name), entry.linkname))
    return target.split("/")[0] == entry.name.split("/")[0]


def _walk(folder: str) -> Iterator[str]:
    """Return a folder and all that is in it, each folder before its content."""
    yield folder
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        else:
            yield entry.path


def _foreign(path: str, what: str) -> DockyardError:
    return DockyardError("host_archive_foreign", f"{path} {what}: it is no backup by this role.")


def _failed(doing: str, what: str, error: Exception) -> DockyardError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return DockyardError(
        "host_archive_failed", f"Can't {doing} {what}: {reason}; look at the disk and the rights there, and run again."
    )
