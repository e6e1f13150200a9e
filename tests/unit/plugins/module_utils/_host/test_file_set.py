# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.file_set import Attributes, FileSet

OURS = Attributes(os.geteuid(), os.getegid())


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything below a folder, with inodes and times."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else os.readlink(path) if path.is_symlink() else None
        times = () if path.is_dir() else (status.st_mtime_ns,)
        found[str(path.relative_to(folder))] = (content, status.st_ino, status.st_mode, status.st_uid, *times)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reg").mkdir()
    (tmp_path / "reg" / "a.key").write_bytes(b"old key")
    (tmp_path / "reg" / "a.key").chmod(0o640)
    (tmp_path / "reg" / "a.cert").write_bytes(b"old certificate")
    (tmp_path / "reg" / "link.crt").symlink_to("a.cert")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "b.crt").write_bytes(b"b")
    return tmp_path


def change(files: FileSet, folder: Path) -> None:
    files.make_folders(str(folder / "new" / "deep"))
    files.write(str(folder / "reg" / "a.key"), b"new key", 0o600)
    files.write(str(folder / "reg" / "a.cert"), b"new certificate", 0o644)
    files.write(str(folder / "reg" / "link.crt"), b"a file now", 0o644)
    files.write_folder(str(folder / "whole"), 0o755, {"x.key": (b"x", 0o600), "x.cert": (b"y", 0o644)})
    files.remove(str(folder / "gone"))
    files.set_folder_attributes(str(folder / "reg"), 0o700)


def test_all_is_done(folder: Path) -> None:
    with FileSet(OURS) as files:
        change(files, folder)
        files.commit()
    after = {name: (entry[0], oct(entry[2] & 0o777)) for name, entry in tree(folder).items()}  # type: ignore[operator]
    assert after == {
        "new": (None, "0o755"),
        "new/deep": (None, "0o755"),
        "reg": (None, "0o700"),
        "reg/a.cert": (b"new certificate", "0o644"),
        "reg/a.key": (b"new key", "0o600"),
        "reg/link.crt": (b"a file now", "0o644"),
        "whole": (None, "0o755"),
        "whole/x.cert": (b"y", "0o644"),
        "whole/x.key": (b"x", "0o600"),
    }
    assert not (folder / "reg" / "link.crt").is_symlink()


def test_nothing_is_visible_before_commit_and_nothing_stays_without(folder: Path) -> None:
    before = tree(folder)
    with FileSet(OURS) as files:
        change(files, folder)
        assert (folder / "reg" / "a.key").read_bytes() == b"old key"
        assert not (folder / "whole").exists()
        staged = [path for path in folder.rglob("*") if path.name.startswith(".ansible.")]
        assert len(staged) == 4
        assert all(atomic_file.is_leftover(path.name) for path in staged)
    assert tree(folder) == before


def test_a_failure_in_the_middle_puts_all_back(folder: Path) -> None:
    before = tree(folder)
    with pytest.raises(DockyardError) as caught, FileSet(OURS) as files:
        change(files, folder)
        files.write(str(folder / "reg" / "z.crt"), b"z", 0o644)
        (folder / "reg" / "z.crt").mkdir()  # another process, at the last moment
        (folder / "reg" / "z.crt" / "theirs").write_bytes(b"theirs")
        files.commit()
    assert caught.value.message == (
        f"Can't write {folder}/reg/z.crt: there is a folder in its place; move it away and run again."
    )
    assert (caught.value.code, caught.value.changed) == ("file_operation_failed", False)
    assert (folder / "reg" / "z.crt" / "theirs").read_bytes() == b"theirs"
    (folder / "reg" / "z.crt" / "theirs").unlink()
    (folder / "reg" / "z.crt").rmdir()
    assert tree(folder) == before


def test_a_result_that_is_not_proven_is_put_back(folder: Path) -> None:
    def verify() -> None:
        assert (folder / "reg" / "a.key").read_bytes() == b"new key"
        assert (folder / "whole" / "x.key").exists()
        assert not (folder / "gone").exists()
        raise DockyardError("file_test", "Not so.")

    before = tree(folder)
    with pytest.raises(DockyardError, match="^Not so.$") as caught, FileSet(OURS) as files:
        change(files, folder)
        files.commit(verify)
    assert (caught.value.code, caught.value.changed) == ("file_test", False)
    assert tree(folder) == before


def test_what_can_not_be_put_back_is_named(folder: Path) -> None:
    def verify() -> None:
        kept = next(path for path in (folder / "reg").iterdir() if path.name.startswith(".ansible."))
        kept.unlink()
        raise DockyardError("file_test", "Not so.")

    with pytest.raises(DockyardError) as caught, FileSet(OURS) as files:
        files.write(str(folder / "reg" / "a.key"), b"new key", 0o600)
        files.commit(verify)
    message = caught.value.message
    assert message.startswith(
        f"Not so. Putting back what was there failed too: fix {folder}/reg/a.key (No such file or directory,"
        f" its former content is in {folder}/reg/.ansible."
    )
    assert (caught.value.code, caught.value.changed) == ("file_rollback_failed", True)


def test_a_staged_file_that_fails_leaves_nothing(folder: Path) -> None:
    class Broken(Attributes):
        def apply(self, path: str, destination: str, mode: int) -> None:
            if destination.endswith("x.cert"):
                os.rmdir(os.path.join(path, "not there"))
            super().apply(path, destination, mode)

    before = tree(folder)
    with pytest.raises(DockyardError) as caught, FileSet(Broken(os.geteuid(), os.getegid())) as files:
        change(files, folder)
    # The message names the file, not of where it was staged.
    assert f"{folder}/whole/x.cert: a part of this path is a file and not a folder" in caught.value.message
    assert ".ansible." not in caught.value.message
    assert tree(folder) == before


def test_a_file_in_the_place_of_a_folder(folder: Path) -> None:
    before = tree(folder)
    with pytest.raises(DockyardError) as caught, FileSet(OURS) as files:
        files.make_folders(str(folder / "reg" / "a.key" / "deep"))
    assert caught.value.message == (f"{folder}/reg/a.key is in the place of a folder; move it away and run again.")
    assert (caught.value.code, caught.value.changed) == ("file_in_place_of_folder", False)
    assert tree(folder) == before


def test_attributes_that_differ(folder: Path) -> None:
    key = str(folder / "reg" / "a.key")
    assert OURS.differ(key, 0o600)
    assert not OURS.differ(key, 0o640)
    assert OURS.differ(str(folder / "reg" / "link.crt"), 0o777)
    assert Attributes(os.geteuid() + 1, os.getegid()).differ(key, 0o640)


def test_a_change_that_the_disk_does_not_confirm_is_put_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(folder)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(folder / "reg"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DockyardError) as caught, FileSet(OURS) as files:
        change(files, folder)
        files.commit()
    assert caught.value.message == f"Can't write {folder}/reg: Input/output error; fix that and run again."
    assert caught.value.changed is False
    assert tree(folder) == before


def test_a_new_folder_that_another_process_uses_stays_and_counts_as_a_change(folder: Path) -> None:
    with pytest.raises(DockyardError) as caught, FileSet(OURS) as files:
        files.make_folders(str(folder / "new" / "deep"))
        (folder / "new" / "theirs").touch()
        raise DockyardError("file_test", "Not so.")
    assert caught.value.changed is True
    assert os.listdir(folder / "new") == ["theirs"]
