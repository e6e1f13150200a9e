# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installer's archive: whole or cut off, the right one or another, and what is left on disk in each case."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import pathlib
import random
import stat
import tarfile
from typing import IO

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import installer_archive
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.installer_archive import (
    Release,
    check_checksum,
    inspect_archive,
    unpack,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version

IMAGES = random.Random(1).randbytes(3_000_000)
PREPARE = b"#!/bin/bash\ndocker run --rm -v /:/hostfs --privileged goharbor/prepare:v2.12.4 prepare $@\n"
ONLINE: dict[str, bytes] = {
    "harbor/prepare": PREPARE,
    "harbor/LICENSE": b"Apache\n",
    "harbor/install.sh": b"#!/bin/bash\n",
    "harbor/common.sh": b"#!/bin/bash\n",
    "harbor/harbor.yml.tmpl": b"hostname: reg.mydomain.com\n",
}
OFFLINE = {"harbor/harbor.v2.12.4.tar.gz": IMAGES, **ONLINE}
OLD = {
    "harbor/harbor.v1.7.6.tar.gz": b"images",
    "harbor/prepare": b"#!/usr/bin/python\n",
    "harbor/install.sh": b"#!/bin/bash\n",
    "harbor/harbor.cfg": b"hostname = reg.mydomain.com\n",
    "harbor/docker-compose.yml": b"image: goharbor/harbor-core:v1.7.6\nimage: goharbor/registry-photon:v2.6.2-v1.7.6\n",
    "harbor/common/templates/core/env": b"A=b\n",
}


def pack(path: pathlib.Path, files: dict[str, bytes], *others: tarfile.TarInfo) -> str:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o4777 if name.endswith((".sh", "prepare")) else 0o640
            member.mtime = 1_700_000_000
            member.uid = member.gid = 4711
            tar.addfile(member, io.BytesIO(content))
        for member in others:
            tar.addfile(member)
    return str(path)


def without(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.removeprefix("harbor/") not in names}


@pytest.mark.parametrize(
    ("files", "version", "images"),
    [
        (OFFLINE, "2.12.4", "harbor.v2.12.4.tar.gz"),
        (ONLINE, "2.12.4", None),
        (OLD, "1.7.6", "harbor.v1.7.6.tar.gz"),
        (without(OLD, "harbor.v1.7.6.tar.gz"), "1.7.6", None),
        (
            {**without(OLD, "harbor.v1.7.6.tar.gz"), "harbor/docker-compose.yml": b"vmware/harbor-ui:v1.5.4"},
            "1.5.4",
            None,
        ),
        ({f"./{name}": content for name, content in OFFLINE.items()}, "2.12.4", "harbor.v2.12.4.tar.gz"),
        ({**without(OFFLINE, "harbor.yml.tmpl"), "harbor/harbor.yml": b"a: b\n"}, "2.12.4", "harbor.v2.12.4.tar.gz"),
    ],
)
def test_what_an_archive_holds(
    tmp_path: pathlib.Path, files: dict[str, bytes], version: str, images: str | None
) -> None:
    size = sum(map(len, files.values()))
    found = inspect_archive(pack(tmp_path / "h.tgz", files))
    assert found == Release(Version.parse(version), images is not None, size, images)


def test_progress_goes_up_to_the_end(tmp_path: pathlib.Path) -> None:
    path = pack(tmp_path / "h.tgz", OFFLINE)
    size = os.path.getsize(path)
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    for call in (
        lambda tell: inspect_archive(path, tell),
        lambda tell: unpack(path, str(tmp_path / "release"), tell),
        lambda tell: check_checksum(path, f"sha256:{digest}", tell),
    ):
        reported: list[tuple[int, int]] = []
        call(lambda done, total, reported=reported: reported.append((done, total)))
        assert reported[-1] == (size, size) and [total for _done, total in reported] == [size] * len(reported)
        assert reported == sorted(reported)
        # Once for each megabyte, not for each read.
        assert 3 <= len(reported) <= 4


@pytest.mark.parametrize("part", [0, 1, 20, 5_000, 1_000_000, -300, -9, -1])
def test_an_archive_that_is_cut_off_anywhere(tmp_path: pathlib.Path, part: int) -> None:
    path = pathlib.Path(pack(tmp_path / "h.tgz", OFFLINE))
    path.write_bytes(path.read_bytes()[:part])
    target = tmp_path / "release"
    for call in (lambda: inspect_archive(str(path)), lambda: unpack(str(path), str(target))):
        with pytest.raises(DockyardError) as problem:
            call()
        assert problem.value.message.startswith(f"{path} is truncated or no Harbor installer: ")
        assert problem.value.message.endswith(
            "; fetch it again, and compare its size and checksum with the published ones."
        )
    assert os.listdir(tmp_path) == ["h.tgz"]


@pytest.mark.parametrize("place", [30, 100_000, -6])
def test_an_archive_with_a_flipped_bit(tmp_path: pathlib.Path, place: int) -> None:
    path = pathlib.Path(pack(tmp_path / "h.tgz", OFFLINE))
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    with pytest.raises(DockyardError, match="truncated or no Harbor installer"):
        inspect_archive(str(path))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (without(OFFLINE, "prepare"), "there is no harbor/prepare in it"),
        (without(OFFLINE, "install.sh"), "there is no harbor/install.sh in it"),
        (without(OFFLINE, "common.sh"), "there is no harbor/common.sh in it"),
        (without(OFFLINE, "harbor.yml.tmpl"), "there is no harbor/harbor.yml.tmpl in it"),
        ({}, "there is no harbor/prepare and no harbor/install.sh and no harbor/harbor.yml.tmpl in it"),
        ({"harbor-2.12.4/prepare": b""}, "it has 'harbor-2.12.4/prepare' in it, and all of an installer is in harbor/"),
        (
            {**OFFLINE, "harbor/harbor.v2.8.6.tar.gz": b""},
            "there is more than one tarball of images in it (harbor.v2.12.4.tar.gz, harbor.v2.8.6.tar.gz)",
        ),
        (
            {**ONLINE, "harbor/harbor.v2.8.6.tar.gz": b""},
            "its parts are of different versions (2.12.4, 2.8.6)",
        ),
        ({**ONLINE, "harbor/prepare": b"#!/bin/bash\n"}, "nothing in it tells the version"),
    ],
)
def test_what_is_no_installer(tmp_path: pathlib.Path, files: dict[str, bytes], why: str) -> None:
    path = pack(tmp_path / "h.tgz", files)
    with pytest.raises(DockyardError) as problem:
        inspect_archive(path)
    assert problem.value.message == (
        f"{path} is truncated or no Harbor installer: {why}; fetch it again, and compare its size and checksum with the"
        " published ones."
    )


def test_something_else_than_an_archive(tmp_path: pathlib.Path) -> None:
    (tmp_path / "page.tgz").write_text("<html>404</html>")
    (tmp_path / "zeros.tgz").write_bytes(gzip.compress(b"no tar in here" * 100))
    for name in ("page.tgz", "zeros.tgz"):
        with pytest.raises(DockyardError, match="truncated or no Harbor installer: it can't be read to its end"):
            inspect_archive(str(tmp_path / name))
    with pytest.raises(DockyardError, match="Can't read .*missing.tgz: no such file or folder"):
        inspect_archive(str(tmp_path / "missing.tgz"))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    found.linkname = target
    return found


@pytest.mark.parametrize("name", ["harbor/../../evil", "/etc/evil", "../evil", "harbor/a/../../../evil"])
def test_a_member_that_leads_out(tmp_path: pathlib.Path, name: str) -> None:
    path = pack(tmp_path / "h.tgz", OFFLINE, member(name))
    for call in (lambda: inspect_archive(path), lambda: unpack(path, str(tmp_path / "release"))):
        with pytest.raises(DockyardError) as problem:
            call()
        assert problem.value.message == (
            f"{path} has a member that leads out of its folder ({name!r}), which no Harbor installer has; fetch it"
            " again from where it is published."
        )
    assert os.listdir(tmp_path) == ["h.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_neither_file_nor_folder(tmp_path: pathlib.Path, kind: bytes) -> None:
    path = pack(tmp_path / "h.tgz", OFFLINE, member("harbor/data", kind, "/etc"), member("harbor/data/evil"))
    for call in (lambda: inspect_archive(path), lambda: unpack(path, str(tmp_path / "release"))):
        with pytest.raises(DockyardError) as problem:
            call()
        assert problem.value.message == (
            f"{path} has a member that is neither a file nor a folder ('harbor/data'), which no Harbor installer has;"
            " fetch it again from where it is published."
        )
    assert os.listdir(tmp_path) == ["h.tgz"]


def test_unpacking(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "release"
    unpack(pack(tmp_path / "h.tgz", OLD, member("harbor/empty", tarfile.DIRTYPE)), str(target))
    names = {str(one.relative_to(target)) for one in target.rglob("*") if one.is_file()}
    assert names == {name.removeprefix("harbor/") for name in OLD}
    assert (target / "harbor.v1.7.6.tar.gz").read_bytes() == b"images"
    assert (target / "empty").is_dir()
    for name, mode in (("prepare", 0o755), ("install.sh", 0o755), ("harbor.cfg", 0o640)):
        status = (target / name).stat()
        assert stat.S_IMODE(status.st_mode) == mode
        assert (status.st_uid, status.st_gid, status.st_mtime) == (os.getuid(), os.getgid(), 1_700_000_000)
    assert sorted(os.listdir(tmp_path)) == ["h.tgz", "release"]


def test_unpacking_replaces_what_is_there(tmp_path: pathlib.Path) -> None:
    target, partial = tmp_path / "release", tmp_path / "release.partial"
    for folder in (target, partial):
        folder.mkdir()
        (folder / "harbor.v2.8.6.tar.gz").write_text("left behind")
    unpack(pack(tmp_path / "h.tgz", ONLINE), str(target) + "/")
    assert set(os.listdir(target)) == {name.removeprefix("harbor/") for name in ONLINE}
    assert not partial.exists()


def test_a_link_in_the_folder_s_place_is_replaced_and_not_followed(tmp_path: pathlib.Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    for name in ("release", "release.partial"):
        (tmp_path / name).symlink_to(elsewhere)
    unpack(pack(tmp_path / "h.tgz", ONLINE), str(tmp_path / "release"))
    assert os.listdir(elsewhere) == ["precious"]
    assert (tmp_path / "release" / "prepare").read_bytes() == PREPARE


def test_a_full_disk_leaves_what_was_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: IO[bytes], target: IO[bytes], _length: int) -> None:
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "release"
    target.mkdir()
    (target / "old").write_text("old")
    monkeypatch.setattr(installer_archive.shutil, "copyfileobj", full)
    with pytest.raises(DockyardError) as problem:
        unpack(pack(tmp_path / "h.tgz", OFFLINE), str(target))
    assert problem.value.message == (
        f"Can't unpack the archive into {target}: the file system is full; free some space there and run again."
    )
    assert sorted(os.listdir(tmp_path)) == ["h.tgz", "release"] and os.listdir(target) == ["old"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_checksums(tmp_path: pathlib.Path, algorithm: str) -> None:
    path = tmp_path / "h.tgz"
    path.write_bytes(IMAGES)
    right = hashlib.new(algorithm, IMAGES).hexdigest()
    check_checksum(str(path), f"{algorithm}:{right}")
    check_checksum(str(path), f" {algorithm.upper()}:{right.upper()}\n")
    wrong = ("0" if right[0] != "0" else "1") + right[1:]
    with pytest.raises(DockyardError) as problem:
        check_checksum(str(path), f"{algorithm}:{wrong}")
    assert problem.value.message == (
        f"{path} has the {algorithm} sum {right} and not {wrong}; fetch it again, or fix the checksum."
    )


@pytest.mark.parametrize("checksum", ["", "sha256:", "sha256:abc", "crc32:" + "0" * 8, "0" * 64, "md5:" + "g" * 32])
def test_a_checksum_of_no_known_form(tmp_path: pathlib.Path, checksum: str) -> None:
    path = pack(tmp_path / "h.tgz", ONLINE)
    with pytest.raises(DockyardError) as problem:
        check_checksum(path, checksum)
    assert problem.value.message == (
        f"The checksum {checksum!r} for {path} is of no known form; give it as ALGORITHM:HEX with one of md5, sha1,"
        " sha256, sha384, sha512, and all of its digits."
    )
