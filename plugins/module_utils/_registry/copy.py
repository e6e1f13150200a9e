# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Copy images from registries or a bundle to a registry or a bundle, byte for byte, so that their digests stay.

What is there already is found by HEAD requests. First all content arrives and is verified, then the names are given: an
image that can't be copied leaves every name as it was.
"""

from __future__ import annotations

import collections
import fnmatch
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .api import Manifest
from .bundle import Bundle, Folder
from .transfer import Transfer, checked

_INDEX = ("manifest.list", "image.index")
# What cosign calls the tags of what belongs to an image: signatures, attestations and SBOMs.
_ATTACHED = (".sig", ".att", ".sbom")
_ELSEWHERE = ("foreign", "nondistributable")
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
        if image["whole"] or len(image["platforms"]) != 1:
            return str(image["digest"])
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
    """A registry that images are pushed to."""

    def __init__(self, registry: Transfer) -> None:
        self._registry = registry
        self._busy: collections.defaultdict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    def before(self, item: Item) -> str:
        """Return the digest that the registry has under an image's tag."""
        return self._registry.digest(item.target, item.tag or item.reference) or ""

    def bring(self, source: Source, item: Item, manifest: Manifest, descriptors: list[dict[str, Any]]) -> bool:
        """Push what the registry does not have.

        A manifest that two images have is pushed once: of two that come at the same time, Distribution 2.8 may refuse
        one, because it reads what the other one has not written to its end (DIGEST_INVALID).
        """
        with self._busy[manifest.digest]:
            if self._registry.digest(item.target, manifest.digest):
                return False
            for descriptor in descriptors:
                self._push_blob(source, item, str(descriptor["digest"]))
            self._registry.store_manifest(item.target, manifest.digest, manifest)
            return True

    def _push_blob(self, source: Source, item: Item, digest: str) -> None:
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


def select(tags: Iterable[str], patterns: list[str]) -> list[str]:
    """Return the tags that one of several patterns names; a pattern with ! before it takes away."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")] or ["*"]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]

    def named(tag: str, among: list[str]) -> bool:
        return any(fnmatch.fnmatchcase(tag, pattern) for pattern in among)

    return sorted(tag for tag in tags if named(tag, wanted) and not named(tag, unwanted))


def platform_of(descriptor: dict[str, Any]) -> str:
    """Return the platform in a descriptor of an index."""
    found = descriptor.get("platform") or {}
    return "/".join(str(found[key]) for key in ("os", "architecture", "variant") if found.get(key))


def fits(found: str, wanted: list[str]) -> bool:
    """Return whether a platform is one of those that are wanted, none means all; a variant counts if it is named."""
    return not wanted or any(found == one or found.startswith(f"{one}/") for one in wanted)


def prepare(
    source: Source, target: Target, item: Item, platforms: list[str], attached: bool, check_mode: bool
) -> Copied:
    """Bring the content of an image to the target, and give it no name yet."""
    copied = Copied(item)
    try:
        digest = source.digest(item.repository, item.reference)
        if digest is None:
            raise DockyardError(
                "copy_image_missing",
                f"There is no {item.name} where it is to be copied from; correct its name, tag or digest.",
            )
        copied.before = target.before(item)
        copied.digest = digest
        copied.changed = digest != copied.before
        entry = target.entry(item) if isinstance(target, FolderTarget) else None
        if entry and not copied.changed:
            copied.media_type = entry["media_type"]
            copied.platforms, copied.attached = list(entry["platforms"]), list(entry["attached"])
            missing = [one for one in platforms if not any(fits(found, [one]) for found in copied.platforms)]
            copied.changed = not entry["whole"] and (not platforms or bool(missing))
            # What is there for further platforms stays.
            platforms = platforms and [*platforms, *copied.platforms]
        if not copied.changed or check_mode:
            return copied
        manifest = source.manifest(item.repository, item.reference)
        if manifest is None:
            raise DockyardError(
                "copy_image_missing",
                f"There is no {item.name} any more where it is to be copied from; run again.",
            )
        copied.digest, copied.media_type = manifest.digest, manifest.media_type
        _require_platform(source, item, manifest, platforms)
        copied.platforms = _bring(source, target, item, checked(manifest, item.reference, item.name), platforms)
        copied.whole = not platforms or not copied.platforms
        if attached:
            copied.attached = _attached(source, target, item, copied.digest)
    except DockyardError as error:
        copied.error = error
    return copied


def _require_platform(source: Source, item: Item, manifest: Manifest, platforms: list[str]) -> None:
    """Raise DockyardError for an image of one platform that is not one of those that are wanted."""
    config = manifest.content.get("config")
    if not platforms or not config or any(kind in manifest.media_type for kind in _INDEX):
        return
    parts: list[bytes] = []
    source.read_blob(item.repository, str(config["digest"]), parts.append)
    try:
        found = platform_of({"platform": json.loads(b"".join(parts))})
    except (ValueError, AttributeError):
        return  # an artifact, which is for none
    if found and not fits(found, platforms):
        raise _other_platform(item, [found], platforms)


def _other_platform(item: Item, found: Iterable[str], wanted: list[str]) -> DockyardError:
    return DockyardError(
        "copy_platform_missing",
        f"{item.name} is for {', '.join(filter(None, found)) or 'no platform'}, and not for {', '.join(wanted)};"
        " correct platforms.",
    )


def _bring(source: Source, target: Target, item: Item, manifest: Manifest, platforms: list[str]) -> list[str]:
    """Bring a manifest with all that belongs to it; return the platforms that it is for."""
    content = manifest.content
    if not any(kind in manifest.media_type for kind in _INDEX):
        descriptors = [one for one in [content.get("config"), *(content.get("layers") or [])] if one]
        target.bring(
            source,
            item,
            manifest,
            [one for one in descriptors if not any(word in str(one.get("mediaType")) for word in _ELSEWHERE)],
        )
        return []
    children = content.get("manifests") or []
    chosen = [one for one in children if fits(platform_of(one), platforms)]
    if not chosen:
        raise _other_platform(item, map(platform_of, children), platforms)
    if len(chosen) < len(children) and isinstance(target, RegistryTarget):
        raise DockyardError(
            "copy_platforms_incomplete",
            f"{item.name} is for {len(children)} platforms, and a registry takes an index only with all of its images;"
            " leave platforms out to copy it whole.",
        )
    # What a builder attests of an image is listed beside it, for no platform.
    digests = {one["digest"] for one in chosen}
    for one in children:
        about = (one.get("annotations") or {}).get("vnd.docker.reference.digest")
        if about in digests and one not in chosen:
            chosen.append(one)
    for one in chosen:
        child = source.manifest(item.repository, str(one["digest"]))
        if child is None:
            raise DockyardError(
                "copy_blob_missing",
                f"{item.name} has no {one['digest']} where it is to be copied from, which belongs to it; the image is"
                " broken there: push it again, or take another tag.",
            )
        _bring(source, target, item, checked(child, str(one["digest"]), item.name), platforms)
    target.bring(source, item, manifest, [])
    return [platform_of(one) for one in chosen if one["digest"] in digests]


def _attached(source: Source, target: Target, item: Item, digest: str) -> list[dict[str, str]]:
    """Bring the signatures, attestations and SBOMs that are stored beside an image."""
    found = []
    for ending in _ATTACHED:
        tag = f"{digest.replace(':', '-')}{ending}"
        manifest = source.manifest(item.repository, tag) if source.digest(item.repository, tag) else None
        if manifest is not None:
            _bring(source, target, item, checked(manifest, tag, f"{item.repository}:{tag}"), [])
            found.append({"tag": tag, "digest": manifest.digest})
    return found
