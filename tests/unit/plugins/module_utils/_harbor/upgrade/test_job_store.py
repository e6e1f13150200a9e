# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of an upgrade: all of it comes back, what is damaged is refused, and two runs at once are kept apart."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Census, Child, Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODULE = "ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store"
BEGIN = (
    f"import os, sys, time; import {MODULE} as store; store.FOLDER = sys.argv[1]\n"
    "store = store.JobStore('/opt/harbor')\n"
)


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "dockyard" / "harbor"))
    return JobStore("/opt/harbor")


def a_job(**values: Any) -> Job:
    return dataclasses.replace(
        Job(
            id="20261124T050000-2.8.6-2.12.4",
            path="/opt/harbor",
            source="2.8.6",
            hops=[
                Hop("2.10.3", "/a/2.10.3.tgz", "/r/2.10.3"),
                Hop("2.12.4", "/a/2.12.4.tgz", "/r/2.12.4", url="https://x"),
            ],
            data_volume="/data",
            work="/opt/harbor.dockyard",
            backup="/data/dockyard-backups/upgrade-x",
            parts=["database", "redis"],
            flags=["--with-trivy"],
            options={"timeout": 600, "database_backup_command": ["a", "b c"]},
        ),
        **values,
    )


def other_process(store: JobStore, program: str, **keywords: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program, os.path.dirname(store.path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **keywords,
    )


# ---- the record ----

texts = st.text(max_size=8)
censuses = st.none() | st.builds(
    Census, st.integers(), st.integers(), st.integers(), st.lists(st.lists(texts, min_size=2, max_size=2), max_size=2)
)
jobs = st.builds(
    Job,
    hops=st.lists(st.builds(Hop, texts, texts, texts, st.none() | texts, images=st.none() | texts), max_size=3),
    options=st.dictionaries(texts, st.booleans() | st.integers() | st.lists(texts, max_size=2), max_size=3),
    done=st.lists(texts, max_size=3),
    outcome=st.sampled_from([None, "upgraded", "rolled_back", "refused", "broken"]),
    census=censuses,
    census_after=censuses,
    down_since=st.none() | st.floats(0, 2e9),
    child=st.none() | st.builds(Child, st.integers(1), st.integers(0), texts),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(job=jobs)
def test_all_of_it_comes_back(store: JobStore, job: Job) -> None:
    store.write(job)
    assert store.read() == job


def test_it_is_for_root_alone(store: JobStore) -> None:
    assert store.read() is None
    store.write(a_job())
    path = pathlib.Path(store.path)
    assert path.stat().st_mode & 0o777 == 0o700
    assert [(one.name, one.stat().st_mode & 0o777) for one in path.iterdir()] == [("job.json", 0o600)]


def test_each_install_folder_has_its_own(store: JobStore, tmp_path: pathlib.Path) -> None:
    assert os.path.basename(store.path) == "opt-harbor"
    assert os.path.basename(JobStore("/srv/a-b").path) == "srv-a\\x2db"
    assert JobStore("/srv/a/b").path != JobStore("/srv/a-b").path
    (tmp_path / "link").symlink_to("/opt/harbor")
    assert JobStore(str(tmp_path / "link")).path == store.path == JobStore("/opt/harbor/").path


GOOD = dataclasses.asdict(a_job(census=Census(1, 2, 3)))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (json.dumps(GOOD).encode()[:50], None),
        (b"\xff\xfe\x00", None),
        (b"[]", None),
        (b"null", None),
        (b"{}", "'hops'"),
        (json.dumps({**GOOD, "hops": 5}).encode(), None),
        (json.dumps({**GOOD, "hops": ["2.12.4"]}).encode(), None),
        (json.dumps({**GOOD, "census": {"projects": 1}}).encode(), None),
        (json.dumps({**GOOD, "child": {"pid": 1}}).encode(), None),
        (json.dumps({**GOOD, "of_tomorrow": 1}).encode(), None),
        (json.dumps({key: value for key, value in GOOD.items() if key != "backup"}).encode(), None),
    ],
)
def test_a_damaged_record_is_refused_and_not_overwritten(store: JobStore, content: bytes, why: str | None) -> None:
    """It may be all that is known about a Harbor that is down."""
    store.write(a_job())
    file = pathlib.Path(store.path) / "job.json"
    file.write_bytes(content)
    with pytest.raises(DockyardError) as caught:
        store.read()
    begin, end = f"{file}, the record of an upgrade of Harbor, can't be understood (", (
        "); it was changed by hand, or written by a newer version of this collection. Move it away if no upgrade is"
        " under way."
    )
    message = caught.value.message
    assert message.startswith(begin) and message.endswith(end)
    if why is not None:
        assert message == begin + why + end
    assert file.read_bytes() == content


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "file" / "harbor"))
    with pytest.raises(DockyardError) as caught:
        JobStore("/opt/harbor").try_lock()
    assert caught.value.message == (
        f"Can't create {tmp_path}/file/harbor/opt-harbor: a part of this path is a file and not a folder; move it away"
        " and run again."
    )


@pytest.mark.parametrize(
    ("outcome", "unfinished"),
    [(None, True), ("broken", True), ("upgraded", False), ("rolled_back", False), ("refused", False)],
)
def test_what_there_is_to_do_yet(outcome: str | None, unfinished: bool) -> None:
    assert a_job(outcome=outcome).unfinished is unfinished
    assert a_job().target == "2.12.4"


def test_the_time_without_service_adds_up() -> None:
    assert a_job(downtime=12.5).downtime_now() == 12.5
    assert 22 < a_job(downtime=12.5, down_since=time.time() - 10).downtime_now() < 24


# ---- two runs at once ----


def test_a_second_run_is_kept_out_until_the_first_has_ended(store: JobStore) -> None:
    assert not store.is_locked()
    assert not os.path.exists(store.path), "whoever looks makes nothing"
    with other_process(store, "lock = store.try_lock(); print('locked', flush=True); time.sleep(60)") as first:
        assert first.stdout is not None and first.stdout.readline() == "locked\n"
        assert store.is_locked()
        assert store.try_lock() is None
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert not store.is_locked()
        lock = store.try_lock()
        assert lock is not None
    with other_process(store, "print(store.is_locked(), store.try_lock())") as second:
        assert second.communicate()[0] == "True None\n"
    os.close(lock)
    assert not store.is_locked()


def test_the_lock_is_held_until_the_last_process_that_has_it_has_ended(store: JobStore) -> None:
    """As a run that goes on when the module has ended."""
    program = (
        "lock = store.try_lock()\nif os.fork() == 0:\n    time.sleep(0.7)\n    os._exit(0)\nprint('ended')\nos._exit(0)"
    )
    with other_process(store, program.replace("print('ended')", "os.write(1, b'ended\\n')")) as first:
        assert first.stdout is not None and first.stdout.readline() == "ended\n"
        first.wait()
        assert store.is_locked()
        deadline = time.monotonic() + 240
        while store.is_locked() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not store.is_locked()


def test_whoever_only_looks_keeps_nobody_out(store: JobStore) -> None:
    pathlib.Path(store.path).mkdir(parents=True)
    with other_process(store, "print('looking', flush=True)\nwhile True: store.is_locked()") as looking:
        assert looking.stdout is not None and looking.stdout.readline() == "looking\n"
        try:
            for _time in range(3000):
                lock = store.try_lock()
                assert lock is not None
                os.close(lock)
        finally:
            looking.kill()


def test_a_lock_is_not_inherited_by_commands(store: JobStore) -> None:
    lock = store.try_lock()
    assert lock is not None
    with subprocess.Popen(["sleep", "60"], close_fds=False) as command:
        os.close(lock)
        try:
            assert not store.is_locked()
        finally:
            command.kill()


# ---- what can be followed ----


def test_the_journal_has_a_line_for_each_thing(store: JobStore) -> None:
    assert store.journal_lines(0) == []
    store.log("lost: there is no folder yet")
    store.write(a_job())
    for text in ("one", "two\nlines  and\u2028three\r", "the name of a file: \udcff", "ä"):
        store.log(text)
    lines = store.journal_lines(0)
    assert [line[20:] for line in lines] == ["one", "two lines and three", "the name of a file: ?", "ä"]
    assert abs(time.mktime(time.strptime(lines[0][:19], "%Y-%m-%d %H:%M:%S")) - time.time()) < 60
    assert store.journal_lines(3) == lines[3:]
    assert store.journal_lines(10) == []
    assert os.stat(store.journal).st_mode & 0o777 == 0o600


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())))
def test_whatever_is_said_is_one_line(store: JobStore, text: str) -> None:
    store.write(a_job())
    before = len(store.journal_lines(0))
    store.log(text)
    assert len(store.journal_lines(0)) == before + 1


def test_what_can_not_be_written_stops_nobody(store: JobStore) -> None:
    store.write(a_job())
    for path in (store.journal, store.output):
        os.symlink("/dev/full", path)
    os.mkdir(os.path.join(store.path, "progress.json"))
    store.log("one")
    store.log_output(b"two")
    store.write_progress({"step": "copy"})


def test_progress_is_the_last_that_was_shown(store: JobStore) -> None:
    assert store.progress() == {}
    store.write(a_job())
    store.write_progress({"step": "copy", "done": 1})
    store.write_progress({"step": "copy", "done": 2})
    assert store.progress() == {"step": "copy", "done": 2}
    for content in (b"", b"{", b"5", b"\xff"):
        pathlib.Path(store.path, "progress.json").write_bytes(content)
        assert store.progress() == {}


def test_a_new_job_keeps_the_journal_of_the_one_before(store: JobStore) -> None:
    store.write(a_job())
    store.begin_journal()
    store.log("of the first")
    store.log_output(b"of the first")
    store.write_progress({"step": "copy"})
    store.begin_journal()
    assert store.journal_lines(0) == []
    assert store.progress() == {}
    assert sorted(os.listdir(store.path)) == ["job.json", "journal.log.1", "output.log.1"]
    assert pathlib.Path(store.output + ".1").read_bytes() == b"of the first"
