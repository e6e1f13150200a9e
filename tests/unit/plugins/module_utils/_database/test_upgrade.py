# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps from one version to another, by the tables, and the record of an upgrade."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade import releases, runner
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade.job import Job, JobStore, UpgradeContext
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade.kind import Kind
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

TITLES = {"redis": "Redis", "valkey": "Valkey", "mysql": "MySQL", "mariadb": "MariaDB"}


@pytest.mark.parametrize(
    ("flavour", "source", "target"),
    [
        ("redis", (7, 0, 15), (8, 0, 2)),
        ("redis", (7, 0, 15), (7, 4, 0)),
        ("valkey", (8, 1, 1), (9, 1, 2)),
        ("valkey", (7, 2, 5), (8, 0, 0)),
        ("mysql", (8, 0, 39), (8, 4, 2)),
        ("mysql", (8, 4, 2), (8, 4, 10)),
        ("mariadb", (10, 6, 1), (11, 8, 9)),
        ("redis", (), (8, 0, 2)),
    ],
)
def test_steps_that_are_allowed(flavour: str, source: tuple[int, ...], target: tuple[int, ...]) -> None:
    if source:
        releases.check_step(flavour, TITLES[flavour], source, target)
    else:
        assert releases.skipped(flavour, (7, 0), target) == []


@pytest.mark.parametrize(
    ("flavour", "source", "target", "text"),
    [
        ("redis", (8, 0, 2), (7, 0, 15), "The data are of Redis 8.0.2, and Redis 7.0.15 is older"),
        ("redis", (8, 0, 2), (8, 0, 1), "Take 8.0.2 or a later one"),
        ("redis", (6, 2, 1), (8, 0, 2), "Redis 6.2.1 can't be upgraded to 8.0.2 in one step; go to 7.4 first"),
        ("redis", (5, 0, 1), (8, 0, 2), "go to 6.2 and then 7.4 first, the latest release of each, and then to 8.0.2"),
        ("valkey", (7, 2, 1), (9, 0, 0), "go to 8.1 first"),
        ("mysql", (8, 0, 39), (9, 7, 1), "go to 8.4 first"),
        ("mysql", (5, 7, 44), (8, 4, 2), "go to 8.0 first"),
        ("mysql", (8, 0, 37), (8, 0, 38), "MySQL 8.0.38 was withdrawn by its makers, because it does not start again"),
        ("mysql", (8, 0, 37), (8, 4, 1), "take 8.4.2 or a later one"),
        ("mariadb", (11, 8, 1), (10, 11, 9), "is older"),
    ],
)
def test_steps_that_are_refused(flavour: str, source: tuple[int, ...], target: tuple[int, ...], text: str) -> None:
    with pytest.raises(DockyardError) as caught:
        releases.check_step(flavour, TITLES[flavour], source, target)
    assert caught.value.code == "database_upgrade_refused"
    assert text in caught.value.message
    assert_explained(caught.value)


class Recorder(Kind):
    """A stand-in for a kind of server, whose steps only say that they were done.

    The order of the steps and what follows a failure are real; no server is behind them.
    """

    COPIES_AHEAD = True

    def __init__(self, fails: str = "", opens: bool = True, down: bool = True) -> None:
        self.calls: list[str] = []
        self._fails = fails
        self._opens = opens
        self._down = down

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if name in self._fails.split():
            raise DockyardError("database_not_proven", f"{name} failed.")

    def check(self, context: UpgradeContext) -> None:
        self._step("check")

    def try_configuration(self, context: UpgradeContext) -> None:
        self._step("try_configuration")

    def back_up(self, context: UpgradeContext) -> None:
        self._step("back_up")

    def copy_ahead(self, context: UpgradeContext) -> None:
        self._step("copy_ahead")

    def stop(self, context: UpgradeContext) -> None:
        if self._down:
            context.mark_down()
        self._step("stop")

    def copy(self, context: UpgradeContext) -> None:
        self._step("copy")

    def start_new(self, context: UpgradeContext) -> None:
        self._step("start_new")

    def prove(self, context: UpgradeContext) -> None:
        self._step("prove")

    def open(self, context: UpgradeContext) -> None:
        context.job.opened = self._opens
        self._step("open")

    def settle(self, context: UpgradeContext) -> None:
        context.mark_up()
        self._step("settle")

    def stop_new(self, context: UpgradeContext) -> None:
        self._step("stop_new")

    def restore_data(self, context: UpgradeContext) -> None:
        self._step("restore_data")

    def start_old(self, context: UpgradeContext) -> None:
        self._step("start_old")

    def prove_old(self, context: UpgradeContext) -> None:
        context.mark_up()
        self._step("prove_old")

    def remove_traces(self, context: UpgradeContext) -> None:
        self._step("remove_traces")


FORWARD = [
    "check",
    "try_configuration",
    "back_up",
    "copy_ahead",
    "stop",
    "copy",
    "start_new",
    "prove",
    "open",
    "settle",
]
BACK = ["stop_new", "restore_data", "start_old", "prove_old", "remove_traces"]


@pytest.fixture(name="job")
def _job(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    return Job(
        id="j",
        folder=str(tmp_path / "r"),
        container="r",
        flavour="redis",
        title="Redis",
        source="7.0.15",
        target="8.0.2",
        image_before="redis:7",
        image_after="redis:8",
        work=str(tmp_path / "r/upgrades/j"),
        timeout=1,
        stop_timeout=1,
        keep_copy=True,
        server={},
    )


def execute(job: Job, kind: Recorder) -> Job:
    store = JobStore(job.folder)
    store.write(job)
    runner.execute(UpgradeContext(store, job), kind)
    found = store.read()
    assert found is not None
    return found


def test_all_steps_in_order(job: Job) -> None:
    kind = Recorder()
    done = execute(job, kind)
    assert kind.calls == FORWARD
    assert done.outcome == "upgraded" and done.error_code is None and done.down_since is None
    assert (done.message or "").startswith("r went from Redis 7.0.15 to 8.0.2, was down for ")


@pytest.mark.parametrize("step", FORWARD[:4])
def test_before_the_stop_nothing_is_rolled_back(job: Job, step: str) -> None:
    kind = Recorder(step)
    done = execute(job, kind)
    assert kind.calls == [*FORWARD[: FORWARD.index(step) + 1], "remove_traces"]
    assert done.outcome == "refused"
    assert done.message == f"{step} failed. Redis 7.0.15 was not stopped, and is as before."


def test_a_server_that_does_not_stop_was_not_stopped(job: Job) -> None:
    done = execute(job, Recorder("stop", down=False))
    assert done.outcome == "refused"


@pytest.mark.parametrize("step", FORWARD[4:8])
def test_from_the_stop_to_the_proof_all_is_rolled_back(job: Job, step: str) -> None:
    kind = Recorder(step)
    done = execute(job, kind)
    assert kind.calls == [*FORWARD[: FORWARD.index(step) + 1], *BACK]
    assert (done.outcome, done.error_code) == ("rolled_back", "database_not_proven")
    assert (
        done.message
        == f"{step} failed. Redis 7.0.15 is up again with its data, after {done.downtime:.1f} seconds without."
    )


@pytest.mark.parametrize("step", ["open", "settle"])
def test_once_clients_are_in_nothing_is_rolled_back(job: Job, step: str) -> None:
    kind = Recorder(step)
    done = execute(job, kind)
    assert not set(BACK) & set(kind.calls)
    assert (done.outcome, done.error_code) == ("upgraded", "database_not_proven")
    assert f"What came after failed: {step} failed." in (done.message or "")


def test_a_failure_before_clients_are_in_is_rolled_back(job: Job) -> None:
    kind = Recorder("open", opens=False)
    assert execute(job, kind).outcome == "rolled_back"


def test_a_rollback_that_fails_goes_on_in_the_next_run(job: Job) -> None:
    done = execute(job, Recorder("prove start_old"))
    assert done.outcome == "broken"
    assert "prove failed. Going back to 7.0.15 failed too: start_old failed. r may be down." in (done.message or "")
    kind = Recorder()
    sentence = runner.resume(done, kind)
    assert sentence == "The run before was interrupted in its rollback, at: back start; the rollback goes on."
    assert execute(done, kind).outcome == "rolled_back"
    assert kind.calls == BACK[2:]


def test_an_interrupted_run_does_again_what_ages(job: Job) -> None:
    job.doing, job.done = "backup", ["check", "configuration"]
    kind = Recorder()
    assert runner.resume(job, kind) == "The run before was interrupted at: backup; it goes on from there."
    assert execute(job, kind).outcome == "upgraded" and kind.calls == FORWARD


def test_an_interrupted_run_goes_on_after_the_stop(job: Job) -> None:
    job.doing, job.done, job.down_since = "start", ["check", "configuration", "backup", "ahead", "stop", "copy"], 1.0
    kind = Recorder()
    runner.resume(job, kind)
    assert execute(job, kind).outcome == "upgraded" and kind.calls == FORWARD[6:]


def test_a_run_that_ends_again_and_again_is_taken_back(job: Job) -> None:
    job.doing, job.done, job.down_since = "start", ["check", "configuration", "backup", "ahead", "stop", "copy"], 1.0
    for _time in range(3):
        runner.resume(job, Recorder())
        assert job.direction == "forward"
    assert "again and again; it is taken back" in (runner.resume(job, Recorder()) or "")
    kind = Recorder()
    done = execute(job, kind)
    assert (done.outcome, done.error_code, kind.calls) == ("rolled_back", "database_interrupted", BACK)


def test_a_defect_is_rolled_back_too(job: Job) -> None:
    class Broken(Recorder):
        def copy(self, context: UpgradeContext) -> None:
            raise ZeroDivisionError("oops")

    done = execute(job, Broken())
    assert (done.outcome, done.error_code) == ("rolled_back", "database_defect")
    assert "Copying the data failed with ZeroDivisionError: oops" in (done.message or "")


def test_a_record_that_can_not_be_understood(job: Job) -> None:
    store = JobStore(job.folder)
    store.write(job)
    pathlib.Path(store.file("job.json")).write_text('{"id": 1}')
    with pytest.raises(DockyardError) as caught:
        store.read()
    assert_explained(caught.value)
    store.write(job)
    assert store.read() == dataclasses.replace(job)
