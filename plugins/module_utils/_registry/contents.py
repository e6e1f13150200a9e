# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Gather what a registry holds: repositories, tags, digests, and what they occupy."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .api import Registry

_WILDCARDS = re.compile(r"[*?\[]")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
# Layers of these types are fetched from elsewhere; the registry does not hold them.
_ELSEWHERE = ("foreign", "nondistributable")


# Each includes those before it.
Level = Literal["health", "catalog", "tags", "manifests"]
LEVELS: tuple[Level, ...] = ("health", "catalog", "tags", "manifests")


@dataclass(frozen=True)
class Query:
    """What to read."""

    level: Level
    repositories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    page_size: int = 100
    max_repositories: int | None = None

    def includes(self, level: Level) -> bool:
        """Return whether this level is read."""
        return LEVELS.index(level) <= LEVELS.index(self.level)


@dataclass
class _Image:
    """A manifest, and the blobs that it names with their sizes."""

    digest: str
    media_type: str
    blobs: dict[str, int] = field(default_factory=dict)
    # Its parts, where it is an index of several platforms: platform, digest, image (None: not in the registry).
    parts: list[tuple[str, str, _Image | None]] = field(default_factory=list)
    # Schema 1 names no sizes, and a manifest of an unknown type none that are understood.
    sized: bool = True

    @property
    def size(self) -> int | None:
        """Return the size of all its blobs; None if it names none."""
        return sum(self.blobs.values()) if self.sized else None


def check_names(repositories: Iterable[str]) -> None:
    """Refuse names that no registry could have; shell patterns are none."""
    for name in repositories:
        if not _WILDCARDS.search(name) and not _NAME.fullmatch(name):
            raise DockyardError(
                "registry_repository_name_invalid",
                f"repositories has '{name}', which is no name of a repository; write it like team/app:"
                " lower case, without the registry's address and without a tag.",
            )


def gather(registry: Registry, query: Query) -> dict[str, Any]:
    """Return everything below the registry's health, as the module returns it."""
    if not query.includes("catalog"):
        return {}
    names, truncated = _first(choose(registry, query.repositories, query.page_size), query.max_repositories)
    repositories: list[dict[str, Any]] = []
    missing: list[str] = []
    blobs: dict[str, int] = {}
    for name in names:
        entry: dict[str, Any] = {"name": name}
        named = name in query.repositories
        if query.includes("tags") or named:
            tags = registry.tags(name, query.page_size)
            if tags is None and named:
                missing.append(name)
                continue
            # A repository that the catalog still names though it is gone has no tags either.
            chosen = sorted(tag for tag in tags or [] if not query.tags or matches(tag, query.tags))
            if query.level == "tags":
                entry["tags"] = [{"name": tag} for tag in chosen]
            elif query.level == "manifests":
                entry.update(_read_tags(registry, name, chosen, blobs))
        repositories.append(entry)
    result: dict[str, Any] = {
        "repositories": repositories,
        "missing_repositories": missing,
        "truncated": truncated,
        "totals": {"repositories": len(repositories)},
    }
    if query.includes("tags"):
        result["totals"]["tags"] = sum(len(repository["tags"]) for repository in repositories)
    if query.includes("manifests"):
        result["totals"]["size_bytes"] = sum(blobs.values())
    return result


def choose(registry: Registry, patterns: Sequence[str], page_size: int) -> Iterator[str]:
    """Yield the names of the repositories that match any of the patterns, each once; of all if there is none."""
    if patterns and not any(_WILDCARDS.search(name) for name in patterns):
        # No catalog for these: many registries don't show theirs.
        yield from dict.fromkeys(patterns)
        return
    named = dict.fromkeys(name for name in patterns if not _WILDCARDS.search(name))
    listed = (name for name in registry.catalog(page_size) if not patterns or matches(name, patterns))
    yield from _unique(itertools.chain(named, listed))


def _first(names: Iterator[str], most: int | None) -> tuple[list[str], bool]:
    """Return as many names as are wanted, sorted, and whether there would have been more."""
    if most is None:
        return sorted(names), False
    first = list(itertools.islice(names, most + 1))
    return sorted(first[:most]), len(first) > most


def _unique(names: Iterable[str]) -> Iterator[str]:
    """Yield each name once, as soon as it is read."""
    seen: set[str] = set()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name matches any of the patterns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _read_tags(registry: Registry, repository: str, tags: list[str], everything: dict[str, int]) -> dict[str, Any]:
    """Return tags with digests and sizes. Add the repository's blobs to everything."""
    images: dict[str, _Image | None] = {}
    blobs: dict[str, int] = {}
    entries = []
    for tag in tags:
        image = _read(registry, repository, tag, images)
        entries.append(_describe(tag, image))
        blobs.update(image.blobs if image else {})
    everything.update(blobs)
    return {"tags": entries, "size_bytes": sum(blobs.values())}


def _describe(tag: str, image: _Image | None) -> dict[str, Any]:
    if image is None:
        # Untagged since the list was read, or a registry that has lost it.
        return {"name": tag, "digest": None, "media_type": None, "size_bytes": None, "platforms": []}
    platforms = [
        {"platform": platform, "digest": digest, "size_bytes": part.size if part else None}
        for platform, digest, part in image.parts
    ]
    return {
        "name": tag,
        "digest": image.digest,
        "media_type": image.media_type,
        "size_bytes": image.size,
        "platforms": platforms,
    }


def _read(
    registry: Registry, repository: str, reference: str, images: dict[str, _Image | None], nested: bool = False
) -> _Image | None:
    """Read a manifest and those that it names; images holds what is known by digest already."""
    if reference in images:
        return images[reference]
    answer = registry.manifest(repository, reference)
    if answer is None:
        images[reference] = None
        return None
    digest, media_type, content, _body = answer
    if images.get(digest) is not None:
        return images[digest]
    image = _Image(digest, media_type)
    images[digest] = image
    manifests = content.get("manifests")
    # An index within an index is allowed, but no engine pulls from deeper than that.
    if isinstance(manifests, list) and not nested:
        _read_parts(registry, repository, image, manifests, images)
        return image
    image.blobs = _blobs([content.get("config"), *_listed(content.get("layers"))])
    image.sized = isinstance(content.get("layers"), list)
    return image


def _read_parts(
    registry: Registry, repository: str, image: _Image, manifests: list[Any], images: dict[str, _Image | None]
) -> None:
    for descriptor in manifests:
        if not isinstance(descriptor, dict) or not isinstance(descriptor.get("digest"), str):
            image.sized = False
            continue
        part = _read(registry, repository, descriptor["digest"], images, nested=True)
        image.parts.append((_platform(descriptor.get("platform")), descriptor["digest"], part))
        if part:
            image.blobs.update(part.blobs)


def _platform(platform: Any) -> str:
    """Return a platform such as linux/arm/v7; '' if the index does not say."""
    if not isinstance(platform, dict):
        return ""
    parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
    return "/".join(str(part) for part in parts if part)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _blobs(descriptors: list[Any]) -> dict[str, int]:
    """Return sizes by digest; a layer that occurs twice is there once."""
    sizes = {}
    for descriptor in descriptors:
        if not isinstance(descriptor, dict) or any(word in str(descriptor.get("mediaType")) for word in _ELSEWHERE):
            continue
        digest, size = descriptor.get("digest"), descriptor.get("size")
        if isinstance(digest, str) and isinstance(size, int):
            sizes[digest] = size
    return sizes
