# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that answers as Harbor's API is documented, for the requests that the collection sends.

Imitated: Harbor's proxy, core and registry in one. Real: HTTP, TLS, and that they are asked over a socket.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._harbor.api import HarborApi
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config.document import Endpoint

PASSWORD = "pa ss:wörd #1"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@dataclass
class Asked:
    method: str
    path: str
    host: str
    who: str


@dataclass
class Harbor:
    """repositories: name with project to its digests, the newest last. down: the status that its proxy answers."""

    version: str = "v2.8.6-6015b3ef"
    prefix: str = "/api/v2.0"
    told_to_anybody: bool = True
    has_health: bool = True
    basic_registry: bool = False
    down: int = 0
    ill: dict[str, str] = field(default_factory=dict)
    administrators: tuple[str, ...] = ("admin",)
    users: int = 3
    repositories: dict[str, list[str]] = field(default_factory=dict)
    empty_projects: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    @property
    def projects(self) -> list[str]:
        return list(dict.fromkeys([*self.empty_projects, *(name.split("/")[0] for name in self.repositories)]))

    def api(self, password: str | None = PASSWORD, user: str = "admin", timeout: float = 30) -> HarborApi:
        endpoint = Endpoint(scheme=self.scheme, host="harbor.example.com", port=self.port)
        return HarborApi(endpoint, "harbor.example.com", self.prefix, user, password, timeout)

    def answer(self, method: str, path: str, who: str) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers. who: the user that has logged in, or the scope of a token; "" is anybody."""
        bare, _mark, rest = path.partition("?")
        query = {key: values[0] for key, values in urllib.parse.parse_qs(rest).items()}
        if self.down:
            return self.down, b"<html>502 Bad Gateway</html>", {}
        if bare in self.replies:
            status, body = self.replies[bare]
            return status, body, {}
        if bare.startswith("/v2/"):
            return self._registry(method, bare, who)
        if bare == "/service/token":
            token = {"token": f"for:{query['scope']}"} if query["service"] == "harbor-registry" else {}
            return (401, {}, {}) if who == "nobody" else (200, token, {})
        return self._api(bare.removeprefix(self.prefix), query, who) if bare.startswith(self.prefix) else (404, {}, {})

    def _api(self, path: str, query: dict[str, str], who: str) -> tuple[int, Any, dict[str, str]]:
        if path == "/health" and not self.has_health:
            return 404, {}, {}
        if path == "/health":
            names = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")
            components = [
                (
                    {"name": name, "status": "unhealthy", "error": self.ill[name]}
                    if name in self.ill
                    else {"name": name, "status": "healthy"}
                )
                for name in names
            ]
            return 200, {"status": "unhealthy" if self.ill else "healthy", "components": components}, {}
        if path == "/systeminfo":
            # A login that is wrong is none.
            known = self.told_to_anybody or who in self.administrators
            return 200, {"auth_mode": "db_auth", **({"harbor_version": self.version} if known else {})}, {}
        if who in ("", "nobody"):
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized"}]}, {}
        if path == "/statistics":
            mine = {"private_project_count": 0, "public_project_count": 1}
            all_of_it = {"total_project_count": len(self.projects), "total_repo_count": len(self.repositories)}
            return 200, {**mine, **(all_of_it if who in self.administrators else {})}, {}
        if path == "/users":
            if who not in self.administrators:
                return 403, {"errors": [{"code": "FORBIDDEN", "message": "forbidden"}]}, {}
            return 200, [{"username": "alice"}], {"X-Total-Count": str(self.users)}
        return self._contents(path, query)

    def _contents(self, path: str, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if path == "/projects":
            listed = [
                {
                    "project_id": number,
                    "name": name,
                    "repo_count": sum(one.startswith(f"{name}/") for one in self.repositories),
                    "registry_id": 1 if name in self.caches else None,
                }
                for number, name in enumerate(self.projects, start=1)
            ]
            return 200, self._page(listed, query), {}
        if path == "/repositories":
            project = self.projects[int(query["project_id"]) - 1]
            return 200, self._page([{"name": name} for name in self._in(project)], query), {}
        found = re.fullmatch(r"/projects/([^/]+)/repositories(?:/([^/]+)/artifacts)?", path)
        if not found:
            return 404, {}, {}
        project = urllib.parse.unquote(found[1])
        if found[2] is None:
            return 200, self._page([{"name": name} for name in self._in(project)], query), {}
        # As the proxy passes it on, decoded once, and then as the core understands it.
        inner = urllib.parse.unquote(found[2])
        digests = [] if "/" in inner else self.repositories.get(f"{project}/{urllib.parse.unquote(inner)}", [])
        return 200, self._page([{"digest": one} for one in reversed(digests)], query), {}

    def _in(self, project: str) -> list[str]:
        return [name for name in self.repositories if name.startswith(f"{project}/")]

    @staticmethod
    def _page(entries: list[Any], query: dict[str, str]) -> list[Any] | None:
        size, number = int(query["page_size"]), int(query["page"])
        return entries[size * (number - 1) : size * number] or None

    def _registry(self, method: str, path: str, who: str) -> tuple[int, Any, dict[str, str]]:
        found = re.fullmatch(r"/v2/(.+)/(?:manifests/([^/]+)|tags/list)", path)
        if not found:
            return 404, {}, {}
        name, reference = urllib.parse.unquote(found[1]), found[2]
        if self.basic_registry and who != "admin":
            return 401, {}, {"WWW-Authenticate": 'Basic realm="harbor"'}
        # A token is given in any case, and grants nothing in a project that is not there.
        granted = who == f"for:repository:{name}:pull" and name.split("/")[0] in self.projects
        if not self.basic_registry and not granted:
            challenge = (
                f'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry",'
                f'scope="repository:{name}:pull"'
            )
            return 401, {}, {"WWW-Authenticate": challenge}
        digests = self.repositories.get(name, [])
        if reference is None:
            return 200, {"name": name, "tags": [f"v{number}" for number in range(len(digests))] or None}, {}
        if reference.startswith("v"):
            reference = digests[int(reference[1:])]
        return (200, {}, {"Docker-Content-Digest": reference}) if reference in digests else (404, {}, {})


def _who(header: str) -> str:
    scheme, _space, rest = header.partition(" ")
    if scheme != "Basic":
        return rest
    user, _colon, password = base64.b64decode(rest).decode().partition(":")
    return user if password == PASSWORD else "nobody"


@contextlib.contextmanager
def serve(harbor: Harbor, context: ssl.SSLContext | None = None) -> Iterator[Harbor]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 120

        def _reply(self) -> None:
            who = _who(self.headers.get("Authorization", ""))
            harbor.asked.append(Asked(self.command, self.path, self.headers.get("Host", ""), who))
            status, body, headers = harbor.answer(self.command, self.path, who)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = _reply
        do_HEAD = _reply

        def log_message(self, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Print no traceback: clients that do not get through the handshake are what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        harbor.scheme = "https"
    harbor.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield harbor
    finally:
        server.shutdown()
        server.server_close()
