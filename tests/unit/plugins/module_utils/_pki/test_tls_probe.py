# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe against servers that are really there, on this machine's loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._certs_d import options as certs_d_options
from ansible_collections.dockyard.ops.plugins.module_utils._certs_d import probe as certs_d_probe
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._pki import tls_probe, x509
from ansible_collections.dockyard.ops.tests.unit.helpers import pki
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

CA = pki.issue("The CA", ca=True)
OTHER_CA = pki.issue("Another CA", ca=True)
INTERMEDIATE = pki.issue("Intermediate CA", CA, ca=True)
SERVER = pki.issue("reg.test", CA, names=("reg.test", "127.0.0.1"), usages=(pki.SERVER,))
CLIENT = pki.issue("client", CA, usages=(pki.CLIENT,))
OTHER_CLIENT = pki.issue("other client", OTHER_CA, usages=(pki.CLIENT,))
EXPIRED_CLIENT = pki.issue("expired client", CA, usages=(pki.CLIENT,), ends=-0.5)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def load(issued: pki.Issued) -> x509.Certificate:
    return x509.certificate_from_der(issued.der, "it")


def pair(issued: pki.Issued, name: str = "client") -> tls_probe.Pair:
    return tls_probe.Pair(name, issued.pem, issued.key, (load(issued).issuer,))


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Call serve() for each connection. Yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _address = listener.accept()
                except socket.timeout:
                    continue
                connection.settimeout(120)
                with connection, contextlib.suppress(OSError):
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def registry(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[int]]:
    def start(
        server: pki.Issued = SERVER,
        *,
        chain: tuple[pki.Issued, ...] = (),
        client_ca: pki.Issued | None = None,
        version: ssl.TLSVersion | None = None,
        answer: bytes = OK,
        requests: list[bytes] | None = None,
        delay: float = 0,
    ) -> contextlib.AbstractContextManager[int]:
        certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
        certificate.write_bytes(b"".join(issued.pem for issued in (server, *chain)))
        key.write_bytes(server.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_ca.pem.decode())

        def serve(raw: socket.socket) -> None:
            with context.wrap_socket(raw, server_side=True) as connection:
                request = connection.recv(4096)
                if requests is not None:
                    requests.append(request)
                time.sleep(delay)
                connection.sendall(answer)

        return listening(serve)

    return start


def ask(
    port: int,
    *pairs: tls_probe.Pair,
    ca: pki.Issued | None = CA,
    host: str = "reg.test",
    timeout: float = 5,
) -> dict[str, object]:
    target = tls_probe.Target(f"{host}:5443", host, 5443, "127.0.0.1", port)
    return tls_probe.probe(target, [] if ca is None else [load(ca)], pairs, timeout)


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(DockyardError) as caught:
        ask(*arguments, **options)
    assert_explained(caught.value)
    message = caught.value.message
    assert message.endswith(".")
    assert "PRIVATE" not in message
    return message


def at(port: int) -> str:
    return f"reg.test:5443 (at 127.0.0.1 port {port})"


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@VERSIONS
@pytest.mark.parametrize(("answer", "status"), [(OK, 200), (UNAUTHORIZED, 401)])
def test_a_registry_that_is_trusted(registry: Any, version: ssl.TLSVersion, answer: bytes, status: int) -> None:
    requests: list[bytes] = []
    with registry(version=version, answer=answer, requests=requests) as port:
        found = ask(port)
    assert found == {
        "address": "127.0.0.1",
        "tls_version": version.name.replace("_", "."),
        "http_status": status,
        "client_certificate": None,
        "server_subject": "CN=reg.test",
        "server_issuer": "CN=The CA",
        "server_names": ["reg.test", "127.0.0.1"],
        "server_not_valid_after": x509.format_time(load(SERVER).not_after),
    }
    assert requests[0].startswith(b"GET /v2/ HTTP/1.1\r\nHost: reg.test:5443\r\n")


@VERSIONS
def test_a_client_certificate_that_is_accepted(registry: Any, version: ssl.TLSVersion) -> None:
    with registry(version=version, client_ca=CA) as port:
        assert ask(port, pair(CLIENT, "mine"))["client_certificate"] == "mine"


@VERSIONS
def test_a_client_certificate_that_is_missing(registry: Any, version: ssl.TLSVersion) -> None:
    with registry(version=version, client_ca=CA) as port:
        message = refusal(port)
    assert message.startswith(f"The registry {at(port)} demands a client certificate (")
    assert message.endswith("; provide one that it accepts, with client_certs.")


@VERSIONS
@pytest.mark.parametrize("client", [OTHER_CLIENT, EXPIRED_CLIENT], ids=["of another CA", "expired"])
def test_a_client_certificate_that_is_refused(registry: Any, version: ssl.TLSVersion, client: pki.Issued) -> None:
    with registry(version=version, client_ca=CA) as port:
        message = refusal(port, pair(client, "mine"))
    assert message.startswith(f"The registry {at(port)} refuses the client certificate 'mine' (")
    assert "; provide one that is issued by a CA which the registry accepts" in message


def test_of_several_pairs_one_of_another_ca_does_no_harm(registry: Any) -> None:
    with registry(client_ca=CA) as port:
        found = ask(port, pair(OTHER_CLIENT, "a"), pair(CLIENT, "b"))
        assert found["client_certificate"] == "b"


def test_of_several_pairs_docker_tries_only_the_first_of_the_right_ca(registry: Any) -> None:
    with registry(client_ca=CA) as port:
        assert ask(port, pair(CLIENT, "a"), pair(EXPIRED_CLIENT, "b"))["client_certificate"] == "a"
        message = refusal(port, pair(EXPIRED_CLIENT, "a"), pair(CLIENT, "b"))
    assert message.startswith(f"The registry {at(port)} refuses the client certificate 'a' (")
    assert "; Docker would offer it before 'b');" in message


def test_the_client_certificate_is_refused_in_http(registry: Any) -> None:
    answer = (
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html><center>No required SSL certificate was sent</center>"
    )
    with registry(answer=answer) as port:
        message = refusal(port)
    assert message.startswith(f"The registry {at(port)} demands a client certificate (HTTP 400, no acceptable")


@pytest.mark.parametrize("ca", [OTHER_CA, None], ids=["another CA", "no CA"])
def test_the_wrong_ca(registry: Any, ca: pki.Issued | None) -> None:
    with registry() as port:
        message = refusal(port, ca=ca)
    assert message.startswith(
        f"The certificate of the registry {at(port)} is issued by a CA (CN=The CA) that neither ca.crt nor this"
        " system trusts; provide that CA's certificate with ca_content or ca_path"
    )


def test_an_intermediate_ca(registry: Any) -> None:
    server = pki.issue("reg.test", INTERMEDIATE, names=("reg.test",))
    with registry(server, chain=(INTERMEDIATE,)) as port:
        assert ask(port)["http_status"] == 200
    with registry(server) as port:
        # As in Go, it may be trusted by itself.
        assert ask(port, ca=INTERMEDIATE)["http_status"] == 200
        message = refusal(port)
        assert "is issued by a CA (CN=Intermediate CA) that neither" in message
        assert "have the registry send its intermediate CA too" in message


def test_another_name(registry: Any) -> None:
    with registry() as port:
        message = refusal(port, host="wrong.test")
    assert message == (
        f"The certificate of the registry wrong.test:5443 (at 127.0.0.1 port {port}) is for another name:"
        " it carries reg.test, 127.0.0.1 and not wrong.test;"
        " use one of its names in image references, or issue it again with this one as subjectAltName."
    )


def test_an_ip_address(registry: Any) -> None:
    with registry() as port:
        assert ask(port, host="127.0.0.1")["http_status"] == 200
        assert "it carries reg.test, 127.0.0.1 and not 127.0.0.2;" in refusal(port, host="127.0.0.2")
        assert "it carries reg.test, 127.0.0.1 and not fd00::1;" in refusal(port, host="fd00::1")


def test_the_common_name_is_no_host_name(registry: Any) -> None:
    with registry(pki.issue("reg.test", CA)) as port:
        assert "is for another name: it carries no name at all and not reg.test;" in refusal(port)


def test_an_expired_server_certificate(registry: Any) -> None:
    server = pki.issue("reg.test", CA, names=("reg.test",), ends=-0.5)
    with registry(server) as port:
        assert refusal(port) == (
            f"The certificate of the registry {at(port)} (CN=reg.test), or one of its issuers, has expired"
            f" at {x509.format_time(load(server).not_after)}; renew it on the registry and restart that."
        )


def test_a_server_certificate_of_tomorrow(registry: Any) -> None:
    with registry(pki.issue("reg.test", CA, names=("reg.test",), starts=1)) as port:
        message = refusal(port)
    assert message.startswith(
        f"The certificate of the registry {at(port)} (CN=reg.test), or one of its issuers, is not"
    )
    assert message.endswith("set this host's clock or the registry's.")


def test_plain_http() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(OK)

    with listening(serve) as port:
        assert refusal(port) == (
            f"The registry {at(port)} speaks plain HTTP and no TLS;"
            " give it a certificate (http.tls in its configuration), or fix the port."
        )


def test_something_else_than_tls() -> None:
    with listening(lambda connection: connection.sendall(b"220 mail.test ESMTP\r\n")) as port:
        assert refusal(port).startswith(f"The TLS handshake with the registry {at(port)} failed (")


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refusal(port) == (
        f"The registry {at(port)} refuses connections: nothing listens there; start it, or fix the port."
    )


def test_a_registry_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        message = refusal(port, timeout=0.5)
    assert message.startswith(f"The registry {at(port)} did not answer within 0.5 seconds;")
    assert time.monotonic() - began < 30


def test_a_registry_that_hangs_after_the_handshake(registry: Any) -> None:
    with registry(delay=1) as port:
        assert refusal(port, timeout=0.5).startswith(f"The registry {at(port)} did not answer within 0.5 seconds;")


def test_a_registry_that_closes_without_an_answer(registry: Any) -> None:
    with registry(answer=b"") as port:
        message = refusal(port)
    assert message.startswith(f"The registry {at(port)} closes the connection without an answer;")


def test_a_connection_that_is_broken_off() -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.recv(10)

    with listening(reset) as port:
        message = refusal(port)
    assert message.startswith(f"The registry {at(port)} closed the connection during the TLS handshake (")


def test_a_name_that_does_not_resolve() -> None:
    target = tls_probe.Target("no.such.invalid", "no.such.invalid", 443, "no.such.invalid", 443)
    with pytest.raises(
        DockyardError, match=r"^The name no\.such\.invalid of the registry no\.such\.invalid does not resolve"
    ):
        tls_probe.probe(target, [], [], 10)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "What answers at {} is no registry: /v2/ is not found there (HTTP 404);"),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "The certificates are right, but the registry {} is not in service: it answers HTTP 502;",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "The registry {} speaks TLS but not HTTP behind it;"),
        (b"HTTP/1.1 what\r\n\r\n", "The registry {} speaks TLS but not HTTP behind it;"),
    ],
)
def test_answers_that_are_no_registry(registry: Any, answer: bytes, message: str) -> None:
    with registry(answer=answer) as port:
        assert refusal(port).startswith(message.format(at(port)))


@pytest.mark.parametrize(
    ("registry_name", "probe_address", "expected"),
    [
        ("reg.test", None, ("reg.test", 443, "reg.test", 443)),
        ("reg.test:5443", None, ("reg.test", 5443, "reg.test", 5443)),
        ("reg.test:5443", "10.0.0.1", ("reg.test", 5443, "10.0.0.1", 5443)),
        ("reg.test", "[fd00::1]:8443", ("reg.test", 443, "fd00::1", 8443)),
    ],
)
def test_where_to_connect_to(registry_name: str, probe_address: str | None, expected: tuple[Any, ...]) -> None:
    entry = {
        "registry": registry_name,
        "ca_content": CA.pem.decode(),
        "purge": False,
        "probe": True,
        "probe_address": probe_address,
        "state": "present",
    }
    (trust,) = certs_d_options.desired_trusts([entry], "/nonexistent", 0, x509.now())
    target = certs_d_probe.target(trust)
    assert (target.host, target.port, target.connect_host, target.connect_port) == expected
