# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The images of a release in the engine: loaded while Harbor is up, and removed again if nobody needs them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import compose, releases
from ..version import Version
from .context import UpgradeContext, last_lines
from .job import Hop

_LOAD = 3600.0  # seconds; images of a release are more than a gigabyte, and disks are slow
_REMOVE = 600.0
_NAMESPACES = ("goharbor/", "vmware/")


def load(context: UpgradeContext, hop: Hop) -> None:
    """Load the release's images into the engine. Move their tarball aside: the installer is not to load it."""
    tag = Version.parse(hop.version).tag
    if context.job.images_before is None:
        context.job.images_before = _tags(context)
        context.store.write(context.job)  # before the first of them comes
    _migrator(context, hop)
    if hop.images is None:
        for image in [f"goharbor/prepare:{tag}", *_online_images(context, tag)]:
            done = context.run_command(["docker", "pull", "--quiet", image], timeout=_LOAD)
            if done.returncode != 0 and image.startswith("goharbor/prepare:"):
                raise DockyardError("harbor_images_failed", f"{image} can't be pulled: {last_lines(done.stdout)}")
        return
    tarball, aside = os.path.join(hop.release, hop.images), tarball_aside(hop)
    if os.path.exists(tarball):
        context.run_with_input(["docker", "load", "--quiet"], tarball, _LOAD)
    if not _has_image(context, f"goharbor/prepare:{tag}"):
        raise DockyardError(
            "harbor_images_failed",
            f"{hop.archive} did not bring the image goharbor/prepare:{tag}; give the whole archive",
        )
    if os.path.exists(tarball):
        os.replace(tarball, aside)


def tarball_aside(hop: Hop) -> str:
    """Return where the tarball of images waits while the installer runs."""
    return hop.release + ".images.tar.gz"


def unload(context: UpgradeContext, hops: Sequence[Hop]) -> None:
    """Remove the images of these releases from the engine, except those that were in it before the upgrade.

    Those that are in use stay. No failure ends the run: Harbor is up, and all that is lost is room.
    """
    before = context.job.images_before
    if before is None:
        return
    tags = [Version.parse(hop.version).tag for hop in hops]
    try:
        loaded = [image for image in _tags(context) if image not in before and _is_of(image, tags)]
        if loaded:
            done = context.run_command(["docker", "image", "rm", *loaded], timeout=_REMOVE)
            if done.returncode != 0:
                context.log(f"Not all images could be taken out of the engine: {last_lines(done.stdout)}")
    except DockyardError as error:
        context.log(f"The images could not be taken out of the engine: {error.message}")


def _is_of(image: str, tags: Sequence[str]) -> bool:
    """Return whether an image is of a release.

    Others have their program's version first (registry-photon:v2.6.2-v1.7.6).
    """
    tag = image.rpartition(":")[2]
    return any(tag == wanted or tag.endswith(f"-{wanted}") for wanted in tags)


def _tags(context: UpgradeContext) -> list[str]:
    """Return Harbor's images in the engine, those that are no part of a running Harbor (prepare) as well."""
    done = context.run_command(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], timeout=60)
    if done.returncode != 0:
        raise DockyardError("harbor_engine_failed", f"docker image ls failed: {last_lines(done.stdout)}")
    return sorted(line for line in done.stdout.decode(errors="replace").split() if line.startswith(_NAMESPACES))


def _migrator(context: UpgradeContext, hop: Hop) -> None:
    """Pull the image that migrates the configuration up to 1.10, which is in no archive."""
    target = Version.parse(hop.version)
    migration = releases.migration(Version.parse(context.job.version_before(hop)), target)
    image = migration.image.format(tag=target.tag)
    if migration.kind != "migrator" or _has_image(context, image):
        return
    if context.run_command(["docker", "pull", "--quiet", image], timeout=_LOAD).returncode != 0:
        raise DockyardError(
            "harbor_images_failed",
            f"{image} is neither on this host nor can it be pulled; load it (docker load) and run again",
        )


def _has_image(context: UpgradeContext, image: str) -> bool:
    return context.run_command(["docker", "image", "inspect", image], timeout=60).returncode == 0


def _online_images(context: UpgradeContext, tag: str) -> list[str]:
    """Return the images in use with the new tag.

    One that the new release does not have any more is no failure; one that is new is pulled by the installer.
    """
    old = compose.image_tags(context.job.path).values()
    return sorted({f"{image.rpartition(':')[0]}:{tag}" for image in old if image.startswith("goharbor/")})
