# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Keep a connection to a registry whose every step, even a slow trickle of bytes, ends with a deadline."""

from __future__ import annotations

import http.client
import io
import queue
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .address import bracketed

Phase = Literal["resolve", "connect", "proxy", "tls", "answer"]


def single_line(text: str, limit: int = 200) -> str:
    """Return what a server has sent on one line, without control characters, for a message."""
    line = re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e\xa0-\uffff]", " ", text)).strip()
    return line if len(line) <= limit else f"{line[:limit]}..."


def printable_url(url: str) -> str:
    """Return a URL for a message: without query (which may be a signature) and login."""
    parts = urllib.parse.urlsplit(url)
    return single_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


@dataclass(frozen=True)
class Origin:
    """The server that a connection leads to; credentials never go to another one than they are meant for."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the server that a URL names."""
        parts = urllib.parse.urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("http", "https") or not parts.hostname or (port is None and ":" in parts.netloc[-6:]):
            raise DockyardError(
                "http_url_invalid",
                f"A registry names the address '{printable_url(url)}', which is no http or https URL; fix it there.",
            )
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))

    @property
    def netloc(self) -> str:
        """Return host and port as in a URL, without the scheme's own port."""
        host = bracketed(self.host)
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


class Deadline:
    """When a request has to be over, and what it is doing.

    whole: the deadline of the task that the request is one of, which it keeps as well.
    """

    def __init__(self, seconds: float, whole: Deadline | None = None) -> None:
        self.phase: Phase = "resolve"
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self._whole = whole
        if whole is not None and whole.end < self.end:
            self.end, self.seconds = whole.end, whole.seconds

    def renew(self) -> None:
        """Begin again after data has passed: a transfer may take as long as it goes on."""
        self.end = time.monotonic() + self.seconds
        if self._whole is not None:
            self.end = min(self.end, self._whole.end)

    def is_over_for_all(self) -> bool:
        """Return whether the deadline of the task has passed, and not only that of the request."""
        return self._whole is not None and time.monotonic() >= self._whole.end

    def left(self) -> float:
        """Return the seconds that are left. Raise socket.timeout if there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise socket.timeout("the deadline has passed")
        return left


class _Reader(io.RawIOBase):
    """Reads from a socket, each time no longer than the deadline allows."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        wire.readers += 1

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._wire.readers -= 1
            self._wire.end()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.sock.settimeout(self._wire.deadline.left())
        return self._wire.sock.recv_into(buffer)


class _Wire:
    """As much of a socket as http.client uses."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        # http.client closes a socket before it has read the answer to the end.
        self.readers = 0
        self._closing = False

    def sendall(self, data: Any) -> None:
        self.sock.settimeout(self.deadline.left())
        self.sock.sendall(data)

    def makefile(self, *dummy: Any, **dummies: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self._closing = True
        self.end()

    def end(self) -> None:
        """Close the socket once nothing reads from it any more."""
        if self._closing and self.readers == 0:
            self.sock.close()


def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Resolve a name within the deadline; getaddrinfo itself knows none."""
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            results.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        result = results.get(timeout=deadline.left())
    except queue.Empty:
        raise socket.timeout("name resolution") from None
    if isinstance(result, UnicodeError):
        raise socket.gaierror(socket.EAI_NONAME, "not a valid host name") from result
    if isinstance(result, OSError):
        raise result
    return list(result)


def _dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first of the host's addresses that takes a connection."""
    deadline.phase = "resolve"
    addresses = _resolve(host, port, deadline)
    deadline.phase = "connect"
    refusal: OSError | None = None
    for number, (family, kind, protocol, _name, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            # An address that swallows packets leaves time for those after it.
            sock.settimeout(deadline.left() / (len(addresses) - number))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            refusal = error
    raise refusal or socket.gaierror(socket.EAI_NONAME, "no address")


class Connection(http.client.HTTPConnection):
    """A connection that is kept for several requests, each with its own deadline."""

    sock: Any

    def __init__(
        self,
        origin: Origin,
        proxy: Origin | None,
        context: ssl.SSLContext | None,
        address: tuple[str, int] | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent yet.

        address: host and port to connect to, if not those of the origin.
        """
        self.origin = origin
        self.proxy = proxy
        self.context = context
        self.address = address
        # The server's, as Python describes it.
        self.certificate: Mapping[str, Any] = {}
        super().__init__(origin.host, origin.port)

    def open(self, deadline: Deadline, proxy_headers: Mapping[str, str]) -> None:
        """Connect, or take the connection that is there, for a request with this deadline."""
        if self.sock is not None:
            self.sock.deadline = deadline
            deadline.phase = "answer"
            return
        target = self.proxy or self.origin
        host, port = self.address or (target.host, target.port)
        sock = _dial(host, port, deadline)
        wire = self.sock = _Wire(sock, deadline)
        if self.context is None:
            deadline.phase = "answer"
            return
        if self.proxy:
            deadline.phase = "proxy"
            self._through(dict(proxy_headers))
        deadline.phase = "tls"
        sock.settimeout(deadline.left())
        wire.sock = self.context.wrap_socket(sock, server_hostname=self.origin.host)
        # Empty if the certificate is not verified.
        self.certificate = wire.sock.getpeercert() or {}
        deadline.phase = "answer"

    def _through(self, headers: dict[str, str]) -> None:
        """Ask the proxy for a tunnel."""
        name = bracketed(self.origin.host)
        lines = [f"CONNECT {name}:{self.origin.port} HTTP/1.1", f"Host: {name}:{self.origin.port}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        answer = http.client.HTTPResponse(self.sock, method="CONNECT")
        answer.begin()
        if answer.status != 200:
            raise DockyardError(
                "http_proxy_unusable",
                f"The proxy {self.proxy} refuses a connection to {self.origin.netloc} (HTTP {answer.status});"
                " allow it there, or list the registry in no_proxy.",
            )
