# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The images of a release in the engine: loaded while Harbor serves, and taken out again where they serve nobody."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError, Problem

from .. import compose, releases
from ..version import Version
from .context import Run, tail
from .job import Hop

_LOAD = 3600.0  # seconds; images of a release are more than a gigabyte, and disks are slow
_REMOVE = 600.0
_NAMESPACES = ("goharbor/", "vmware/")


def load(run: Run, hop: Hop) -> None:
    """The release's images in the engine. Then its tarball goes aside, so that the installer does not load it again."""
    tag = Version.parse(hop.version).tag
    if run.job.images_before is None:
        run.job.images_before = _tags(run)
        run.folder.write(run.job)  # before the first of them comes
    _migrator(run, hop)
    if hop.images is None:
        for image in [f"goharbor/prepare:{tag}", *_online_images(run, tag)]:
            done = run.command(["docker", "pull", "--quiet", image], timeout=_LOAD)
            if done.returncode != 0 and image.startswith("goharbor/prepare:"):
                raise Problem(f"{image} can't be pulled: {tail(done.stdout)}")
        return
    tarball, aside = os.path.join(hop.release, hop.images), tarball_aside(hop)
    if os.path.exists(tarball):
        run.feed(["docker", "load", "--quiet"], tarball, _LOAD)
    if not _has_image(run, f"goharbor/prepare:{tag}"):
        raise Problem(f"{hop.archive} did not bring the image goharbor/prepare:{tag}; give the whole archive")
    if os.path.exists(tarball):
        os.replace(tarball, aside)


def tarball_aside(hop: Hop) -> str:
    """Where the tarball of images waits while the installer runs."""
    return hop.release + ".images.tar.gz"


def unload(run: Run, hops: Sequence[Hop]) -> None:
    """Takes the images of these releases out of the engine, except those that were in it before the upgrade.

    Those that are in use stay. No failure ends the run: Harbor serves, and all that is lost is room.
    """
    before = run.job.images_before
    if before is None:
        return
    tags = [Version.parse(hop.version).tag for hop in hops]
    try:
        loaded = [image for image in _tags(run) if image not in before and _is_of(image, tags)]
        if loaded:
            done = run.command(["docker", "image", "rm", *loaded], timeout=_REMOVE)
            if done.returncode != 0:
                run.say(f"Not all images could be taken out of the engine: {tail(done.stdout)}")
    except DockyardError as problem:
        run.say(f"The images could not be taken out of the engine: {problem.message}")


def _is_of(image: str, tags: Sequence[str]) -> bool:
    """Images of other programs bear the version of theirs before Harbor's (registry-photon:v2.6.2-v1.7.6)."""
    tag = image.rpartition(":")[2]
    return any(tag == wanted or tag.endswith(f"-{wanted}") for wanted in tags)


def _tags(run: Run) -> list[str]:
    """Harbor's images in the engine, those that are no part of a running Harbor (prepare) as well."""
    done = run.command(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], timeout=60)
    if done.returncode != 0:
        raise Problem(f"docker image ls failed: {tail(done.stdout)}")
    return sorted(line for line in done.stdout.decode(errors="replace").split() if line.startswith(_NAMESPACES))


def _migrator(run: Run, hop: Hop) -> None:
    """Up to 1.10, the configuration is migrated by an image that is in no archive."""
    target = Version.parse(hop.version)
    migration = releases.migration(Version.parse(run.job.before(hop)), target)
    image = migration.image.format(tag=target.tag)
    if migration.kind != "migrator" or _has_image(run, image):
        return
    if run.command(["docker", "pull", "--quiet", image], timeout=_LOAD).returncode != 0:
        raise Problem(f"{image} is neither on this host nor can it be pulled; load it (docker load) and run again")


def _has_image(run: Run, image: str) -> bool:
    return run.command(["docker", "image", "inspect", image], timeout=60).returncode == 0


def _online_images(run: Run, tag: str) -> list[str]:
    """The images in use with the new tag.

    One that the new release does not have any more is no failure; one that is new is pulled by the installer.
    """
    old = compose.image_tags(run.job.path).values()
    return sorted({f"{image.rpartition(':')[0]}:{tag}" for image in old if image.startswith("goharbor/")})
