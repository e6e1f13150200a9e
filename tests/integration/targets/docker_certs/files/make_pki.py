# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes certificates for tests, right and wrong ones, with whatever cryptography the host has."""

from __future__ import annotations

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

folder = pathlib.Path(sys.argv[1])
now = datetime.datetime.utcnow()


def write_key(name, key, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    path = folder / f"{name}.key"
    path.write_bytes(pem)
    path.chmod(0o600)


def issue(name, by=None, ca=None, usage=None, starts=-1, ends=365):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=starts))
        .not_valid_after(now + datetime.timedelta(days=ends, hours=1))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = builder.sign(by[1] if by else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    write_key(name, key)
    return certificate, key


folder.mkdir(parents=True, exist_ok=True)
authority = issue("ca", ca=True)
issue("next-ca", ca=True)
issue("old-ca", ca=True, ends=-1)
issue("no-ca", ca=False)
client = issue("client", authority, usage=ExtendedKeyUsageOID.CLIENT_AUTH, ends=30)
issue("renewed", authority, usage=ExtendedKeyUsageOID.CLIENT_AUTH, ends=90)
issue("expired", authority, ends=-1)
issue("early", authority, starts=1)
issue("server", authority, usage=ExtendedKeyUsageOID.SERVER_AUTH)
write_key("encrypted", client[1], b"secret")
write_key("ed448", ed448.Ed448PrivateKey.generate())
(folder / "empty.pem").write_bytes(b"")
(folder / "junk.pem").write_bytes(b"junk\n")
