# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Replace a CA by a new one while both are trusted.

In a CA's folder are ca.key and ca.crt. The certificate that ca.key belongs to is always the first one of ca.crt, so
that whoever signs with them need not know of a rotation; all of ca.crt is what clients are to trust. The other key is
ca-next.key as long as the old CA signs, and ca-previous.key once the new one does.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes, FileSet

from . import x509 as certificates

with contextlib.suppress(ImportError):  # the module looks at certificates.CRYPTOGRAPHY_IMPORT_ERROR
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

State = Literal["introduced", "signing", "alone"]
STATES: tuple[State, ...] = ("introduced", "signing", "alone")
KeyType = Literal["ECC", "RSA"]
_CERTIFICATE, _KEY = "ca.crt", "ca.key"
_OTHER_KEYS: dict[State, str] = {"introduced": "ca-next.key", "signing": "ca-previous.key"}


@dataclass(frozen=True)
class NewCa:
    """What a new CA is to be like. passphrase: of all keys of the folder; empty for none."""

    common_name: str
    days: int = 3650
    key_type: KeyType = "ECC"
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True)
class Found:
    """A folder as it is. bundle: each certificate of ca.crt as PEM, the one that signs first."""

    state: State
    bundle: tuple[bytes, ...]
    keys: dict[str, bytes] = field(repr=False)

    @property
    def trusted(self) -> bytes:
        """Return the content of ca.crt."""
        return b"".join(self.bundle)


class Rotation:
    """The CA of a folder."""

    def __init__(self, folder: str, new: NewCa) -> None:
        self._folder = folder
        self._new = new

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def inspect(self) -> Found:
        """Return what is there. Raise DockyardError for anything that no state of a rotation has."""
        keys = {name: atomic_file.read(self._path(name)) for name in (_KEY, *_OTHER_KEYS.values())}
        content = atomic_file.read(self._path(_CERTIFICATE))
        if content is None or keys[_KEY] is None:
            missing = _CERTIFICATE if content is None else _KEY
            raise DockyardError(
                "ca_missing",
                f"There is no {self._path(missing)}; give the folder of a CA and the host that has its key, or make the"
                " CA first.",
            )
        # What is no certificate is refused here, in words for users.
        known = certificates.load_certificates(content, self._path(_CERTIFICATE))
        bundle = tuple(
            x509.load_der_x509_certificate(one.der).public_bytes(serialization.Encoding.PEM) for one in known
        )
        states = [state for state, name in _OTHER_KEYS.items() if keys[name] is not None]
        state: State = states[0] if states else "alone"
        order = [_KEY, *(_OTHER_KEYS[state] for state in states)]
        if len(states) > 1 or len(bundle) != len(order):
            raise self._unclear(f"{len(bundle)} certificates, and the keys {', '.join(order)}")
        there = {name: key for name, key in keys.items() if key is not None}
        for name, certificate in zip(order, known):
            if self._public_key(name, there[name]) != certificate.public_key:
                raise self._unclear(f"a {name} that does not belong to the certificate of {certificate.subject}")
        return Found(state, bundle, there)

    def _unclear(self, what: str) -> DockyardError:
        return DockyardError(
            "ca_rotation_unclear",
            f"{self._folder} has {what}, which is no step of a rotation: first in {_CERTIFICATE} is the certificate of"
            f" {_KEY}, then that of {' or '.join(_OTHER_KEYS.values())} if there is one; put it in order, or restore"
            " it.",
        )

    def _public_key(self, name: str, content: bytes) -> bytes:
        try:
            key = serialization.load_pem_private_key(content, self._new.passphrase.encode() or None)
        except (ValueError, TypeError) as error:
            raise DockyardError(
                "ca_key_unreadable",
                f"The CA's key {self._path(name)} can't be read with"
                f" {'this passphrase' if self._new.passphrase else 'no passphrase'}; give the right one.",
            ) from error
        return key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def plan(self, found: Found, wanted: State) -> Found | None:
        """Return the folder as it is to be; None if it is to stay. A CA that is to be made has an empty certificate."""
        if found.state == wanted:
            return None
        if wanted == "alone":
            # Whichever signs stays: the new CA at the end of a rotation, the old one if it is called off.
            return Found("alone", found.bundle[:1], {_KEY: found.keys[_KEY]})
        if found.state == "alone":
            if wanted == "signing":
                raise DockyardError(
                    "ca_not_introduced",
                    f"There is no new CA in {self._folder} that could sign, and clients have to trust one before it"
                    " does; use state=introduced first, and give all clients the new ca.crt.",
                )
            return Found("introduced", (*found.bundle, b""), {**found.keys, _OTHER_KEYS["introduced"]: b""})
        other = found.keys[_OTHER_KEYS[found.state]]
        return Found(wanted, found.bundle[::-1], {_KEY: other, _OTHER_KEYS[wanted]: found.keys[_KEY]})

    def apply(self, wanted: State, attributes: Attributes) -> Found:
        """Bring the folder to the state that is wanted, all files as one, and prove it."""
        with atomic_file.locked(self._folder), FileSet(attributes) as files:
            found = self.inspect()
            planned = self.plan(found, wanted)
            if planned is None:
                return found
            if b"" in planned.bundle:
                key, certificate = self._make()
                planned = Found(
                    planned.state,
                    (*found.bundle, certificate),
                    {name: content or key for name, content in planned.keys.items()},
                )
            for name, content in planned.keys.items():
                if found.keys.get(name) != content:
                    files.write(self._path(name), content, 0o600)
            files.write(self._path(_CERTIFICATE), planned.trusted, 0o644)
            for name in found.keys.keys() - planned.keys.keys():
                files.remove(self._path(name))
            files.commit(lambda: self._verify(planned))
            return planned

    def _verify(self, planned: Found) -> None:
        if self.inspect() != planned:
            raise self._unclear("files that another process has changed at the same time")

    def _make(self) -> tuple[bytes, bytes]:
        """Return a new key and its certificate, which differs from the old CA's in its key only."""
        key: Any
        if self._new.key_type == "RSA":
            key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        else:
            key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._new.common_name)])
        unused = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        usages = {**dict.fromkeys((*unused, "encipher_only", "decipher_only"), False), "key_cert_sign": True}
        now = certificates.now()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # Clocks of clients may be slow.
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=self._new.days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**usages, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if self._new.passphrase:
            encryption = serialization.BestAvailableEncryption(self._new.passphrase.encode())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        return private, certificate.public_bytes(serialization.Encoding.PEM)
