# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the checksum of an archive and, where it can be read without Docker, the names of the images in it."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile


def checksum(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as data:
        while block := data.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def names(path: str) -> list[str] | None:
    """None where the archive is of a kind that only Docker can read."""
    try:
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            images = json.load(manifest) if manifest else []
            return [name for image in images for name in image.get("RepoTags") or []]
    except (tarfile.TarError, KeyError, ValueError, EOFError):
        return None


if __name__ == "__main__":
    try:
        print(json.dumps({"checksum": f"sha256:{checksum(sys.argv[1])}", "names": names(sys.argv[1])}))
    except OSError as error:
        sys.exit(f"{error.strerror}")
