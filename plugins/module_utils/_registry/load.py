# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Load images of a bundle into the host's engine, without any network, verified before and proven afterwards.

An engine is given what C(docker load) takes, written while it reads: both the image layout that the containerd store
reads, with the digests that the registry had, and the list of configurations and layers that the other store reads.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import copy
from .bundle import Bundle, blob_name

_FULL = "no space left on device"


class Engine(Protocol):
    """The command docker."""

    def inspect(self, image: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image, None if it has none of that name."""


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


def plan(bundle: Bundle, order: Order, platform: str, docker: Engine) -> Loaded:
    """Return what has to be loaded of an image; nothing if the engine has it."""
    loaded = Loaded(order)
    try:
        _read(bundle, loaded, str(order.entry["digest"]), platform)
        there = docker.inspect(order.name)
        if there and there["Id"] in (loaded.config, *loaded.manifests):
            loaded.id = there["Id"]
        else:
            loaded.changed = True
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


def verify(bundle: Bundle, loaded: Loaded) -> None:
    """Verify every layer of an image before the engine gets any of it."""
    try:
        for digest in loaded.layers:
            bundle.verify(blob_name(digest), digest)
    except DockyardError as error:
        loaded.error = error


def load(bundle: Bundle, loaded: Loaded, docker: Engine, program: list[str]) -> None:
    """Load one image and prove that the engine has it.

    program: the command that reads the archive from its standard input.
    """
    try:
        _pass(bundle, loaded, program)
        there = docker.inspect(loaded.order.name)
        if there is None or there["Id"] not in (loaded.config, *loaded.manifests):
            raise DockyardError(
                "bundle_not_proven",
                f"{loaded.order.name} was loaded, and the engine has {there['Id'] if there else 'nothing'} by that"
                " name; another user or process names images on this host too.",
                changed=True,
            )
        loaded.id = there["Id"]
    except DockyardError as error:
        loaded.error = error


def _pass(bundle: Bundle, loaded: Loaded, program: list[str]) -> None:
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if process.stdin is not None:
            # If the engine ends it, what it says is the reason.
            with contextlib.suppress(BrokenPipeError), process.stdin as stream:
                write(bundle, loaded, stream)
        said = process.stdout.read().decode(errors="replace") if process.stdout else ""
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status == 0:
        return
    if _FULL in said:
        raise DockyardError(
            "image_no_space",
            "There is no space left for an image in Docker's data folder; free some there (docker system df shows what"
            " takes it).",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = lines[-1][:300].rstrip(".") if lines else f"exit status {status}"
    raise DockyardError(
        "bundle_refused_by_engine",
        f"Docker did not load {loaded.order.name} ({reason}); look at journalctl -u docker.service.",
    )


def write(bundle: Bundle, loaded: Loaded, stream: IO[bytes]) -> None:
    """Write the archive of one image as docker load takes it."""
    first = loaded.manifests[0]
    descriptor = {
        "mediaType": loaded.order.entry["media_type"],
        "digest": first,
        "size": bundle.size(first),
        "annotations": {
            "io.containerd.image.name": loaded.order.whole,
            "org.opencontainers.image.ref.name": loaded.order.whole.rpartition(":")[2],
        },
    }
    listed = {
        "Config": blob_name(loaded.config),
        "RepoTags": [loaded.order.name],
        "Layers": [blob_name(layer) for layer in loaded.layers],
    }
    documents = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {"schemaVersion": 2, "manifests": [descriptor]},
        "manifest.json": [listed],
    }
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, document in documents.items():
            content = json.dumps(document).encode()
            _add(archive, name, len(content), io.BytesIO(content))
        for digest in [*loaded.manifests, *loaded.blobs]:
            with bundle.blob(digest) as file:
                _add(archive, blob_name(digest), bundle.size(digest), file)


def _add(archive: tarfile.TarFile, name: str, size: int, content: Any) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, content)


def failed(done: Iterable[Loaded]) -> Iterator[Loaded]:
    """Yield the images that could not be loaded."""
    for one in done:
        if one.error:
            yield one
