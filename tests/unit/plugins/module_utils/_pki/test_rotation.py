# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA and its successor, side by side in one folder, and what certificates of both are worth to a client."""

from __future__ import annotations

import datetime
import os
import pathlib
import ssl

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes
from ansible_collections.dockyard.ops.plugins.module_utils._pki import server_certificate, x509
from ansible_collections.dockyard.ops.plugins.module_utils._pki.rotation import NewCa, Rotation, State
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained
from cryptography import x509 as c_x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "CA of the registry"


def rotation(folder: pathlib.Path, **options: object) -> Rotation:
    return Rotation(str(folder), NewCa(**{"common_name": NAME, **options}))  # type: ignore[arg-type]


def go(folder: pathlib.Path, state: State, **options: object) -> None:
    rotation(folder, **options).apply(state, Attributes(os.getuid(), os.getgid()))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder with a CA as a user has made it."""
    key, certificate = rotation(tmp_path)._make()
    (tmp_path / "ca.key").write_bytes(key)
    (tmp_path / "ca.crt").write_bytes(b"a remark\n" + certificate)
    return tmp_path


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def issue(folder: pathlib.Path) -> tuple[bytes, bytes]:
    """Issue a certificate with ca.key and the first certificate of ca.crt, as the role does."""
    issuer = c_x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    issuer_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        c_x509.CertificateBuilder()
        .subject_name(c_x509.Name([c_x509.NameAttribute(NameOID.COMMON_NAME, "registry")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(x509.now() - datetime.timedelta(minutes=1))
        .not_valid_after(x509.now() + datetime.timedelta(days=1))
        .add_extension(c_x509.SubjectAlternativeName([c_x509.DNSName("registry")]), critical=False)
        .add_extension(c_x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), pem


def accepted(server: tuple[bytes, bytes], trusted: bytes) -> bool:
    """Return whether a client that trusts this accepts the server, by a handshake."""
    pem = server_certificate.Pem
    try:
        server_certificate.check(
            server_certificate.ServerFiles(pem(server[0], "c"), pem(server[1], "k"), pem(trusted, "ca")),
            "registry",
            x509.now(),
        )
    except DockyardError as error:
        assert error.code == "certificate_wrong_ca"
        return False
    return True


@pytest.mark.parametrize("key_type", ["ECC", "RSA"])
def test_no_client_is_locked_out_from_the_first_step_to_the_last(folder: pathlib.Path, key_type: str) -> None:
    old = (folder / "ca.crt").read_bytes()
    by_old = issue(folder)
    go(folder, "introduced", key_type=key_type)
    both = (folder / "ca.crt").read_bytes()
    # It still signs with the old one, which clients trust that have not been given both yet.
    assert accepted(issue(folder), old) and accepted(by_old, both)
    go(folder, "signing")
    assert set(files(folder)) == {"ca.crt", "ca.key", "ca-previous.key"}
    # Those that have been given both take certificates of either.
    if key_type == "ECC":
        by_new = issue(folder)
        assert accepted(by_new, both) and not accepted(by_new, old)
    assert accepted(by_old, (folder / "ca.crt").read_bytes())
    go(folder, "alone")
    assert set(files(folder)) == {"ca.crt", "ca.key"}
    if key_type == "ECC":
        new = (folder / "ca.crt").read_bytes()
        assert accepted(by_new, new) and not accepted(by_old, new)
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600 and (folder / "ca.crt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("state", ["introduced", "signing", "alone"])
def test_a_step_that_is_taken_already_changes_nothing(folder: pathlib.Path, state: State) -> None:
    for step in ("introduced", "signing", "alone"):
        go(folder, step)  # type: ignore[arg-type]
        if step == state:
            break
    before = files(folder)
    assert rotation(folder).plan(rotation(folder).inspect(), state) is None
    go(folder, state)
    assert files(folder) == before


def test_a_rotation_is_called_off(folder: pathlib.Path) -> None:
    certificate = rotation(folder).inspect().trusted
    key = (folder / "ca.key").read_bytes()
    go(folder, "introduced")
    go(folder, "alone")
    assert files(folder) == {"ca.crt": certificate, "ca.key": key}


def test_the_old_one_signs_again(folder: pathlib.Path) -> None:
    go(folder, "introduced")
    before = files(folder)
    go(folder, "signing")
    go(folder, "introduced")
    assert files(folder) == before


def test_what_is_planned_is_not_done(folder: pathlib.Path) -> None:
    before = files(folder)
    planned = rotation(folder).plan(rotation(folder).inspect(), "introduced")
    assert planned is not None and planned.bundle[1] == b"" and files(folder) == before


def test_keys_are_encrypted_if_the_old_one_is(folder: pathlib.Path) -> None:
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"secret")
    encrypted = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (folder / "ca.key").write_bytes(encrypted)
    go(folder, "introduced", passphrase="secret")
    assert b"ENCRYPTED" in (folder / "ca-next.key").read_bytes()
    for passphrase, words in (("", "no passphrase"), ("wrong", "this passphrase")):
        error = refused(folder, "signing", passphrase=passphrase)
        assert error.code == "ca_key_unreadable"
        assert error.message == f"The CA's key {folder}/ca.key can't be read with {words}; give the right one."
    go(folder, "signing", passphrase="secret")


def refused(folder: pathlib.Path, state: State, **options: object) -> DockyardError:
    before = files(folder)
    with pytest.raises(DockyardError) as caught:
        go(folder, state, **options)
    assert files(folder) == before
    assert_explained(caught.value)
    return caught.value


def test_a_new_ca_does_not_sign_before_clients_trust_it(folder: pathlib.Path) -> None:
    error = refused(folder, "signing")
    assert error.code == "ca_not_introduced"
    assert error.message == (
        f"There is no new CA in {folder} that could sign, and clients have to trust one before it does; use"
        " state=introduced first, and give all clients the new ca.crt."
    )


@pytest.mark.parametrize("name", ["ca.key", "ca.crt"])
def test_there_is_no_ca(folder: pathlib.Path, name: str) -> None:
    (folder / name).unlink()
    error = refused(folder, "introduced")
    assert error.code == "ca_missing"
    assert error.message == (
        f"There is no {folder}/{name}; give the folder of a CA and the host that has its key, or make the CA first."
    )


def test_what_is_no_step_of_a_rotation_is_refused(folder: pathlib.Path) -> None:
    lone = files(folder)
    go(folder, "introduced")
    both = files(folder)

    def put(**contents: bytes) -> None:
        for path in folder.glob("ca*"):
            path.unlink()
        for name, content in contents.items():
            (folder / name.replace("_", ".").replace("-", "-")).write_bytes(content)

    order = "; put it in order, or restore it."
    put(ca_key=lone["ca.key"], ca_crt=both["ca.crt"])
    error = refused(folder, "alone")
    assert error.code == "ca_rotation_unclear" and error.message.endswith(order)
    assert error.message.startswith(f"{folder} has 2 certificates, and the keys ca.key, which is no step of a rotation")
    (folder / "ca-next.key").write_bytes(lone["ca.key"])
    assert "has a ca-next.key that does not belong to the certificate of" in refused(folder, "signing").message
    (folder / "ca-previous.key").write_bytes(both["ca-next.key"])
    assert "2 certificates, and the keys ca.key, ca-next.key, ca-previous.key" in refused(folder, "alone").message
    put(ca_key=both["ca-next.key"], ca_crt=lone["ca.crt"])
    assert "has a ca.key that does not belong to the certificate of CN=" in refused(folder, "introduced").message


def test_openssl_takes_the_bundle(folder: pathlib.Path) -> None:
    go(folder, "introduced")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(folder / "ca.crt"))
    assert len(context.get_ca_certs()) == 2
