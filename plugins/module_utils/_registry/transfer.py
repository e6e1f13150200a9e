# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read blobs from a registry and write them to one: as they are, in parts, and verified by their digest."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Callable, Iterable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Unavailable

from .api import Manifest, Registry


class Transfer(Registry):
    """A registry of which blobs are read and written."""

    def store_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Store a manifest under a tag or its digest."""
        self.put_manifest(repository, reference, manifest)

    def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a repository has a blob, without reading it."""
        path = self._blob_path(repository, digest)
        answer = self._get_patiently(path, {}, "HEAD")
        if answer.status == 404:
            return False
        self._expect(answer, path, "HEAD")
        return True

    def read_blob(self, repository: str, digest: str, take: Callable[[bytes], object], start: int = 0) -> bool:
        """Read a blob from a byte on; return whether the registry gave it from there, and not from its beginning.

        A registry that knows no ranges sends it all, and nothing is taken. Neither is it of a blob that ends before.
        """
        path = self._blob_path(repository, digest)
        wanted = 206 if start else 200

        def sink(status: int, part: bytes) -> None:
            if status == wanted:
                take(part)

        answer = self._get(path, {"Range": f"bytes={start}-"} if start else {}, sink=sink)
        if answer.status == 404:
            raise DockyardError(
                "copy_blob_missing",
                f"{self.name} has no {digest} in {repository}, which belongs to an image there; the image is broken"
                " there: push it again, or take another tag.",
            )
        if answer.status in (200, 206, 416):  # 416: the blob ends before that byte
            return answer.status == wanted
        self._expect(answer, path)
        return False

    def write_blob(self, repository: str, digest: str, size: int, parts: Callable[[], Iterable[bytes]]) -> None:
        """Write a blob; the registry takes it only if its digest is right."""
        begin = f"/v2/{self._quoted(repository)}/blobs/uploads/"
        answer = self._get_patiently(begin, {}, "POST")
        if answer.status != 202 or not answer.header("Location"):
            self._expect(answer, begin, "POST")
            raise Unavailable("registry_unhealthy", f"{self.name} begins no upload into {repository}; look at its log.")
        # Behind a proxy this can name a host that only the registry knows; the upload is here all the same.
        place = urllib.parse.urlsplit(urllib.parse.urljoin(answer.url, answer.header("Location")))
        query = urllib.parse.urlencode({"digest": digest})
        path = urllib.parse.urlunsplit(("", "", place.path, f"{place.query}&{query}" if place.query else query, ""))
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        answer = self._get(path, headers, "PUT", parts)
        if answer.status != 201:
            self._expect(answer, begin, "PUT")

    @staticmethod
    def _quoted(repository: str) -> str:
        return urllib.parse.quote(repository, safe="/")

    def _blob_path(self, repository: str, digest: str) -> str:
        return f"/v2/{self._quoted(repository)}/blobs/{digest}"


def checked(manifest: Manifest, reference: str, shown: str) -> Manifest:
    """Return a manifest whose content has the digest by which it was asked for, and by which it is known."""
    found = f"sha256:{hashlib.sha256(manifest.body).hexdigest()}"
    expected = reference if reference.startswith("sha256:") else manifest.digest
    if found != expected:
        raise DockyardError(
            "copy_digest_wrong",
            f"{shown} has the digest {found} and not {expected}; it was changed on its way, or another one answers in"
            " the place of the registry.",
        )
    return manifest
