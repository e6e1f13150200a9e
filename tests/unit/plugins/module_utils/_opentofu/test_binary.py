# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program tofu brought to a host: what is believed, what is refused, and what is left behind.

The program is a script that calls itself OpenTofu; keys and signatures are those of GnuPG. The real tofu, downloads and
images are in the scenario opentofu_image.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._opentofu import binary
from ansible_collections.dockyard.ops.plugins.module_utils._opentofu.release import Release

RELEASE = Release.of("1.12.6", "amd64")
pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg on this machine")


def program(version: str = "1.12.6", more: str = "") -> bytes:
    return f"#!/bin/sh\n{more}\necho 'OpenTofu v{version}'\n".encode()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Yield the home of GnuPG with the keys of good@example.com and bad@example.com."""
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    for name in ("good", "bad"):
        gpg(home, "--passphrase", "", "--quick-gen-key", f"{name}@example.com", "ed25519", "sign", "never")
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def gpg(home: pathlib.Path, *arguments: str) -> str:
    command = ["gpg", "--batch", "--quiet", "--homedir", str(home), "--pinentry-mode", "loopback", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Server:
    """Releases in a folder, which download() copies from; asked: what was downloaded."""

    def __init__(self, folder: pathlib.Path, keys: pathlib.Path) -> None:
        self.folder = folder / "releases" / "v1.12.6"
        self.folder.mkdir(parents=True)
        self.keys = keys
        self.asked: list[str] = []
        self.publish(program())

    def publish(self, content: bytes, name: str = "tofu", key: str = "good") -> None:
        with zipfile.ZipFile(self.folder / RELEASE.archive, "w") as archive:
            archive.writestr("LICENSE", "MPL")
            archive.writestr(name, content)
        digest = hashlib.sha256((self.folder / RELEASE.archive).read_bytes()).hexdigest()
        self.sign(f"{'0' * 64}  tofu_1.12.6_linux_arm64.zip\n{digest}  {RELEASE.archive}\n", key)

    def sign(self, checksums: str, key: str = "good") -> None:
        (self.folder / RELEASE.checksums).write_text(checksums)
        (self.folder / RELEASE.signature).unlink(missing_ok=True)
        files = (str(self.folder / RELEASE.signature), "--detach-sign", str(self.folder / RELEASE.checksums))
        gpg(self.keys, "--local-user", f"{key}@example.com", "--output", *files)

    def source(self, checksum: str = "") -> binary.Source:
        key = gpg(self.keys, "--armor", "--export", "good@example.com")
        return binary.Source("download", str(self.folder.parent), checksum, key)

    def download(self, url: str, file: str) -> None:
        self.asked.append(os.path.basename(url))
        shutil.copyfile(url, file)


@pytest.fixture
def server(tmp_path: pathlib.Path, keys: pathlib.Path) -> Server:
    return Server(tmp_path, keys)


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "place" / "1.12.6"


def ensure(server: Server, place: pathlib.Path, source: binary.Source, check: bool = False) -> binary.Found:
    return binary.ensure(RELEASE, source, str(place), server.download, 60, check)


def test_a_release_is_brought_once(server: Server, place: pathlib.Path) -> None:
    planned = ensure(server, place, server.source(), check=True)
    assert planned.changed and planned.sha256 == "" and not place.exists() and server.asked == []
    done = ensure(server, place, server.source())
    assert done.changed and (place / "tofu").read_bytes() == program() and f"sha256:{done.sha256}" == sha256(program())
    assert os.stat(place / "tofu").st_mode & 0o777 == 0o755
    assert server.asked == [RELEASE.checksums, RELEASE.signature, RELEASE.archive]
    for check in (False, True):
        again = ensure(server, place, server.source(), check)
        assert not again.changed and again.sha256 == done.sha256 and again.record == done.record == again.before
    assert len(server.asked) == 3
    assert sorted(os.listdir(place)) == ["tofu", "tofu.json"]


@pytest.mark.parametrize("damage", ["program", "record", "record is no JSON", "gone"])
def test_what_is_not_as_recorded_is_brought_again(server: Server, place: pathlib.Path, damage: str) -> None:
    ensure(server, place, server.source())
    if damage == "program":
        (place / "tofu").write_text("changed")
    elif damage == "gone":
        (place / "tofu").unlink()
    else:
        (place / "tofu.json").write_text("{" if damage.endswith("JSON") else '{"version": "1.12.5"}')
    assert ensure(server, place, server.source(), check=True).changed
    assert ensure(server, place, server.source()).changed
    assert (place / "tofu").read_bytes() == program() and json.loads((place / "tofu.json").read_text())[
        "version"
    ] == "1.12.6"


def test_another_source_or_checksum_is_asked_for(server: Server, place: pathlib.Path, tmp_path: pathlib.Path) -> None:
    ensure(server, place, server.source())
    other = tmp_path / "other"
    other.write_bytes(program(more="# another build"))
    source = binary.Source("file", str(other), sha256(other.read_bytes()))
    planned = ensure(server, place, source, check=True)
    assert planned.changed and f"sha256:{planned.sha256}" == source.checksum
    assert ensure(server, place, source).changed and not ensure(server, place, source).changed
    with pytest.raises(DockyardError, match="has the checksum sha256:[0-9a-f]{64} and not sha256:0{64}; get it again"):
        ensure(server, place, binary.Source("file", str(other), f"sha256:{'0' * 64}"))
    assert (place / "tofu").read_bytes() == other.read_bytes()


def refused(server: Server, place: pathlib.Path, source: binary.Source) -> str:
    """Return the message of the refusal, after which there is what was there before and nothing else."""
    place.mkdir(parents=True, exist_ok=True)
    before = {name: (place / name).read_bytes() for name in os.listdir(place)}
    with pytest.raises(DockyardError) as problem:
        ensure(server, place, source)
    assert not problem.value.changed
    assert {name: (place / name).read_bytes() for name in os.listdir(place)} == before
    return f"{problem.value.code}: {problem.value.message}"


@pytest.mark.parametrize("older", [False, True])
def test_what_is_not_signed_is_not_even_downloaded(server: Server, place: pathlib.Path, older: bool) -> None:
    if older:
        ensure(server, place, server.source())
        (place / "tofu.json").unlink()
        server.asked.clear()
    server.publish(program(), key="bad")
    message = refused(server, place, server.source())
    assert message.startswith("opentofu_signature: tofu_1.12.6_SHA256SUMS is not signed with the key in signing_key (")
    assert message.endswith("; do not use this download before you know why.")
    assert RELEASE.archive not in server.asked
    server.publish(program())
    (server.folder / RELEASE.checksums).write_text("changed")
    assert "is not signed with the key" in refused(server, place, server.source())
    damaged = binary.Source(
        "download", str(server.folder.parent), "", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END"
    )
    assert "can't be checked (" in refused(server, place, damaged)
    assert "give the key as it was exported." in refused(server, place, damaged)


def test_an_archive_that_was_replaced(server: Server, place: pathlib.Path) -> None:
    with zipfile.ZipFile(server.folder / RELEASE.archive, "a") as archive:
        archive.writestr("more", "x")
    message = refused(server, place, server.source())
    assert message.startswith(f"opentofu_checksum: {RELEASE.archive} has the checksum ") and "not the signed" in message


def test_archives_without_the_program(server: Server, place: pathlib.Path) -> None:
    for name in ("../tofu", "bin/tofu"):
        server.publish(program(), name=name)
        assert f"opentofu_unavailable: {RELEASE.archive} holds no program tofu" in refused(
            server, place, server.source()
        )
    (server.folder / RELEASE.archive).write_bytes(b"no archive")
    digest = hashlib.sha256(b"no archive").hexdigest()
    server.sign(f"{digest}  {RELEASE.archive}\n")
    assert "holds no program tofu" in refused(server, place, server.source())
    server.sign(f"{digest}  tofu_1.12.6_linux_arm64.zip\n")
    assert f"{RELEASE.checksums} does not name {RELEASE.archive}" in refused(server, place, server.source())


def test_a_release_that_is_not_there(server: Server, place: pathlib.Path) -> None:
    (server.folder / RELEASE.signature).unlink()
    message = refused(server, place, server.source())
    assert message.startswith("opentofu_unavailable: ") and f"{RELEASE.signature} can't be downloaded (" in message
    assert message.endswith("or use the source image or file.")


@pytest.mark.parametrize(
    ("content", "said"),
    [(program("1.12.5"), "OpenTofu v1.12.5"), (b"no program", ""), (b"#!/bin/sh\nexit 3\n", "exit status 3")],
)
def test_a_program_that_is_another_one(server: Server, place: pathlib.Path, content: bytes, said: str) -> None:
    server.publish(content)
    message = refused(server, place, server.source())
    assert message.startswith("opentofu_other_version: The program of ") and said in message
    assert message.endswith("correct the version, or where it comes from.")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (binary.Source("download", "x"), "A download needs signing_key"),
        (binary.Source("image", "x:1"), "Nothing says what is to be in the image x:1; name it with its digest"),
        (binary.Source("file", "/x"), "The file /x needs a checksum."),
        (binary.Source("file", "/x", "md5:1"), "The checksum is 'md5:1'; give sha256: and 64 hexadecimal digits"),
        (binary.Source("file", "/x", f"sha256:{'0' * 64}"), "There is no file /x on this host"),
    ],
)
def test_sources_that_leave_something_open(
    server: Server, place: pathlib.Path, source: binary.Source, says: str
) -> None:
    assert says in refused(server, place, source)


def test_a_full_disk_is_named(server: Server, place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_url: str, _file: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(server, "download", full)
    assert "opentofu_no_space: There is no space left for OpenTofu in" in refused(server, place, server.source())
    place.parent.joinpath("file").touch()
    with pytest.raises(DockyardError, match="a part of this path is a file and not a folder; move it away"):
        ensure(server, place.parent / "file", server.source())


def test_interruptions_leave_nothing(server: Server, place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_url: str, _file: str) -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        time.sleep(60)

    monkeypatch.setattr(server, "download", slow)
    assert "opentofu_interrupted: The fetching of OpenTofu was interrupted by SIGTERM" in refused(
        server, place, server.source()
    )
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_a_killed_run_left_is_removed(server: Server, place: pathlib.Path) -> None:
    (place / ".new-x").mkdir(parents=True)
    (place / ".new-x" / "tofu").write_text("half")
    ensure(server, place, server.source())
    assert sorted(os.listdir(place)) == ["tofu", "tofu.json"]
