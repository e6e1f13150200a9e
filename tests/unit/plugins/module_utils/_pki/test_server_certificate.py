# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line 5 of the registry: real certificates, and the handshake that OpenSSL makes with them."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.plugins.module_utils._pki.server_certificate import Pem, ServerFiles, check
from ansible_collections.dockyard.ops.tests.unit.helpers import pki
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

CA = pki.issue("The CA", ca=True)
# The same name, another key.
IMPOSTOR = pki.issue("The CA", ca=True)
OTHER_CA = pki.issue("Another CA", ca=True)
INTERMEDIATE = pki.issue("Intermediate CA", CA, ca=True)
NAMES = ("reg.test", "*.wild.test", "10.0.0.1", "fd00::1")
SERVER = pki.issue("reg.test", CA, names=NAMES, usages=(pki.SERVER,))
BELOW = pki.issue("reg.test", INTERMEDIATE, names=NAMES)
NOW = x509.now()


def files(server: pki.Issued, ca: pki.Issued | None = CA, key: bytes | None = None, more: bytes = b"") -> ServerFiles:
    return ServerFiles(
        Pem(server.pem + more, "The supplied certificate"),
        Pem(server.key if key is None else key, "/etc/key.pem"),
        Pem(ca.pem, "The supplied CA") if ca else None,
    )


@pytest.mark.parametrize("name", ["reg.test", "REG.test", "a.wild.test", "10.0.0.1", "fd00::1"])
def test_each_name_that_the_certificate_carries(name: str) -> None:
    assert check(files(SERVER), name, NOW).chain[0].subject == "CN=reg.test"


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()])
def test_each_kind_of_key(key: object) -> None:
    assert check(files(pki.issue("reg.test", CA, names=NAMES, key=key)), "reg.test", NOW)


def test_an_intermediate_certificate_in_the_file() -> None:
    assert len(check(files(BELOW, more=INTERMEDIATE.pem), "reg.test", NOW).chain) == 2
    assert len(check(files(BELOW, None, more=INTERMEDIATE.pem), "reg.test", NOW).chain) == 2
    # An intermediate CA may be trusted by itself, as in Go.
    assert check(files(BELOW, INTERMEDIATE), "reg.test", NOW)


def test_without_a_ca_whoever_issued_it() -> None:
    assert check(files(SERVER, None), "reg.test", NOW)


@pytest.mark.parametrize("ca", [True, False, None])
def test_a_certificate_that_signed_itself(ca: bool | None) -> None:
    itself = pki.issue("reg.test", ca=ca, names=NAMES)
    checked = check(files(itself, itself), "reg.test", NOW)
    assert ("is no CA" in "".join(checked.concerns)) is (ca is not True)


def test_the_certificate_itself_in_place_of_its_ca() -> None:
    """Harbor's own guide makes such a domain.crt, and Docker takes it."""
    (concern,) = check(files(SERVER, SERVER), "reg.test", NOW).concerns
    assert concern.startswith(
        "The supplied CA (CN=reg.test) is no CA, its basicConstraints lack CA:TRUE: Docker trusts"
    )


def test_a_file_of_cas_with_an_expired_one() -> None:
    old = pki.issue("old", ca=True, ends=-1)
    both = ServerFiles(Pem(SERVER.pem, "it"), Pem(SERVER.key, "its key"), Pem(old.pem + CA.pem, "/etc/cas.pem"))
    (concern,) = check(both, "reg.test", NOW).concerns
    assert concern.startswith("/etc/cas.pem holds a CA that does not count now (CN=old): it is valid from ")


@pytest.mark.parametrize(
    ("given", "name", "code", "message"),
    [
        (
            files(SERVER),
            "other.test",
            "wrong_name",
            "does not carry the name other.test, it carries reg.test, *.wild.test",
        ),
        (files(SERVER), "a.b.wild.test", "wrong_name", "does not carry the name a.b.wild.test"),
        (files(SERVER), "10.0.0.2", "wrong_name", "does not carry the name 10.0.0.2"),
        (files(SERVER, None), "other.test", "wrong_name", "does not carry the name other.test"),
        (files(pki.issue("reg.test", CA)), "reg.test", "wrong_name", "it carries none"),
        (
            files(SERVER, OTHER_CA),
            "reg.test",
            "wrong_ca",
            "The supplied CA did not issue the certificate (CN=reg.test), CN=The CA",
        ),
        (files(SERVER, IMPOSTOR), "reg.test", "wrong_ca", "The supplied CA did not issue the certificate"),
        (files(BELOW), "reg.test", "wrong_ca", "or put the intermediate certificates below the certificate"),
        (files(BELOW, SERVER), "reg.test", "wrong_ca", "The supplied CA did not issue the certificate"),
        (
            files(SERVER, None, more=INTERMEDIATE.pem),
            "reg.test",
            "wrong_ca",
            "What is below it did not issue the certificate",
        ),
        (
            files(SERVER, pki.issue("The CA", ca=True, may_sign=False)),
            "reg.test",
            "ca_cannot_sign",
            "lacks keyCertSign",
        ),
        (
            ServerFiles(Pem(b"\xef\xbb\xbf" + SERVER.pem, "it"), Pem(SERVER.key, "key")),
            "reg.test",
            "not_pem",
            "it is damaged PEM",
        ),
        (
            files(SERVER, pki.issue("The CA", ca=True, ends=-1)),
            "reg.test",
            "expired",
            "The supplied CA (CN=The CA) has expired",
        ),
        (
            files(pki.issue("reg.test", CA, names=NAMES, ends=-0.1)),
            "reg.test",
            "expired",
            "(CN=reg.test) has expired at",
        ),
        (files(pki.issue("reg.test", CA, names=NAMES, starts=1)), "reg.test", "not_yet_valid", "is not yet valid"),
        (
            files(SERVER, key=BELOW.key),
            "reg.test",
            "key_mismatch",
            "/etc/key.pem does not match The supplied certificate",
        ),
        (files(SERVER, key=b"banana"), "reg.test", "not_pem", "/etc/key.pem is not PEM"),
        (
            files(SERVER, key=pki.key_pem(SERVER.private_key, password=b"x")),
            "reg.test",
            "key_encrypted",
            "is encrypted",
        ),
        (files(SERVER, more=SERVER.key), "reg.test", "with_private_key", "provide the certificate alone there"),
        (files(INTERMEDIATE, key=BELOW.key, more=BELOW.pem), "reg.test", "wrong_order", "in the wrong order"),
        (
            files(pki.issue("reg.test", CA, names=NAMES, usages=(pki.CLIENT,))),
            "reg.test",
            "unusable",
            "would be refused by clients",
        ),
        (
            files(pki.issue("reg.test", CA, names=NAMES, key=rsa.generate_private_key(65537, 1024))),
            "reg.test",
            "unusable",
            "OpenSSL on this host can't use The supplied certificate with its key (ee key too small)",
        ),
    ],
)
def test_what_clients_would_refuse(given: ServerFiles, name: str, code: str, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        check(given, name, NOW)
    assert caught.value.code == f"certificate_{code}"
    assert message in caught.value.message
    assert_explained(caught.value)


def test_days_that_are_left() -> None:
    short = files(pki.issue("reg.test", CA, names=NAMES, ends=9.5))
    assert check(short, "reg.test", NOW, 9)
    with pytest.raises(DockyardError, match="sooner than min_days_left=10 allows"):
        check(short, "reg.test", NOW, 10)
