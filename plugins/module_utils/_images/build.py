# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Build one image, prove that it runs, and only then give it its name; or remove what was built."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import engine, image_file, packages, tree
from .engine import Docker, Image, Unreachable
from .packages import Package
from .programs import Budget
from .recipe import Target
from .workspace import workspace

_CLEANUP_SECONDS = 120


@dataclass(frozen=True)
class Settings:
    """How an image is built.

    rebuild: build also if there is an image of this recipe, for newer packages.
    check_timeout: seconds that the check command may take.
    foreign: the architecture is not this host's.
    """

    directory: str
    rebuild: bool
    check_timeout: float
    foreign: bool = False


@dataclass(frozen=True)
class Outcome:
    """An image as it is after the call; id and image are empty if check mode does not know them.

    before, after: what the image is made of, for a diff.
    """

    changed: bool
    image: str
    id: str
    built: bool
    version: str
    packages: list[dict[str, str]]
    before: dict[str, Any]
    after: dict[str, Any]
    named: tuple[str, ...] = ()  # the further names that it was given


def require_engine(docker: Docker, check_mode: bool) -> bool:
    """Raise DockyardError unless an engine answers; return whether it does.

    check_mode: the engine may be missing, as on a host on which it is not installed yet.
    """
    try:
        docker.require()
    except Unreachable:
        if check_mode:
            return False
        raise
    return True


def find(built: list[Image], key: str, tag: str = "") -> tuple[Image, str] | None:
    """Return the newest image of a key that still has a name of its own, and that name.

    tag: the tag that this name has to have; empty for any.
    """
    for image in built:
        names = [name for name in image.own_tags if not tag or name == f"{image.name}:{tag}"]
        if image.labels.get(engine.KEY) == key and names:
            return image, names[0]
    return None


def build(target: Target, settings: Settings, docker: Docker, budget: Budget, check_mode: bool) -> Outcome:
    """Build an image unless there is one of this recipe."""
    answers = require_engine(docker, check_mode)
    built = docker.built(target.name) if answers else []
    found = find(built, target.key(), target.tag)
    if found and not settings.rebuild:
        return _name_further(_present(*found, target), target, docker, check_mode)
    if answers:
        for tag in filter(None, [target.tag, *target.further_tags]):
            _refuse_foreign_name(docker, f"{target.name}:{tag}")
    before = _before(built, target)
    if check_mode:
        if found:
            return _name_further(_present(*found, target), target, docker, check_mode)
        image = f"{target.name}:{target.tag}" if target.tag else ""
        named = tuple(f"{target.name}:{tag}" for tag in target.further_tags)
        return Outcome(True, image, "", False, "", [], before, target.definition(), named)
    if not os.path.isdir(settings.directory):
        raise DockyardError(
            "image_directory_unusable",
            f"The folder {settings.directory} of build_directory does not exist on this host; make it first.",
        )
    with workspace(settings.directory, docker, budget) as folder:
        outcome = _build(target, settings, docker, budget, folder, before)
    return _name_further(outcome, target, docker, check_mode)


def _name_further(outcome: Outcome, target: Target, docker: Docker, check_mode: bool) -> Outcome:
    """Give an image its further names, and remove images that have none any more by that."""
    names = []
    for name in (f"{target.name}:{tag}" for tag in target.further_tags):
        there = docker.inspect(name)
        if any(image.id == outcome.id for image in there):
            continue
        _refuse_foreign_name(docker, name)
        names.append(name)
        if check_mode:
            continue
        try:
            docker.tag(outcome.id, name)
        except DockyardError as error:
            error.changed = outcome.changed or len(names) > 1
            raise
        for image in there:
            docker.drop(image.id)
    return dataclasses.replace(outcome, changed=outcome.changed or bool(names), named=tuple(names))


def _build(
    target: Target, settings: Settings, docker: Docker, budget: Budget, folder: pathlib.Path, before: dict[str, Any]
) -> Outcome:
    fetched = packages.fetch(folder, target, budget)
    main = next(package for package in fetched if package.name == target.recipe.main_package)
    version = target.recipe.version or main.upstream_version
    name = f"{target.name}:{target.tag or f'{version}-{target.suite}'}"
    _refuse_foreign_name(docker, name)
    root = tree.Tree(folder / "root")
    root.unpack(fetched, budget)
    root.finish(target.recipe, budget)
    content = root.pack(folder / "layer.tar")
    labels = _labels(target, version, fetched, content)
    old = docker.inspect(name)
    if old and old[0].labels == labels:
        return dataclasses.replace(_present(old[0], name, target), built=True)
    made_at = max(package.made_at for package in fetched)
    archive = folder / "image.tar"
    configuration = target.recipe.configuration(labels)
    image_file.write(archive, folder / "layer.tar", content, configuration, target.architecture, made_at)
    named = False
    identity = ""
    try:
        identity = docker.load(archive)
        platform = image_file.platform(target.architecture) if settings.foreign else None
        docker.try_out(identity, list(target.recipe.check_command), platform, settings.check_timeout)
        docker.tag(identity, name)
        named = True
        for image in old:
            docker.drop(image.id)
    except DockyardError as error:
        error.changed = named
        raise
    finally:
        if not named:
            # The time may be up by now. Without an identity, the loading was interrupted, which may yet have succeeded.
            cleaner = Docker(Budget(_CLEANUP_SECONDS))
            cleaner.drop(identity) if identity else cleaner.sweep()
    return Outcome(True, name, identity, True, version, _listed(fetched), before, target.definition())


def _labels(target: Target, version: str, fetched: list[Package], content: str) -> dict[str, str]:
    return {
        **dict(target.recipe.labels),
        "org.opencontainers.image.version": version,
        engine.NAME: target.name,
        engine.KEY: target.key(),
        engine.CONTENT: content,
        engine.PACKAGES: json.dumps(_listed(fetched), sort_keys=True),
        engine.DEFINITION: json.dumps(target.definition(), sort_keys=True),
    }


def _listed(fetched: list[Package]) -> list[dict[str, str]]:
    return [
        {"name": package.name, "version": package.version, "architecture": package.architecture} for package in fetched
    ]


def _present(image: Image, name: str, target: Target) -> Outcome:
    definition = target.definition()
    version = image.labels.get("org.opencontainers.image.version", "")
    return Outcome(False, name, image.id, False, version, image.data(engine.PACKAGES) or [], definition, definition)


def _before(built: list[Image], target: Target) -> dict[str, Any]:
    """Return what the image was made of that the new one follows."""
    for image in built:
        if any(not target.tag or name == f"{target.name}:{target.tag}" for name in image.own_tags):
            return image.data(engine.DEFINITION) or {}
    return {}


def _refuse_foreign_name(docker: Docker, name: str) -> None:
    for image in docker.inspect(name):
        if not image.name:
            raise DockyardError(
                "image_name_taken",
                f"{name} is an image that was not built by this module; give another name or tag, or remove that image"
                " first.",
            )


def remove(pattern: str, tag: str, docker: Docker, check_mode: bool) -> tuple[list[str], list[dict[str, Any]]]:
    """Remove what was built under a name or a pattern of names.

    Return the names (or, for images that have lost theirs, the identities) that are removed, and what they are made of.
    """
    if not require_engine(docker, check_mode):
        return [], []
    images = docker.built(pattern)
    names = {image.id: [name for name in image.own_tags if not tag or name.endswith(f":{tag}")] for image in images}
    images = [image for image in images if names[image.id] or not (image.tags or tag)]
    used = docker.users(image.id for image in images)
    # An image that a user gave another name too stays under that one, whoever uses it.
    refused = [image for image in images if image.id in used and set(image.tags) == set(names[image.id])]
    if refused:
        each = "; ".join(
            f"{', '.join(names[image.id]) or image.id} can't be removed, because the container"
            f" {', '.join(used[image.id])} uses it"
            for image in refused
        )
        raise DockyardError("image_in_use", f"{each}; remove the containers that use it first.")
    gone: list[str] = []
    for image in images:
        for name in names[image.id] or [image.id]:
            try:
                if not check_mode:
                    docker.untag(name)
            except DockyardError as error:
                error.changed = bool(gone)
                raise
            gone.append(name)
    return sorted(gone), [image.data(engine.DEFINITION) or {"name": image.name} for image in images]
