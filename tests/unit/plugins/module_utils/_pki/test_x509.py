# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import hashlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.tests.unit.helpers import pki
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

CA = pki.issue("The CA", ca=True, may_sign=True)
CLIENT = pki.issue("client", CA, usages=(pki.CLIENT,))
OTHER = pki.issue("other", CA)
RSA_KEY = rsa.generate_private_key(65537, 2048)
NOW = x509.now()


def load(data: bytes) -> x509.Certificate:
    return x509.load_certificates(data, "it")[0]


def test_what_is_read_from_a_certificate() -> None:
    issued = pki.issue("reg.test", CA, names=("reg.test", "10.0.0.1"), usages=(pki.SERVER,), starts=-2, ends=9.5)
    certificate = load(issued.pem)
    assert certificate.subject == "CN=reg.test"
    assert certificate.issuer == "CN=The CA"
    assert certificate.names == ("reg.test", "10.0.0.1")
    assert certificate.fingerprint == hashlib.sha256(issued.der).hexdigest()
    assert certificate.not_after.tzinfo is not None
    assert certificate.days_left(NOW) == 9
    assert certificate.days_left(NOW + datetime.timedelta(days=20)) < 0
    assert certificate.key_kind == "ECDSA"
    assert (certificate.is_ca, certificate.may_sign, certificate.for_clients) == (False, True, False)
    assert certificate == x509.certificate_from_der(issued.der, "it")


@pytest.mark.parametrize(
    "data",
    [
        CA.pem + CLIENT.pem,
        b"Certificate:\n    Data: what openssl x509 -text prints\n" + CA.pem + b"\n# and the next\n" + CLIENT.pem,
        (CA.pem + CLIENT.pem).replace(b"\n", b"\r\n"),
        (CA.pem + CLIENT.pem).rstrip(),
    ],
    ids=["plain", "text around", "crlf", "no newline at end"],
)
def test_several_certificates(data: bytes) -> None:
    assert [one.subject for one in x509.load_certificates(data, "it")] == ["CN=The CA", "CN=client"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ca_content is empty; provide a certificate in PEM form."),
        (b" \n\n", "ca_content is empty; provide a certificate in PEM form."),
        (b"hello", "ca_content is not PEM: it has no -----BEGIN line; provide the certificate in PEM form"),
        (CA.der, "ca_content is not PEM"),
        (b"\xef\xbb\xbf" + CA.pem, "ca_content is damaged PEM: each BEGIN line has to start its line"),
        (b"  " + CA.pem, "ca_content is damaged PEM"),
        (CA.pem[:-30], "ca_content is damaged PEM"),
        (CA.pem + CA.pem[:100], "ca_content is damaged PEM"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "ca_content has a certificate that can't be read (",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
            "ca_content has a certificate that can't be read (",
        ),
        (CA.pem + CA.key, "ca_content holds a private key, which everybody on the host could read there;"),
        (
            CA.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
            "ca_content holds a PEM block of type 'TRUSTED CERTIFICATE', which Docker does not read;",
        ),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value[:40],
)
def test_certificates_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        x509.load_certificates(data, "ca_content")
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    "data",
    [
        CLIENT.key,
        pki.key_pem(CLIENT.private_key, serialization.PrivateFormat.TraditionalOpenSSL),
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + pki.key_pem(CLIENT.private_key, serialization.PrivateFormat.TraditionalOpenSSL),
        CLIENT.pem + CLIENT.key,
    ],
    ids=["PKCS8", "SEC1", "with parameters", "with certificate"],
)
def test_private_keys(data: bytes) -> None:
    key = x509.load_private_key(data, "it")
    assert (key.kind, key.public_key) == ("ECDSA", load(CLIENT.pem).public_key)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (RSA_KEY, "RSA"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (ec.generate_private_key(ec.SECP521R1()), "ECDSA"),
    ],
)
def test_kinds_of_keys(key: object, kind: str) -> None:
    assert x509.load_private_key(pki.key_pem(key), "it").kind == kind
    assert load(pki.issue("it", CA, key=key).pem).key_kind == kind


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the key is empty; provide a private key in PEM form."),
        (b"secret", "the key is not PEM: it has no -----BEGIN line; provide the private key in PEM form"),
        (CLIENT.pem, "the key holds no private key but a 'CERTIFICATE'; provide the key that the certificate was"),
        (
            pki.key_pem(CLIENT.private_key, password=b"x"),
            "the key is encrypted, and nobody is there to be asked for its passphrase;",
        ),
        (
            pki.key_pem(CLIENT.private_key, serialization.PrivateFormat.TraditionalOpenSSL, b"x"),
            "the key is encrypted, and nobody is there to be asked for its passphrase;",
        ),
        (
            pki.key_pem(CLIENT.private_key, serialization.PrivateFormat.OpenSSH),
            "the key is a key in OpenSSH's own format; convert it with ssh-keygen",
        ),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "the key has a private key that can't be read; copy it again, whole, or make a new one.",
        ),
        (pki.key_pem(ed448.Ed448PrivateKey.generate()), "the key is a key of the wrong type, Ed448, which Docker"),
        (pki.key_pem(ec.generate_private_key(ec.SECP256K1())), "the key is a key of the wrong type, ECDSA secp256k1,"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:40],
)
def test_keys_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        x509.load_private_key(data, "the key")
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)
    assert b"secret" not in data or "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("starts", "ends", "min_days_left", "message"),
    [
        (1, 10, 0, "it (CN=x) is not yet valid: it starts at 2"),
        (-10, -1, 0, "it (CN=x) has expired at 2"),
        (-10, 5.5, 6, "it (CN=x) expires at 2"),
        (-10, 5.5, 5, None),
        (-10, 0.1, 0, None),
    ],
)
def test_validity(starts: float, ends: float, min_days_left: int, message: str | None) -> None:
    certificate = load(pki.issue("x", CA, starts=starts, ends=ends).pem)
    if message is None:
        x509.check_validity(certificate, "it", NOW, min_days_left)
        return
    with pytest.raises(DockyardError) as caught:
        x509.check_validity(certificate, "it", NOW, min_days_left)
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)
    if min_days_left:
        assert "in 5 days and so sooner than min_days_left=6 allows" in caught.value.message


NO_CA = "it (CN=x) is no CA, its basicConstraints lack CA:TRUE: Docker trusts a server that has this very certificate"
OLD_CA = pki.issue("old", ca=True, ends=-1)


@pytest.mark.parametrize(
    ("bundle", "concerns"),
    [
        ([pki.issue("x", ca=True)], []),
        ([CA], []),
        ([pki.issue("x")], [NO_CA]),
        ([pki.issue("x", ca=False, may_sign=False)], [NO_CA]),
        ([OLD_CA, CA], ["it holds a CA that does not count now (CN=old): it is valid from "]),
        (
            [CA, pki.issue("new", ca=True, starts=1)],
            ["it holds a CA that does not count now (CN=new): it is valid from "],
        ),
    ],
)
def test_cas_that_docker_takes(bundle: list[pki.Issued], concerns: list[str]) -> None:
    found = x509.check_cas([load(issued.pem) for issued in bundle], "it", NOW)
    assert [concern[: len(expected)] for concern, expected in zip(found, concerns)] == concerns
    assert len(found) == len(concerns)


@pytest.mark.parametrize(
    ("bundle", "min_days_left", "message"),
    [
        ([CA, pki.issue("x", ca=True, may_sign=False)], 0, "it (CN=x) is a CA that may not sign certificates:"),
        ([OLD_CA], 0, "it (CN=old) has expired at 2"),
        ([pki.issue("new", ca=True, starts=1)], 0, "it (CN=new) is not yet valid"),
        ([CA, pki.issue("x", ca=True, ends=5.5)], 6, "it (CN=x) expires at 2"),
    ],
)
def test_cas_that_are_of_no_use(bundle: list[pki.Issued], min_days_left: int, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        x509.check_cas([load(issued.pem) for issued in bundle], "it", NOW, min_days_left)
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("issued", "message"),
    [
        (
            pki.issue("x", CA, key=ec.generate_private_key(ec.SECP256K1())),
            "it (CN=x) is for a key of the wrong type, E",
        ),
        (pki.issue("x", CA, usages=(pki.SERVER, pki.CLIENT)), None),
        (pki.issue("x", CA, usages=(pki.ANY,)), None),
        (pki.issue("x", CA), None),
    ],
)
def test_client(issued: pki.Issued, message: str | None) -> None:
    if message is None:
        x509.check_client(load(issued.pem), "it")
        return
    with pytest.raises(DockyardError) as caught:
        x509.check_client(load(issued.pem), "it")
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("chain", "key", "message"),
    [
        (CLIENT.pem, CLIENT.key, None),
        (CLIENT.pem + CA.pem, CLIENT.key, None),
        (CA.pem + CLIENT.pem, CLIENT.key, "the certificate has its certificates in the wrong order:"),
        (CLIENT.pem, OTHER.key, "the key does not match the certificate (CN=client); provide the key that"),
        (CLIENT.pem, pki.key_pem(RSA_KEY), "the key does not match the certificate: the key is RSA, the certificate"),
    ],
)
def test_pair(chain: bytes, key: bytes, message: str | None) -> None:
    loaded = x509.load_certificates(chain, "it"), x509.load_private_key(key, "it")
    if message is None:
        x509.check_pair(*loaded, "the certificate", "the key")
        return
    with pytest.raises(DockyardError) as caught:
        x509.check_pair(*loaded, "the certificate", "the key")
    assert_explained(caught.value)
    assert caught.value.message.startswith(message)


def test_old_cryptography_has_naive_times_only() -> None:
    class Old:
        not_valid_after = datetime.datetime(2030, 1, 2, 3, 4, 5)

    moment = x509._moment(Old(), "not_valid_after")  # type: ignore[arg-type]
    assert x509.format_time(moment) == "2030-01-02 03:04:05 UTC"
    assert moment.utcoffset() == datetime.timedelta(0)
