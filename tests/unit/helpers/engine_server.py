# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on a Unix socket that imitates a Docker Engine, as far as _engine.api and _engine.containers ask.

Real are the socket, HTTP, and JSON. Imitated is what the engine does: containers that start, end at once, refuse to
start or are gone, and answers that no engine should give. Real engines are in the integration targets.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = tuple[int, Any]


@dataclass
class Container:
    """A container of the imitated engine.

    on_start: "runs", "ends" (with 3, at once), "needs NAME" (another one that runs), or the engine's complaint.
    dies: seconds after which one that was started ends again; always: whether the engine starts it then.
    health: what its health check says.
    """

    id: str
    name: str
    state: str = "running"
    created: int = 0
    on_start: str = "runs"
    removed_at_stop: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    restarting: bool = False
    dies: float | None = None
    always: bool = False
    health: str | None = None
    starts: int = 0
    started: float = 0.0

    def pass_time(self) -> None:
        """Let it end, and start again, if it is time for that."""
        if self.dies is not None and self.state == "running" and time.monotonic() - self.started > self.dies:
            self.state = "exited"
            if self.always:
                self.start()

    def start(self) -> None:
        self.state, self.started, self.starts = "running", time.monotonic(), self.starts + 1

    def listed(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Names": ["/" + self.name] if self.name else None,
            "Created": self.created,
            "State": self.state,
            "Labels": self.labels or None,
        }

    def inspected(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "HostConfig": {"AutoRemove": self.removed_at_stop},
            "RestartCount": max(0, self.starts - 1) if self.always else 0,
            "State": {
                "StartedAt": f"start {self.starts}" if self.starts else "",
                **({"Health": {"Status": self.health}} if self.health else {}),
                "Running": self.state in ("running", "paused"),
                "Paused": self.state == "paused",
                "Restarting": self.restarting,
                "ExitCode": 3 if self.state == "exited" else 0,
            },
        }


@dataclass
class Engine:
    """containers: as they are now. answers: to paths, instead of what the engine would answer."""

    socket: str
    containers: list[Container] = field(default_factory=list)
    answers: dict[str, Answer | bytes | Callable[[], Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    body: Any = None  # of the request that is being answered
    headers: dict[str, str] = field(default_factory=dict)  # likewise

    def answer(self, method: str, target: str) -> Answer | bytes:
        path = urllib.parse.urlsplit(target).path
        self.requests.append(f"{method} {target}")
        if path in self.answers:
            answer = self.answers[path]
            return answer() if callable(answer) else answer
        if path == "/containers/json":
            return 200, [container.listed() for container in self.containers if container.state != "exited"]
        words = path.split("/")
        if words[1] != "containers":
            return 404, {"message": "page not found"}
        found = next((container for container in self.containers if words[2] in (container.id, container.name)), None)
        if found is None:
            return 404, {"message": f"No such container: {words[2]}"}
        return self._act(found, words[3])

    def _act(self, container: Container, action: str) -> Answer:
        container.pass_time()
        if action == "json":
            return 200, container.inspected()
        if action == "pause":
            container.state = "paused"
            return 204, None
        assert action == "start"
        needed = container.on_start.removeprefix("needs ")
        others = [other.name for other in self.containers if other.state == "running"]
        if container.on_start in ("runs", "ends") or needed in others:
            container.start()
            if container.on_start == "ends":
                container.state = "exited"
            return 204, None
        return 500, {"message": container.on_start}


AnEngine = TypeVar("AnEngine", bound=Engine)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that has given up, which is no reason for a traceback."""


@contextlib.contextmanager
def serve(folder: pathlib.Path, imitation: type[AnEngine]) -> Iterator[AnEngine]:
    """Run an engine that listens on engine.sock in a folder."""
    engine = imitation(os.path.join(folder, "engine.sock"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            engine.body = json.loads(self.rfile.read(length)) if length else None
            engine.headers = dict(self.headers)
            answer = engine.answer(self.command, self.path)
            if isinstance(answer, bytes):  # not even HTTP
                self.wfile.write(answer)
                return
            status, body = answer
            content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def address_string(self) -> str:
            return "unix"

    with _Server(engine.socket, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
