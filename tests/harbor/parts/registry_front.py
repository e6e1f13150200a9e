# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of core that is in front of the registry: tokens, and everything below /v2/."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from typing import Any

import store

BLOCK = 1 << 18
TOKEN_SECONDS = 1800
PRIVATE_KEY = pathlib.Path("/etc/core/private_key.pem")
PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<rest>.+)")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "www-authenticate", "server", "date"}


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks; name is empty for a user who did not log in. scopes: what a token allows, "name:action"."""

    name: str
    user_id: int
    sysadmin: bool
    scopes: frozenset[str] | None = None


NOBODY = Caller("", 0, False)


def basic(header: str) -> Caller | None:
    """Return who logged in with this Authorization header; None if the password is wrong."""
    try:
        name, _colon, password = base64.b64decode(header.split(" ", 1)[1]).decode().partition(":")
    except (IndexError, ValueError):
        return None
    user = store.user(name, password)
    return Caller(name, user["user_id"], user["sysadmin_flag"]) if user else None


def _sign(body: bytes) -> str:
    # The real one signs with RSA; no client looks into a token.
    return hmac.digest(PRIVATE_KEY.read_bytes(), body, "sha256").hex()


def allowed(caller: Caller, repository: str, action: str) -> bool:
    if repository == "":  # the catalog
        return caller.sysadmin
    project = store.project(repository.split("/", 1)[0])
    if project is None:
        return False
    if action == "pull" and project["public"]:
        return True
    return bool(caller.name) and store.may(caller.user_id, caller.sysadmin, project["project_id"])


def token(caller: Caller, scopes: list[str]) -> dict[str, Any]:
    """Return a token with those of the desired scopes that this caller may have."""
    granted = []
    for scope in " ".join(scopes).split():
        kind, _colon, rest = scope.partition(":")
        name, _colon, actions = rest.rpartition(":")
        repository = name if kind == "repository" else ""
        granted += [f"{repository}:{action}" for action in actions.split(",") if allowed(caller, repository, action)]
    content = {"name": caller.name, "id": caller.user_id, "until": time.time() + TOKEN_SECONDS, "scopes": granted}
    body = base64.urlsafe_b64encode(json.dumps(content).encode())
    text = f"{body.decode()}.{_sign(body)}"
    issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"token": text, "access_token": text, "expires_in": TOKEN_SECONDS, "issued_at": issued}


def bearer(text: str) -> Caller | None:
    body, _dot, signature = text.partition(".")
    if not hmac.compare_digest(signature, _sign(body.encode())):
        return None
    content = json.loads(base64.urlsafe_b64decode(body))
    if content["until"] < time.time():
        return None
    return Caller(content["name"], content["id"], False, frozenset(content["scopes"]))


def ask(method: str, path: str, headers: dict[str, str], body: Any = None) -> http.client.HTTPResponse:
    """Ask the registry as core does, with the account that prepare made."""
    address = urllib.parse.urlsplit(os.environ["REGISTRY_URL"]).netloc
    account = f"{os.environ['REGISTRY_CREDENTIAL_USERNAME']}:{os.environ['REGISTRY_CREDENTIAL_PASSWORD']}"
    connection = http.client.HTTPConnection(address, timeout=600)
    authorization = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}
    connection.request(method, path, body, {**headers, **authorization})
    return connection.getresponse()


def challenge(handler: BaseHTTPRequestHandler, scope: str) -> dict[str, str]:
    host = handler.headers.get("Host", "")
    scheme = handler.headers.get("X-Forwarded-Proto", "http")
    text = f'Bearer realm="{scheme}://{host}/service/token",service="harbor-registry"'
    return {"WWW-Authenticate": text + (f',scope="{scope}"' if scope else "")}


def who(handler: BaseHTTPRequestHandler) -> Caller | None:
    """Return the caller of a request to the registry; None for no login, or one that is not valid."""
    header = handler.headers.get("Authorization", "")
    if header.lower().startswith("bearer "):
        return bearer(header[7:])
    return basic(header) if header.lower().startswith("basic ") else None


def serve(handler: BaseHTTPRequestHandler, artifacts: bool) -> None:
    """Answer a request below /v2/. artifacts: whether this version keeps them in the database."""
    path = handler.path.partition("?")[0]
    found = PATH.fullmatch(path)
    upload = path.endswith("/blobs/uploads/")
    name = found["name"] if found else path[len("/v2/") : -len("/blobs/uploads/")] if upload else ""
    action = "pull" if handler.command in ("GET", "HEAD") and not upload else "push"
    caller = who(handler)
    if path != "/v2/":
        mine = caller or NOBODY
        held = f"{name}:{action}" in mine.scopes if mine.scopes is not None else allowed(mine, name, action)
        if path == "/v2/_catalog" and mine.scopes is not None:
            held = ":*" in mine.scopes
        caller = mine if held else None
    if caller is None:
        scope = f"repository:{name}:{action if action == 'pull' else 'pull,push'}" if name else ""
        refuse(handler, challenge(handler, scope))
        return
    forward(handler, found, artifacts)


def refuse(handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> None:
    body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized: unauthorized"}]}).encode()
    handler.send_response(401)
    for header, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
        handler.send_header(header, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def forward(handler: BaseHTTPRequestHandler, found: re.Match[str] | None, artifacts: bool) -> None:
    length = int(handler.headers.get("Content-Length") or 0)
    headers = {
        # A client may send one several times.
        key: ", ".join(handler.headers.get_all(key, []))
        for key in ("Accept", "Content-Type", "Range", "Content-Range")
        if key in handler.headers
    }
    manifest = found is not None and found["kind"] == "manifests" and handler.command == "PUT"
    body = handler.rfile.read(length) if manifest else _Limited(handler.rfile, length)
    if handler.command not in ("GET", "HEAD", "DELETE") or length:
        headers["Content-Length"] = str(length)
    answer = ask(handler.command, handler.path, headers, body if length else None)
    if manifest and found is not None and isinstance(body, bytes) and answer.status == 201:
        note(found["name"], found["rest"], answer.headers["Docker-Content-Digest"], body, artifacts)
    handler.send_response(answer.status)
    for key, value in answer.getheaders():
        if key.lower() not in HOP_BY_HOP:
            handler.send_header(key, value)
    handler.end_headers()
    while handler.command != "HEAD" and (block := answer.read(BLOCK)):
        handler.wfile.write(block)
    answer.close()


class _Limited:
    """A body of known length, read block by block; http.client reads what has read()."""

    def __init__(self, file: Any, length: int) -> None:
        self.file, self.left = file, length

    def read(self, size: int = -1) -> bytes:
        block: bytes = self.file.read(min(BLOCK, self.left))
        self.left -= len(block)
        return block


def note(name: str, reference: str, digest: str, manifest: bytes, artifacts: bool) -> None:
    content = json.loads(manifest)
    size = sum(int(part.get("size", 0)) for part in [content.get("config", {}), *content.get("layers", [])])
    project = store.project(name.split("/", 1)[0])
    if project is not None:
        tag = None if reference.startswith("sha256:") else reference
        store.pushed(name, project["project_id"], digest, content.get("mediaType", ""), size, tag, artifacts)


def walk_registry() -> None:
    """Note everything that the registry has, as 2.0 does at its first start on the data of 1.x."""
    kinds = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    for attempt in range(60):
        try:
            answer = ask("GET", "/v2/_catalog?n=1000", {})
            break
        except OSError:
            print(f"[INFO] waiting for the registry ({attempt})", flush=True)
            time.sleep(1)
    else:
        raise OSError("the registry does not answer")
    for name in json.loads(answer.read()).get("repositories") or []:
        tags = json.loads(ask("GET", f"/v2/{name}/tags/list", {}).read()).get("tags") or []
        for tag in tags:
            manifest = ask("GET", f"/v2/{name}/manifests/{tag}", {"Accept": kinds}).read()
            note(name, tag, f"sha256:{hashlib.sha256(manifest).hexdigest()}", manifest, artifacts=True)
