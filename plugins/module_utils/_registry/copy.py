# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Copy images from registries or a bundle to a registry or a bundle, byte for byte, so that their digests stay.

What is there already is found by HEAD requests. First all content arrives and is verified, then the names are given: an
image that can't be copied leaves every name as it was.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .api import Manifest
from .copy_ends import Copied, FolderTarget, Item, RegistryTarget, Source, Target, platform_of
from .transfer import checked

_INDEX = ("manifest.list", "image.index")
# What cosign calls the tags of what belongs to an image: signatures, attestations and SBOMs.
_ATTACHED = (".sig", ".att", ".sbom")
_ELSEWHERE = ("foreign", "nondistributable")


def select(tags: Iterable[str], patterns: list[str]) -> list[str]:
    """Return the tags that one of several patterns names; a pattern with ! before it takes away."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")] or ["*"]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]

    def named(tag: str, among: list[str]) -> bool:
        return any(fnmatch.fnmatchcase(tag, pattern) for pattern in among)

    return sorted(tag for tag in tags if named(tag, wanted) and not named(tag, unwanted))


def fits(found: str, wanted: list[str]) -> bool:
    """Return whether a platform is one of those that are wanted, none means all; a variant counts if it is named."""
    return not wanted or any(found == one or found.startswith(f"{one}/") for one in wanted)


def prepare(
    source: Source,
    target: Target,
    item: Item,
    platforms: list[str],
    attached: bool,
    check_mode: bool,
    turn: contextlib.AbstractContextManager[Any] | None = None,
) -> Copied:
    """Bring the content of an image to the target, and give it no name yet.

    turn: is entered while content is on its way; what is only asked waits for nobody.
    """
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
        with turn or contextlib.nullcontext():
            _bring_whole(source, target, copied, platforms, attached)
    except DockyardError as error:
        copied.error = error
    return copied


def _bring_whole(source: Source, target: Target, copied: Copied, platforms: list[str], attached: bool) -> None:
    item = copied.item
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
