# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Issue a certificate again: everything as in the one before but its time, for the same key, by the CA of today."""

from __future__ import annotations

import contextlib
import datetime

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import x509 as certificates

with contextlib.suppress(ImportError):  # whoever calls this looks at certificates.CRYPTOGRAPHY_IMPORT_ERROR
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization

_BEFORE = datetime.timedelta(hours=1)  # clocks of clients may be slow


def renew(leaf: bytes, ca: bytes, ca_key: bytes, days: int, at: datetime.datetime) -> bytes:
    """Return the certificate in PEM format.

    leaf: the certificate as it is; ca: the CA's certificates, that which signs first; ca_key: its key, unencrypted.
    """
    old = x509.load_pem_x509_certificate(leaf)
    issuer = x509.load_pem_x509_certificate(ca)
    try:
        key = serialization.load_pem_private_key(ca_key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DockyardError(
            "ca_key_unreadable",
            "The CA's key can't be read without a passphrase, so nothing on this host can sign with it; renew by a run"
            " of the role.",
        ) from error
    encoding = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*encoding) != issuer.public_key().public_bytes(*encoding):
        raise DockyardError(
            "ca_pair_mismatch",
            "The CA's key does not belong to the first certificate of its ca.crt; put the CA in order, or restore it.",
        )
    # A certificate is of no use once its CA has expired.
    last = min(at + datetime.timedelta(days=days), certificates.certificate_from_der(_der(issuer), "the CA").not_after)
    built = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(issuer.subject)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BEFORE)
        .not_valid_after(last)
    )
    for extension in old.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            built = built.add_extension(extension.value, extension.critical)
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    except x509.ExtensionNotFound:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    signed = built.add_extension(authority, critical=False).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return signed.public_bytes(serialization.Encoding.PEM)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
