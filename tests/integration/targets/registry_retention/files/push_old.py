# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push tags of many ages, and what some of them share; print the digests by tag as JSON.

The arguments are the registry's URL, a name of a repository, and user and password with a colon between if there are.
"""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

from registry_images import INDEX, MANIFEST, Repository

NOW = datetime.datetime.now(datetime.timezone.utc)


def days_ago(days: int) -> str:
    """Return a time as an image's configuration has it."""
    return (NOW - datetime.timedelta(days=days, hours=1)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


def main() -> None:
    """Push all of it."""
    repository = Repository(*sys.argv[1:4])
    image = repository.image
    tags: dict[str, Any] = {f"v{age}": image(f"v{age}", f"v{age}", days_ago(age)) for age in (60, 50, 40, 30, 20, 10)}
    # A tag that people follow is an old image of that name again.
    tags["latest"] = image("v50", "latest", days_ago(50))
    attestation = {
        **image("attestation", **{"annotations": {"in-toto.io/predicate-type": "test"}}),
        "platform": {"os": "unknown", "architecture": "unknown"},
    }
    # What docker build pushes today: an index with an attestation.
    tags["index60"] = repository.index([image("index60-amd64", created=days_ago(60)), attestation], "index60")
    # An index whose youngest image makes it young, and one of its images has a tag of its own.
    tags["part60"] = image("part60", "part60", days_ago(60))
    young = repository.index([tags["part60"], image("index5-arm64", created=days_ago(5)), attestation])
    tags["nested5"] = repository.put({"schemaVersion": 2, "mediaType": INDEX, "manifests": [young]}, "nested5")
    # Artifacts: one by its subject, and two by the names of their tags.
    empty = repository.blob("{}", "application/vnd.oci.empty.v1+json")
    artifact = {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [empty]}
    old = {"annotations": {"org.opencontainers.image.created": days_ago(60)}}
    tags["sbom60"] = repository.put({**artifact, "subject": tags["v10"], **old}, "sbom60")
    for tag in ("v60", "v10"):
        name = f"{tags[tag]['digest'].replace(':', '-')}.sig"
        tags[f"{tag}.sig"] = repository.put({**artifact, "annotations": {"of": tag}}, name)
    # A reproducible build.
    tags["undated"] = image("undated", "undated", "1970-01-01T00:00:01Z")
    print(json.dumps({name: descriptor["digest"] for name, descriptor in tags.items()}))


if __name__ == "__main__":
    main()
