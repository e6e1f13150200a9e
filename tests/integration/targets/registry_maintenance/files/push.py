# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push what a registry of today holds, over its API, and print the digests as JSON.

An image; an index of two platforms, each with an attestation; an index of indexes; a signature that refers to an image
by its subject, and a signature of that one, both without a tag; and what nothing refers to: an image and an index.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import sys
import urllib.parse
import urllib.request
from typing import Any

ADDRESS, CA, USER, PASSWORD, REPOSITORY = sys.argv[1:6]
CONTEXT = ssl.create_default_context(cafile=CA)
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
OCI = "application/vnd.oci.image"
MANIFEST, INDEX = f"{OCI}.manifest.v1+json", f"{OCI}.index.v1+json"


def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> Any:
    """Send a request, and return its answer's headers."""
    request = urllib.request.Request(urllib.parse.urljoin(f"https://{ADDRESS}", url), body, method=method)
    request.add_header("Authorization", AUTHORIZATION)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=CONTEXT))
    with opener.open(request, timeout=30) as answer:
        return answer.headers


def blob(content: str, media_type: str) -> dict[str, Any]:
    """Push a blob, and return its descriptor."""
    data = content.encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    place = ask("POST", f"/v2/{REPOSITORY}/blobs/uploads/", b"")["Location"]
    ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data, Content_Type="application/octet-stream")
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def put(document: dict[str, Any], tag: str = "") -> dict[str, Any]:
    """Push a manifest under a tag, or under its digest only, and return its descriptor."""
    data = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    ask("PUT", f"/v2/{REPOSITORY}/manifests/{tag or digest}", data, Content_Type=document["mediaType"])
    return {"mediaType": document["mediaType"], "digest": digest, "size": len(data)}


def image(name: str, tag: str = "", **more: Any) -> dict[str, Any]:
    """Push an image of one layer."""
    config = blob(json.dumps({"architecture": name, "os": "linux"}), f"{OCI}.config.v1+json")
    layers = [blob(f"layer of {name} " * 100, f"{OCI}.layer.v1.tar")]
    return put({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, **more}, tag)


def index(manifests: list[dict[str, Any]], tag: str = "") -> dict[str, Any]:
    """Push an index."""
    return put({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, tag)


def main() -> None:
    """Push all of it."""
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
