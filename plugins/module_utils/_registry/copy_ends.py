# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Where images are copied from and to: registries and bundles, with one interface for each side."""

from __future__ import annotations

import collections
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .api import Manifest
from .bundle import Bundle, Folder
from .transfer import Transfer, checked

_IN_MEMORY = 8 << 20


@dataclass(frozen=True)
class Item:
    """One image. name: as it is asked for; reference: its tag or digest; tag: what it is called at its target."""

    name: str
    repository: str
    reference: str
    target: str
    tag: str


@dataclass
class Copied:
    """What became of an image.

    before: the digest that the target had under its tag. kept: the tag that the overwritten image got.
    """

    item: Item
    digest: str = ""
    media_type: str = ""
    platforms: list[str] = field(default_factory=list)
    attached: list[dict[str, str]] = field(default_factory=list)
    changed: bool = False
    whole: bool = True
    before: str = ""
    kept: str = ""
    error: DockyardError | None = None

    def returned(self) -> dict[str, Any]:
        """Return it as the module does."""
        return {
            "image": self.item.name,
            "repository": self.item.target,
            "tag": self.item.tag,
            "digest": self.digest,
            "platforms": self.platforms,
            "attached": [one["tag"] for one in self.attached],
            "changed": self.changed,
            "kept": self.kept,
            "error": self.error.message if self.error else "",
            "error_code": self.error.code if self.error else "",
        }


class Source(Protocol):
    """Where images come from."""

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a manifest, None if there is none."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return a manifest, None if there is none."""

    def read_blob(self, repository: str, digest: str, take: Callable[[bytes], object], start: int = 0) -> bool:
        """Read a blob from a byte on."""


class BundleSource:
    """A bundle in the place of a registry."""

    def __init__(self, bundle: Bundle, reduced: bool = False) -> None:
        """Prepare to read.

        reduced: an image that is in the bundle for one of its platforms alone is that one, and not an index of which
        the others are missing, which no registry takes.
        """
        self._bundle = bundle
        self._reduced = reduced

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of an image in the bundle."""
        if reference.startswith("sha256:"):
            return reference
        for image in self._bundle.images:
            if image["repository"] == repository and image["tag"] == reference:
                return self._only(image) if self._reduced else str(image["digest"])
            for one in image.get("attached") or []:
                if image["repository"] == repository and one["tag"] == reference:
                    return str(one["digest"])
        return None

    def _only(self, image: dict[str, Any]) -> str:
        if image["whole"]:
            return str(image["digest"])
        if len(image["platforms"]) != 1:
            raise DockyardError(
                "copy_platforms_incomplete",
                f"{image['name']} is in the bundle {self._bundle.path} for {' and '.join(image['platforms'])} and not"
                " for all of its platforms, and a registry takes an index only with all of its images; make the bundle"
                " without platforms, or for one of them.",
            )
        children = self._bundle.document_of(image["digest"])[1]["manifests"]
        return str(next(one["digest"] for one in children if platform_of(one) == image["platforms"][0]))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return a manifest in the bundle, verified."""
        digest = self.digest(repository, reference)
        if digest is None:
            return None
        body, content = self._bundle.document_of(digest)
        kind = "index" if "manifests" in content else "manifest"
        return Manifest(
            digest, str(content.get("mediaType") or f"application/vnd.oci.image.{kind}.v1+json"), content, body
        )

    def read_blob(self, repository: str, digest: str, take: Callable[[bytes], object], start: int = 0) -> bool:
        """Read a blob of the bundle."""
        if start:
            return False
        for part in self._bundle.parts(digest)():
            take(part)
        return True


class Target(Protocol):
    """Where images go to."""

    def before(self, item: Item) -> str:
        """Return the digest that the target has under an image's tag; empty for none."""

    def bring(self, source: Source, item: Item, manifest: Manifest, descriptors: list[dict[str, Any]]) -> bool:
        """Bring the blobs of a manifest, and then itself by its digest. Return whether anything was missing."""


class RegistryTarget:
    """A registry that images are pushed to, by several threads at a time."""

    def __init__(self, connect: Callable[[], Transfer]) -> None:
        """Prepare to push.

        connect: returns the connection of the thread that asks.
        """
        self._connect = connect
        self._busy: collections.defaultdict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    @property
    def _registry(self) -> Transfer:
        return self._connect()

    def before(self, item: Item) -> str:
        """Return the digest that the registry has under an image's tag."""
        return self._registry.digest(item.target, item.tag or item.reference) or ""

    def bring(self, source: Source, item: Item, manifest: Manifest, descriptors: list[dict[str, Any]]) -> bool:
        """Push what the registry does not have.

        What two images have in common is pushed once: of two manifests that come at the same time, Distribution 2.8 may
        refuse one, because it reads what the other one has not written to its end (DIGEST_INVALID).
        """
        with self._busy[f"{item.target}@{manifest.digest}"]:
            if self._registry.digest(item.target, manifest.digest):
                return False
            for descriptor in descriptors:
                self._push_blob(source, item, str(descriptor["digest"]))
            self._registry.store_manifest(item.target, manifest.digest, manifest)
            return True

    def _push_blob(self, source: Source, item: Item, digest: str) -> None:
        # Another lock than that of a manifest, which may have the same content as a layer only by intent.
        with self._busy[f"{item.target} {digest}"]:
            if self._registry.has_blob(item.target, digest):
                return
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                source.read_blob(item.repository, digest, spool.write)
                size = spool.tell()
                self._registry.write_blob(item.target, digest, size, _again(spool))

    def name(self, copied: Copied, keep: bool) -> None:
        """Give an image its tag; the one that loses it gets another one, if that is wanted."""
        item = copied.item
        if copied.before and keep:
            copied.kept = f"{item.tag[:115]}.{copied.before[7:19]}"
            old = self._registry.manifest(item.target, copied.before)
            if old is not None:
                self._registry.store_manifest(item.target, copied.kept, checked(old, copied.before, item.target))
        self._put(item.target, item.tag, copied.digest)
        for one in copied.attached:
            self._put(item.target, one["tag"], one["digest"])

    def _put(self, repository: str, tag: str, digest: str) -> None:
        manifest = self._registry.manifest(repository, digest)
        if manifest is not None:
            self._registry.store_manifest(repository, tag, checked(manifest, digest, f"{repository}@{digest}"))
        there = self._registry.digest(repository, tag)
        if there != digest:
            raise DockyardError(
                "copy_not_proven",
                f"{repository}:{tag} was copied as {digest}, and the registry has {there or 'nothing'} under that tag;"
                " another user or process pushes to the same tag, or a proxy answers in its place.",
                changed=True,
            )


class FolderTarget:
    """A bundle that images are added to."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        found = folder.read()
        self.document: dict[str, Any] = found or {"version": 1, "images": [], "files": []}

    def entry(self, item: Item) -> dict[str, Any] | None:
        """Return what the bundle has under the name of an image."""
        return next((one for one in self.document["images"] if one["name"] == item.name), None)

    def before(self, item: Item) -> str:
        """Return the digest that the bundle has under an image's name."""
        return str((self.entry(item) or {}).get("digest") or "")

    def bring(self, source: Source, item: Item, manifest: Manifest, descriptors: list[dict[str, Any]]) -> bool:
        """Write what the folder does not have."""
        before = len(self.folder.arrived)
        for descriptor in descriptors:
            digest = str(descriptor["digest"])
            if not self.folder.has_blob(digest):

                def fetch(take: Callable[[bytes], object], start: int, digest: str = digest) -> bool:
                    return source.read_blob(item.repository, digest, take, start)

                self.folder.take_blob(digest, fetch)
        self.folder.put_manifest(manifest)
        return len(self.folder.arrived) > before

    def record(self, copied: Copied) -> None:
        """Name an image in the bundle's manifest."""
        item = copied.item
        images = [one for one in self.document["images"] if one["name"] != item.name]
        images.append(
            {
                "name": item.name,
                "repository": item.target,
                "tag": item.tag,
                "digest": copied.digest,
                "media_type": copied.media_type,
                "platforms": copied.platforms,
                "attached": copied.attached,
                "whole": copied.whole,
            }
        )
        self.document["images"] = sorted(images, key=lambda one: str(one["name"]))


def _again(spool: Any) -> Callable[[], Iterable[bytes]]:
    def parts() -> Iterator[bytes]:
        spool.seek(0)
        while part := spool.read(1 << 20):
            yield part

    return parts


def platform_of(descriptor: dict[str, Any]) -> str:
    """Return the platform in a descriptor of an index."""
    found = descriptor.get("platform") or {}
    return "/".join(str(found[key]) for key in ("os", "architecture", "variant") if found.get(key))
