# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of steps, and what becomes of it when a run was interrupted or the rollback is taken."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import runner
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Hop, Job
from hypothesis import given
from hypothesis import strategies as st

SERVING = ("check", "fetch", "unpack", "load", "configuration", "copy", "count")
FOUND_ANEW = {"check", "configuration", "copy", "count"}


def a_job(source: str, *versions: str) -> Job:
    return Job(
        id="20261124T051500",
        path="/opt/harbor",
        source=source,
        hops=[Hop(version, f"/a/{version}.tgz", f"/r/{version}") for version in versions],
        data_volume="/data",
        work="/w",
        backup="/b",
        parts=["database"],
        flags=[],
        options={},
    )


def names(job: Job) -> list[str]:
    return [step.name for step in runner.upgrade_steps(job)]


def interrupted(job: Job, at: str) -> Job:
    """As the record is after a kill in that step."""
    job.done, job.doing = names(job)[: names(job).index(at)], at
    job.down_since = 1.0 if "stop" in job.done else None
    return job


def test_the_steps_of_two_hops() -> None:
    assert names(a_job("2.8.6", "2.10.3", "2.12.4")) == [
        *("check", "fetch 2.10.3", "unpack 2.10.3", "load 2.10.3", "fetch 2.12.4", "unpack 2.12.4", "load 2.12.4"),
        *("configuration", "copy", "count", "stop", "copy_again", "swap 2.10.3", "install 2.10.3", "wait 2.10.3"),
        *("swap 2.12.4", "install 2.12.4", "wait 2.12.4", "verify", "tidy"),
    ]


def test_the_database_is_migrated_by_a_step_of_its_own_before_1_7_only() -> None:
    job = a_job("1.5.4", "1.6.3", "1.8.6", "1.10.17")
    assert [name for name in names(job) if name.startswith("database")] == ["database 1.6.3"]
    assert names(job)[names(job).index("database 1.6.3") - 1] == "swap 1.6.3"


versions = st.lists(st.sampled_from(["2.9.5", "2.10.3", "2.11.2", "2.12.4"]), min_size=1, unique=True).map(sorted)


@given(hops=versions)
def test_no_step_is_there_twice_and_all_that_can_be_done_before_the_stop_is(hops: list[str]) -> None:
    job = a_job("2.8.6", *hops)
    assert len(set(names(job))) == len(names(job))
    before = names(job)[: names(job).index("stop")]
    assert {name.split()[0] for name in before} == set(SERVING)
    assert not {name.split()[0] for name in names(job)[len(before) :]} & set(SERVING)


def test_a_new_job_has_nothing_to_go_on_from() -> None:
    job = a_job("2.8.6", "2.10.3")
    assert runner.resume(job) is None
    assert job == a_job("2.8.6", "2.10.3")


@pytest.mark.parametrize("at", names(a_job("2.8.6", "2.10.3")))
def test_it_goes_on_and_finds_out_again_what_ages_while_harbor_is_up(at: str) -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), at)
    was = list(job.done)
    assert runner.resume(job) == f"The run before was interrupted at: {at}; it goes on from there."
    gone = FOUND_ANEW if "stop" not in was else set()
    assert job.done == [name for name in was if name not in gone]
    assert (job.direction, job.reason) == ("forward", None)


def test_while_harbor_is_up_it_is_tried_for_ever() -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), "load 2.10.3")
    for _time in range(10):
        runner.resume(job)
    assert job.direction == "forward"


def test_while_it_is_down_three_times_are_enough() -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), "install 2.10.3")
    for _time in range(3):
        runner.resume(job)
        assert job.direction == "forward"
    said = runner.resume(job)
    assert said == "The run before was interrupted at: install 2.10.3, again and again; it is taken back."
    assert (job.direction, job.reason) == ("back", "The run was interrupted 4 times at: install 2.10.3")
    assert job.error_code == "harbor_run_interrupted"


def test_being_interrupted_at_other_steps_does_not_count() -> None:
    job = a_job("2.8.6", "2.10.3")
    for at in ("copy_again", "swap 2.10.3", "install 2.10.3", "wait 2.10.3"):
        runner.resume(interrupted(job, at))
    assert job.direction == "forward"


def test_the_rollback_goes_on_without_end() -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), "wait 2.10.3")
    runner.turn_to_rollback(job, "not healthy")
    job.done += ["back stop"]
    job.doing, job.outcome = "back folder", "broken"
    for _time in range(5):
        assert "the rollback goes on" in (runner.resume(job) or "")
    assert job.done[-1] == "back stop"
    assert job.outcome is None


def test_the_rollback_of_an_earlier_time_is_not_taken_for_done() -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), "tidy")
    forward = list(job.done)
    back = [step.name for step in runner.rollback_steps(job)]
    job.done += back
    job.outcome = "rolled_back"
    runner.turn_to_rollback(job, None)
    assert (job.direction, job.outcome, job.reason) == ("back", None, None)
    # What was done on the way there tells the rollback what there is to put back.
    assert job.done == forward


def test_turning_round_twice_is_turning_round_once() -> None:
    job = interrupted(a_job("2.8.6", "2.10.3"), "verify")
    runner.turn_to_rollback(job, "lost")
    once = copy.deepcopy(job)
    runner.turn_to_rollback(job, "lost")
    assert job == once
