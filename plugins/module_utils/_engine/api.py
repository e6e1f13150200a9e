# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask the host's own engine over its socket.

Over http.client of the standard library and not over the Docker SDK: this has to work on hosts where Docker is not
installed yet, or no longer starts, and must not ask for libraries that come with it.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


class Unreachable(Exception):
    """The engine gives no answer, or not one that it should."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineApi:
    """The engine that listens on a Unix socket.

    path: the socket.
    timeout: seconds that one answer may take.
    """

    def __init__(self, path: str, timeout: float = 20) -> None:
        self.path = path
        self._timeout = timeout

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> tuple[int, Any]:
        """Return status and decoded answer. Raise Unreachable if there is none.

        body: what is sent, as JSON. headers: that go along.
        """
        status, content = self._request(method, path, body, headers or {}, query)
        text = content.decode(errors="replace")
        try:
            return status, json.loads(text) if text.strip() else None
        except ValueError:
            # Events come as one JSON value per line; errors of old engines as plain text.
            return status, text

    def read(self, path: str, **query: Any) -> tuple[int, bytes]:
        """Return status and answer as they come, such as a log. Raise Unreachable if there is none."""
        return self._request("GET", path, None, {}, query)

    def _request(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], query: dict[str, Any]
    ) -> tuple[int, bytes]:
        encoded = urllib.parse.urlencode(
            {key: value if isinstance(value, (str, int)) else json.dumps(value) for key, value in query.items()}
        )
        content = None if body is None else json.dumps(body).encode()
        sent = {**headers, **({} if body is None else {"Content-Type": "application/json"})}
        with self._connected() as connection:
            connection.request(method, f"{path}{'?' if encoded else ''}{encoded}", content, sent)
            response = connection.getresponse()
            return response.status, response.read()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[_UnixConnection]:
        """Yield a connection. Raise Unreachable for whatever fails on it."""
        connection = _UnixConnection(self.path, self._timeout)
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def send(self, path: str, kind: str, pieces: Iterable[bytes | BinaryIO], **query: int | str) -> tuple[int, bytes]:
        """Post what is long, and return status and answer as they come. Raise Unreachable if there is none.

        kind: the media type. pieces: as they are, or files of which all is sent, and which the kernel copies.
        """
        with self._connected() as connection:
            connection.putrequest("POST", f"{path}?{urllib.parse.urlencode(query)}")
            connection.putheader("Content-Type", kind)
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then the reason waits to be read
                for piece in pieces:
                    _send_chunk(connection.sock, piece)
                connection.sock.sendall(b"0\r\n\r\n")
            response = connection.getresponse()
            return response.status, response.read()

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded answer. Raise Unreachable if there is none, or an error."""
        status, answer = self.ask("GET", path, **query)
        if status != 200:
            raise Unreachable(f"{path} answered {status}: {message(answer)}")
        return answer

    def answers(self) -> bool:
        """Return whether the engine answers. It would answer /_ping before it is ready."""
        try:
            self.get("/info")
        except Unreachable:
            return False
        return True

    def events(self, since: float, until: float, **filters: list[str]) -> list[dict[str, Any]]:
        """Return the events of a span of time (seconds since the epoch)."""
        status, answer = self.ask("GET", "/events", since=f"{since:.6f}", until=f"{until:.6f}", filters=filters)
        if status != 200:
            raise Unreachable(f"/events answered {status}: {message(answer)}")
        if answer is None:
            return []
        if isinstance(answer, dict):
            return [answer]
        try:
            return [json.loads(line) for line in str(answer).splitlines() if line.strip()]
        except ValueError as error:
            raise DockyardError(
                "engine_events_unreadable",
                f"The engine's events can't be read: {error}; look at journalctl -u docker.service.",
            ) from error


def _send_chunk(sock: socket.socket, piece: bytes | BinaryIO) -> None:
    size = len(piece) if isinstance(piece, bytes) else piece.seek(0, io.SEEK_END)
    if size == 0:
        return  # it would be the end
    sock.sendall(f"{size:x}\r\n".encode())
    if isinstance(piece, bytes):
        sock.sendall(piece)
    else:
        piece.seek(0)
        sock.sendfile(piece, 0, size)
    sock.sendall(b"\r\n")


def find_answering(paths: Sequence[str], seconds: float, timeout: float = 20) -> EngineApi | None:
    """Wait until the engine answers on one of several sockets. Return the first that does, None if none did.

    seconds: how long to wait; each socket is asked once in any case.
    timeout: seconds that one answer may take.
    """
    deadline = time.monotonic() + seconds
    while True:
        for path in paths:
            api = EngineApi(path, timeout)
            if api.answers():
                return api
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.2)


def message(answer: Any) -> str:
    """Return the engine's own words in an error."""
    return str(answer.get("message", answer)) if isinstance(answer, dict) else str(answer).strip()
