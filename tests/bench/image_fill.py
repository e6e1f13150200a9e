# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a registry with images of random content, from the host that it is on.

    image_fill.py ADDRESS REPOSITORY TAGS SHARED OWN

Each tag is an image of two layers: one of SHARED MB, which ten tags have in common, and one of OWN MB.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image"


class Registry:
    def __init__(self, address: str, repository: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=300)
        self._path = f"/v2/{repository}"

    def _send(self, method: str, url: str, body: bytes, kind: str) -> str:
        self._connection.request(method, url, body, {"Content-Type": kind})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status not in (201, 202):
            sys.exit(f"{method} {url}: HTTP {answer.status}")
        return answer.getheader("Location") or ""

    def blob(self, data: bytes, kind: str) -> dict[str, object]:
        name = f"sha256:{hashlib.sha256(data).hexdigest()}"
        place = self._send("POST", f"{self._path}/blobs/uploads/", b"", "")
        place = place[place.index("/v2/") :]
        self._send("PUT", f"{place}{'&' if '?' in place else '?'}digest={name}", data, "application/octet-stream")
        return {"mediaType": f"{OCI}.{kind}", "digest": name, "size": len(data)}

    def manifest(self, document: dict[str, object], tag: str) -> None:
        kind = f"{OCI}.manifest.v1+json"
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode()
        self._send("PUT", f"{self._path}/manifests/{tag}", content, kind)


def layer(registry: Registry, name: str, size: int) -> tuple[dict[str, object], str]:
    """Push a layer with one file; return its descriptor, and the digest of what is in it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = size << 20
        archive.addfile(entry, io.BytesIO(os.urandom(entry.size)))
    data = tar.getvalue()
    # Random content is stored as it is at every level.
    packed = gzip.compress(data, compresslevel=0, mtime=0)
    return registry.blob(packed, "layer.v1.tar+gzip"), f"sha256:{hashlib.sha256(data).hexdigest()}"


def main() -> None:
    address, repository = sys.argv[1:3]
    tags, shared, own = map(int, sys.argv[3:])
    registry = Registry(address, repository)
    below: tuple[dict[str, object], str] = ({}, "")
    for number in range(tags):
        if number % 10 == 0:
            below = layer(registry, f"shared-{number}", shared)
        layers = [below, layer(registry, f"own-{number}", own)]
        rootfs = {"type": "layers", "diff_ids": [one[1] for one in layers]}
        document = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/none"]}, "rootfs": rootfs}
        config = registry.blob(json.dumps(document).encode(), "config.v1+json")
        registry.manifest({"config": config, "layers": [one[0] for one in layers]}, f"1.{number}")


if __name__ == "__main__":
    main()
