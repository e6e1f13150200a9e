# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A bundle: images in a folder or a tar archive, as OCI's image layout has them, with a manifest of its own.

The blobs are those of the registries, byte for byte, so that digests stay what they were. C(bundle.json) names the
images with their digests and platforms, and further files with their checksums; who knows its checksum knows them all.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import re
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .api import Manifest

MANIFEST = "bundle.json"
VERSION = 1
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PART = 1 << 20


class Bundle:
    """A bundle that is read. Everything that is read of it is verified."""

    def __init__(self, path: str, checksum: str = "") -> None:
        self.path = path
        self._archive = self._opened() if not os.path.isdir(path) else None
        self._members = self._listed()
        content = self._content(MANIFEST)
        self.checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if checksum and checksum != self.checksum:
            raise DockyardError(
                "bundle_checksum",
                f"The manifest of the bundle {path} has the checksum {self.checksum} and not {checksum}; get the bundle"
                " again from where you trust it, or correct the checksum.",
            )
        try:
            self.document: dict[str, Any] = json.loads(content)
            self.images: list[dict[str, Any]] = list(self.document["images"])
            self.files: list[dict[str, Any]] = list(self.document.get("files") or [])
            version = self.document["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable(f"its {MANIFEST} is none of a bundle") from error
        if version != VERSION:
            raise self._unreadable(f"its version is {version}, and this one is {VERSION}")

    def _opened(self) -> tarfile.TarFile:
        try:
            return tarfile.open(self.path, "r:")
        except tarfile.TarError as error:
            raise self._unreadable("it is neither a folder nor a tar archive that is not compressed") from error
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error

    def _listed(self) -> dict[str, tarfile.TarInfo]:
        try:
            # tar -C bundle -cf bundle.tar . calls them ./name
            return {os.path.normpath(one.name): one for one in self._archive or () if one.isreg()}
        except tarfile.TarError as error:
            raise self._unreadable("the tar archive is damaged or not complete") from error

    def _unreadable(self, why: str) -> DockyardError:
        return DockyardError("bundle_unreadable", f"The bundle {self.path} can't be read ({why}); check its path.")

    def open(self, name: str) -> BinaryIO:
        """Open a file of the bundle by its path in it."""
        if name.startswith("/") or ".." in name.split("/"):
            raise DockyardError(
                "bundle_path_outside",
                f"The bundle {self.path} names the file '{name}', which is outside of it; get the bundle again from"
                " where you trust it.",
            )
        try:
            if self._archive is None:
                return atomic_file.open_regular(os.path.join(self.path, name))
            found = self._archive.extractfile(self._members[name])
        except KeyError as error:
            raise self._unreadable(f"it has no {name}") from error
        except OSError as error:
            raise self._unreadable(f"{name}: {error.strerror or error}") from error
        if found is None:
            raise self._unreadable(f"{name} is no file in it")
        return found  # type: ignore[return-value]

    def _content(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def blob(self, digest: str) -> BinaryIO:
        """Open a blob."""
        return self.open(blob_name(digest))

    def size(self, digest: str) -> int:
        """Return the size of a blob."""
        with self.blob(digest) as file:
            return file.seek(0, io.SEEK_END)

    def verify(self, name: str, digest: str) -> None:
        """Raise DockyardError unless a file of the bundle has this digest."""
        found = hashlib.sha256()
        with self.open(name) as file:
            while part := file.read(_PART):
                found.update(part)
        if f"sha256:{found.hexdigest()}" != digest:
            raise DockyardError(
                "bundle_damaged",
                f"{name} of the bundle {self.path} has the checksum sha256:{found.hexdigest()} and not {digest}; get"
                " the bundle again from where you trust it.",
            )

    def document_of(self, digest: str) -> tuple[bytes, dict[str, Any]]:
        """Return a blob that is JSON, verified: as it is, and what it says."""
        name = blob_name(digest)
        self.verify(name, digest)
        content = self._content(name)
        found = json.loads(content)
        if not isinstance(found, dict):
            raise self._unreadable(f"{name} is no manifest")
        return content, found

    def parts(self, digest: str) -> Callable[[], Iterable[bytes]]:
        """Return what reads a blob in parts."""

        def read() -> Iterator[bytes]:
            with self.blob(digest) as file:
                while part := file.read(_PART):
                    yield part

        return read


class Folder:
    """A bundle that is made, or added to, in a folder."""

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path)
        self.arrived: set[str] = set()  # the blobs that this run has written
        # Images that are copied at the same time share layers.
        self._busy: collections.defaultdict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    def create(self) -> None:
        """Make the folder, if it is missing."""
        with self._space():
            (self.path / "blobs/sha256").mkdir(parents=True, exist_ok=True)
            self._write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')

    def _write(self, name: str, content: bytes) -> None:
        target = self.path / name
        if target.exists() and target.read_bytes() == content:
            return
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content)
        os.replace(part, target)

    def has_blob(self, digest: str) -> bool:
        """Return whether the folder has a blob. One that is there is whole: it got its name when it was."""
        return (self.path / blob_name(digest)).exists()

    def take_blob(self, digest: str, fetch: Callable[[Callable[[bytes], object], int], bool]) -> None:
        """Write a blob that a function reads, from the byte on where an interrupted one ended.

        fetch: calls its first argument with each part, from the byte in its second one on; returns whether it could.
        """
        target = self.path / blob_name(digest)
        part = target.with_name(f"{target.name}.part")
        with self._busy[digest], self._space():
            if target.exists():
                return
            for _attempt in range(2):
                found = hashlib.sha256()
                with open(part, "ab+") as file:
                    file.seek(0)
                    while block := file.read(_PART):
                        found.update(block)
                    begun = file.tell()

                    def take(block: bytes, file: BinaryIO = file, found: Any = found) -> None:
                        file.write(block)
                        found.update(block)

                    # A kill may have come after the last byte, and a registry sends none from there on.
                    whole = f"sha256:{found.hexdigest()}" == digest
                    went_on = whole or fetch(take, begun)
                    file.flush()
                    os.fsync(file.fileno())
                if went_on and f"sha256:{found.hexdigest()}" == digest:
                    os.replace(part, target)
                    self.arrived.add(digest)
                    return
                # What was there may have been the wrong one.
                part.unlink()
                if begun == 0:
                    break
        raise DockyardError(
            "copy_digest_wrong",
            f"The blob {digest} has the digest sha256:{found.hexdigest()}; it was changed on its way, or another one"
            " answers in the place of the registry.",
        )

    def put_manifest(self, manifest: Manifest) -> None:
        """Write a manifest, whose digest was verified."""
        with self._busy[manifest.digest], self._space():
            if not self.has_blob(manifest.digest):
                self._write(blob_name(manifest.digest), manifest.body)
                self.arrived.add(manifest.digest)

    def read(self) -> dict[str, Any] | None:
        """Return the manifest that the folder has; None for none."""
        content = atomic_file.read(str(self.path / MANIFEST))
        if content is None:
            return None
        try:
            found = json.loads(content)
            if found["version"] == VERSION and isinstance(found["images"], list):
                return dict(found)
        except (ValueError, KeyError, TypeError):
            pass
        raise DockyardError(
            "bundle_unreadable",
            f"The bundle {self.path} can't be read (its {MANIFEST} is none of a bundle); name another folder.",
        )

    def finish(self, document: dict[str, Any]) -> str:
        """Write the manifest, last of all, and return its checksum."""
        content = encoded(document)
        descriptors = [
            {
                "mediaType": image["media_type"],
                "digest": image["digest"],
                "size": (self.path / blob_name(image["digest"])).stat().st_size,
                "annotations": {"org.opencontainers.image.ref.name": image["name"]},
            }
            for image in document["images"]
        ]
        with self._space():
            self._write("index.json", encoded({"schemaVersion": 2, "manifests": descriptors}))
            self._write(MANIFEST, content)
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    @contextlib.contextmanager
    def _space(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DockyardError(
                    "bundle_no_space",
                    f"There is no space left in {self.path}; free some there, or name another folder. What has arrived"
                    " stays, and the next run goes on with the rest.",
                ) from error
            raise DockyardError(
                "bundle_unusable",
                f"The folder {self.path} can't be used for a bundle ({error.strerror or error}); name another one.",
            ) from error


def encoded(document: dict[str, Any]) -> bytes:
    """Return a document as it is written: the same document is always the same bytes."""
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def blob_name(digest: str) -> str:
    """Return the path of a blob in a bundle."""
    if not _DIGEST.fullmatch(digest):
        raise DockyardError(
            "bundle_path_outside",
            f"'{digest[:80]}' is no digest, so that nothing is read or written by that name; get the image or the"
            " bundle again from where you trust it.",
        )
    return f"blobs/sha256/{digest.partition(':')[2]}"
