# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Check the certificate, key and CA of a server before any service is started with them.

What can be seen by looking is reported first, each with its own reason. Then a TLS handshake is made in
memory, the server's side with these files and the client's side with the CA alone: whatever clients
would refuse, a missing intermediate certificate above all, fails here.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import x509
from .memory_file import in_memory
from .tls_probe import UNKNOWN_CA, WRONG_NAME, client_context, reason_of

# A CA of the right name, with another key.
_BAD_SIGNATURE = 7


@dataclass(frozen=True)
class Pem:
    """One of the files, and how the user knows it: its path, or a name of what it is."""

    data: bytes
    what: str


@dataclass(frozen=True)
class ServerFiles:
    """What a server presents to its clients, and what they trust; without a CA, one that their systems trust."""

    certificate: Pem
    private_key: Pem
    ca: Pem | None = None


@dataclass(frozen=True)
class Checked:
    """Files that fit together: the server's certificates, and what a user should know of them, each in a sentence."""

    chain: list[x509.Certificate]
    concerns: list[str]


def check(files: ServerFiles, hostname: str, at: datetime.datetime, min_days_left: int = 0) -> Checked:
    """Check all files together. Raise DockyardError for what clients would refuse.

    hostname: the name or address that clients use.
    min_days_left: days that the certificate and the CA are valid at the least.
    """
    chain = x509.load_certificates(files.certificate.data, files.certificate.what)
    key = x509.load_private_key(files.private_key.data, files.private_key.what)
    x509.check_pair(chain, key, files.certificate.what, files.private_key.what)
    x509.check_validity(chain[0], files.certificate.what, at, min_days_left)
    concerns = []
    # Whoever the clients trust: the certificate has to lead up to the last one of its own file.
    trusted = chain[-1:]
    if files.ca is not None:
        trusted = x509.load_certificates(files.ca.data, files.ca.what)
        concerns = x509.check_cas(trusted, files.ca.what, at, min_days_left)
    _shake_hands(files, chain[0], trusted, hostname)
    return Checked(chain, concerns)


def _shake_hands(
    files: ServerFiles, leaf: x509.Certificate, trusted: Sequence[x509.Certificate], hostname: str
) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(trusted, with_system=False).wrap_bio(to_client, to_server, server_hostname=hostname)
    server = _server_context(files).wrap_bio(to_server, to_client, server_side=True)
    try:
        # The client has verified the server once its own side is done.
        while not _is_done(client):
            _is_done(server)
    except ssl.SSLCertVerificationError as error:
        raise _refused(files, leaf, hostname, error) from error
    except ssl.SSLError as error:
        raise _unusable(files, error) from error


def _is_done(side: ssl.SSLObject) -> bool:
    """Go on with one side of a handshake as far as it gets. Return whether that is its end."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _server_context(files: ServerFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with in_memory(files.certificate.data) as certificate, in_memory(files.private_key.data) as key:
        try:
            context.load_cert_chain(certificate, key, password=lambda: "")
        except ssl.SSLError as error:
            raise _unusable(files, error) from error
    return context


def _unusable(files: ServerFiles, error: ssl.SSLError) -> DockyardError:
    return DockyardError(
        "certificate_unusable",
        f"OpenSSL on this host can't use {files.certificate.what} with its key ({reason_of(error)});"
        " issue a new pair, for instance RSA with 2048 bits and SHA-256.",
    )


def _refused(
    files: ServerFiles, leaf: x509.Certificate, hostname: str, error: ssl.SSLCertVerificationError
) -> DockyardError:
    what = f"{files.certificate.what} ({leaf.subject})"
    if error.verify_code in WRONG_NAME:
        return DockyardError(
            "certificate_wrong_name",
            f"{what} does not carry the name {hostname}, it carries {', '.join(leaf.names) or 'none'};"
            " provide one that has it as subjectAltName, or use one of its names.",
        )
    if error.verify_code in (*UNKNOWN_CA, _BAD_SIGNATURE):
        issuer = "What is below it" if files.ca is None else files.ca.what
        return DockyardError(
            "certificate_wrong_ca",
            f"{issuer} did not issue the certificate ({leaf.subject}), {leaf.issuer} did;"
            " provide the CA that issued it,"
            " or put the intermediate certificates below the certificate in the same file.",
        )
    return DockyardError(
        "certificate_unusable",
        f"{what} would be refused by clients: {error.verify_message}; issue it again.",
    )
