# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server that imitates GitLab's states of Terraform and OpenTofu, for tests of the wrapper gitlab-tofu.

    gitlab_state.py PORT     listens on all addresses; reads tokens, one a line, and prints a line for each request

Imitated is GitLab's API /projects/ID/terraform/state/NAME, from its documentation ("GitLab-managed Terraform/OpenTofu
state", "Terraform state protocol" of the REST API) and from the behaviour that its sources show (version 18):

    GET state            404 if there is none, 204 if it has no version, else its newest version
    POST state           403 below the role Maintainer; 204 without data; 422 for what is no JSON or has no serial, and
                         for a serial that exists; 500 if the state is locked and ?ID= is not the lock's; else 200
    DELETE state         200
    POST state/lock      400 unless all seven fields are there; 409 with the lock that is there; else 200
    DELETE state/lock    without an ID 200, whoever's lock it is; with another ID than the lock's 409; else 200
    GET state/versions/N 404 or 200
    401 for a wrong login, 404 for another project

Of a lock, GitLab itself sets ID, Who (the user that the token belongs to) and Created; the other fields of an answer
are those of the request. Real are HTTP, JSON and the tofu that talks to it. Not there: encryption at rest, tokens that
expire, limits of size.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socketserver
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("ID", "Operation", "Info", "Who", "Version", "Created", "Path")
PROJECT = "42"


@dataclass
class User:
    """Someone with a token. role: developer or maintainer."""

    name: str
    role: str = "maintainer"


@dataclass
class State:
    """A state with all its versions, by serial."""

    versions: dict[int, bytes] = field(default_factory=dict)
    lock: dict[str, str] | None = None


@dataclass
class GitLab:
    """What the server knows, and what it was asked.

    tokens: users by their login ("name:token"). faults: statuses that the next requests "METHOD suffix" get, first in
    first out; 0 closes the connection after the request has been carried out. upload_seconds: what the upload of a
    state takes.
    """

    tokens: dict[str, User] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    upload_seconds: float = 0
    faults: dict[str, list[int]] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, method: str, suffix: str) -> list[int]:
        """Return the statuses that such requests got."""
        return [
            status for verb, path, status in self.requests if verb == method and path.partition("?")[0].endswith(suffix)
        ]

    def next_fault(self, method: str, path: str) -> int | None:
        """Return the status that a request gets instead of its answer, if it gets one."""
        for key, statuses in self.faults.items():
            verb, _space, suffix = key.partition(" ")
            if verb == method and path.endswith(suffix) and statuses:
                return statuses.pop(0)
        return None

    def answer(self, user: User | None, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a request."""
        parts = urllib.parse.urlsplit(target)
        given = dict(urllib.parse.parse_qsl(parts.query))
        path = [urllib.parse.unquote(part) for part in parts.path.split("/")]
        if user is None:
            return 401, b'{"message":"401 Unauthorized"}'
        if path[:4] != ["", "api", "v4", "projects"] or path[4:7] != [PROJECT, "terraform", "state"] or len(path) < 8:
            return 404, b'{"message":"404 Project Not Found"}'
        if method != "GET" and user.role != "maintainer":
            return 403, b'{"message":"403 Forbidden"}'
        name, rest = path[7], path[8:]
        if rest == ["lock"]:
            return self._lock(name, user, body) if method == "POST" else self._unlock(name, given, body)
        if rest[:1] == ["versions"]:
            found = self.states.get(name, State()).versions.get(int(rest[1]))
            return (200, found) if found is not None else (404, b'{"message":"404 Not Found"}')
        if method == "GET":
            if name not in self.states:
                return 404, b'{"message":"404 Not Found"}'
            versions = self.states[name].versions
            return (200, versions[max(versions)]) if versions else (204, b"")
        if method == "DELETE":
            self.states.pop(name, None)
            return 200, b""
        return self._upload(self.states.setdefault(name, State()), given.get("ID"), body)

    @staticmethod
    def _upload(state: State, lock_id: str | None, body: bytes) -> tuple[int, bytes]:
        if not body:
            return 204, b""
        try:
            serial = json.loads(body).get("serial")
        except ValueError:
            return 422, b'{"message":"invalid JSON"}'
        if serial is None or serial in state.versions:
            return 422, b'{"message":"serial"}'
        if lock_id != (state.lock or {}).get("ID"):
            return 500, b'{"message":"500 Internal Server Error"}'
        state.versions[serial] = body
        return 200, b""

    def _lock(self, name: str, user: User, body: bytes) -> tuple[int, bytes]:
        info = json.loads(body)
        if any(not isinstance(info.get(part), str) for part in FIELDS):
            return 400, b'{"error":"a field is missing"}'
        state = self.states.setdefault(name, State())
        status = 409 if state.lock else 200
        created = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        state.lock = state.lock or {"ID": info["ID"], "Who": user.name, "Created": created}
        return status, json.dumps({**info, **state.lock}).encode()

    def _unlock(self, name: str, given: dict[str, str], body: bytes) -> tuple[int, bytes]:
        state = self.states.get(name)
        if state is None:
            return 404, b""
        wanted = (json.loads(body) if body else given).get("ID")
        if wanted is not None and wanted != (state.lock or {}).get("ID"):
            return 409, b""
        state.lock = None
        return 200, b""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """The server; gitlab is what it knows. logs: whether it prints its requests."""

    daemon_threads = True
    logs = False

    def __init__(self, address: tuple[str, int], gitlab: GitLab) -> None:
        super().__init__(address, _Handler)
        self.gitlab = gitlab


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        gitlab = self.server.gitlab
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scheme, _space, login = self.headers.get("Authorization", "").partition(" ")
        user = gitlab.tokens.get(base64.b64decode(login).decode()) if scheme == "Basic" else None
        path = urllib.parse.urlsplit(self.path).path
        if self.command == "POST" and not path.endswith("/lock"):
            time.sleep(gitlab.upload_seconds)
        with gitlab.guard:
            fault = gitlab.next_fault(self.command, path)
            status, answer = (fault, b"") if fault else gitlab.answer(user, self.command, self.path, body)
            gitlab.requests.append((self.command, self.path, status))
        if fault == 0:
            self.close_connection = True
            return
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = _serve

    def handle(self) -> None:
        # tofu leaves its connections open, and resets them when it ends.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the class above
        if self.server.logs:
            print(format % args, flush=True)


def main() -> None:
    tokens = {f"gitlab-ci-token:{line.strip()}": User("ci") for line in sys.stdin}
    server = Server(("", int(sys.argv[1])), GitLab(tokens))
    server.logs = True
    server.serve_forever()


if __name__ == "__main__":
    main()
