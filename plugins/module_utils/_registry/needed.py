# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Which manifests and blobs a registry's tags need, asked over its API.

A tag needs its manifest; an index needs the manifests that it lists, at any depth, attestations among them; a manifest
needs its configuration and layers. What is kept keeps what refers to it by C(subject): signatures and other artifacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .api import Registry

Kind = Literal["tag", "index", "subject"]
PAGE = 100
# Layers of these types are fetched from elsewhere; the registry does not hold them.
_ELSEWHERE = ("foreign", "nondistributable")


@dataclass(frozen=True)
class Need:
    """Why something is needed: by a tag of this name, by an index, or as an artifact of a manifest (digests)."""

    kind: Kind
    by: str


@dataclass(frozen=True)
class Missing:
    """What is needed and not there."""

    repository: str
    digest: str
    need: Need

    def __str__(self) -> str:
        what = {"tag": "tag", "index": "index", "subject": "manifest"}[self.need.kind]
        return f"{self.repository}@{self.digest} (needed by the {what} {self.need.by})"


@dataclass
class References:
    """What a manifest names."""

    children: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    subject: str = ""


@dataclass
class Needed:
    """What the tags of a registry need, by repository and digest."""

    manifests: dict[str, dict[str, Need]] = field(default_factory=dict)
    blobs: dict[str, dict[str, Need]] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    # The digest of each tag, by repository.
    tagged: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: int = 0
    indexes: int = 0

    def why(self, repository: str, digest: str) -> Need | None:
        """Return why a manifest is needed; None if it is not."""
        return self.manifests.get(repository, {}).get(digest)

    def digests(self) -> set[str]:
        """Return the digests of all that is needed."""
        return {digest for group in (self.manifests, self.blobs) for found in group.values() for digest in found}

    def among(self, manifests: Iterable[tuple[str, str]], blobs: set[str]) -> list[Missing]:
        """Return what is needed of these manifests and blobs, each digest once in a repository."""
        found = {
            (repository, digest): Missing(repository, digest, need)
            for group in (self.blobs, self.manifests)
            for repository, needs in group.items()
            for digest, need in needs.items()
            if digest in blobs
        }
        for repository, digest in manifests:
            need = self.why(repository, digest)
            if need is not None:
                found[repository, digest] = Missing(repository, digest, need)
        return list(found.values())

    def needs(self, missing: Missing) -> bool:
        """Return whether something is needed, be it there or not."""
        repository, digest = missing.repository, missing.digest
        return (
            digest in self.manifests.get(repository, {})
            or digest in self.blobs.get(repository, {})
            # A tag whose manifest is gone does not say which it was.
            or any(
                other.repository == repository and (other.digest == digest or other.need == missing.need)
                for other in self.missing
            )
        )

    def count(self) -> tuple[int, int]:
        """Return how many manifests and blobs are needed, each digest counted once."""
        manifests, blobs = (
            {digest for found in group.values() for digest in found} for group in (self.manifests, self.blobs)
        )
        return len(manifests), len(blobs)


class Survey:
    """Reads what is needed; what was read once by its digest is not asked for again."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[tuple[str, str], References | None] = {}

    def read(self, repositories: Iterable[str]) -> Needed:
        """Return what the tags of the repositories need; those of the catalog are always among them."""
        needed = Needed()
        # What was not there then may have been pushed since; what was there has the same content.
        self._known = {key: found for key, found in self._known.items() if found is not None}
        for repository in sorted({*repositories, *self._registry.catalog(PAGE)}):
            for tag in self._registry.tags(repository, PAGE) or []:
                found = self._registry.manifest(repository, tag)
                needed.tags += 1
                if found is None:
                    needed.missing.append(Missing(repository, "?", Need("tag", tag)))
                    continue
                digest, _media_type, content, _body = found
                self._known[repository, digest] = references(content)
                needed.tagged.setdefault(repository, {})[tag] = digest
                self._need(needed, repository, digest, Need("tag", tag))
        return needed

    def keep_artifacts(self, needed: Needed, untagged: Iterable[tuple[str, str]]) -> None:
        """Add to what is needed those of the untagged manifests whose subject is needed."""
        left = [(repository, digest) for repository, digest in untagged if not needed.why(repository, digest)]
        count = -1
        # Again, because an artifact may belong to another one: the signature of a list of parts.
        while count != len(left):
            count = len(left)
            left = [manifest for manifest in left if not self._keep_artifact(needed, *manifest)]

    def _keep_artifact(self, needed: Needed, repository: str, digest: str) -> bool:
        named = self._ask(repository, digest)
        if named is None or not named.subject or not needed.why(repository, named.subject):
            return False
        self._need(needed, repository, digest, Need("subject", named.subject))
        return True

    def _need(self, needed: Needed, repository: str, digest: str, need: Need) -> None:
        manifests = needed.manifests.setdefault(repository, {})
        pending = [(digest, need)]
        while pending:
            digest, need = pending.pop()
            if digest in manifests:
                continue
            named = self._ask(repository, digest)
            if named is None:
                # An index may list blobs as well: a build cache does.
                if self._registry.holds_blob(repository, digest):
                    needed.blobs.setdefault(repository, {})[digest] = need
                else:
                    needed.missing.append(Missing(repository, digest, need))
                continue
            manifests[digest] = need
            needed.indexes += bool(named.children)
            for blob in named.blobs:
                needed.blobs.setdefault(repository, {}).setdefault(blob, Need("index", digest))
            pending += [(child, Need("index", digest)) for child in named.children]

    def _ask(self, repository: str, digest: str) -> References | None:
        key = (repository, digest)
        if key not in self._known:
            found = self._registry.manifest(repository, digest)
            self._known[key] = references(found[2]) if found else None
        return self._known[key]


def lost(registry: Registry, needed: Needed) -> Iterator[Missing]:
    """Return what is needed and not there, asked for one by one."""
    for repository, manifests in needed.manifests.items():
        for digest, need in manifests.items():
            if registry.manifest(repository, digest) is None:
                yield Missing(repository, digest, need)
    for repository, blobs in needed.blobs.items():
        for digest, need in blobs.items():
            if not registry.holds_blob(repository, digest):
                yield Missing(repository, digest, need)


def references(content: dict[str, Any]) -> References:
    """Return what a manifest names."""
    found = References()
    manifests = content.get("manifests")
    if isinstance(manifests, list):
        found.children = list(_digests(manifests))
    # An artifact manifest calls its layers blobs, and the old schema 1 has them under a name of its own.
    found.blobs = [
        *_digests([content.get("config")]),
        *_digests(content.get("layers")),
        *_digests(content.get("blobs")),
        *_digests(content.get("fsLayers"), "blobSum"),
    ]
    found.subject = next(_digests([content.get("subject")]), "")
    return found


def _digests(descriptors: Any, key: str = "digest") -> Iterator[str]:
    for descriptor in descriptors if isinstance(descriptors, list) else []:
        if not isinstance(descriptor, dict) or any(word in str(descriptor.get("mediaType")) for word in _ELSEWHERE):
            continue
        if isinstance(descriptor.get(key), str):
            yield descriptor[key]
