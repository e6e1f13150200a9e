# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Parse certificates and private keys as Docker reads them, and refuse what Docker or a registry would refuse.

PEM is split here the way Go does it (a BEGIN line starts its line, text around the blocks is
skipped), so that what passes here is what the engine reads. Works with cryptography 38 and up.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

CRYPTOGRAPHY_IMPORT_ERROR: str | None
try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----", re.MULTILINE)
_BLOCK = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n.*?^-----END \1-----", re.MULTILINE | re.DOTALL)
_ANY_PURPOSE = "2.5.29.37.0"
# What Go's crypto/tls can do; everything else fails in the engine.
KEY_KINDS = ("RSA", "ECDSA", "Ed25519")


@dataclass(frozen=True)
class Certificate:
    """What this collection asks of a certificate."""

    subject: str
    issuer: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    fingerprint: str
    is_ca: bool
    # Key usage lets it sign certificates, or it has no such extension.
    may_sign: bool
    # Extended key usage lets it identify a client, or it has no such extension.
    for_clients: bool
    names: tuple[str, ...]
    key_kind: str
    public_key: bytes
    der: bytes = field(repr=False)

    def days_left(self, now: datetime.datetime) -> int:
        """Return the whole days until it expires."""
        return (self.not_after - now).days


@dataclass(frozen=True)
class PrivateKey:
    """What this collection asks of a private key: its kind, and the public key that belongs to it."""

    kind: str
    public_key: bytes


def now() -> datetime.datetime:
    """Return the time, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def format_time(moment: datetime.datetime) -> str:
    """Return a time as it is shown to users."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _blocks(data: bytes, what: str, noun: str) -> list[tuple[str, bytes]]:
    """Return the PEM blocks of a file, as type and content."""
    if not data.strip():
        raise DockyardError("certificate_not_pem", f"{what} is empty; provide a {noun} in PEM form.")
    blocks = [(match.group(1).decode(), match.group(0) + b"\n") for match in _BLOCK.finditer(data)]
    if len(blocks) != len(_BEGIN.findall(data)) or (not blocks and b"-----BEGIN" in data):
        raise DockyardError(
            "certificate_not_pem",
            f"{what} is damaged PEM: each BEGIN line has to start its line and needs its END line;"
            f" copy the {noun} again, whole.",
        )
    if not blocks:
        raise DockyardError(
            "certificate_not_pem",
            f"{what} is not PEM: it has no -----BEGIN line; provide the {noun} in PEM form"
            " (openssl turns DER and PKCS#12 into it).",
        )
    return blocks


def load_certificates(data: bytes, what: str) -> list[Certificate]:
    """Return all certificates of a PEM file, in its order. Refuse one with anything else in it.

    what: how the user knows this data, for messages: an option's name or a path.
    """
    certificates = []
    for kind, block in _blocks(data, what, "certificate"):
        if kind.endswith("PRIVATE KEY"):
            raise DockyardError(
                "certificate_with_private_key",
                f"{what} holds a private key, which everybody on the host could read there;"
                " provide the certificate alone there, and the key by itself.",
            )
        if kind != "CERTIFICATE":
            raise DockyardError(
                "certificate_unsupported_block",
                f"{what} holds a PEM block of type '{kind}', which Docker does not read;"
                " convert it to a plain CERTIFICATE (openssl x509) or leave it out.",
            )
        certificates.append(_certificate(block, what))
    return certificates


def _certificate(block: bytes, what: str) -> Certificate:
    try:
        return _describe(x509.load_pem_x509_certificate(block))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise DockyardError(
            "certificate_unreadable",
            f"{what} has a certificate that can't be read ({_short(error)}); copy it again, whole, or issue a new one.",
        ) from error


def certificate_from_der(data: bytes, what: str) -> Certificate:
    """Parse a certificate as a TLS server sends it."""
    try:
        return _describe(x509.load_der_x509_certificate(data))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise DockyardError(
            "certificate_unreadable", f"{what} can't be read ({_short(error)}); issue a new one."
        ) from error


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:200]


def _describe(certificate: x509.Certificate) -> Certificate:
    der = certificate.public_bytes(serialization.Encoding.DER)
    extensions = {extension.oid.dotted_string: extension.value for extension in certificate.extensions}
    constraints = extensions.get("2.5.29.19")
    usage = extensions.get("2.5.29.15")
    purposes = extensions.get("2.5.29.37")
    names = extensions.get("2.5.29.17")
    kind, public_key = _public_key(certificate)
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=_moment(certificate, "not_valid_before"),
        not_after=_moment(certificate, "not_valid_after"),
        fingerprint=hashlib.sha256(der).hexdigest(),
        is_ca=isinstance(constraints, x509.BasicConstraints) and constraints.ca,
        may_sign=not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign,
        for_clients=not isinstance(purposes, x509.ExtendedKeyUsage)
        or ExtendedKeyUsageOID.CLIENT_AUTH in purposes
        or any(purpose.dotted_string == _ANY_PURPOSE for purpose in purposes),
        names=_names(names) if isinstance(names, x509.SubjectAlternativeName) else (),
        key_kind=kind,
        public_key=public_key,
        der=der,
    )


def _moment(certificate: x509.Certificate, attribute: str) -> datetime.datetime:
    """Return not_valid_before or not_valid_after; cryptography 42 brought the ones that know their time zone."""
    moment: datetime.datetime | None = getattr(certificate, f"{attribute}_utc", None)
    if moment is None:
        naive: datetime.datetime = getattr(certificate, attribute)
        moment = naive.replace(tzinfo=datetime.timezone.utc)
    return moment


def _names(extension: x509.SubjectAlternativeName) -> tuple[str, ...]:
    return (
        *extension.get_values_for_type(x509.DNSName),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    )


def _kind(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA" if key.curve.name in ("secp256r1", "secp384r1", "secp521r1") else f"ECDSA {key.curve.name}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return type(key).__name__.lstrip("_").replace("PublicKey", "")


def _public_key(certificate: x509.Certificate) -> tuple[str, bytes]:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown", b""
    return _kind(key), _encoded(key)


def _encoded(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def load_private_key(data: bytes, what: str) -> PrivateKey:
    """Return the first private key of a PEM file, which is the one that Docker takes."""
    blocks = _blocks(data, what, "private key")
    keys = [(kind, block) for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    if not keys:
        raise DockyardError(
            "certificate_key_unsupported",
            f"{what} holds no private key but a '{blocks[0][0]}';"
            " provide the key that the certificate was issued for (are the two swapped?).",
        )
    kind, block = keys[0]
    if kind == "OPENSSH PRIVATE KEY":
        raise DockyardError(
            "certificate_key_unsupported",
            f"{what} is a key in OpenSSH's own format; convert it with ssh-keygen -p -m PEM -f on a copy.",
        )
    if kind == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block:
        raise DockyardError(
            "certificate_key_encrypted",
            f"{what} is encrypted, and nobody is there to be asked for its passphrase;"
            " provide the key decrypted (openssl pkey -in encrypted.key -out decrypted.key).",
        )
    try:
        key = serialization.load_pem_private_key(block, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DockyardError(
            "certificate_unreadable",
            f"{what} has a private key that can't be read; copy it again, whole, or make a new one.",
        ) from error
    key_kind = _kind(key)
    if key_kind not in KEY_KINDS:
        raise DockyardError(
            "certificate_key_unsupported",
            f"{what} is a key of the wrong type, {key_kind}, which Docker does not know;"
            " use RSA, ECDSA (P-256, P-384, P-521) or Ed25519, with a certificate for it.",
        )
    return PrivateKey(kind=key_kind, public_key=_encoded(key))


def check_validity(certificate: Certificate, what: str, at: datetime.datetime, min_days_left: int = 0) -> None:
    """Refuse what is expired, not yet valid, or expires in less than so many days."""
    if certificate.not_before > at:
        raise DockyardError(
            "certificate_not_yet_valid",
            f"{what} ({certificate.subject}) is not yet valid: it starts at {format_time(certificate.not_before)};"
            " set this host's clock, or wait, or issue a new one.",
        )
    if certificate.not_after <= at:
        raise DockyardError(
            "certificate_expired",
            f"{what} ({certificate.subject}) has expired at {format_time(certificate.not_after)};"
            " issue a new one and provide that.",
        )
    if certificate.not_after < at + datetime.timedelta(days=min_days_left):
        raise DockyardError(
            "certificate_expires_soon",
            f"{what} ({certificate.subject}) expires at {format_time(certificate.not_after)}, in"
            f" {counted(certificate.days_left(at), 'day')} and so"
            f" sooner than min_days_left={min_days_left} allows; issue a new one, or lower min_days_left.",
        )


def check_cas(
    certificates: Sequence[Certificate], what: str, at: datetime.datetime, min_days_left: int = 0
) -> list[str]:
    """Return what a user should know about a file of CAs, each in a sentence. Refuse one of which nothing counts."""
    concerns = []
    valid = [certificate for certificate in certificates if certificate.not_before <= at < certificate.not_after]
    for certificate in certificates:
        if certificate.is_ca and not certificate.may_sign:
            raise DockyardError(
                "certificate_ca_cannot_sign",
                f"{what} ({certificate.subject}) is a CA that may not sign certificates: its keyUsage lacks"
                " keyCertSign; issue the CA's certificate again with it.",
            )
        if certificate in valid or not valid:
            check_validity(certificate, what, at, min_days_left)
        else:
            concerns.append(
                f"{what} holds a CA that does not count now ({certificate.subject}): it is valid from"
                f" {format_time(certificate.not_before)} to {format_time(certificate.not_after)}."
            )
        if not certificate.is_ca:
            # Go takes what is among its roots as it is, but not for an issuer (crypto/x509/verify.go).
            concerns.append(
                f"{what} ({certificate.subject}) is no CA, its basicConstraints lack CA:TRUE: Docker trusts a server"
                " that has this very certificate, and nothing that is issued with it."
            )
    return concerns


def check_client(certificate: Certificate, what: str) -> None:
    """Refuse as a client's certificate what Docker can't use."""
    if certificate.key_kind not in KEY_KINDS:
        raise DockyardError(
            "certificate_key_unsupported",
            f"{what} ({certificate.subject}) is for a key of the wrong type, {certificate.key_kind},"
            " which Docker does not know; use RSA, ECDSA (P-256, P-384, P-521) or Ed25519.",
        )


def check_pair(chain: list[Certificate], key: PrivateKey, what_certificate: str, what_key: str) -> None:
    """Refuse a key that does not belong to the first certificate of the chain."""
    leaf = chain[0]
    if leaf.public_key == key.public_key:
        return
    if any(certificate.public_key == key.public_key for certificate in chain[1:]):
        raise DockyardError(
            "certificate_wrong_order",
            f"{what_certificate} has its certificates in the wrong order: the key's own is not the first one;"
            " put that one first and its issuers after it.",
        )
    if leaf.key_kind != key.kind:
        raise DockyardError(
            "certificate_key_mismatch",
            f"{what_key} does not match {what_certificate}: the key is {key.kind}, the certificate"
            f" ({leaf.subject}) is for {leaf.key_kind}; provide the key that this certificate was issued for.",
        )
    raise DockyardError(
        "certificate_key_mismatch",
        f"{what_key} does not match {what_certificate} ({leaf.subject});"
        " provide the key that this certificate was issued for.",
    )
