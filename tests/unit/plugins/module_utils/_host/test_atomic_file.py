# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared writer, on real files. A full and a read-only file system are in the integration targets."""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from hypothesis import given, settings
from hypothesis import strategies as st


def identity(path: pathlib.Path) -> tuple[int, ...]:
    """Return all that changes with a file, but not its time of access."""
    found = path.stat()
    return found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def mode_of(path: pathlib.Path) -> int:
    return path.stat().st_mode & 0o7777


@settings(max_examples=60, deadline=None)
@given(old=st.none() | st.binary(max_size=5000), new=st.binary(max_size=70_000), mode=st.sampled_from([0o600, 0o644]))
def test_what_is_written_is_read_back(old: bytes | None, new: bytes, mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "file")
        if old is not None:
            path.write_bytes(old)
            path.chmod(0o640)
        atomic_file.write(str(path), new, mode=mode)
        assert atomic_file.read(str(path)) == new
        assert mode_of(path) == (mode if old is None else 0o640)
        assert os.listdir(folder) == ["file"]


@settings(max_examples=60, deadline=None)
@given(
    old=st.none() | st.binary(max_size=5000),
    new=st.binary(max_size=5000),
    where=st.sampled_from(["set_attributes", "check"]),
)
def test_what_is_called_off_leaves_all_as_it_was(old: bytes | None, new: bytes, where: str) -> None:
    class CalledOff(Exception):
        pass

    def call_off(*_path: str) -> None:
        raise CalledOff

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "file")
        if old is not None:
            path.write_bytes(old)
        before = identity(path) if old is not None else None
        with pytest.raises(CalledOff):
            if where == "set_attributes":
                atomic_file.write(str(path), new, set_attributes=call_off)
            else:
                atomic_file.write(str(path), new, check=call_off)
        assert atomic_file.read(str(path)) == old
        assert (identity(path) if old is not None else None) == before
        assert os.listdir(folder) == ([] if old is None else ["file"])


def test_a_reader_never_sees_half_a_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    versions = [bytes([letter]) * 300_000 for letter in b"ab"]
    path.write_bytes(versions[0])
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            for version in versions:
                atomic_file.write(str(path), version)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = {path.read_bytes() for _each in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(versions)


def test_who_has_the_old_file_open_reads_all_of_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        atomic_file.write(str(path), b"new content")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new content"


def test_a_killed_writer_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys\n"
        "from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file\n"
        "atomic_file.write(sys.argv[1], b'new', check=lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_the_temporary_file_is_private_and_beside_its_target(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    seen = []

    def set_attributes(temporary: str) -> None:
        seen.append((os.path.dirname(temporary), os.stat(temporary).st_mode & 0o777))
        os.chmod(temporary, 0o604)

    atomic_file.write(str(path), b"x", mode=0o600, set_attributes=set_attributes)
    assert seen == [(str(tmp_path), 0o600)]
    assert mode_of(path) == 0o604


def test_the_last_check_sees_the_old_file_and_comes_after_dress(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    order: list[object] = []
    atomic_file.write(
        str(path),
        b"new",
        set_attributes=lambda _path: order.append("set_attributes"),
        check=lambda: order.append(path.read_bytes()),
    )
    assert order == ["set_attributes", b"old"]


def test_a_symbolic_link_stays_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "file"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    atomic_file.write(str(link), b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "real") == ["file"]


def test_a_limit_on_file_size_is_explained_and_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DockyardError) as problem:
            atomic_file.write(str(path), b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert str(problem.value) == f"Can't write {path}: File too large; fix that and run again."
    assert (problem.value.code, problem.value.changed) == ("file_operation_failed", False)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_missing_folder_is_explained(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DockyardError) as problem:
        atomic_file.write(str(tmp_path / "none" / "file"), b"x")
    assert str(problem.value).endswith("no such file or folder; create the folder and run again.")


def test_a_folder_in_the_files_place_is_explained(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").mkdir()
    sentence = r"there is a folder in its place; move it away and run again\.$"
    with pytest.raises(DockyardError, match=sentence):
        atomic_file.write(str(tmp_path / "file"), b"x")
    with pytest.raises(DockyardError, match=sentence):
        atomic_file.read(str(tmp_path / "file"))
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("action", ["read", "write"])
@pytest.mark.parametrize("kind", ["pipe", "link to a device", "socket"])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path: pathlib.Path, kind: str, action: str) -> None:
    path = tmp_path / "place"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    before = path.stat().st_mode
    with pytest.raises(DockyardError) as caught:
        atomic_file.read(str(path)) if action == "read" else atomic_file.write(str(path), b"new")
    place = "/dev/zero" if action == "write" and kind == "link to a device" else path
    assert caught.value.message == (
        f"Can't {action} {place}: it is a device, a pipe or a socket and no file; give the path of a file"
        " and run again."
    )
    assert path.stat().st_mode == before and os.listdir(tmp_path) == ["place"]


def test_a_file_in_a_folders_place_is_explained(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DockyardError, match="a part of this path is a file and not a folder; move it away"):
        atomic_file.read(str(tmp_path / "file" / "below"))


@pytest.mark.parametrize(
    "flags, blocks, free, attributes, remedy",
    [
        (0, 10, 5, 0, None),
        (0, 0, 0, 0, None),  # a file system that does not count
        (os.ST_RDONLY, 10, 5, 0, "the file system is mounted read-only"),
        (0, 10, 0, 0, "the file system is full"),
        (0, 10, 5, 0x10, "operation not permitted (an immutable file? see lsattr)"),
        (0, 10, 5, 0x20, "operation not permitted (an immutable file? see lsattr)"),
    ],
)
def test_what_is_known_of_a_write_before_it(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: int,
    blocks: int,
    free: int,
    attributes: int,
    remedy: str | None,
) -> None:
    """Imitated is what the kernel says; real file systems are in the faults of the daemon."""
    status = os.statvfs_result((4096, 4096, blocks, free, free, 9, 9, 9, flags, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: status)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_call: attributes.to_bytes(8, sys.byteorder))
    (tmp_path / "there").write_text("")
    for path in (tmp_path / "there", tmp_path / "new", tmp_path / "missing" / "folder" / "new"):
        if remedy is None:
            atomic_file.check_writable(str(path))
            continue
        with pytest.raises(DockyardError) as caught:
            atomic_file.check_writable(str(path))
        assert caught.value.message.startswith(f"Can't write {path}: {remedy}")


def test_a_file_without_flags_can_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "there").write_text("")
    atomic_file.check_writable(str(tmp_path / "there"))
    assert sorted(tmp_path.iterdir()) == [tmp_path / "there"]


def test_a_circle_of_links_is_explained(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(DockyardError, match="too many symbolic links; fix the link"):
        atomic_file.read(str(tmp_path / "a"))


@pytest.mark.parametrize(
    "number, remedy",
    [
        (errno.ENOSPC, "the file system is full; free some space there"),
        (errno.EDQUOT, "the disk quota is used up; raise it or free some space"),
        (errno.EROFS, "the file system is mounted read-only; remount it read-write"),
        (errno.EACCES, "permission denied; run as a user who may (become: true)"),
        (errno.EPERM, "operation not permitted (an immutable file? see lsattr); lift that"),
        (errno.EBUSY, "it is a mount of its own, as a single file in a container is; mount its folder instead"),
        (errno.EIO, f"{os.strerror(errno.EIO)}; fix that"),
    ],
)
def test_each_fault_has_its_sentence(number: int, remedy: str) -> None:
    problem = atomic_file.explain("write", "/etc/x", OSError(number, os.strerror(number)))
    assert str(problem) == f"Can't write /etc/x: {remedy} and run again."
    assert problem.code == "file_operation_failed"


def test_read_of_nothing(tmp_path: pathlib.Path) -> None:
    assert atomic_file.read(str(tmp_path / "none")) is None


def test_the_lock_keeps_a_second_run_out_and_leaves_no_file(tmp_path: pathlib.Path) -> None:
    with atomic_file.locked(str(tmp_path)):
        started = time.monotonic()
        with pytest.raises(DockyardError) as problem, atomic_file.locked(str(tmp_path), timeout=0.2):
            pass
        assert time.monotonic() - started >= 0.2
        assert os.listdir(tmp_path) == []
    assert str(problem.value) == (
        f"Another run holds the lock on {tmp_path} for more than 0.2 seconds;" " wait until it has ended and run again."
    )
    assert (problem.value.code, problem.value.changed) == ("file_locked", False)
    with atomic_file.locked(str(tmp_path), timeout=0):
        pass


def test_the_lock_is_waited_for(tmp_path: pathlib.Path) -> None:
    order = []
    held = threading.Event()

    def hold() -> None:
        with atomic_file.locked(str(tmp_path)):
            held.set()
            time.sleep(0.2)
            order.append("first")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with atomic_file.locked(str(tmp_path), timeout=10):
        order.append("second")
    other.join()
    assert order == ["first", "second"]


def test_the_lock_of_a_folder_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with (
        pytest.raises(DockyardError, match="Can't open .*none: no such file or folder; create the folder"),
        atomic_file.locked(str(tmp_path / "none")),
    ):
        pass


def test_remove(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    assert atomic_file.remove(str(path)) is True
    assert atomic_file.remove(str(path)) is False
    (tmp_path / "folder").mkdir()
    with pytest.raises(DockyardError, match="Can't remove .*folder"):
        atomic_file.remove(str(tmp_path / "folder"))


def test_a_backup_has_content_mode_and_time_of_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18))
    copy = pathlib.Path(atomic_file.backup(str(path)))
    assert copy.parent == tmp_path
    assert copy.name.startswith(f"file.{os.getpid()}.")
    assert (copy.read_bytes(), mode_of(copy), copy.stat().st_mtime_ns) == (b"secret", 0o640, 10**18)


def test_a_backup_of_nothing_is_explained(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DockyardError, match="Can't back up .*none: no such file"):
        atomic_file.backup(str(tmp_path / "none"))
    assert os.listdir(tmp_path) == []


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Make the disk answer a sync of folders with an error. Files are synced for real."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_change_that_the_disk_does_not_confirm_is_not_called_unchanged(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    refuse_to_sync(monkeypatch, errno.EIO)
    for change in (lambda: atomic_file.write(str(path), b"new"), lambda: atomic_file.remove(str(path))):
        with pytest.raises(DockyardError) as caught:
            change()
        assert caught.value.message == (
            f"A change in {tmp_path} was made, but the disk did not confirm it: Input/output error;"
            " check that disk (dmesg) and run again."
        )
        assert (caught.value.code, caught.value.changed) == ("file_not_synced", True)
        assert path.exists() == (os.listdir(tmp_path) == ["file"])
    assert not path.exists()


def test_a_file_system_that_can_not_sync_folders_is_no_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_sync(monkeypatch, errno.EINVAL)
    atomic_file.write(str(tmp_path / "file"), b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_file_with_the_time_of_another_one_is_as_new_as_its_place(tmp_path: pathlib.Path) -> None:
    """Put it there as cp --preserve does."""
    begin = int(time.time())
    path = tmp_path / "file"
    path.write_text("x")
    os.utime(path, (1000, 1000))
    assert begin <= atomic_file.changed_at(str(path)) <= time.time()
    os.utime(path, (begin + 1000, begin + 1000))
    assert atomic_file.changed_at(str(path)) == begin + 1000


def test_a_file_that_was_written_over_with_the_time_of_another_one_is_as_new_as_that(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    time.sleep(0.1)
    begin = time.time()
    path.write_text("y")
    os.utime(path, (1000, 1000))
    assert begin - 0.05 <= atomic_file.changed_at(str(path)) <= time.time()


def test_what_a_killed_run_has_left_of_a_file_goes_with_the_next_write(tmp_path: pathlib.Path) -> None:
    """Each file's own, and not what a process that lives is about to rename."""
    name = "\u00fc" * 120  # 240 bytes: no room for anything before or behind it
    for each in (name, "other"):
        killed = os.fork()
        if not killed:
            atomic_file.stage(str(tmp_path / each), b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(killed, 0)
    ours = pathlib.Path(atomic_file.stage(str(tmp_path / name), b"new"))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 2 and ours.name in left and all(map(atomic_file.is_leftover, left))
    assert any(each.startswith(".ansible.other.") for each in left)
    atomic_file.write(str(tmp_path / name), b"newer")
    assert ours.read_bytes() == b"new" and (tmp_path / name).read_bytes() == b"newer"
    atomic_file.write(str(tmp_path / "other"), b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {name, "other", ours.name}
