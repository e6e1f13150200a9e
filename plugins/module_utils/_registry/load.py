# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Load images of a bundle into the host's engine, without any network, verified before and proven afterwards.

An engine is given what C(docker load) takes, written while it reads: both the image layout that the containerd store
reads, with the digests that the registry had, and the list of configurations and layers that the other store reads.
Images go in groups, so that what they have in common is read once. An engine keeps a copy of a group while it reads it.
"""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Union

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import copy
from .bundle import Bundle, blob_name

_FULL = "no space left on device"
# Bytes that a group may have, unless a single image has more: a host needs so much room for a while.
_GROUP = 1 << 30


# Returns the identities of those of several images that the engine has, by their names.
Ask = Callable[[list[str]], dict[str, str]]
# A part of an archive: as it is, or a file of which all belongs to it.
Piece = Union[bytes, BinaryIO]
# Gives an archive to the engine; returns why it does not take it, nothing if it does.
Give = Callable[[Iterable[Piece]], str]


@dataclass(frozen=True)
class Order:
    """An image of the bundle. name: what the engine calls it; whole: the same with the registry's name."""

    entry: dict[str, Any]
    name: str
    whole: str


@dataclass
class Loaded:
    """What became of an image. id: what the engine knows it by."""

    order: Order
    id: str = ""
    platform: str = ""
    changed: bool = False
    error: DockyardError | None = None
    manifests: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    config: str = ""

    @property
    def identities(self) -> tuple[str, ...]:
        """Return what an engine may know the image by: the stores differ in that."""
        return (self.config, *self.manifests)

    def returned(self) -> dict[str, Any]:
        """Return it as the module does."""
        return {
            "image": self.order.entry["name"],
            "name": self.order.name,
            "digest": self.order.entry["digest"],
            "id": self.id,
            "platform": self.platform,
            "changed": self.changed,
            "error": self.error.message if self.error else "",
            "error_code": self.error.code if self.error else "",
        }


def plan(bundle: Bundle, orders: list[Order], platform: str, ask: Ask) -> list[Loaded]:
    """Return what has to be loaded of images; nothing of those that the engine has."""
    there = ask([order.name for order in orders])
    done = [_planned(bundle, order, platform) for order in orders]
    for one in done:
        if not one.error and there.get(one.order.name) in one.identities:
            one.id = there[one.order.name]
        one.changed = not one.error and not one.id
    return done


def _planned(bundle: Bundle, order: Order, platform: str) -> Loaded:
    loaded = Loaded(order)
    try:
        _read(bundle, loaded, str(order.entry["digest"]), platform)
    except DockyardError as error:
        loaded.error = error
    except (KeyError, TypeError, ValueError) as error:
        loaded.error = DockyardError(
            "bundle_unreadable",
            f"The bundle {bundle.path} can't be read ({order.entry.get('name')} has no manifest of an image); check its"
            " path.",
        )
        loaded.error.__cause__ = error
    return loaded


def _read(bundle: Bundle, loaded: Loaded, digest: str, platform: str) -> None:
    """Follow an image from its first manifest to its layers for one platform."""
    _body, content = bundle.document_of(digest)
    loaded.manifests.append(digest)
    if "manifests" in content:
        entry = loaded.order.entry
        # The index names also those that are not in the bundle.
        there = [one for one in content["manifests"] if entry["whole"] or copy.platform_of(one) in entry["platforms"]]
        fitting = [one for one in there if copy.fits(copy.platform_of(one), [platform])]
        if not fitting:
            raise DockyardError(
                "bundle_platform_missing",
                f"{loaded.order.entry['name']} is in the bundle {bundle.path} for"
                f" {', '.join(loaded.order.entry['platforms'])} and not for {platform}; make the bundle for this"
                " platform too.",
            )
        loaded.platform = copy.platform_of(fitting[0])
        _read(bundle, loaded, fitting[0]["digest"], platform)
        return
    loaded.config = content["config"]["digest"]
    loaded.layers = [layer["digest"] for layer in content["layers"]]
    loaded.blobs = list(dict.fromkeys([loaded.config, *loaded.layers]))
    found = bundle.document_of(loaded.config)[1]
    loaded.platform = loaded.platform or "/".join(
        str(found[key]) for key in ("os", "architecture", "variant") if found.get(key)
    )
    if not copy.fits(loaded.platform, [platform]):
        raise DockyardError(
            "bundle_platform_missing",
            f"{loaded.order.entry['name']} is in the bundle {bundle.path} for {loaded.platform} and not for {platform};"
            " make the bundle for this platform too.",
        )


def verify(bundle: Bundle, wanted: Iterable[Loaded]) -> None:
    """Verify every layer of images before the engine gets any of them; one that several have is read once."""
    good: set[str] = set()
    for one in wanted:
        try:
            for digest in one.layers:
                if digest not in good:
                    bundle.verify(blob_name(digest), digest)
                    good.add(digest)
        except DockyardError as error:
            one.error = error


def groups(bundle: Bundle, wanted: Iterable[Loaded]) -> Iterator[list[Loaded]]:
    """Yield images as they are loaded together."""
    group: list[Loaded] = []
    sizes: dict[str, int] = {}
    for one in wanted:
        more = {digest: bundle.size(digest) for digest in one.blobs if digest not in sizes}
        if group and sum(sizes.values()) + sum(more.values()) > _GROUP:
            yield group
            group, sizes = [], {}
        group.append(one)
        sizes.update({digest: bundle.size(digest) for digest in one.blobs})
    if group:
        yield group


def load(bundle: Bundle, group: list[Loaded], ask: Ask, give: Give) -> None:
    """Load images and prove that the engine has them."""
    with contextlib.ExitStack() as files:
        why = give(pieces(bundle, group, files))
    there = ask([one.order.name for one in group])
    for one in group:
        found = there.get(one.order.name, "")
        if found in one.identities:
            one.id = found
        else:
            one.error = _refusal(one.order.name, why) if why else _not_proven(one.order.name, found)


def _not_proven(name: str, found: str) -> DockyardError:
    return DockyardError(
        "bundle_not_proven",
        f"{name} was loaded, and the engine has {found or 'nothing'} by that name; another user or process names images"
        " on this host too.",
        changed=True,
    )


def _refusal(name: str, why: str) -> DockyardError:
    if _FULL in why:
        return DockyardError(
            "image_no_space",
            "There is no space left for an image in Docker's data folder; free some there (docker system df shows what"
            " takes it).",
        )
    return DockyardError(
        "bundle_refused_by_engine",
        f"Docker did not load {name} ({why[:300].rstrip('.')}); look at journalctl -u docker.service.",
    )


def pieces(bundle: Bundle, group: list[Loaded], files: contextlib.ExitStack) -> Iterator[Piece]:
    """Yield the archive of images as docker load takes it.

    files: closes those of which the archive is made.
    """
    documents = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {"schemaVersion": 2, "manifests": [_descriptor(bundle, one) for one in group]},
        "manifest.json": [
            {
                "Config": blob_name(one.config),
                "RepoTags": [one.order.name],
                "Layers": [blob_name(layer) for layer in one.layers],
            }
            for one in group
        ],
    }
    for name, document in documents.items():
        content = json.dumps(document).encode()
        yield _header(name, len(content)) + content + _filled(len(content))
    for digest in dict.fromkeys(digest for one in group for digest in (*one.manifests, *one.blobs)):
        size = bundle.size(digest)
        yield _header(blob_name(digest), size)
        yield files.enter_context(bundle.blob(digest))
        yield _filled(size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    # What tarfile writes by itself is copied several times, which takes longer than the engine does.
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf()


def _filled(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def _descriptor(bundle: Bundle, loaded: Loaded) -> dict[str, Any]:
    """Return how the image layout names an image."""
    first = loaded.manifests[0]
    return {
        "mediaType": loaded.order.entry["media_type"],
        "digest": first,
        "size": bundle.size(first),
        "annotations": {
            "io.containerd.image.name": loaded.order.whole,
            "org.opencontainers.image.ref.name": loaded.order.whole.rpartition(":")[2],
        },
    }


def failed(done: Iterable[Loaded]) -> Iterator[Loaded]:
    """Yield the images that could not be loaded."""
    for one in done:
        if one.error:
            yield one
