# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push what a registry of today holds, over its API, and print the digests as JSON.

An image; an index of two platforms, each with an attestation; an index of indexes; a signature that refers to an image
by its subject, and a signature of that one, both without a tag; and what nothing refers to: an image and an index.
"""

from __future__ import annotations

import json
import sys

from registry_images import Repository

ADDRESS, CA, USER, PASSWORD, REPOSITORY = sys.argv[1:6]


def main() -> None:
    """Push all of it."""
    repository = Repository(f"https://{ADDRESS}", REPOSITORY, f"{USER}:{PASSWORD}", CA)
    image, index = repository.image, repository.index
    single = image("single", "single")
    platforms = [image("amd64"), image("arm64"), image("attestation-amd64"), image("attestation-arm64")]
    multi = index(platforms, "multi")
    inner_image = image("inner")
    inner = index([inner_image])
    index([inner], "nested")
    signature = image("signature", subject=single)
    countersignature = image("countersignature", subject=signature)
    rubbish = [image("rubbish"), image("rubbish-child")]
    rubbish.append(index(rubbish[1:]))
    named = {
        "tagged": [single, multi],
        "children": [*platforms, inner, inner_image],
        "artifacts": [signature, countersignature],
        "rubbish": rubbish,
    }
    print(json.dumps({name: [entry["digest"] for entry in entries] for name, entries in named.items()}))


if __name__ == "__main__":
    main()
