# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Speak TLS with a registry as the Docker Engine does: which files are used, and what an error means.

What Go's crypto/tls accepts is accepted here too: every CA is added to the system's own, an
intermediate certificate may be trusted by itself, and a name counts only as subject alternative name.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

# OpenSSL's reasons, which are stable where its texts are not.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
)
# What servers answer when they don't like the client's certificate, or miss one; each has its own choice.
_CLIENT_REFUSED = {
    "ALERT_CERTIFICATE_REQUIRED": "requires a client certificate",
    "ALERT_BAD_CERTIFICATE": "refuses the client certificate",
    "ALERT_UNKNOWN_CA": "does not know the CA of the client certificate",
    "ALERT_CERTIFICATE_EXPIRED": "refuses the client certificate as expired or not valid yet",
    "ALERT_CERTIFICATE_REVOKED": "refuses the client certificate as revoked",
    "ALERT_CERTIFICATE_UNKNOWN": "refuses the client certificate",
    "ALERT_UNSUPPORTED_CERTIFICATE": "refuses this kind of client certificate",
    "ALERT_ACCESS_DENIED": "refuses the client certificate",
    "ALERT_DECRYPT_ERROR": "refuses the client certificate",
    "ALERT_HANDSHAKE_FAILURE": "interrupted the TLS handshake (it may require a client certificate)",
}
_BEGIN = b"-----BEGIN CERTIFICATE-----"
# X509_V_ERR_* of OpenSSL
_EXPIRED, _NOT_YET, _HOST_NAME, _IP_ADDRESS = 10, 9, 62, 64


@dataclass(frozen=True)
class TlsFiles:
    """What to trust, and what to identify with; paths are on this host."""

    ca_content: str | None = None
    ca_paths: tuple[str, ...] = ()
    client_cert_path: str | None = None
    client_key_path: str | None = None
    validate: bool = True

    @property
    def authorities(self) -> str:
        """Return how a message names what was trusted."""
        sources = [*self.ca_paths, *(["ca_content"] if self.ca_content else [])]
        return " nor by ".join(["the host's own CAs", *sources])


def describe(certificate: Mapping[str, Any]) -> dict[str, object]:
    """Return what a user wants to know of a server's certificate, from Python's description of it."""
    end = ssl.cert_time_to_seconds(certificate["notAfter"])
    return {
        "subject": _name(certificate["subject"]),
        "issuer": _name(certificate["issuer"]),
        "names": [
            value if kind == "DNS" else str(ipaddress.ip_address(value.strip()))
            for kind, value in certificate.get("subjectAltName", ())
            if kind in ("DNS", "IP Address")
        ],
        "not_valid_after": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(end)),
        "days_left": int((end - time.time()) // 86400),
    }


def _name(parts: Any) -> str:
    return ", ".join(f"{key}={value}" for part in parts for key, value in part)


def from_certs_d(directory: str, registry: str, validate: bool = True) -> TlsFiles:
    """Return the files that the Docker Engine uses for this registry; of several client pairs the first by name."""
    folder = os.path.join(directory, registry)
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return TlsFiles(validate=validate)
    except OSError as error:
        raise atomic_file.explain("read", folder, error) from error
    pairs = [name[: -len(".cert")] for name in names if name.endswith(".cert")]
    for stem in pairs[:1]:
        if f"{stem}.key" not in names:
            raise DockyardError(
                "tls_pair_unusable",
                f"{folder} has the client certificate {stem}.cert without its private key {stem}.key;"
                " put the key there, or name the file .crt if it is a CA.",
            )
    authorities = [os.path.join(folder, name) for name in names if name.endswith(".crt")]
    return TlsFiles(
        # The engine passes over what is no PEM, a certificate in DER form for instance.
        ca_paths=tuple(path for path in authorities if _BEGIN in _read_existing(path)),
        client_cert_path=os.path.join(folder, f"{pairs[0]}.cert") if pairs else None,
        client_key_path=os.path.join(folder, f"{pairs[0]}.key") if pairs else None,
        validate=validate,
    )


def build_context(files: TlsFiles, with_client: bool = True) -> ssl.SSLContext:
    """Return a context for connections to the registry; without the client certificate, to a server that it names."""
    context = ssl.create_default_context()
    # Python 3.13 asks for more than Docker does, earlier ones for less.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VerifyFlags(0x80000)  # X509_V_FLAG_PARTIAL_CHAIN, without a name before 3.10
    context.hostname_checks_common_name = False
    if not files.validate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for path in files.ca_paths:
        _load_ca(context, _read_existing(path).decode("ascii", "replace"), path)
    if files.ca_content:
        _load_ca(context, files.ca_content, "ca_content")
    if with_client and files.client_cert_path and files.client_key_path:
        _load_client_pair(context, files.client_cert_path, files.client_key_path)
    return context


def _read_existing(path: str) -> bytes:
    """Return the content of a file that has to be there."""
    content = atomic_file.read(path)
    if content is None:
        raise atomic_file.explain("read", path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    return content


def _load_ca(context: ssl.SSLContext, pem: str, what: str) -> None:
    try:
        if "-----BEGIN" not in pem:
            raise ValueError("no BEGIN line")
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise DockyardError(
            "tls_ca_unusable", f"{what} holds no certificate in PEM form; give the CA's certificate in PEM form."
        ) from error


def _load_client_pair(context: ssl.SSLContext, cert_path: str, key_path: str) -> None:
    def refuse_password() -> str:
        raise DockyardError(
            "tls_pair_unusable",
            f"The private key {key_path} is encrypted, and Docker can't read such keys; store it without a passphrase.",
        )

    for path in (cert_path, key_path):
        _read_existing(path)
    try:
        context.load_cert_chain(cert_path, key_path, refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise DockyardError(
                "tls_pair_unusable",
                f"The private key {key_path} does not belong to the client certificate {cert_path};"
                " give the pair that was issued together.",
            ) from error
        raise DockyardError(
            "tls_pair_unusable",
            f"The client certificate {cert_path} and its key {key_path} can't be loaded ({_text(error)});"
            " both have to be in PEM form.",
        ) from error


def _text(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def explain(error: ssl.SSLError, server: str, files: TlsFiles, client_offered: bool = True) -> DockyardError:
    """Return the error for a failed handshake.

    server: how a message names the other end, such as "Registry 'r.example.com:5000'".
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error, server, files)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return DockyardError(
            "tls_plain_http",
            f"{server} does not speak TLS on this port but something else, probably plain HTTP;"
            " give the port that speaks TLS, or set plain_http=true if plain HTTP is meant.",
        )
    for alert, refusal in _CLIENT_REFUSED.items():
        if reason.endswith(alert):
            return refuse_client(f"{server} {refusal}", files, client_offered)
    return DockyardError(
        "tls_failed", f"TLS with {server[0].lower()}{server[1:]} failed ({_text(error)}); look at the log there."
    )


def refuse_client(refusal: str, files: TlsFiles, client_offered: bool = True) -> DockyardError:
    """Return the error for a server that does not accept the client certificate, or the lack of one."""
    if files.client_cert_path and client_offered:
        return DockyardError(
            "tls_client_certificate_refused",
            f"{refusal} ({files.client_cert_path}); give one that its client CA issued and that is valid now.",
        )
    return DockyardError(
        "tls_client_certificate_required", f"{refusal}, and none was shown; give client_cert_path and client_key_path."
    )


def _explain_certificate(error: ssl.SSLCertVerificationError, server: str, files: TlsFiles) -> DockyardError:
    code = error.verify_code
    if code in (_HOST_NAME, _IP_ADDRESS):
        return DockyardError(
            "tls_wrong_name",
            f"{server} shows a certificate for other names (it does not carry this one as subject alternative name);"
            " use a name that it carries, or issue a certificate for this one.",
        )
    if code in (_EXPIRED, _NOT_YET):
        state = "has expired" if code == _EXPIRED else "is not valid yet"
        return DockyardError(
            "tls_certificate_not_valid",
            f"The certificate of {server[0].lower()}{server[1:]} {state}; renew it, or set the clocks right.",
        )
    return DockyardError(
        "tls_unknown_ca",
        f"{server} shows a certificate that is not issued by {files.authorities} ({error.verify_message});"
        " give the CA that issued it as ca_path or ca_content.",
    )
