# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the keys and certificates that its standard input describes; the README of setup_certificates says how."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import pathlib
import sys
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
USAGES = {"serverAuth": ExtendedKeyUsageOID.SERVER_AUTH, "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH}


def write(path: pathlib.Path, content: bytes, mode: int) -> None:
    path.write_bytes(b"")
    path.chmod(mode)
    path.write_bytes(content)


def make_key(folder: pathlib.Path, name: str) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(folder / f"{name}.key", pem, 0o600)
    return key


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, first: int, last: int
) -> x509.CertificateBuilder:
    """Return what all certificates have in common. first, last: days from now."""
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(days=first))
        .not_valid_after(NOW + datetime.timedelta(days=last))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def key_usage(*wanted: str) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in wanted for name in names})


def general_name(text: str) -> x509.GeneralName:
    kind, _colon, value = text.partition(":")
    return x509.IPAddress(ipaddress.ip_address(value)) if kind == "IP" else x509.DNSName(value)


def authority(wanted: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    subject = wanted["common_name"]
    return (
        builder(subject, common_name(subject), key, -30, 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(key, hashes.SHA256())
    )


def certificate(
    wanted: dict[str, Any],
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Make a certificate; without an issuer, one that its own key signs."""
    subject = wanted.get("common_name", wanted["name"])
    made = (
        builder(
            subject,
            issuer.subject if issuer else common_name(subject),
            key,
            wanted.get("from", -20),
            wanted.get("to", 365),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if wanted.get("usage"):
        usages = [USAGES[usage] for usage in wanted["usage"]]
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if wanted.get("san"):
        names = [general_name(name) for name in wanted["san"]]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(issuer_key, hashes.SHA256())


def main() -> None:
    os.umask(0o022)
    wanted: dict[str, Any] = json.load(sys.stdin)
    folder = pathlib.Path(wanted["directory"])
    folder.mkdir(parents=True, exist_ok=True)
    keys = {name: make_key(folder, name) for name in wanted["keys"]}
    authorities = {item["name"]: authority(item, keys[item["name"]]) for item in wanted["authorities"]}
    made = dict(authorities)
    for item in wanted["certificates"]:
        signer = item.get("authority", "ca")
        key = keys[item.get("key", item["name"])]
        own = signer == "itself"
        made[item["name"]] = certificate(item, key, None if own else authorities[signer], key if own else keys[signer])
    for name, found in made.items():
        write(folder / f"{name}.crt", found.public_bytes(serialization.Encoding.PEM), 0o644)
    print(
        json.dumps(
            {path.name: path.read_text() for path in sorted(folder.glob("*.*")) if path.stem in {**keys, **made}}
        )
    )
    if wanted["marker"]:
        write(folder / wanted["marker"], b"", 0o644)


main()
