# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How daemon.json is written, whatever goes wrong: it is the old file or the new one, and nothing else.

The files are real. Errors of the operating system are injected between _atomic_file and the real calls, one at each
point in turn; real full and read-only file systems, quotas and kills are in tests/faults and the integration targets.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import pathlib
import tempfile
import threading
from typing import Any, Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import parse, render
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from hypothesis import given, settings
from hypothesis import strategies as st

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENFILE, errno.EBUSY]


class Faulty:
    """Passes everything on to a module, and raises an OSError in place of one of the calls.

    point: number of the call that fails; None for none. calls: names of those that were made.
    """

    def __init__(self, point: int | None, number: int) -> None:
        self.point = point
        self.number = number
        self.calls: list[str] = []

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 == self.point:
                raise OSError(self.number, os.strerror(self.number))
            result = call(*arguments, **options)
            return _FaultyFile(self, result) if name == "fdopen" else result

        return wrapped

    def module(self, real: Any, names: list[str]) -> Any:
        wrap = self.wrap

        class Module:
            def __getattr__(self, name: str) -> Any:
                found = getattr(real, name)
                return wrap(name, found) if name in names else found

        return Module()


class _FaultyFile:
    def __init__(self, faults: Faulty, file: Any) -> None:
        self.file = file
        self.write = faults.wrap("write", file.write)
        self.flush = faults.wrap("flush", file.flush)
        self.fileno = file.fileno

    def __enter__(self) -> _FaultyFile:
        return self

    def __exit__(self, *reason: object) -> None:
        self.file.close()


def write_with_a_fault(
    path: pathlib.Path, content: bytes, point: int | None, number: int, **options: Any
) -> tuple[DockyardError | None, list[str]]:
    """Return the error, and the calls that were made."""
    faults = Faulty(point, number)
    with pytest.MonkeyPatch.context() as patch:
        calls = ["open", "fdopen", "fsync", "rename", "stat", "fstat", "fchmod", "fchown"]
        patch.setattr(atomic_file, "os", faults.module(os, calls))
        patch.setattr(atomic_file, "tempfile", faults.module(tempfile, ["mkstemp"]))
        try:
            atomic_file.write(str(path), content, **options)
        except DockyardError as error:
            return error, faults.calls
    return None, faults.calls


def test_the_points_at_which_a_write_can_fail(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_bytes(b"{}")
    complaint, calls = write_with_a_fault(path, b"{} ", None, 0)
    assert complaint is None
    assert calls == [
        *("mkstemp", "fdopen", "write", "stat", "fstat", "fchmod", "flush", "fsync", "rename"),
        *("open", "fsync"),  # of the folder
    ]


contents = st.dictionaries(st.sampled_from(["bip", "icc", "labels"]), st.text(max_size=2000), max_size=3).map(render)


@settings(max_examples=120, deadline=None)
@given(
    old=st.none() | contents,
    new=contents,
    point=st.integers(0, 11),
    number=st.sampled_from(ERRORS),
    mode=st.sampled_from([0o600, 0o644]),
)
def test_whatever_fails_the_file_is_the_old_or_the_new_one(
    old: bytes | None, new: bytes, point: int, number: int, mode: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "daemon.json")
        if old is not None:
            path.write_bytes(old)
            path.chmod(mode)
        complaint, calls = write_with_a_fault(path, new, point, number)
        found = atomic_file.read(str(path))
        assert os.listdir(folder) == ([] if found is None else ["daemon.json"])
        if found is not None and old is not None:
            assert path.stat().st_mode & 0o777 == mode
        failed = point < len(calls)
        assert found == (new if not failed or "rename" in calls[:point] else old)
        # What is said about it is true.
        if complaint is None:
            # A folder that can't be synchronised is no reason to fail on file systems that never can.
            assert found == new
        elif not complaint.changed:
            assert found == old
            assert complaint.message.startswith(f"Can't write {path}: ")
        else:
            assert found == new
            assert complaint.message.startswith(f"A change in {folder} was made, but the disk did not confirm it: ")
        if failed:
            assert complaint is not None


@settings(max_examples=60, deadline=None)
@given(old=contents, new=contents, point=st.integers(0, 20), number=st.sampled_from(ERRORS))
def test_a_run_after_a_failed_one_completes_it(old: bytes, new: bytes, point: int, number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "daemon.json")
        path.write_bytes(old)
        write_with_a_fault(path, new, point, number)
        assert write_with_a_fault(path, new, None, 0)[0] is None
        assert path.read_bytes() == new
        assert os.listdir(folder) == ["daemon.json"]


def config_of(writer: int, turn: int) -> bytes:
    """Of very different sizes, and such that half of one, or a mixture of two, is recognised."""
    return render({"labels": [f"writer={writer}", f"turn={turn}"] * (1 + 400 * (turn % 3)), "mtu": writer})


def whole(content: bytes) -> tuple[int, int]:
    config = parse(content, "daemon.json")
    writer, turn = config["mtu"], int(config["labels"][1].split("=")[1])
    assert content == config_of(writer, turn)
    return writer, turn


def keep_writing(path: str, writer: int, turns: int) -> None:
    for turn in range(turns):
        with atomic_file.locked(os.path.dirname(path)):
            before = atomic_file.read(path)

            def unchanged(expected: bytes | None = before) -> None:
                assert atomic_file.read(path) == expected, "another process came in between in spite of the lock"

            atomic_file.write(path, config_of(writer, turn), check=unchanged)


def test_processes_that_write_at_once_and_threads_that_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_bytes(config_of(0, 0))
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=keep_writing, args=(str(path), number, 30)) for number in (1, 2, 3)]
    seen: list[set[tuple[int, int]]] = []
    done = threading.Event()

    def keep_reading() -> None:
        mine = set()
        while not done.is_set():
            mine.add(whole(path.read_bytes()))
        seen.append(mine)

    for writer in writers:
        writer.start()
    readers = [threading.Thread(target=keep_reading) for _each in range(2)]
    for reader in readers:
        reader.start()
    for writer in writers:
        writer.join(60)
    done.set()
    for reader in readers:
        reader.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(seen) == 2, "a reader saw half of a file"
    assert len(set.union(*seen)) > 3
    assert whole(path.read_bytes())[1] == 29
    assert os.listdir(tmp_path) == ["daemon.json"]


def test_threads_that_write_at_once_without_a_lock(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "daemon.json"
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for turn in range(30):
                atomic_file.write(str(path), config_of(writer, turn))
                whole(path.read_bytes())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert whole(path.read_bytes())[1] == 29
    assert os.listdir(tmp_path) == ["daemon.json"]
