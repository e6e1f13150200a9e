# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask a registry over TLS whether it and these certificates accept each other, as Docker would.

The system's CAs count besides the given ones, the common name does not count as a host name, and an
intermediate CA may be trusted by itself: that is what Go does. After the handshake comes a request,
because with TLS 1.3 a server refuses a client's certificate only then.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import x509
from .memory_file import in_memory

# What OpenSSL calls it (X509_V_ERR_*).
UNKNOWN_CA = (2, 18, 19, 20, 21)
_EXPIRED = 10
_NOT_YET_VALID = 9
WRONG_NAME = (62, 64)
# What servers answer when they don't like the client's certificate, or miss one; each has its own choice.
_CLIENT_ALERTS = (
    "BAD_CERTIFICATE",
    "CERTIFICATE_REQUIRED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_UNKNOWN",
    "UNSUPPORTED_CERTIFICATE",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "HANDSHAKE_FAILURE",
    "DECRYPT_ERROR",
)
# Servers such as nginx finish the handshake and say it in HTTP.
_CLIENT_BODIES = (b"No required SSL certificate was sent", b"The SSL certificate error")
_PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)  # has a name since Python 3.10


@dataclass(frozen=True)
class Pair:
    """A client certificate with its key, as PEM."""

    name: str
    certificate: bytes
    key: bytes
    issuers: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A registry, and where to reach it."""

    registry: str
    host: str
    port: int
    connect_host: str
    connect_port: int

    @property
    def label(self) -> str:
        """Return how a message calls it."""
        host, port = self.connect_host, self.connect_port
        return self.registry if (host, port) == (self.host, self.port) else f"{self.registry} (at {host} port {port})"


class _ClientRefused(Exception):
    """The registry does not accept the client certificate, or the lack of one."""


def probe(target: Target, cas: Sequence[x509.Certificate], pairs: Sequence[Pair], timeout: float) -> dict[str, object]:
    """Connect with these files. Return what was learned, or raise DockyardError that says which of them is wrong.

    pairs: in the order of their names, which is the order in which Docker looks at them.
    timeout: seconds that one connection may take in all.
    """
    refused: list[tuple[Pair, str]] = []
    for pair in pairs or (None,):
        try:
            result = _connect(target, cas, pair, timeout)
        except _ClientRefused as error:
            if pair is None:
                raise DockyardError(
                    "tls_client_certificate_required",
                    f"The registry {target.label} demands a client certificate ({error});"
                    " provide one that it accepts, with client_certs.",
                ) from error
            refused.append((pair, str(error)))
            continue
        for earlier, reason in refused:
            # Docker offers the first one whose issuer the registry accepts, and has no second try.
            if pair is not None and set(earlier.issuers) & set(pair.issuers):
                raise _refusal(target, earlier, f"{reason}; Docker would offer it before '{pair.name}'")
        return result
    raise _refusal(target, *refused[0])


def _refusal(target: Target, pair: Pair, reason: str) -> DockyardError:
    return DockyardError(
        "tls_client_certificate_refused",
        f"The registry {target.label} refuses the client certificate '{pair.name}' ({reason});"
        " provide one that is issued by a CA which the registry accepts, is valid by the registry's clock,"
        " and is not revoked.",
    )


def client_context(cas: Sequence[x509.Certificate], with_system: bool = True) -> ssl.SSLContext:
    """Return what verifies a server's certificate as Docker does.

    with_system: whether the CAs that the system trusts count besides the given ones.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags |= _PARTIAL_CHAIN
    if with_system:
        context.load_default_certs()
    if cas:
        context.load_verify_locations(cadata=b"".join(ca.der for ca in cas))
    return context


def _context(cas: Sequence[x509.Certificate], pair: Pair | None) -> ssl.SSLContext:
    context = client_context(cas)
    if pair is not None:
        with in_memory(pair.certificate) as certificate, in_memory(pair.key) as key:
            try:
                # An encrypted key is refused earlier; without the callback OpenSSL would ask on a terminal.
                context.load_cert_chain(certificate, key, password=lambda: "")
            except ssl.SSLError as error:
                raise DockyardError(
                    "tls_pair_unusable",
                    f"OpenSSL on this host can't use the client certificate '{pair.name}' with its key"
                    f" ({reason_of(error)}); issue a new pair, for instance RSA with 2048 bits and SHA-256.",
                ) from error
    return context


class _Deadline:
    """When a connection has to be over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self._end - time.monotonic(), 0.001)


def _connect(target: Target, cas: Sequence[x509.Certificate], pair: Pair | None, timeout: float) -> dict[str, object]:
    deadline = _Deadline(timeout)
    try:
        with _open(target, deadline, timeout) as raw:
            address = raw.getpeername()[0]
            context = _context(cas, pair)
            with context.wrap_socket(raw, server_hostname=target.host) as connection:
                server = x509.certificate_from_der(
                    connection.getpeercert(binary_form=True) or b"",
                    f"The certificate of the registry {target.label}",
                )
                version = connection.version()
                status = _request(connection, target, deadline)
                return {
                    "address": address,
                    "tls_version": version,
                    "http_status": status,
                    "client_certificate": None if pair is None else pair.name,
                    "server_subject": server.subject,
                    "server_issuer": server.issuer,
                    "server_names": list(server.names),
                    "server_not_valid_after": x509.format_time(server.not_after),
                }
    except ssl.SSLCertVerificationError as error:
        raise _server_refused(target, error, timeout) from error
    except socket.timeout as error:
        raise _too_slow(target, timeout) from error
    except ssl.SSLError as error:
        raise _tls_failed(target, error, timeout) from error
    except OSError as error:
        raise DockyardError(
            "tls_failed",
            f"The registry {target.label} closed the connection during the TLS handshake ({reason_of(error)});"
            " look into its log, and at what is between (a firewall, a proxy that does not know this name).",
        ) from error


def _open(target: Target, deadline: _Deadline, timeout: float) -> socket.socket:
    try:
        return socket.create_connection((target.connect_host, target.connect_port), timeout=deadline.left())
    except socket.gaierror as error:
        raise DockyardError(
            "registry_unreachable",
            f"The name {target.connect_host} of the registry {target.registry} does not resolve on this host"
            f" ({error.strerror}); fix DNS or /etc/hosts, or set probe_address.",
        ) from error
    except socket.timeout as error:
        raise _too_slow(target, timeout) from error
    except ConnectionRefusedError as error:
        raise DockyardError(
            "registry_unreachable",
            f"The registry {target.label} refuses connections: nothing listens there; start it, or fix the port.",
        ) from error
    except OSError as error:
        raise DockyardError(
            "registry_unreachable",
            f"The registry {target.label} can't be reached ({reason_of(error)}); fix the network or the address.",
        ) from error


def _too_slow(target: Target, timeout: float) -> DockyardError:
    return DockyardError(
        "registry_timeout",
        f"The registry {target.label} did not answer within {counted(timeout, 'second')};"
        " see whether it runs and no firewall drops packets to it, or raise timeout.",
    )


def _request(connection: ssl.SSLSocket, target: Target, deadline: _Deadline) -> int:
    """Send GET /v2/ and return the status of the answer."""
    request = (
        f"GET /v2/ HTTP/1.1\r\nHost: {target.registry}\r\nUser-Agent: dockyard.ops\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    )
    answer = b""
    try:
        connection.settimeout(deadline.left())
        with contextlib.suppress(ConnectionError):  # then the reason waits to be read
            connection.sendall(request.encode())
        while len(answer) < 65536:
            connection.settimeout(deadline.left())
            part = connection.recv(16384)
            if not part:
                break
            answer += part
    except socket.timeout:
        if not answer:
            raise
    except (ConnectionError, ssl.SSLEOFError) as error:
        if not answer:
            raise _ClientRefused(f"it closes the connection after the handshake: {reason_of(error)}") from error
    if not answer:
        raise DockyardError(
            "registry_wrong_service",
            f"The registry {target.label} closes the connection without an answer;"
            " look into its log and that of the proxy in front of it.",
        )
    status = answer.split(b" ", 2)[1:2]
    if not answer.startswith(b"HTTP/") or not status or not status[0].isdigit():
        raise DockyardError(
            "registry_wrong_service",
            f"The registry {target.label} speaks TLS but not HTTP behind it;"
            " fix the address: another service listens there.",
        )
    code = int(status[0])
    if code == 400 and any(body in answer for body in _CLIENT_BODIES):
        raise _ClientRefused("HTTP 400, no acceptable client certificate")
    if code == 404:
        raise DockyardError(
            "registry_wrong_service",
            f"What answers at {target.label} is no registry: /v2/ is not found there (HTTP 404); fix the address.",
        )
    if code >= 500:
        raise DockyardError(
            "registry_unhealthy",
            f"The certificates are right, but the registry {target.label} is not in service: it answers HTTP {code};"
            " look into the log of the registry and of the proxy in front of it.",
        )
    return code


def _server_refused(target: Target, error: ssl.SSLCertVerificationError, timeout: float) -> DockyardError:
    """Return the error for a certificate of the registry that is not acceptable."""
    server = _server_certificate(target, timeout)
    code = error.verify_code
    subject = server.subject if server else "unknown subject"
    if code in WRONG_NAME:
        names = ", ".join(server.names) if server and server.names else "no name at all"
        return DockyardError(
            "tls_wrong_name",
            f"The certificate of the registry {target.label} is for another name: it carries {names}"
            f" and not {target.host};"
            " use one of its names in image references, or issue it again with this one as subjectAltName.",
        )
    if code == _EXPIRED:
        when = f" at {x509.format_time(server.not_after)}" if server and server.not_after <= x509.now() else ""
        return DockyardError(
            "tls_certificate_not_valid",
            f"The certificate of the registry {target.label} ({subject}), or one of its issuers, has expired{when};"
            " renew it on the registry and restart that.",
        )
    if code == _NOT_YET_VALID:
        when = f" before {x509.format_time(server.not_before)}" if server and server.not_before > x509.now() else ""
        return DockyardError(
            "tls_certificate_not_valid",
            f"The certificate of the registry {target.label} ({subject}), or one of its issuers, is not valid"
            f" yet{when}; set this host's clock or the registry's.",
        )
    if code in UNKNOWN_CA:
        issuer = f" ({server.issuer})" if server else ""
        return DockyardError(
            "tls_unknown_ca",
            f"The certificate of the registry {target.label} is issued by a CA{issuer} that neither ca.crt nor this"
            " system trusts; provide that CA's certificate with ca_content or ca_path"
            " (or have the registry send its intermediate CA too).",
        )
    return DockyardError(
        "tls_certificate_not_valid",
        f"The certificate of the registry {target.label} ({subject}) can't be verified: {error.verify_message};"
        " issue it again.",
    )


def _server_certificate(target: Target, timeout: float) -> x509.Certificate | None:
    """Return the certificate that the registry shows to every client, for messages."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        raw = socket.create_connection((target.connect_host, target.connect_port), timeout=timeout)
        with raw, context.wrap_socket(raw, server_hostname=target.host) as connection:
            return x509.certificate_from_der(connection.getpeercert(binary_form=True) or b"", "it")
    except (OSError, DockyardError):
        return None  # then the message does without


def _tls_failed(target: Target, error: ssl.SSLError, timeout: float) -> Exception:
    reason = reason_of(error)
    name = reason.upper().replace(" ", "_")
    if "ALERT" in name and any(alert in name for alert in _CLIENT_ALERTS):
        return _ClientRefused(reason)
    if _speaks_http(target, timeout):
        return DockyardError(
            "tls_plain_http",
            f"The registry {target.label} speaks plain HTTP and no TLS;"
            " give it a certificate (http.tls in its configuration), or fix the port.",
        )
    return DockyardError(
        "tls_failed",
        f"The TLS handshake with the registry {target.label} failed ({reason});"
        " see whether it speaks TLS 1.2 or newer on this port, and look into its log.",
    )


def _speaks_http(target: Target, timeout: float) -> bool:
    try:
        with socket.create_connection((target.connect_host, target.connect_port), timeout=timeout) as raw:
            raw.sendall(f"GET /v2/ HTTP/1.1\r\nHost: {target.registry}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while len(answer) < 12:
                part = raw.recv(512)
                if not part:
                    break
                answer += part
    except OSError:
        return False
    # A TLS server says in HTTP too that it was asked in HTTP.
    return answer.startswith(b"HTTP/") and not answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))


def reason_of(error: OSError) -> str:
    """Return why a connection or OpenSSL failed, in its words."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or str(error) or type(error).__name__
