# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""An archive with Harbor's installer: is it whole, is it the right one, and what is in it; and unpacking it.

It is read from beginning to end each time, in one stream: what is cut off or damaged shows only there.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Callable, Optional, cast

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .version import Version

# Called with the bytes read so far and all of them.
Progress = Optional[Callable[[int, int], object]]
# Called with a member and its path below the top folder.
Visit = Callable[[tarfile.TarFile, tarfile.TarInfo, str], None]

_TOP = "harbor"
_IMAGES = re.compile(r"harbor\.(?P<version>v\d+\.\d+\.\d+[^/]*)\.tar\.gz")
# Other images bear the version of their program before Harbor's (registry-photon:v2.6.2-v1.7.6).
_TAG = re.compile(rb"(?:goharbor|vmware)/(?:prepare|harbor-[a-z]+):(v\d+\.\d+\.\d+[0-9A-Za-z.-]*)")
# Whose image tags tell the version of an online installer; the second if prepare is no container yet, up to 1.7.
_TAGGED = ("prepare", "docker-compose.yml")
_TAGGED_BYTES = 1 << 20
_CONFIGURATIONS = frozenset({"harbor.yml.tmpl", "harbor.yml", "harbor.cfg"})
_CHUNK = 1 << 20
_DIGESTS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True)
class Release:
    """images: the name of the tarball of images in its top folder; None for an online installer, which has none.

    unpacked_bytes: what its files take once they are unpacked.
    """

    version: Version
    offline: bool
    unpacked_bytes: int
    images: str | None


class _Counted:
    """A file that reports how far it has been read, at most once for each chunk of that many bytes."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._total = os.fstat(file.fileno()).st_size
        self._done = 0
        self._reported = 0

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._done += len(content)
        if self._progress and (self._done - self._reported >= _CHUNK or (self._done == self._total > self._reported)):
            self._reported = self._done
            self._progress(self._done, self._total)
        return content


@contextlib.contextmanager
def _opened(path: str, progress: Progress) -> Iterator[_Counted]:
    try:
        with open(path, "rb") as file:
            yield _Counted(file, progress)
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error


def _damaged(path: str, why: str) -> DockyardError:
    return DockyardError(
        "harbor_archive_damaged",
        f"{path} is truncated or no Harbor installer: {why}; fetch it again, and compare its size and checksum with the"
        " published ones.",
    )


def _visit_members(path: str, progress: Progress, visit: Visit) -> None:
    """Call visit for each file and folder below the top folder.

    Raise DockyardError if anything is wrong up to the end.
    """
    with _opened(path, progress) as counted:
        # gzip and not tarfile decompresses, for it alone compares the checksum at the end.
        stream = gzip.GzipFile(fileobj=cast("IO[bytes]", counted), mode="rb")
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    name = _inside(path, member)
                    if name:
                        visit(tar, member, name)
            while stream.read(_CHUNK):
                pass
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise _damaged(path, f"it can't be read to its end ({error})") from error


def _inside(path: str, member: tarfile.TarInfo) -> str:
    """Return the member's path below the top folder, empty for that folder itself."""
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        raise DockyardError(
            "harbor_archive_unsafe",
            f"{path} has a member that leads out of its folder ({member.name!r}), which no Harbor installer has; fetch"
            " it again from where it is published.",
        )
    if parts[:1] != [_TOP]:
        raise _damaged(path, f"it has {member.name!r} in it, and all of an installer is in {_TOP}/")
    if not member.isfile() and not member.isdir():
        raise DockyardError(
            "harbor_archive_unsafe",
            f"{path} has a member that is neither a file nor a folder ({member.name!r}), which no Harbor installer has;"
            " fetch it again from where it is published.",
        )
    return "/".join(parts[1:])


def inspect_archive(path: str, progress: Progress = None) -> Release:
    """Read all of it, and return what it is. Raise DockyardError if it is damaged, cut off, or something else."""
    names: set[str] = set()
    images: list[str] = []
    tags: set[str] = set()
    sizes: list[int] = []

    def note(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
        names.add(name)
        sizes.append(member.size)
        if _IMAGES.fullmatch(name):
            images.append(name)
        if name in _TAGGED and member.isfile():
            file = tar.extractfile(member)
            tags.update(found.decode() for found in _TAG.findall(file.read(_TAGGED_BYTES) if file else b""))

    _visit_members(path, progress, note)
    missing = [name for name in ("prepare", "install.sh") if name not in names]
    if not _CONFIGURATIONS & names:
        missing.append("harbor.yml.tmpl")
    if not missing:
        version = _version(path, images, tags)
        if version.major >= 2 and "common.sh" not in names:
            missing.append("common.sh")
    if missing:
        raise _damaged(path, f"there is no {' and no '.join(f'{_TOP}/{name}' for name in missing)} in it")
    return Release(version, bool(images), sum(sizes), images[0] if images else None)


def _version(path: str, images: list[str], tags: set[str]) -> Version:
    if len(images) > 1:
        raise _damaged(path, f"there is more than one tarball of images in it ({', '.join(sorted(images))})")
    versions = {str(Version.parse(tag)) for tag in tags}
    for name in images:
        found = _IMAGES.fullmatch(name)
        versions.add(str(Version.parse(found["version"])) if found else "")
    if len(versions) > 1:
        raise _damaged(path, f"its parts are of different versions ({', '.join(sorted(versions))})")
    if not versions:
        raise _damaged(path, "nothing in it tells the version")
    return Version.parse(versions.pop())


def check_checksum(path: str, checksum: str, progress: Progress = None) -> None:
    """Raise DockyardError unless the file has that checksum, which is such as sha256:5b8b3f..."""
    algorithm, _colon, expected = checksum.strip().partition(":")
    algorithm, expected = algorithm.strip().lower(), expected.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{_DIGESTS.get(algorithm, 0) or 1}}}", expected) or algorithm not in _DIGESTS:
        raise DockyardError(
            "harbor_checksum_invalid",
            f"The checksum {checksum!r} for {path} is of no known form; give it as ALGORITHM:HEX with one of"
            f" {', '.join(_DIGESTS)}, and all of its digits.",
        )
    # Harbor publishes md5 sums, which a host in FIPS mode only makes if they secure nothing.
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with _opened(path, progress) as file:
        while True:
            chunk = file.read(_CHUNK)
            if not chunk:
                break
            digest.update(chunk)
    if digest.hexdigest() != expected:
        raise DockyardError(
            "harbor_checksum_differs",
            f"{path} has the {algorithm} sum {digest.hexdigest()} and not {expected}; fetch it again, or fix the"
            " checksum.",
        )


def unpack(path: str, folder: str, progress: Progress = None) -> None:
    """Unpack the installer into that folder, which is there only once it is complete; one that is there is replaced.

    What a run that was killed has left beside it (.partial) goes as well. The files are the calling user's.
    """
    partial = folder.rstrip("/") + ".partial"

    def write(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
        try:
            _extract(tar, member, os.path.join(partial, name))
        except gzip.BadGzipFile:
            raise
        except OSError as error:
            raise atomic_file.explain("unpack the archive into", folder, error) from error

    try:
        _discard(partial)
        os.makedirs(partial, mode=0o755)
        _visit_members(path, progress, write)
        atomic_file.sync_folder(partial)
        _discard(folder)
        os.rename(partial, folder)
        atomic_file.sync_folder(os.path.dirname(os.path.abspath(folder)))
    except OSError as error:
        with contextlib.suppress(OSError):
            _discard(partial)
        raise atomic_file.explain("unpack the archive into", folder, error) from error
    except DockyardError:
        with contextlib.suppress(OSError):
            _discard(partial)
        raise


def _discard(folder: str) -> None:
    folder = folder.rstrip("/")
    if os.path.islink(folder) or os.path.isfile(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, place: str) -> None:
    # By hand, since only newer versions of Python can be told to take no owner, no link and no device from an archive.
    if member.isdir():
        os.makedirs(place, mode=0o755, exist_ok=True)
        return
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    source = tar.extractfile(member)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    with open(place, "xb") as file:
        if source is not None:
            shutil.copyfileobj(source, file, _CHUNK)
        os.fchmod(file.fileno(), (member.mode & 0o755) | 0o600)
        file.flush()
        os.fsync(file.fileno())
    os.utime(place, (member.mtime, member.mtime))
