# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What an archive of images holds, as far as that can be read without Docker."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names

from .tree import checksum

CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Archive:
    """names: those of the images in it; None if it is of a kind that only Docker can read."""

    checksum: str
    names: list[str] | None


def inspect(path: str, shown: str) -> Archive:
    """Return what an archive holds.

    shown: how a message names it.
    """
    try:
        return Archive(f"sha256:{checksum(path)}", _names(path))
    except OSError as error:
        raise DockyardError(
            "image_archive_unreadable",
            f"The archive {shown} can't be read ({error.strerror or error}); check its path.",
        ) from error


def _names(path: str) -> list[str] | None:
    try:
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            images = json.load(manifest) if manifest else []
            return [str(name) for image in images for name in image.get("RepoTags") or []]
    except (tarfile.TarError, KeyError, ValueError, EOFError, AttributeError, TypeError):
        return None


def verify(found: Archive, shown: str, expected: str | None, image: str | None) -> None:
    """Raise DockyardError unless an archive has this checksum and holds this image."""
    if expected is not None and not CHECKSUM.fullmatch(expected):
        raise DockyardError(
            "image_archive_incomplete",
            f"The checksum of the archive {shown} is '{expected}'; give sha256: and 64 hexadecimal digits in lower"
            " case.",
        )
    if expected is not None and found.checksum != expected:
        raise DockyardError(
            "image_archive_checksum",
            f"The archive {shown} has the checksum {found.checksum} and not {expected}; get it again from where you"
            " trust it, or correct the checksum.",
        )
    if image is not None and found.names is not None:
        wanted = image_names.familiar(image)
        if wanted not in found.names:
            raise DockyardError(
                "image_archive_without_image",
                f"The archive {shown} holds {', '.join(found.names) or 'no named image'} and not {wanted}; correct the"
                " image's name, or save the archive under that name.",
            )
