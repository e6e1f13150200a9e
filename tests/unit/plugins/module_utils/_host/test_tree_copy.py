# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy in two passes: whatever happens to the original in between, the second one makes the copy equal to it."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import random
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk, tree_copy
from ansible_collections.dockyard.ops.plugins.module_utils._host.tree_copy import bring_up_to_date
from hypothesis import given, settings
from hypothesis import strategies as st

LONG_AGO = 1_600_000_000_123_456_789


def described(top: pathlib.Path) -> dict[str, tuple[Any, ...]]:
    """Return all that a copy is to have in common with its original, by relative path."""
    found = {}
    for path in [top, *top.rglob("*")]:
        status = path.lstat()
        content: Any = None
        attributes: Any = None
        if path.is_symlink():
            content = os.readlink(path)
        else:
            attributes = sorted((name, os.getxattr(path, name)) for name in os.listxattr(path))
            if stat.S_ISREG(status.st_mode):
                content = (status.st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        found[str(path.relative_to(top))] = (
            *(status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_rdev),
            *(content, attributes),
        )
    return found


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "target"


def settled(path: pathlib.Path, content: bytes) -> pathlib.Path:
    """Return a file that nobody has written to for long."""
    path.write_bytes(content)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


# ---- whatever happens in between ----


def change(top: pathlib.Path, chance: random.Random) -> None:
    """Do one thing that a program may do to its files at any time."""
    names = ["a", "b", "c", "a/a", "a/b", "b/a", "a/b/a", "c/ä \udcff\n"]
    path = top / chance.choice(names)
    if not path.parent.is_dir() or path.parent.is_symlink():
        return
    there = os.path.lexists(path)
    folder = path.is_dir() and not path.is_symlink()
    kind = chance.choice(
        ["write", "in place", "remove", "folder", "link", "fifo", "own", "attribute", "time", "rename"]
    )
    if kind == "in place" and path.is_file() and not path.is_symlink() and path.stat().st_size:
        with open(path, "r+b") as file:  # of the same size, as a database does
            file.write(bytes([chance.randrange(256)]))
        return
    if kind in ("own", "attribute", "time") and there and not path.is_symlink():
        if kind == "own":
            os.chown(path, chance.randrange(3), chance.randrange(3))
            os.chmod(path, chance.choice([0o600, 0o644, 0o755, 0o4750, 0o1777]))
        elif kind == "attribute" and (folder or path.is_file()):
            name = chance.choice(["user.a", "user.b", "trusted.c"])
            if name in os.listxattr(path):
                os.removexattr(path, name)
            else:
                os.setxattr(path, name, bytes([chance.randrange(256)]) * chance.randrange(3))
        else:
            moment = LONG_AGO + chance.randrange(5)
            os.utime(path, ns=(moment, moment))
        return
    if kind == "rename" and there:
        other = top / chance.choice(["a", "b", "c"])
        if not os.path.lexists(other):
            path.rename(other)
        return
    if folder and kind != "folder":
        shutil.rmtree(path)
    elif there and not folder:
        path.unlink()
    if kind == "write":
        path.write_bytes(chance.randbytes(chance.choice([0, 1, 7, 8192])))
    elif kind == "folder" and not folder:
        path.mkdir()
    elif kind == "link":
        path.symlink_to(chance.choice(["a", "/nowhere", "..", "b/a"]))
    elif kind == "fifo":
        os.mkfifo(path, 0o640)


@settings(max_examples=120, deadline=None)
@given(
    st.randoms(use_true_random=False), st.integers(0, 25), st.lists(st.integers(0, 12), max_size=3), st.integers(0, 12)
)
def test_the_last_pass_makes_the_copy_equal(chance: random.Random, before: int, between: list[int], after: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "source"), pathlib.Path(folder, "target")
        source.mkdir()
        for _change in range(before):
            change(source, chance)
        for count in between:
            # Also while it is being copied.
            bring_up_to_date(str(source), str(target), in_use=True, progress=lambda _bytes: change(source, chance))
            for _change in range(count):
                change(source, chance)
        for _change in range(after):
            change(source, chance)
        original = described(source)
        bring_up_to_date(str(source), str(target))
        assert described(target) == original
        assert described(source) == original
        assert bring_up_to_date(str(source), str(target)) == tree_copy.Copied()
        shutil.rmtree(target)
        bring_up_to_date(str(source), str(target), trust_times=False)
        assert described(target) == original


# ---- what is copied, and what is not ----


def test_the_second_pass_copies_only_what_has_changed(source: pathlib.Path, target: pathlib.Path) -> None:
    (source / "base").mkdir()
    for number in range(5):
        settled(source / "base" / str(number), b"x" * 1000)
    assert bring_up_to_date(str(source), str(target), in_use=True) == tree_copy.Copied(5, 5000, 0)
    (source / "base" / "3").write_bytes(b"y" * 1000)
    (source / "base" / "4").unlink()
    seen: list[int] = []
    assert bring_up_to_date(str(source), str(target), progress=seen.append) == tree_copy.Copied(1, 1000, 1)
    assert sum(seen) == 4000 == disk.content_bytes(str(source))
    assert bring_up_to_date(str(source), str(target), trust_times=False).files == 4
    assert described(target) == described(source)


@pytest.mark.parametrize("cut", [0, 1, 1 << 20, (2 << 20) + 7])
def test_of_a_file_only_what_differs_is_written(
    source: pathlib.Path, target: pathlib.Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "table").write_bytes(random.Random(1).randbytes((5 << 20) + 3))
    bring_up_to_date(str(source), str(target), in_use=True, trust_times=False)
    with open(source / "table", "r+b") as file:
        file.seek((2 << 20) + 5)
        file.write(b"changed")
        file.truncate((5 << 20) + 3 - cut)
    written: list[int] = []
    write = os.pwrite

    def counted(descriptor: int, content: memoryview, position: int) -> int:
        written.append(len(content))
        return write(descriptor, content, position)

    monkeypatch.setattr(os, "pwrite", counted)
    monkeypatch.setattr(tree_copy, "_reflinked", lambda _source, _target: False)
    bring_up_to_date(str(source), str(target), trust_times=False)
    assert described(target) == described(source)
    assert written and sum(written) <= 1 << 20


def test_a_change_within_the_same_tick_of_the_clock_is_not_missed(source: pathlib.Path, target: pathlib.Path) -> None:
    # Of the same size, and with the time that the copy was made at.
    file = source / "16384"
    file.write_bytes(b"before")
    moment = file.stat().st_mtime_ns
    bring_up_to_date(str(source), str(target), in_use=True)
    file.write_bytes(b"after!")
    os.utime(file, ns=(moment, moment))
    bring_up_to_date(str(source), str(target))
    assert (target / "16384").read_bytes() == b"after!"
    assert (target / "16384").stat().st_mtime_ns == moment


def test_nor_is_it_missed_when_the_copy_took_longer_than_files_take_to_settle(
    source: pathlib.Path, target: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_copy, "_SETTLED_NS", 200_000_000)
    file = source / "16384"
    file.write_bytes(b"before")
    moment = file.stat().st_mtime_ns

    def slow(_bytes: int) -> None:
        time.sleep(0.3)
        file.write_bytes(b"after!")
        os.utime(file, ns=(moment, moment))

    bring_up_to_date(str(source), str(target), in_use=True, progress=slow)
    assert (target / "16384").read_bytes() == b"before"
    bring_up_to_date(str(source), str(target))
    assert (target / "16384").read_bytes() == b"after!"


def test_sockets_are_left_and_take_the_place_of_nothing(source: pathlib.Path, target: pathlib.Path) -> None:
    settled(source / ".s.PGSQL.5432", b"a file, as yet")
    os.mkfifo(source / "fifo")
    (source / "fifo").chmod(0o620)
    bring_up_to_date(str(source), str(target), in_use=True)
    (source / ".s.PGSQL.5432").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(source / ".s.PGSQL.5432"))
        bring_up_to_date(str(source), str(target))
        assert [path.name for path in target.iterdir()] == ["fifo"]
        assert stat.S_ISFIFO((target / "fifo").stat().st_mode)
        assert stat.S_IMODE((target / "fifo").stat().st_mode) == 0o620


def test_a_sparse_file_has_the_same_content(source: pathlib.Path, target: pathlib.Path) -> None:
    with open(source / "sparse", "wb") as file:
        file.seek(20 << 20)
        file.write(b"end")
        file.truncate(40 << 20)
    bring_up_to_date(str(source), str(target))
    assert described(target) == described(source)


def test_no_hard_links_are_made(source: pathlib.Path, target: pathlib.Path) -> None:
    settled(source / "one", b"before")
    os.link(source / "one", source / "other")
    bring_up_to_date(str(source), str(target))
    inodes = {path.stat().st_ino for folder in (source, target) for path in folder.iterdir()}
    assert len(inodes) == 3, "one of the original, two of the copy"
    with open(source / "one", "r+b") as file:
        file.write(b"AFTER!")
    assert {path.read_bytes() for path in target.iterdir()} == {b"before"}


@pytest.mark.parametrize("first", ["file", "folder", "link", "fifo"])
@pytest.mark.parametrize("then", ["file", "folder", "link", "fifo"])
def test_one_kind_takes_the_place_of_another(
    source: pathlib.Path, target: pathlib.Path, tmp_path: pathlib.Path, first: str, then: str
) -> None:
    outside = settled(tmp_path / "outside", b"not to be touched")

    def make(kind: str) -> None:
        path = source / "x"
        if kind == "file":
            path.write_bytes(b"file")
        elif kind == "folder":
            (path / "deep").mkdir(parents=True)
            (path / "deep" / "file").write_bytes(b"deep")
        elif kind == "link":
            path.symlink_to(outside)
        else:
            os.mkfifo(path)

    make(first)
    bring_up_to_date(str(source), str(target), in_use=True)
    shutil.rmtree(source / "x") if first == "folder" else (source / "x").unlink()
    make(then)
    bring_up_to_date(str(source), str(target))
    assert described(target) == described(source)
    assert outside.read_bytes() == b"not to be touched"


def test_a_single_file_is_copied_as_well(tmp_path: pathlib.Path) -> None:
    # As secretkey of a Harbor 1.x is.
    key = settled(tmp_path / "secretkey", b"0123456789abcdef")
    os.chown(key, 10000, 10000)
    os.chmod(key, 0o400)
    assert disk.content_bytes(str(key)) == 16
    assert bring_up_to_date(str(key), str(tmp_path / "copy")) == tree_copy.Copied(1, 16, 0)
    assert bring_up_to_date(str(key), str(tmp_path / "copy")) == tree_copy.Copied(0, 0, 0)
    assert described(tmp_path / "copy") == described(key)


# ---- what happens while it is being copied ----


@pytest.fixture
def busy(source: pathlib.Path) -> pathlib.Path:
    for number in range(6):
        (source / str(number)).mkdir()
        settled(source / str(number) / "file", b"x")
        settled(source / f"file {number}", b"x")
    return source


def emptied(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for path in list(folder.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield path


def gone(folder: pathlib.Path) -> None:
    list(emptied(folder))


def turned_round(folder: pathlib.Path) -> None:
    for path in emptied(folder):
        path.symlink_to("/etc") if path.name.startswith("file") else path.write_bytes(b"now a file")


def now_folders(folder: pathlib.Path) -> None:
    for path in emptied(folder):
        path.mkdir()


@pytest.mark.parametrize("happens", [gone, turned_round, now_folders])
def test_what_vanishes_or_turns_while_it_is_in_use_is_left_to_the_next_pass(
    busy: pathlib.Path, target: pathlib.Path, happens: Callable[[pathlib.Path], None]
) -> None:
    times = iter([happens])

    def progress(_bytes: int) -> None:
        for now in times:  # once
            now(busy)

    bring_up_to_date(str(busy), str(target), in_use=True, progress=progress)
    bring_up_to_date(str(busy), str(target))
    assert described(target) == described(busy)


def test_what_vanishes_after_the_stop_is_a_problem(busy: pathlib.Path, target: pathlib.Path) -> None:
    with pytest.raises(DockyardError) as caught:
        bring_up_to_date(str(busy), str(target), progress=lambda _bytes: gone(busy))
    assert caught.value.message.startswith(f"Can't copy {busy}/")
    assert caught.value.message.endswith(": no such file or folder; create the folder and run again.")
    assert (caught.value.code, caught.value.changed) == ("file_operation_failed", True)


def test_an_attribute_that_can_not_be_set_does_not_cost_the_others(
    source: pathlib.Path, target: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settled(source / "file", b"x")
    for name in ("user.a", "user.b", "user.c"):
        os.setxattr(file, name, b"1")
    real = os.setxattr

    def refusing(path: Any, name: Any, value: Any) -> None:
        if name == "user.b":
            raise OSError(errno.EPERM, "Operation not permitted", path)
        real(path, name, value)

    monkeypatch.setattr(os, "setxattr", refusing)
    bring_up_to_date(str(source), str(target))
    assert sorted(os.listxattr(target / "file")) == ["user.a", "user.c"]
    assert (target / "file").stat().st_mtime_ns == LONG_AGO


def test_a_place_that_can_not_be_is_a_problem(source: pathlib.Path) -> None:
    (source / "file").write_bytes(b"x")
    with pytest.raises(DockyardError) as caught:
        bring_up_to_date(str(source / "file"), "/dev/full/copy")
    assert caught.value.message == (
        "Can't copy /dev/full/copy: a part of this path is a file and not a folder; move it away and run again."
    )


def test_whether_data_can_be_shared_leaves_nothing_behind(source: pathlib.Path) -> None:
    assert tree_copy.can_reflink(str(source)) in (True, False)
    assert list(source.iterdir()) == []
    assert tree_copy.can_reflink(str(source / "none")) is False
