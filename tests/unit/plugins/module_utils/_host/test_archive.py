# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive is complete or not there, and nothing comes out of it but what was checked."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import archive

FOLDERS = ("config", "data")


def instance(folder: Path) -> Path:
    """Return a folder with a configuration, data, and something of no concern."""
    base = folder / "base"
    (base / "config").mkdir(parents=True)
    (base / "data" / "deep").mkdir(parents=True)
    (base / "config" / "config.yml").write_text("version: 0.1\n")
    (base / "config" / "left-out").write_text("x")
    (base / "data" / "deep" / "blob").write_bytes(b"0" * 5000)
    (base / "data" / "deep" / "blob").chmod(0o640)
    (base / "data" / "link").symlink_to("deep/blob")
    (base / "secret").write_text("x")
    return base


def written(base: Path, path: Path) -> archive.Contents:
    with archive.Writer(str(path)) as writer:
        writer.add(str(base), "config", ["config/left-out"])
        writer.add(str(base), "data")
        return writer.complete()


def test_there_and_back(tmp_path: Path) -> None:
    base, path = instance(tmp_path), tmp_path / "a.tar"
    contents = written(base, path)

    assert contents.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert contents.bytes == path.stat().st_size
    assert contents.parts == {"config": archive.Part(1, 13), "data": archive.Part(1, 5000)}
    assert (tmp_path / "a.tar.sha256").read_text() == f"{contents.sha256}  a.tar\n"
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.glob("a.tar*")} == {0o600}

    checked = archive.check(str(path), "", FOLDERS, ["config/config.yml"])
    assert (checked.parts, checked.sha256) == (contents.parts, contents.sha256)

    archive.unpack(str(path), str(tmp_path / "new"))
    blob = tmp_path / "new" / "data" / "deep" / "blob"
    assert blob.read_bytes() == b"0" * 5000
    assert stat.S_IMODE(blob.stat().st_mode) == 0o640
    assert os.readlink(tmp_path / "new" / "data" / "link") == "deep/blob"
    assert sorted(os.listdir(tmp_path / "new" / "config")) == ["config.yml"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    base = instance(tmp_path)
    with (
        pytest.raises(DockyardError) as caught,
        archive.Writer(str(tmp_path / "a.tar"), time.monotonic() - 1) as writer,
    ):
        writer.add(str(base), "data")
    assert caught.value.code == "host_archive_timeout"
    assert caught.value.message.startswith(f"{tmp_path}/a.tar was not complete in time; raise the limit")
    assert os.listdir(tmp_path) == ["base"]


def test_a_folder_that_can_t_be_written(tmp_path: Path) -> None:
    with pytest.raises(DockyardError) as caught, archive.Writer(str(tmp_path / "none" / "a.tar")):
        pass
    assert caught.value.message == (
        f"Can't write {tmp_path}/none/a.tar.part: No such file or directory; look at the disk and the rights there, and"
        " run again."
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (("../evil", tarfile.REGTYPE, ""), "holds '../evil', which is outside config, data"),
        (("data/../../evil", tarfile.REGTYPE, ""), "holds paths with '..'"),
        (("/data/evil", tarfile.REGTYPE, ""), "holds '/data/evil', which is outside config, data"),
        (("data/link", tarfile.SYMTYPE, "/etc/shadow"), "holds 'data/link', which is neither a file nor a folder"),
        (("data/link", tarfile.SYMTYPE, "../../etc"), "holds 'data/link', which is neither a file nor a folder"),
        (
            ("data/hard", tarfile.LNKTYPE, "config/config.yml"),
            "holds 'data/hard', which is neither a file nor a folder",
        ),
        (("data/device", tarfile.CHRTYPE, ""), "holds 'data/device', which is neither a file nor a folder"),
        (("data/file", tarfile.REGTYPE, ""), "holds no config/config.yml"),
    ],
)
def test_what_must_not_be_unpacked(tmp_path: Path, entry: tuple[str, bytes, str], expected: str) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(entry[0])
        info.type, info.linkname = entry[1], entry[2]
        tar.addfile(info, io.BytesIO())
    with pytest.raises(DockyardError) as caught:
        archive.check(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), FOLDERS, ["config/config.yml"])
    assert caught.value.code == "host_archive_foreign"
    assert caught.value.message == f"{path} {expected}: it is no backup by this role."


@pytest.mark.parametrize(
    ("content", "sum_beside", "code", "expected"),
    [
        (None, None, "host_archive_missing", "There is no archive PATH on this host; give the path of one."),
        (
            b"x",
            None,
            "host_archive_no_checksum",
            "The archive PATH has no PATH.sha256 beside it; bring that too, or give",
        ),
        (
            b"x",
            "00  a.tar\n",
            "host_archive_damaged",
            "The checksum of PATH is not 00: the archive is damaged or another",
        ),
        (b"x" * 2000, "", "host_archive_foreign", "PATH is not a tar archive that can be read"),
    ],
)
def test_archives_that_are_none(
    tmp_path: Path, content: bytes | None, sum_beside: str | None, code: str, expected: str
) -> None:
    path = tmp_path / "a.tar"
    if content is not None:
        path.write_bytes(content)
        if sum_beside is not None:
            line = sum_beside or f"{hashlib.sha256(content).hexdigest()}  a.tar\n"
            (tmp_path / "a.tar.sha256").write_text(line)
    with pytest.raises(DockyardError) as caught:
        archive.check(str(path), "", FOLDERS, [])
    assert caught.value.code == code
    assert caught.value.message.replace(str(path), "PATH").startswith(expected)


def test_an_archive_that_does_not_fit_leaves_no_folder(tmp_path: Path) -> None:
    base, path = instance(tmp_path), tmp_path / "a.tar"
    written(base, path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DockyardError) as caught:
        archive.unpack(str(path), str(tmp_path / "new"))
    assert caught.value.code == "host_archive_failed"
    assert not (tmp_path / "new").exists()


def test_old_archives_go_and_only_they(tmp_path: Path) -> None:
    stamps = [f"registry-2026080{day}T020000Z.tar" for day in range(1, 5)]
    others = ["registry-notes.tar", "registry-20260101T000000Z.tar", "my-registry-20260101T000000Z.tar.sha256"]
    for name in [*stamps, *(f"{stamp}.sha256" for stamp in stamps), *others]:
        (tmp_path / name).touch()

    removed = archive.prune(str(tmp_path), "registry", 2)

    assert [os.path.basename(path) for path in removed] == stamps[:2]
    assert sorted(os.listdir(tmp_path)) == sorted([*stamps[2:], *(f"{stamp}.sha256" for stamp in stamps[2:]), *others])


def test_what_killed_runs_left_is_removed(tmp_path: Path) -> None:
    mine = ["registry-20260801T020000Z.tar.part", "registry-20260801T020000Z.tar.sha256.part"]
    others = ["registry-20260801T020000Z.tar", "registry-2-20260801T020000Z.tar.part", "notes.part"]
    for name in mine + others:
        (tmp_path / name).touch()
    archive.clear_parts(str(tmp_path), "registry")
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_a_disk_without_room(tmp_path: Path) -> None:
    archive.require_space(str(tmp_path / "not" / "yet"), 1, "a backup")
    with pytest.raises(DockyardError) as caught:
        archive.require_space(str(tmp_path / "not" / "yet"), 2**60, "a backup")
    assert caught.value.code == "host_no_space"
    assert f"The file system of {tmp_path}/not/yet has " in caught.value.message
    assert caught.value.message.endswith(f" bytes left, and a backup needs {2**60}; free some space there.")
