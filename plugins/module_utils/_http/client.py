# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Send requests to a registry: one deadline for a whole request, and one sentence for whatever goes wrong.

The standard library's client is used for the sake of that deadline: it covers name resolution, connection,
TLS, and every single read, so that a server that sends a byte now and then can't hold a task up.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import tls
from .connection import Connection, Deadline, Origin, Phase, printable_url, single_line

# A registry's own limit for a manifest is 4 MiB.
BODY_LIMIT = 32 * 1024 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 5
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]
# Takes the status and a part of an answer that is too long to be kept whole.
Sink = Callable[[int, bytes], object]
# What is sent: as it is, or in parts, which are asked for again if the request has to be repeated.
Body = Union[bytes, Callable[[], Iterable[bytes]]]
_PART = 1 << 18
_CLOSED = (ConnectionError, ssl.SSLEOFError)
USER_AGENT = "dockyard.ops"


class Unavailable(DockyardError):
    """What time may fix: no server answers, or the answer is the server's own failure.

    retry_after: seconds after which the server wants to be asked again, if it says so.
    """

    retry_after: float | None = None


@dataclass(frozen=True)
class Answer:
    """What a server answers."""

    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)
    # Where it came from in the end, after redirects.
    url: str

    @property
    def text(self) -> str:
        """Return the body as a string."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return a header's values, separated by commas."""
        return ", ".join(self.headers.get_all(name) or [])


class _NotTaken(Exception):
    """What takes an answer has failed, for example for a full disk: the server has no part in it."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Client:
    """Sends requests to a registry, and to the servers that it names.

    timeout: seconds that one request may take.
    deadline: what all requests together must keep, if it is set.
    address: host and port to connect to for the registry itself, without a proxy, if not those of its name.
    """

    deadline: Deadline | None = None
    address: tuple[str, int] | None = None

    def __init__(self, registry: str, files: tls.TlsFiles, home: Origin, timeout: float, proxies: bool) -> None:
        self.registry = registry
        self.files = files
        self.home = home
        self.timeout = timeout
        self._proxies = urllib.request.getproxies() if proxies else {}
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._connections: dict[Origin, Connection] = {}
        if home.scheme == "https":
            self._context(True)

    @property
    def certificate(self) -> dict[str, object] | None:
        """Return what is to be known of the registry's own certificate; None if none was verified."""
        connection = self._connections.get(self.home)
        return tls.describe(connection.certificate) if connection and connection.certificate else None

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def get(
        self, url: str, headers: Mapping[str, str], authorization: str | None = None, sink: Sink | None = None
    ) -> Answer:
        """Send a GET request and follow redirects; authorization is for the first server only.

        sink: takes the content of the answer, if it has one; then timeout is the time for each part.
        """
        deadline = Deadline(self.timeout, self.deadline)
        first = Origin.of(url)
        for _hop in range(MAX_REDIRECTS + 1):
            origin = Origin.of(url)
            all_headers = {"User-Agent": USER_AGENT, **headers}
            if authorization and origin == first:
                all_headers["Authorization"] = authorization
            answer = self._exchange(origin, url, all_headers, deadline, sink=sink)
            location = answer.header("Location")
            if answer.status not in REDIRECTS or not location:
                return answer
            target = urllib.parse.urljoin(url, location)
            if origin.scheme == "https" and Origin.of(target).scheme == "http":
                raise DockyardError(
                    "http_redirect_refused",
                    f"{self.name(origin)} sends GET {printable_url(url)} on to {printable_url(target)}, from TLS to"
                    " plain HTTP;"
                    " fix that in the registry (http.host) or in the proxy in front of it.",
                )
            url = target
        raise DockyardError(
            "http_redirect_refused",
            f"{self.name(first)} redirects more than {MAX_REDIRECTS} times, at last to {printable_url(url)};"
            " fix that in the registry or in the proxy in front of it.",
        )

    def send(
        self,
        method: Method,
        url: str,
        headers: Mapping[str, str],
        authorization: str | None = None,
        body: Body = b"",
    ) -> Answer:
        """Send a request to the registry itself; no redirect is followed.

        A body in parts needs its Content-Length in headers; then timeout is the time for each part.
        """
        length = {"Content-Length": str(len(body))} if method in ("POST", "PUT") and isinstance(body, bytes) else {}
        all_headers = {"User-Agent": USER_AGENT, **length, **headers}
        if authorization:
            all_headers["Authorization"] = authorization
        return self._exchange(self.home, url, all_headers, Deadline(self.timeout, self.deadline), method, body)

    def name(self, origin: Origin) -> str:
        """Return how a message calls a server, at the beginning of a sentence."""
        if origin == self.home:
            return f"Registry '{self.registry}'"
        return f"Server '{origin.netloc}' (which registry '{self.registry}' names)"

    def _context(self, with_client: bool) -> ssl.SSLContext:
        if with_client not in self._contexts:
            self._contexts[with_client] = tls.build_context(self.files, with_client)
        return self._contexts[with_client]

    def _proxy(self, origin: Origin) -> tuple[Origin | None, dict[str, str]]:
        url = self._proxies.get(origin.scheme)
        if (
            not url
            or (self.address and origin == self.home)
            or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}", self._proxies)
        ):
            return None, {}
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http":
            raise DockyardError(
                "http_proxy_unusable",
                f"The proxy in {origin.scheme}_proxy is '{single_line(parts.scheme)}://...'; give an http:// proxy,"
                " or set use_proxy=false.",
            )
        headers = {}
        if parts.username is not None:
            login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        return Origin.of(f"http://{parts.netloc.rpartition('@')[2]}"), headers

    def _connection(self, origin: Origin, proxy: Origin | None) -> Connection:
        connection = self._connections.get(origin)
        if connection is None:
            context = self._context(origin == self.home) if origin.scheme == "https" else None
            address = self.address if origin == self.home else None
            connection = self._connections[origin] = Connection(origin, proxy, context, address)
        return connection

    def _exchange(
        self,
        origin: Origin,
        url: str,
        headers: dict[str, str],
        deadline: Deadline,
        method: Method = "GET",
        body: Body = b"",
        sink: Sink | None = None,
    ) -> Answer:
        proxy, proxy_headers = self._proxy(origin)
        connection = self._connection(origin, proxy)
        begun: list[int] = []

        def take(status: int, part: bytes) -> None:
            begun[:] = [status]
            try:
                if sink:
                    sink(status, part)
            except OSError as error:
                raise _NotTaken(error) from error

        for _attempt in range(2):
            reused = connection.sock is not None
            try:
                return self._once(
                    connection, method, url, headers, proxy_headers, deadline, body, take if sink else None
                )
            except _NotTaken as error:
                connection.close()
                self._connections.pop(origin, None)
                raise error.reason from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._connections.pop(origin, None)
                # The server has closed a connection that was kept: that is no answer yet.
                if reused and not begun and isinstance(error, _CLOSED):
                    connection = self._connection(origin, proxy)
                    continue
                raise self._explain(error, origin, proxy, f"{method} {_path(url)}", deadline) from error
        raise Unavailable(
            "registry_timeout", f"{self.name(origin)} closed two connections without an answer; look at its log."
        )

    @staticmethod
    def _once(
        connection: Connection,
        method: Method,
        url: str,
        headers: dict[str, str],
        proxy_headers: dict[str, str],
        deadline: Deadline,
        body: Body,
        sink: Sink | None,
    ) -> Answer:
        connection.open(deadline, proxy_headers)
        parts = urllib.parse.urlsplit(url)
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        if connection.proxy and connection.context is None:
            target = f"{connection.origin}{target}"
            headers = {**headers, **proxy_headers}
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for key, value in {"Host": connection.origin.netloc, "Accept-Encoding": "identity", **headers}.items():
            connection.putheader(key, value)
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):  # then the reason waits to be read
            if isinstance(body, bytes):
                connection.endheaders(body or None)
            else:
                connection.endheaders()
                for part in body():
                    connection.send(part)
                    deadline.renew()
        response = connection.getresponse()
        if sink is not None and response.status in (200, 206):
            while part := response.read(_PART):
                sink(response.status, part)
                deadline.renew()
            content = b""
        else:
            content = response.read(BODY_LIMIT + 1)
        if len(content) > BODY_LIMIT:
            raise DockyardError(
                "http_not_an_api",
                f"{printable_url(url)} is longer than {BODY_LIMIT} bytes; that is not an answer of a registry's API,"
                " check the address.",
            )
        if response.length:
            raise http.client.IncompleteRead(content, response.length)
        return Answer(response.status, response.headers, content, url)

    def _explain(
        self,
        error: OSError | http.client.HTTPException,
        origin: Origin,
        proxy: Origin | None,
        request: str,
        deadline: Deadline,
    ) -> DockyardError:
        """Return the error for what went wrong on the way to an answer."""
        name = self.name(origin)
        peer = proxy if proxy else origin
        if self.address and origin == self.home:
            peer = Origin(origin.scheme, *self.address)
        at = f"the proxy {proxy}" if proxy else f"{name[0].lower()}{name[1:]}"
        subject = f"{at[0].upper()}{at[1:]}"
        if isinstance(error, socket.gaierror):
            sentence = (
                f"The name '{peer.host}' of {at} can't be resolved ({error.strerror});"
                " check its spelling, the host's DNS, or /etc/hosts."
            )
            if error.errno == socket.EAI_AGAIN:
                return Unavailable("registry_unreachable", sentence)
            return DockyardError("registry_unreachable", sentence)
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return tls.explain(error, name, self.files, origin == self.home)
        if isinstance(error, socket.timeout):
            return _too_late(deadline, peer, at, request)
        if isinstance(error, ConnectionRefusedError):
            return Unavailable(
                "registry_unreachable",
                f"{subject} refuses connections on port {peer.port}; start it, or check host and port.",
            )
        if isinstance(error, http.client.BadStatusLine) and str(error.args[0]).startswith(("\x15\x03", "\x16\x03")):
            return tls_expected(name)
        if isinstance(error, (*_CLOSED, http.client.IncompleteRead)):
            return Unavailable(
                "registry_timeout",
                f"{subject} closed the connection without a complete answer to {request};"
                " look at its log, and check whether it speaks TLS or plain HTTP on this port and asks for a"
                " client certificate.",
            )
        if isinstance(error, http.client.HTTPException):
            return DockyardError(
                "http_not_an_api",
                f"{name} does not answer {request} in HTTP ({type(error).__name__}: {single_line(str(error), 60)});"
                " check host and port.",
            )
        return Unavailable(
            "registry_unreachable",
            f"{subject} can't be reached on port {peer.port} ({error.strerror or error}); check host, port and routes.",
        )


def _path(url: str) -> str:
    return urllib.parse.urlsplit(url).path or "/"


def _too_late(deadline: Deadline, peer: Origin, at: str, request: str) -> DockyardError:
    """Return the error for a deadline that has passed.

    The time for one request may be too short for this time; that for all of them is over.
    """
    subject = f"{at[0].upper()}{at[1:]}"
    within = f"within {counted(deadline.seconds, 'second')}"
    if deadline.is_over_for_all():
        return DockyardError(
            "registry_deadline_passed",
            f"{subject} was not read {within}, and {request} was not the last request; restrict what is read, or raise"
            " deadline.",
        )
    sentences: dict[Phase, str] = {
        "resolve": f"The name '{peer.host}' of {at} was not resolved {within}; check the host's DNS.",
        "connect": f"{subject} did not take a connection on port {peer.port} {within};"
        " check host, port and firewalls.",
        "tls": f"{subject} did not finish the TLS handshake {within};"
        " it hangs, or it does not speak TLS on this port: look at its log, or raise timeout.",
    }
    answer = f"{subject} did not answer {request} completely {within}; look at its load and its log, or raise timeout."
    return Unavailable("registry_timeout", sentences.get(deadline.phase, answer))


def tls_expected(name: str) -> DockyardError:
    """Return the error for a server that speaks TLS although plain HTTP was asked for."""
    return DockyardError(
        "http_port_speaks_tls", f"{name} speaks TLS on this port, and plain HTTP was meant; set plain_http=false."
    )


def speaks_tls(answer: Answer) -> bool:
    """Return whether this is how a TLS server answers plain HTTP: Go's and nginx' words for it."""
    return answer.status == 400 and (
        b"HTTP request to an HTTPS server" in answer.body or b"plain HTTP request was sent to HTTPS port" in answer.body
    )


def loads(answer: Answer) -> Any:
    """Return the answer's JSON. Raise ValueError if it is none."""
    try:
        return json.loads(answer.body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode(client: Client, answer: Answer) -> Any:
    """Return the answer's JSON. Raise DockyardError if it is none."""
    try:
        return loads(answer)
    except ValueError as error:
        raise DockyardError(
            "http_not_an_api",
            f"{client.name(Origin.of(answer.url))} answers GET {printable_url(answer.url)} with something that is not"
            " JSON"
            f" ('{single_line(answer.text, 60)}'); check host and port, and the proxy in front of it if there is one.",
        ) from error
