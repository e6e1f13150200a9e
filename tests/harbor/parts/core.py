# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image harbor-core: waits for the database, migrates its schema, then serves the API and is in front of the registry.

Nothing listens before the migration is done, so the proxy answers 502 until then.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import api
import registry_front
import schema
import store
from edition import Edition

EDITION = Edition.parse(os.environ["HARBOR_VERSION"])
FAULT = os.environ.get("HARBOR_FAULT", "")
# In the container, which is started again after it has ended.
RECOVERED = pathlib.Path("/tmp/recovered")
PARTS = [
    part for part in ("notary", "trivy", "clair", "chartmuseum") if os.environ.get(f"WITH_{part.upper()}") == "true"
]
PROBES = {
    "jobservice": "http://jobservice:8080/api/v1/stats",
    "portal": "http://portal:8080",
    "registry": "http://registry:5000/",
    "registryctl": "http://registryctl:8080/api/health",
    "trivy": "http://trivy-adapter:8080/probe/healthy",
    "notary": "http://notary-server:4443/_notary_server/health",
    "clair": "http://clair:6060/health",
    "chartmuseum": "http://chartmuseum:9999/health",
}


def _answers(name: str) -> str:
    """Return why a component is not healthy; empty if it is."""
    try:
        if name == "core":
            return ""
        if name == "database":
            store.number("SELECT 1")
        elif name == "redis":
            host, _colon, port = os.environ["REDIS_ADDRESS"].partition(":")
            with socket.create_connection((host, int(port or 6379)), timeout=5) as connection:
                password = os.environ.get("REDIS_PASSWORD")
                connection.sendall((f"AUTH {password}\r\n" if password else "").encode() + b"PING\r\n")
                if b"PONG" not in connection.recv(200):
                    return "redis does not answer"
        else:
            urllib.request.urlopen(PROBES[name], timeout=5).close()
    except (OSError, store.psycopg2.Error) as error:
        return f"failed to check the health of {name}: {str(error).strip()}"
    return ""


def health() -> dict[str, Any]:
    components = []
    for name in ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl", *PARTS):
        error = _answers(name)
        if FAULT == "unhealthy" and name == "registryctl":
            error = "registryctl is not healthy (told to fail)"
        component = {"name": name, "status": "unhealthy" if error else "healthy"}
        components.append({**component, "error": error} if error else component)
    well = all(component["status"] == "healthy" for component in components)
    return {"status": "healthy" if well else "unhealthy", "components": components}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "harbor"

    def log_message(self, *arguments: Any) -> None:
        pass

    def answer(self, found: api.Answer) -> None:
        body = found.body if isinstance(found.body, bytes) else json.dumps(found.body, default=str).encode()
        if found.body is None:
            body = b""
        self.send_response(found.status)
        kind = "text/plain" if isinstance(found.body, bytes) else "application/json; charset=utf-8"
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **found.headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self) -> None:
        self.close_connection = True
        try:
            self.dispatch()
        except (OSError, store.psycopg2.Error) as error:
            print(f"[ERROR] {self.command} {self.path}: {error}", flush=True)
            try:
                self.answer(api.problem(500, "UNKNOWN", "internal server error"))
            except OSError:
                return

    def dispatch(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/v2":
            self.answer(api.Answer(301, None, {"Location": "/v2/"}))
        elif url.path.startswith("/v2/"):
            registry_front.serve(self, artifacts=EDITION.major >= 2)
        elif url.path == "/service/token":
            self.token(urllib.parse.parse_qs(url.query))
        elif url.path == f"{EDITION.api}/health":
            self.answer(api.Answer(200, health()))
        elif url.path.startswith(f"{EDITION.api}/"):
            self.api(url.path[len(EDITION.api) :], dict(urllib.parse.parse_qsl(url.query)))
        else:
            self.answer(api.problem(404, "NOT_FOUND", f"path {url.path} was not found"))

    def caller(self) -> registry_front.Caller | None:
        """Return who asks; None if a password was given that is wrong."""
        header = self.headers.get("Authorization", "")
        return registry_front.basic(header) if header else registry_front.NOBODY

    def token(self, query: dict[str, list[str]]) -> None:
        caller = self.caller()
        if caller is None:
            self.answer(api.problem(401, "UNAUTHORIZED", "unauthorized"))
        else:
            self.answer(api.Answer(200, registry_front.token(caller, query.get("scope", []))))

    def api(self, path: str, query: dict[str, str]) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        caller = self.caller()
        if caller is None:
            self.answer(api.problem(401, "UNAUTHORIZED", "unauthorized"))
            return
        method = "GET" if self.command == "HEAD" else self.command
        self.answer(api.Request(EDITION, method, path, query, body, caller).answer())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve


def patiently(what: Callable[[], Any]) -> Any:
    """Wait for the database as the real one does: a minute, then core ends and is started again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return what()
        except store.psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            print(f"[ERROR] failed to connect to tcp://postgresql:5432, retry after 2 seconds: {error}", flush=True)
            time.sleep(2)


def end(*_arguments: object) -> None:
    time.sleep(3)
    os._exit(0)


def main() -> None:
    # As the first process of its container it would not end otherwise. The real one waits three seconds for its parts.
    signal.signal(signal.SIGTERM, end)
    print("[D]  init global config instance failed. If you do not use this, just ignore it.", flush=True)
    print(f"[INFO] core {EDITION.reported} starts", flush=True)
    if FAULT == "database-recovers" and not RECOVERED.exists():
        RECOVERED.touch()
        say = "server error (FATAL: the database system is starting up (SQLSTATE 57P03))"
        print(f"[FATAL] [/core/main.go:192]: failed to initialize database: {say}", flush=True)
        sys.exit(1)
    try:
        connection = patiently(store.connect)
        schema.migrate(connection, EDITION, FAULT, registry_front.walk_registry)
        connection.close()
        store.first_password(os.environ["HARBOR_ADMIN_PASSWORD"])
        store.SECRET_KEY.read_bytes()
        registry_front.PRIVATE_KEY.read_bytes()
    except (schema.Failed, store.psycopg2.Error, OSError) as error:
        print(f"[FATAL] [/core/main.go:190]: failed to migrate the database, error: {error}", flush=True)
        time.sleep(1)
        sys.exit(1)
    if FAULT == "core-hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
    if FAULT == "core-never-healthy":
        print("[FATAL] [/core/main.go:210]: panic: core does not come up (told to fail)", flush=True)
        time.sleep(1)
        sys.exit(2)
    server = ThreadingHTTPServer(("", 8080), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
