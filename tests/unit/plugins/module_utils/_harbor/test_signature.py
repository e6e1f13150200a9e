# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of an installer's archive, made and checked by the real GnuPG."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.signature import check_signature
from ansible_collections.dockyard.ops.plugins.module_utils._host import pgp

pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg on this machine")


class Signer:
    def __init__(self, home: pathlib.Path, name: str) -> None:
        self.home = home
        home.mkdir(mode=0o700)
        self.run("--passphrase", "", "--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", "sign", "never")

    def run(self, *arguments: str) -> bytes:
        command = ["gpg", "--batch", "--quiet", "--homedir", str(self.home), "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def stop(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Signer, Signer]]:
    folder = tmp_path_factory.mktemp("gpg")
    pair = Signer(folder / "a", "harbor"), Signer(folder / "b", "other")
    yield pair
    for one in pair:
        one.stop()


@pytest.fixture
def archive(tmp_path: pathlib.Path, signers: tuple[Signer, Signer]) -> pathlib.Path:
    path = tmp_path / "h.tgz"
    path.write_bytes(b"an archive" * 1000)
    for ending, option in ((".asc", "--armor"), (".sig", "--no-armor")):
        signers[0].run(option, "--output", f"{path}{ending}", "--detach-sign", str(path))
    for name, signer in zip(("harbor", "other"), signers):
        (tmp_path / f"{name}.gpg").write_bytes(signer.run("--export"))
        (tmp_path / f"{name}.asc").write_bytes(signer.run("--armor", "--export"))
    return path


@pytest.mark.parametrize("ending", [".asc", ".sig"])
@pytest.mark.parametrize("keyring", ["harbor.gpg", "harbor.asc", "both.gpg", "both.asc", "windows.asc"])
def test_a_good_signature(archive: pathlib.Path, ending: str, keyring: str) -> None:
    folder = archive.parent
    for kind in ("gpg", "asc"):
        (folder / f"both.{kind}").write_bytes(
            (folder / f"other.{kind}").read_bytes() + (folder / f"harbor.{kind}").read_bytes()
        )
    (folder / "windows.asc").write_bytes((folder / "harbor.asc").read_bytes().replace(b"\n", b"\r\n"))
    check_signature(str(archive), f"{archive}{ending}", str(folder / keyring))


def test_a_good_signature_without_gpgv(archive: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(pgp.shutil, "which", lambda name: None if name == "gpgv" else which(name))
    check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.asc"))
    archive.write_bytes(b"another archive")
    with pytest.raises(DockyardError, match="is not a good one"):
        check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.asc"))


def test_a_relative_path(archive: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive.parent)
    check_signature("h.tgz", "h.tgz.asc", "harbor.gpg")


@pytest.mark.parametrize(
    ("content", "signature", "keyring", "why"),
    [
        (b"changed", None, "harbor.gpg", "BAD signature"),
        (None, None, "other.gpg", "No public key"),
        (None, b"no signature", "harbor.gpg", ""),
        (None, b"", "harbor.gpg", ""),
    ],
)
def test_a_bad_signature(
    archive: pathlib.Path, content: bytes | None, signature: bytes | None, keyring: str, why: str
) -> None:
    if content is not None:
        archive.write_bytes(content)
    if signature is not None:
        pathlib.Path(f"{archive}.asc").write_bytes(signature)
    path = archive.parent / keyring
    with pytest.raises(DockyardError) as problem:
        check_signature(str(archive), f"{archive}.asc", str(path))
    message = problem.value.message
    assert message.startswith(f"The signature {archive}.asc of {archive} is not a good one of a key in {path} (")
    assert message.endswith("; fetch archive and signature again, or give the right keyring.")
    assert why in message and "\n" not in message


def test_no_keyring(archive: pathlib.Path) -> None:
    for none in (None, ""):
        with pytest.raises(DockyardError) as problem:
            check_signature(str(archive), f"{archive}.asc", none)
        assert problem.value.message == (
            f"There is a signature for {archive} but no keyring to check it with; give the keyring with the public key"
            " that Harbor's releases are signed with."
        )
    missing = archive.parent / "missing.gpg"
    with pytest.raises(DockyardError) as problem:
        check_signature(str(archive), f"{archive}.asc", str(missing))
    assert problem.value.message == (
        f"There is no keyring {missing}; put the public key there that Harbor's releases are signed with."
    )
    missing.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n")
    with pytest.raises(DockyardError) as problem:
        check_signature(str(archive), f"{archive}.asc", str(missing))
    assert problem.value.message.startswith(f"The keyring {missing} is damaged (")
    assert problem.value.message.endswith("; export the public key again.")


@pytest.mark.parametrize("name", ["h.tgz", "h.tgz.asc"])
def test_a_file_that_is_missing(archive: pathlib.Path, name: str) -> None:
    os.unlink(archive.parent / name)
    with pytest.raises(DockyardError, match=f"Can't read .*{name}: no such file or folder"):
        check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.gpg"))


def test_neither_gpgv_nor_gpg(archive: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgp.shutil, "which", lambda _name: None)
    with pytest.raises(DockyardError) as problem:
        check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.gpg"))
    assert problem.value.message == (
        f"The signature of {archive} can't be checked, since there is neither gpgv nor gpg; install one of them, or"
        " leave the signature out and rely on the checksum."
    )


def test_a_gpgv_that_does_not_run(archive: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgp.shutil, "which", lambda _name: "/nowhere/gpgv")
    with pytest.raises(
        DockyardError, match="can't be checked, since /nowhere/gpgv does not run .*; fix that and run again"
    ):
        check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.gpg"))
    monkeypatch.setattr(pgp.shutil, "which", lambda _name: sys.executable)
    with pytest.raises(DockyardError, match="is not a good one"):
        check_signature(str(archive), f"{archive}.asc", str(archive.parent / "harbor.gpg"))
