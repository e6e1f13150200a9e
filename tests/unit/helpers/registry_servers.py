# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback that behave like registries, good and bad ones, and the certificates they need."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._registry import options as registry_options
from ansible_collections.dockyard.ops.plugins.module_utils._registry.api import Registry
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


@dataclass(frozen=True)
class Request:
    """What a server was asked."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


@dataclass
class Reply:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Server:
    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@contextlib.contextmanager
def serve(
    answer: Callable[[Request], Reply],
    context: ssl.SSLContext | None = None,
    protocol: str = "HTTP/1.1",
    port: int = 0,
) -> Iterator[Server]:
    """Run an HTTP server that answers what the function says; with TLS if there is a context."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = protocol
        timeout = 120

        def setup(self) -> None:
            server.connections += 1
            if context:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Request(self.path, headers, self.command, body)
            server.requests.append(request)
            reply = answer(request)
            self.send_response(reply.status)
            for key, value in {**VERSION, "Content-Length": str(len(reply.content)), **reply.headers}.items():
                if value:
                    self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.content)

        do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore clients that interrupt a handshake: they are what is tested."""

    httpd = Quiet(("127.0.0.1", port), Handler)
    server = Server(httpd.server_address[1])
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()


@contextlib.contextmanager
def raw(conversation: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server that leaves everything after the connection (and TLS, if there is a context) to the function."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) if context else sock as wrapped:
            conversation(wrapped)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = listener.accept()[0]
                server.connections += 1
                threading.Thread(target=talk, args=(sock,), daemon=True).start()

    server = Server(listener.getsockname()[1])
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        # Closing a socket wakes nobody who waits for a connection to it; if the process is stopped and goes on, he
        # then waits at whatever has got the socket's number, and takes that one's connections.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def silent(sock: socket.socket) -> None:
    """Read, and never answer."""
    while sock.recv(65536):
        pass


def trickle(start: bytes) -> Callable[[socket.socket], None]:
    """Answer with a beginning at once and a byte now and then, so that no single read takes long."""

    def conversation(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(start)
        while True:
            time.sleep(0.05)
            sock.sendall(b"x")

    return conversation


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def connect(registry: str, **options: Any) -> Registry:
    """Return a connection as the module makes it."""
    params = {name: spec.get("default") for name, spec in registry_options.ARGUMENT_SPEC.items()}
    unknown = set(options) - set(params)
    if unknown:
        raise ValueError(f"no such option: {unknown}")
    quick = {"timeout": 30.0, "use_proxy": False, "directory": "/nonexistent"}
    return registry_options.connect({**params, **quick, **options, "registry": registry})


class Pki:
    """Authorities and certificates as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._authorities: dict[str, x509.Certificate] = {}
        for name in ("ca", "other-ca"):
            self._authorities[name] = self.issue(name, authority=None)
        self.issue("server")
        self.issue("server-expired", days=(-9, -1))
        self.issue("server-early", days=(1, 9))
        self.issue("client")
        self.issue("client-expired", days=(-9, -1))
        self.issue("client-other", authority="other-ca")
        encrypted = self._keys["client"].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        (folder / "encrypted.key").write_bytes(encrypted)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def context(self, certificate: str = "server", client_ca: bool = False) -> ssl.SSLContext:
        """Return a context for a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(f"{certificate}.crt"), self.path(f"{certificate}.key"))
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("ca.crt"))
        return context

    def issue(self, name: str, authority: str | None = "ca", days: tuple[int, int] = (-1, 9)) -> x509.Certificate:
        key = self._keys[name] = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._authorities[authority].subject if authority else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        )
        if authority:
            loopback = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::ffff:127.0.0.1")]
            usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.SubjectAlternativeName(loopback), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        certificate = builder.sign(self._keys[authority or name], hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate
