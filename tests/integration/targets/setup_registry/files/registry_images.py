# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push small images, indexes and artifacts to a registry, over its API."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import urllib.parse
from typing import Any

OCI = "application/vnd.oci.image"
MANIFEST, INDEX = f"{OCI}.manifest.v1+json", f"{OCI}.index.v1+json"


class Repository:
    """A repository of a registry.

    url: of the registry; login: user and password with a colon between; ca: a file.
    """

    def __init__(self, url: str, name: str, login: str = "", ca: str | None = None) -> None:
        self.name = name
        parts = urllib.parse.urlsplit(url)
        self._headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca)
            self._connection = http.client.HTTPSConnection(parts.netloc, context=context, timeout=30)
        else:
            self._connection = http.client.HTTPConnection(parts.netloc, timeout=30)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPMessage:
        """Send a request, and return its answer's headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, {**self._headers, **named})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {said.decode(errors='replace')}")
        return answer.headers

    def blob(self, content: str, media_type: str) -> dict[str, Any]:
        """Push a blob, and return its descriptor."""
        data = content.encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        place = urllib.parse.urlsplit(self.ask("POST", f"/v2/{self.name}/blobs/uploads/")["Location"])
        query = f"{place.query}&digest={digest}" if place.query else f"digest={digest}"
        self.ask("PUT", f"{place.path}?{query}", data, Content_Type="application/octet-stream")
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put(self, document: dict[str, Any], tag: str = "") -> dict[str, Any]:
        """Push a manifest under a tag, or under its digest only, and return its descriptor."""
        data = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.ask("PUT", f"/v2/{self.name}/manifests/{tag or digest}", data, Content_Type=document["mediaType"])
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(data)}

    def image(self, name: str, tag: str = "", created: str = "", **more: Any) -> dict[str, Any]:
        """Push an image of one layer."""
        about = {"architecture": name, "os": "linux", **({"created": created} if created else {})}
        config = self.blob(json.dumps(about), f"{OCI}.config.v1+json")
        layers = [self.blob(f"layer of {name} " * 100, f"{OCI}.layer.v1.tar")]
        return self.put({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, **more}, tag)

    def index(self, manifests: list[dict[str, Any]], tag: str = "") -> dict[str, Any]:
        """Push an index."""
        return self.put({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, tag)
