# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask registries that are down, slow, or something else: real servers that are so."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Unavailable
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import (
    Pki,
    Reply,
    Request,
    connect,
    free_port,
    raw,
    serve,
    silent,
    trickle,
)

SOON = 0.4
# A loaded machine may need this much longer than the timeout, never as long as the server would go on.
PATIENCE = 30.0


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def message(registry: str, **options: Any) -> str:
    """Return the message of a ping, which has to fail, in one line, and soon."""
    started = time.monotonic()
    with pytest.raises(DockyardError) as caught:
        connect(registry, **options).ping()
    assert time.monotonic() - started < options.get("timeout", 5.0) + PATIENCE
    assert "\n" not in caught.value.message
    assert_explained(caught.value)
    return caught.value.message


def fine(request: Request) -> Reply:
    return Reply()


# ---- nobody there ----


@pytest.mark.parametrize("plain", [True, False])
def test_refused(plain: bool) -> None:
    port = free_port()
    assert message(f"127.0.0.1:{port}", plain_http=plain) == (
        f"Registry '127.0.0.1:{port}' refuses connections on port {port}; start it, or check host and port."
    )


def test_refused_is_what_waiting_may_fix() -> None:
    with pytest.raises(Unavailable):
        connect(f"127.0.0.1:{free_port()}").ping()


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".invalid"])
def test_unknown_name(name: str) -> None:
    assert re.fullmatch(
        rf"The name '{name}' of registry '{name}:5000' can't be resolved \([^)]+\);"
        r" check its spelling, the host's DNS, or /etc/hosts\.",
        message(f"{name}:5000"),
    )


def test_connection_that_is_never_taken() -> None:
    # A full backlog: the kernel drops what else wants in.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _number in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        assert message(f"127.0.0.1:{port}", timeout=SOON) == (
            f"Registry '127.0.0.1:{port}' did not take a connection on port {port} within 0.4 seconds;"
            " check host, port and firewalls."
        )
        for sock in waiting:
            sock.close()


# ---- slow ----


@pytest.mark.parametrize(
    "conversation",
    [
        silent,
        trickle(b"HTTP/1.1 200 OK\r\nX-Long: "),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"),
        trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n"),
        trickle(b"HTTP/1.0 200 OK\r\n\r\n"),
    ],
    ids=["silent", "header", "body", "chunked", "unbounded"],
)
@pytest.mark.parametrize("tls", [False, True])
def test_slow_answer(pki: Pki, conversation: Callable[[socket.socket], None], tls: bool) -> None:
    with raw(conversation, pki.context() if tls else None) as server:
        options = {"ca_path": pki.path("ca.crt")} if tls else {"plain_http": True}
        assert message(server.address, timeout=SOON, **options) == (
            f"Registry '{server.address}' did not answer GET /v2/ completely within 0.4 seconds;"
            " look at its load and its log, or raise timeout."
        )


# The second one is the beginning of a TLS record that announces 16000 bytes.
@pytest.mark.parametrize("conversation", [silent, trickle(b"\x16\x03\x03\x3e\x80")], ids=["silent", "trickle"])
def test_slow_handshake(conversation: Callable[[socket.socket], None]) -> None:
    with raw(conversation) as server:
        assert message(server.address, timeout=SOON) == (
            f"Registry '{server.address}' did not finish the TLS handshake within 0.4 seconds; it hangs, or it does"
            " not speak TLS on this port: look at its log, or raise timeout."
        )


def test_slow_server_may_come_round() -> None:
    with raw(silent) as server, pytest.raises(Unavailable):
        connect(server.address, plain_http=True, timeout=SOON).ping()


def test_kept_connection_has_a_new_deadline_each_time() -> None:
    def slowly(request: Request) -> Reply:
        time.sleep(0.3)
        return Reply()

    with serve(slowly) as server:
        registry = connect(server.address, plain_http=True, timeout=0.8)
        for _number in range(4):
            registry.ping()
        assert server.connections == 1


# ---- other protocols ----


def test_plain_http_where_tls_is_meant() -> None:
    with serve(fine) as server:
        assert message(server.address) == (
            f"Registry '{server.address}' does not speak TLS on this port but something else, probably plain HTTP;"
            " give the port that speaks TLS, or set plain_http=true if plain HTTP is meant."
        )


@pytest.mark.parametrize(
    "words",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
    ],
    ids=["go", "nginx"],
)
def test_tls_where_plain_http_is_meant(words: bytes) -> None:
    def conversation(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" + words)

    with raw(conversation) as server:
        assert message(server.address, plain_http=True) == (
            f"Registry '{server.address}' speaks TLS on this port, and plain HTTP was meant; set plain_http=false."
        )


def test_tls_alert_where_plain_http_is_meant() -> None:
    def conversation(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

    with raw(conversation) as server:
        assert "speaks TLS on this port, and plain HTTP was meant" in message(server.address, plain_http=True)


def test_tls_server_that_just_closes_on_plain_http(pki: Pki) -> None:
    with serve(fine, pki.context()) as server:
        assert message(server.address, plain_http=True) == (
            f"Registry '{server.address}' closed the connection without a complete answer to GET /v2/; look at its log,"
            " and check whether it speaks TLS or plain HTTP on this port and asks for a client certificate."
        )


def test_not_http() -> None:
    def conversation(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        sock.recv(65536)

    with raw(conversation) as server:
        assert message(server.address, plain_http=True) == (
            f"Registry '{server.address}' does not answer GET /v2/ in HTTP (BadStatusLine: SSH-2.0-OpenSSH_9.2);"
            " check host and port."
        )


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"], ids=["nothing", "part"])
def test_closed_early(start: bytes) -> None:
    def conversation(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(start)

    with raw(conversation) as server:
        assert "closed the connection without a complete answer to GET /v2/" in message(server.address, plain_http=True)


def test_endless_answer() -> None:
    def conversation(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            sock.sendall(b" " * 1048576)

    with raw(conversation) as server:
        assert "is longer than 33554432 bytes; that is not an answer of a registry's API" in message(
            server.address, plain_http=True, timeout=30
        )


# ---- connections ----


@pytest.mark.parametrize("tls", [False, True])
def test_server_that_closes_after_each_answer(pki: Pki, tls: bool) -> None:
    with serve(fine, pki.context() if tls else None, protocol="HTTP/1.0") as server:
        registry = connect(server.address, plain_http=not tls, ca_path=pki.path("ca.crt"))
        assert [registry.ping(), registry.ping()] == ["registry/2.0", "registry/2.0"]
        assert server.connections == 2


def test_kept_connection_that_was_closed_meanwhile() -> None:
    def once(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        time.sleep(0.1)

    with raw(once) as server:
        registry = connect(server.address, plain_http=True)
        registry.ping()
        time.sleep(0.3)
        registry.ping()
        assert server.connections == 2


def test_ipv6(pki: Pki) -> None:
    # An IPv6 socket reaches this address also where loopback itself has no IPv6 address.
    with serve(fine, pki.context()) as server:
        address = f"[::ffff:127.0.0.1]:{server.port}"
        assert connect(address, ca_path=pki.path("ca.crt")).ping() == "registry/2.0"
        assert server.requests[0].headers["host"] == address


def test_another_address_than_that_of_the_name(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a registry is proven by its own name on a host that does not resolve it."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    options = {"ca_path": pki.path("ca.crt"), "use_proxy": True}
    with serve(fine, pki.context()) as server:
        connect("127.0.0.1:5000", connect_address=server.address, **options).ping()
        assert server.requests[0].headers["host"] == "127.0.0.1:5000"
        assert message("reg.invalid:5000", connect_address=server.address, **options).startswith(
            "Registry 'reg.invalid:5000' shows a certificate for other names"
        )
    assert message("reg.invalid:5000", connect_address=f"127.0.0.1:{server.port}", **options) == (
        f"Registry 'reg.invalid:5000' refuses connections on port {server.port};" " start it, or check host and port."
    )
    assert "connect_address 'http://x' has a scheme" in message("reg.invalid", connect_address="http://x")


def test_second_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def two(host: str, port: int, **options: Any) -> list[Any]:
        # Nobody listens on the first one.
        return resolve("127.0.0.2", port, **options) + resolve("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with serve(fine) as server:
        assert connect(f"localhost:{server.port}", plain_http=True).ping() == "registry/2.0"


# ---- redirects ----


def test_redirect_within_the_registry_keeps_the_login() -> None:
    def answer(request: Request) -> Reply:
        if "authorization" not in request.headers:
            return Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return Reply(307, headers={"Location": "/registry/v2/"}) if request.path == "/v2/" else Reply()

    with serve(answer) as server:
        connect(server.address, plain_http=True, username="alice", password="secret").ping()
        assert server.paths == ["/v2/", "/v2/", "/registry/v2/"]
        assert server.requests[2].headers["authorization"] == "Basic YWxpY2U6c2VjcmV0"


def test_redirect_elsewhere_takes_no_login_along() -> None:
    with serve(fine) as other:

        def answer(request: Request) -> Reply:
            if "authorization" not in request.headers:
                return Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return Reply(307, headers={"Location": f"http://{other.address}/v2/?signature=1"})

        with serve(answer) as server:
            connect(server.address, plain_http=True, username="alice", password="secret").ping()
        assert other.paths == ["/v2/?signature=1"]
        assert "authorization" not in other.requests[0].headers


def test_redirect_elsewhere_takes_no_client_certificate_along(pki: Pki) -> None:
    with serve(fine, pki.context(client_ca=True)) as other:

        def answer(request: Request) -> Reply:
            return Reply(307, headers={"Location": f"https://{other.address}/v2/"})

        with serve(answer, pki.context(client_ca=True)) as server:
            text = message(
                server.address,
                ca_path=pki.path("ca.crt"),
                client_cert_path=pki.path("client.crt"),
                client_key_path=pki.path("client.key"),
            )
        assert text == (
            f"Server '{other.address}' (which registry '{server.address}' names) requires a client certificate,"
            " and none was shown; give client_cert_path and client_key_path."
        )


def test_redirect_to_somebody_who_wants_the_login() -> None:
    def refuse(request: Request) -> Reply:
        return Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    with serve(refuse) as other:

        def answer(request: Request) -> Reply:
            return Reply(302, headers={"Location": f"http://{other.address}/v2/?token=hidden"})

        with serve(answer) as server:
            assert message(server.address, plain_http=True, username="alice", password="secret") == (
                f"Registry '{server.address}' sends GET /v2/ on to http://{other.address}/v2/, which asks for a login"
                " that is not sent to another server; give that server as registry."
            )
        assert all("authorization" not in request.headers for request in other.requests)


def test_redirect_out_of_tls(pki: Pki) -> None:
    def answer(request: Request) -> Reply:
        return Reply(301, headers={"Location": "http://127.0.0.1:1/v2/"})

    with serve(answer, pki.context()) as server:
        assert message(server.address, ca_path=pki.path("ca.crt")) == (
            f"Registry '{server.address}' sends GET https://{server.address}/v2/ on to http://127.0.0.1:1/v2/,"
            " from TLS to plain HTTP; fix that in the registry (http.host) or in the proxy in front of it."
        )


def test_redirects_without_end() -> None:
    def answer(request: Request) -> Reply:
        return Reply(302, headers={"Location": "/v2/"})

    with serve(answer) as server:
        assert message(server.address, plain_http=True) == (
            f"Registry '{server.address}' redirects more than 5 times, at last to http://{server.address}/v2/;"
            " fix that in the registry or in the proxy in front of it."
        )


@pytest.mark.parametrize("location", ["ftp://x/", "https:///v2/", "http://x:99999/"])
def test_redirect_to_nonsense(location: str) -> None:
    def answer(request: Request) -> Reply:
        return Reply(302, headers={"Location": location})

    with serve(answer) as server:
        assert "which is no http or https URL; fix it there." in message(server.address, plain_http=True)


# ---- proxies ----


def test_proxy_for_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(fine) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}/")
        monkeypatch.setenv("no_proxy", "")
        connect("registry.invalid:5000", plain_http=True, use_proxy=True).ping()
        assert proxy.paths == ["http://registry.invalid:5000/v2/"]
        assert proxy.requests[0].headers["host"] == "registry.invalid:5000"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_proxy_that_tunnels(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    with serve(fine, pki.context()) as server:

        def tunnel(sock: socket.socket) -> None:
            asked.append(sock.recv(65536))
            with socket.create_connection(("127.0.0.1", server.port)) as onward:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=pump, args=(onward, sock), daemon=True).start()
                pump(sock, onward)

        with raw(tunnel) as proxy:
            monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
            monkeypatch.setenv("no_proxy", "")
            registry = connect(server.address, use_proxy=True, ca_path=pki.path("ca.crt"))
            assert [registry.ping(), registry.ping()] == ["registry/2.0", "registry/2.0"]
        assert [line.split(b"\r\n")[0] for line in asked] == [f"CONNECT {server.address} HTTP/1.1".encode()]
        assert server.paths == ["/v2/", "/v2/"]


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(65536)
            if not data:
                return
            target.sendall(data)
    except OSError:
        return


def test_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with raw(refuse) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert message("registry.invalid:5000", use_proxy=True) == (
            f"The proxy http://{proxy.address} refuses a connection to registry.invalid:5000 (HTTP 403);"
            " allow it there, or list the registry in no_proxy."
        )


def test_proxy_that_is_down_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    assert message("registry.invalid:5000", use_proxy=True) == (
        f"The proxy http://127.0.0.1:{port} refuses connections on port {port}; start it, or check host and port."
    )
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    assert message("registry.invalid:5000", use_proxy=True) == (
        "The proxy in https_proxy is 'socks5://...'; give an http:// proxy, or set use_proxy=false."
    )


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(fine) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        assert "The proxy" in message(server.address, plain_http=True, use_proxy=True)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        connect(server.address, plain_http=True, use_proxy=True).ping()
        monkeypatch.delenv("no_proxy")
        connect(server.address, plain_http=True, use_proxy=False).ping()


# ---- TLS ----


def client(pki: Pki, certificate: str, key: str) -> dict[str, str]:
    return {
        "ca_path": pki.path("ca.crt"),
        "client_cert_path": pki.path(certificate),
        "client_key_path": pki.path(key),
    }


def test_ca_as_content_and_as_path(pki: Pki) -> None:
    with serve(fine, pki.context()) as server:
        assert connect(server.address, ca_path=pki.path("ca.crt")).ping() == "registry/2.0"
        assert connect(server.address, ca_content=pki.text("ca.crt")).ping() == "registry/2.0"
        both = f"some words\n{pki.text('other-ca.crt')}{pki.text('ca.crt')}"
        assert connect(server.address, ca_content=both).ping() == "registry/2.0"
        assert connect(server.address, validate_certs=False).ping() == "registry/2.0"


def test_unknown_ca(pki: Pki) -> None:
    with serve(fine, pki.context()) as server:
        assert re.fullmatch(
            rf"Registry '{server.address}' shows a certificate that is not issued by the host's own CAs"
            r" \([^)]+\); give the CA that issued it as ca_path or ca_content\.",
            message(server.address),
        )
        wrong = pki.path("other-ca.crt")
        assert f"not issued by the host's own CAs nor by {wrong} (" in message(server.address, ca_path=wrong)


def test_wrong_name(pki: Pki) -> None:
    with serve(fine, pki.context()) as server:
        assert message(f"localhost:{server.port}", ca_path=pki.path("ca.crt")) == (
            f"Registry 'localhost:{server.port}' shows a certificate for other names (it does not carry this one as"
            " subject alternative name); use a name that it carries, or issue a certificate for this one."
        )


@pytest.mark.parametrize(
    ("certificate", "state"), [("server-expired", "has expired"), ("server-early", "is not valid yet")]
)
def test_server_certificate_out_of_date(pki: Pki, certificate: str, state: str) -> None:
    with serve(fine, pki.context(certificate)) as server:
        assert message(server.address, ca_path=pki.path("ca.crt")) == (
            f"The certificate of registry '{server.address}' {state}; renew it, or set the clocks right."
        )


def test_client_certificate(pki: Pki) -> None:
    with serve(fine, pki.context(client_ca=True)) as server:
        assert connect(server.address, **client(pki, "client.crt", "client.key")).ping() == "registry/2.0"


@pytest.mark.parametrize("newest", [True, False], ids=["tls1.3", "tls1.2"])
def test_client_certificate_missing(pki: Pki, newest: bool) -> None:
    import ssl

    context = pki.context(client_ca=True)
    if not newest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(fine, context) as server:
        text = message(server.address, ca_path=pki.path("ca.crt"))
    assert text.startswith(f"Registry '{server.address}' ") and text.endswith(
        ", and none was shown; give client_cert_path and client_key_path."
    )
    assert "requires a client certificate" in text or "may require a client certificate" in text


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("client-other", "does not know the CA of the client certificate"),
        ("client-expired", "refuses the client certificate as expired or not valid yet"),
    ],
)
def test_client_certificate_refused(pki: Pki, name: str, refusal: str) -> None:
    with serve(fine, pki.context(client_ca=True)) as server:
        assert message(server.address, **client(pki, f"{name}.crt", f"{name}.key")) == (
            f"Registry '{server.address}' {refusal} ({pki.path(f'{name}.crt')});"
            " give one that its client CA issued and that is valid now."
        )


def test_client_certificate_refused_in_http(pki: Pki) -> None:
    def nginx(request: Request) -> Reply:
        return Reply(400, "<html><center>No required SSL certificate was sent</center></html>")

    with serve(nginx, pki.context()) as server:
        assert message(server.address, ca_path=pki.path("ca.crt")) == (
            f"Registry '{server.address}' refuses the client certificate, and none was shown;"
            " give client_cert_path and client_key_path."
        )


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        (
            "client.crt",
            "client-other.key",
            "The private key {key} does not belong to the client certificate {certificate};"
            " give the pair that was issued together.",
        ),
        (
            "client.crt",
            "encrypted.key",
            "The private key {key} is encrypted, and Docker can't read such keys; store it without a passphrase.",
        ),
        ("absent.crt", "client.key", "Can't read {certificate}: no such file or folder;"),
        ("client.crt", "absent.key", "Can't read {key}: no such file or folder;"),
        ("client.key", "client.key", "The client certificate {certificate} and its key {key} can't be loaded ("),
        ("client.crt", "client.crt", "The client certificate {certificate} and its key {key} can't be loaded ("),
    ],
)
def test_client_files_that_no_connection_could_use(pki: Pki, certificate: str, key: str, expected: str) -> None:
    # Nobody listens there, and nobody needs to.
    text = message("127.0.0.1:1", **client(pki, certificate, key))
    assert text.startswith(expected.format(certificate=pki.path(certificate), key=pki.path(key)))


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_ca_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ca.crt"
    path.write_text(content)
    assert message("127.0.0.1:1", ca_path=str(path)) == (
        f"{path} holds no certificate in PEM form; give the CA's certificate in PEM form."
    )
    assert message("127.0.0.1:1", ca_content=content or " ").startswith("ca_content holds no certificate in PEM form;")


def test_ca_that_is_not_there(tmp_path: Path) -> None:
    assert message("127.0.0.1:1", ca_path=str(tmp_path / "x.crt")).startswith(
        f"Can't read {tmp_path}/x.crt: no such file or folder;"
    )


# ---- certs.d ----


def test_files_of_the_engine(pki: Pki, tmp_path: Path) -> None:
    with serve(fine, pki.context(client_ca=True)) as server:
        folder = tmp_path / server.address
        folder.mkdir()
        for source, target in [
            ("other-ca.crt", "a.crt"),
            ("ca.crt", "b.crt"),
            ("client.crt", "client.cert"),
            ("client.key", "client.key"),
        ]:
            (folder / target).write_text(pki.text(source))
        directory = str(tmp_path)
        # The engine passes over these two.
        (folder / "0-der.crt").write_bytes(ssl.PEM_cert_to_DER_cert(pki.text("other-ca.crt")))
        (folder / "1-note.crt").write_text("no certificate")
        assert connect(server.address, directory=directory).ping() == "registry/2.0"
        # What is given explicitly is all there is.
        assert "none was shown" in message(server.address, directory=directory, ca_path=pki.path("ca.crt"))
        (folder / "b.crt").unlink()
        assert f"nor by {folder}/a.crt" in message(server.address, directory=directory)
        assert connect(server.address, directory=directory, validate_certs=False).ping() == "registry/2.0"
        (folder / "client.key").unlink()
        assert message(server.address, directory=directory) == (
            f"{folder} has the client certificate client.cert without its private key client.key;"
            " put the key there, or name the file .crt if it is a CA."
        )


def test_what_is_to_be_known_of_the_certificate(pki: Pki) -> None:
    end = x509.load_certificates(pki.text("server.crt").encode(), "server.crt")[0].not_after
    with serve(fine, pki.context()) as server:
        registry = connect(server.address, ca_path=pki.path("ca.crt"))
        before = registry.certificate
        assert before is None, "nothing was asked yet"
        registry.ping()
        found = registry.certificate
        assert found is not None
        assert found.pop("not_valid_after") == f"{end.strftime('%Y-%m-%d %H:%M:%S')} UTC"
        assert found == {
            "subject": "commonName=server",
            "issuer": "commonName=ca",
            "names": ["127.0.0.1", str(ipaddress.ip_address("::ffff:127.0.0.1"))],
            "days_left": 8,
        }
        registry = connect(server.address, validate_certs=False)
        registry.ping()
        assert registry.certificate is None
    with serve(fine) as server:
        registry = connect(server.address, plain_http=True)
        registry.ping()
        assert registry.certificate is None


# ---- options ----


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"timeout": 0.0}, "timeout is 0; give more than 0 and at most 3600 seconds."),
        ({"timeout": -1.0}, "timeout is -1; give more than 0 and at most 3600 seconds."),
        ({"timeout": float("nan")}, "timeout is nan; give more than 0 and at most 3600 seconds."),
        (
            {"username": "a:b", "password": "x"},
            "username 'a:b' has a colon, which no name for a basic login can have; give the name without it.",
        ),
    ],
)
def test_options(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DockyardError, match=f"^{re.escape(expected)}$"):
        connect("registry.example.com", **options)


@pytest.mark.parametrize("registry", ["https://registry.example.com", "registry.example.com/team", "a b"])
def test_addresses_that_are_none(registry: str) -> None:
    with pytest.raises(DockyardError, match=f"^registry '{registry}' "):
        connect(registry)
