# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a test host: fills a registry with what people keep in one today, and says later what of it is lost.

    contents.py push ADDRESS CA USER PASSWORD FILE     push everything, and note it in FILE
    contents.py lost ADDRESS CA USER PASSWORD FILE     print a line for each tag, manifest or blob that is not as it was
                                                       noted, or if no uploads are taken; nothing if all is well

An image as engines before 23 push it; what buildx pushes, an index of an image and its attestation; an index of four
platforms; an index of indexes; an image with a signature and a signature of that, found by their subject and, as tools
do today, by the tag of the subject's digest; an artifact with an empty configuration. And garbage: a manifest and an
index that no tag needs, which are not noted.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import ssl
import sys
import tarfile
import urllib.parse
from typing import Any

OCI = "application/vnd.oci.image"
MANIFEST, INDEX, CONFIG, LAYER = (
    f"{OCI}.manifest.v1+json",
    f"{OCI}.index.v1+json",
    f"{OCI}.config.v1+json",
    f"{OCI}.layer.v1.tar+gzip",
)
DOCKER = "application/vnd.docker"
DOCKER_MANIFEST = f"{DOCKER}.distribution.manifest.v2+json"
DOCKER_CONFIG, DOCKER_LAYER = f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
ACCEPT = ", ".join((MANIFEST, INDEX, DOCKER_MANIFEST, f"{DOCKER}.distribution.manifest.list.v2+json"))
PLATFORMS = (("amd64", ""), ("arm64", "v8"), ("arm", "v7"), ("s390x", ""))
Descriptor = dict[str, Any]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """A registry over one connection, and what was pushed to it: blobs and manifests by path, tags by path."""

    def __init__(self, address: str, ca: str, user: str, password: str) -> None:
        context = ssl.create_default_context(cafile=ca)
        self._connection = http.client.HTTPSConnection(address, context=context, timeout=30)
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.noted: dict[str, str] = {}

    def ask(self, method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
        parts = urllib.parse.urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, target, body, {"Authorization": self._login, **named})
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def must(self, wanted: int, method: str, url: str, body: bytes | None = None, **headers: str) -> Any:
        status, found, text = self.ask(method, url, body, **headers)
        if status != wanted:
            sys.exit(f"{method} {url}: HTTP {status} {text.decode(errors='replace')[:200]}")
        return found

    def blob(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Push a blob, and return its descriptor."""
        name = digest(data)
        place = self.must(202, "POST", f"/v2/{repository}/blobs/uploads/", b"")["Location"]
        joined = f"{place}{'&' if '?' in place else '?'}digest={name}"
        self.must(201, "PUT", joined, data, Content_Type="application/octet-stream")
        self.noted[f"/v2/{repository}/blobs/{name}"] = name
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    def manifest(self, repository: str, document: dict[str, Any], tag: str = "") -> Descriptor:
        """Push a manifest under a tag, or under its digest only, and return its descriptor."""
        data = json.dumps({"schemaVersion": 2, **document}).encode()
        name = digest(data)
        self.must(201, "PUT", f"/v2/{repository}/manifests/{tag or name}", data, Content_Type=document["mediaType"])
        for reference in filter(None, (name, tag)):
            self.noted[f"/v2/{repository}/manifests/{reference}"] = name
        return {"mediaType": document["mediaType"], "digest": name, "size": len(data)}

    def image(
        self, repository: str, name: str, tag: str = "", platform: tuple[str, str] = ("amd64", ""), **more: Any
    ) -> Descriptor:
        """Push an image of one layer that an engine can unpack."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
        old = more.pop("old", False)
        document = {
            "architecture": platform[0],
            "variant": platform[1],
            "os": "linux",
            "config": {"Cmd": ["/nothing"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar.getvalue())]},
            "history": [{"created_by": name}],
        }
        config = self.blob(repository, json.dumps(document).encode(), DOCKER_CONFIG if old else CONFIG)
        layer = self.blob(repository, gzip.compress(tar.getvalue(), mtime=0), DOCKER_LAYER if old else LAYER)
        kind = DOCKER_MANIFEST if old else MANIFEST
        return self.manifest(repository, {"mediaType": kind, "config": config, "layers": [layer], **more}, tag)

    def artifact(self, repository: str, kind: str, content: str, tag: str = "", **more: Any) -> Descriptor:
        """Push an artifact with the empty configuration."""
        config = self.blob(repository, b"{}", EMPTY)
        layer = self.blob(repository, content.encode(), kind)
        document = {"mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": [layer], **more}
        return self.manifest(repository, document, tag)

    def index(self, repository: str, manifests: list[Descriptor], tag: str = "") -> Descriptor:
        """Push an index."""
        return self.manifest(repository, {"mediaType": INDEX, "manifests": manifests}, tag)


def with_platform(descriptor: Descriptor, platform: tuple[str, str]) -> Descriptor:
    architecture, variant = platform
    named = {"architecture": architecture, "os": "linux", **({"variant": variant} if variant else {})}
    return {**descriptor, "platform": named}


def attested(registry: Registry, repository: str, tag: str) -> None:
    """Push what docker build with buildx pushes."""
    image = registry.image(repository, "attested")
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2"}
    config = registry.blob(repository, b'{"architecture":"unknown","os":"unknown"}', CONFIG)
    layer = registry.blob(repository, json.dumps(statement).encode(), "application/vnd.in-toto+json")
    attestation = registry.manifest(repository, {"mediaType": MANIFEST, "config": config, "layers": [layer]})
    annotations = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image["digest"],
    }
    nowhere = {**attestation, "platform": {"architecture": "unknown", "os": "unknown"}, "annotations": annotations}
    registry.index(repository, [with_platform(image, PLATFORMS[0]), nowhere], tag)


def platforms(registry: Registry, repository: str, tag: str = "") -> Descriptor:
    """Push an index of four platforms."""
    found = [
        with_platform(registry.image(repository, f"multi-{platform[0]}", platform=platform), platform)
        for platform in PLATFORMS
    ]
    return registry.index(repository, found, tag)


def signed(registry: Registry, repository: str, tag: str) -> None:
    """Push an image, its signature and the signature's, found by subject and by the tag that tools look for."""
    subject = registry.image(repository, "signed", tag)
    for name in ("signature", "countersignature"):
        kind = "application/vnd.example.signature"
        artifact = registry.artifact(repository, kind, name, subject=subject)
        found_by = subject["digest"].replace(":", "-")
        registry.index(repository, [{**artifact, "artifactType": kind}], found_by)
        subject = artifact


def push(registry: Registry) -> None:
    """Push all of it, and garbage."""
    registry.image("team/plain", "plain", "1", old=True)
    attested(registry, "team/attested", "1")
    platforms(registry, "team/multi", "1")
    registry.index("team/nested", [platforms(registry, "team/nested")], "1")
    signed(registry, "team/signed", "1")
    registry.artifact("team/empty", "application/vnd.example.chart", "a chart", "1")
    needed = dict(registry.noted)
    registry.index("team/plain", [registry.image("team/plain", "garbage")])
    registry.noted = needed


def lost(registry: Registry, noted: dict[str, str]) -> list[str]:
    """Return what is not as it was noted."""
    found = []
    for path, wanted in noted.items():
        status, _headers, content = registry.ask("GET", path, Accept=ACCEPT)
        if status != 200:
            found.append(f"{path}: HTTP {status}")
        elif digest(content) != wanted:
            found.append(f"{path}: is {digest(content)} and was {wanted}")
    status, headers, _content = registry.ask("POST", "/v2/team/plain/blobs/uploads/", b"")
    if status != 202:
        found.append(f"no uploads: HTTP {status}")
    else:
        registry.ask("DELETE", headers["Location"])
    return found


def main() -> None:
    command, address, ca, user, password, file = sys.argv[1:]
    registry = Registry(address, ca, user, password)
    if command == "push":
        push(registry)
        with open(file, "w") as target:
            json.dump(registry.noted, target, indent=1)
        return
    with open(file) as source:
        noted = json.load(source)
    try:
        for line in lost(registry, noted):
            print(line)
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {error}")


if __name__ == "__main__":
    main()
