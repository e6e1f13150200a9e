# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an order leads to where no work is begun: a plan, a refusal, the end of a job, one that is under way."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store, request
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.plan import DesiredUpgrade
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.request import Archive, UpgradeRequest
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker, install
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_server import PASSWORD, Harbor, serve

OrderOf = Callable[..., UpgradeRequest]


@pytest.fixture
def harbor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbor]:
    """Start a Harbor 2.8.6 that answers."""
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "jobs"))
    docker = Docker(tmp_path, monkeypatch)
    folder, data = tmp_path / "opt" / "harbor", tmp_path / "data"
    with serve(Harbor(repositories={"library/app": []})) as harbor:
        install(folder, data, port=harbor.port)
        docker.start(str(folder))
        yield harbor


@pytest.fixture
def order(harbor: Harbor, tmp_path: Path) -> OrderOf:
    def make(*names: str, **options: Any) -> UpgradeRequest:
        usual = UpgradeRequest(
            path=str(tmp_path / "opt" / "harbor"),
            state="upgraded",
            archives=[Archive(f"/srv/{name}") for name in names],
            secrets=Secrets("admin", PASSWORD),
            desired=DesiredUpgrade(),
            keep_backup=True,
            timeout=60,
            wait=False,
            job=None,
            journal_from=0,
            only_plan=True,
        )
        return dataclasses.replace(usual, **options)

    return make


OFFLINE = "harbor-offline-installer-v{}.tgz"


def recorded(order: UpgradeRequest, **changes: Any) -> Job:
    """Record a job from 2.8.6 to 2.10.3. Return it."""
    job = Job(
        id="20261124T051500-2.8.6-2.10.3",
        path=order.path,
        source="2.8.6",
        hops=[Hop("2.10.3", "/a.tgz", "/r")],
        data_volume="/data",
        work=f"{order.path}.dockyard",
        backup=f"{order.path}.backup",
        parts=["database"],
        flags=[],
        options={"timeout": 60},
        **{"doing": "tidy", **changes},
    )
    JobStore(order.path).write(job)
    return job


# ---- the archives ----


def test_archives_are_gone_through_in_the_order_of_their_versions(order: OrderOf) -> None:
    names = ("harbor-online-installer-v2.12.4.tgz", "harbor-offline-installer-v2.9.5.tgz", OFFLINE.format("2.10.3"))
    outcome = request.execute_request(order(*names))
    assert outcome.plan is not None
    # 2.9 is before 2.10, which as text it is not.
    assert [str(hop) for hop in outcome.plan.hops] == ["2.9.5", "2.10.3", "2.12.4"]


@pytest.mark.parametrize(
    "name", ["harbor.tgz", "harbor-offline-installer-v2.10.tgz", "harbor-offline-installer-latest.tgz"]
)
def test_a_name_that_tells_no_version(order: OrderOf, name: str) -> None:
    with pytest.raises(DockyardError, match=rf"^The version of {name} is not known; "):
        request.execute_request(order(name))


def test_two_archives_of_one_version(order: OrderOf) -> None:
    names = (OFFLINE.format("2.10.3"), "harbor-online-installer-v2.10.3.tgz")
    with pytest.raises(DockyardError, match=r"^Two archives are of Harbor 2\.10\.3 "):
        request.execute_request(order(*names))


def test_no_archive(order: OrderOf) -> None:
    with pytest.raises(DockyardError, match="^archives is empty;"):
        request.execute_request(order())


# ---- the plan ----


def test_a_plan_changes_nothing(order: OrderOf, tmp_path: Path) -> None:
    outcome = request.execute_request(order(OFFLINE.format("2.10.3")))
    assert (outcome.outcome, outcome.changed, outcome.failed) == ("planned", True, False)
    assert outcome.message == "Harbor would go from 2.8.6 to 2.10.3, and be down for about 60 seconds."
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(("state", "failed"), [("planned", False), ("upgraded", True)])
def test_what_is_in_the_way_fails_where_an_upgrade_was_asked_for(order: OrderOf, state: str, failed: bool) -> None:
    outcome = request.execute_request(order(OFFLINE.format("2.12.4"), state=state))
    assert (outcome.outcome, outcome.changed, outcome.failed) == ("refused", False, failed)
    assert outcome.message.startswith("Harbor 2.8.6 can't be upgraded to 2.12.4: ")
    assert "Nothing was changed" not in outcome.message, "the module adds it"
    assert outcome.error_code == ("harbor_upgrade_refused" if failed else None)


@pytest.mark.parametrize("only_plan", [True, False])
def test_what_is_reached_needs_no_archive_and_no_login(order: OrderOf, harbor: Harbor, only_plan: bool) -> None:
    wanted = order(OFFLINE.format("2.8.6"), only_plan=only_plan, secrets=Secrets("admin", "wrong"))
    outcome = request.execute_request(wanted)
    assert (outcome.outcome, outcome.changed, outcome.failed) == ("unchanged", False, False)
    assert harbor.asked == []


def test_a_harbor_that_is_ill_is_fixed_first(order: OrderOf, harbor: Harbor) -> None:
    harbor.ill = {"redis": "refused"}
    outcome = request.execute_request(order(OFFLINE.format("2.10.3"), only_plan=False))
    assert outcome.failed
    assert "Harbor 2.8.6 is not up as it should be (not healthy: redis); fix that first." in outcome.message
    assert JobStore(order().path).read() is None


# ---- jobs ----


@pytest.mark.parametrize(
    ("outcome", "reason", "changed", "failed"),
    [
        ("upgraded", None, True, False),
        ("rolled_back", None, True, False),
        ("rolled_back", "core is not healthy", False, True),
        # Not tried again by who only watches it.
        ("broken", "core is not healthy", True, True),
        ("refused", None, False, True),
    ],
)
def test_a_job_that_has_ended_is_reported_once_more(
    order: OrderOf, outcome: str, reason: str | None, changed: bool, failed: bool
) -> None:
    code = "harbor_not_healthy" if failed else None
    job = recorded(order(), outcome=outcome, reason=reason, error_code=code, message="So it was.")
    watched = request.execute_request(order(job=job.id, only_plan=False))
    assert (watched.outcome, watched.changed, watched.failed) == (outcome, changed, failed)
    assert watched.message == "So it was."
    assert watched.error_code == ("harbor_rollback_failed" if outcome == "broken" else code)


def test_another_job_is_not_begun_in_place_of_one(order: OrderOf) -> None:
    recorded(order(), outcome="upgraded")
    outcome = request.execute_request(order(OFFLINE.format("2.10.3"), job="2-2.8.6-2.10.3", only_plan=False))
    assert (outcome.failed, outcome.changed, outcome.error_code) == (True, False, "harbor_job_gone")
    assert re.fullmatch("There is no job 2-2.8.6-2.10.3 of .*/opt/harbor on this host any more[.]", outcome.message)


def test_one_that_is_under_way_is_watched_and_no_other_is_begun(order: OrderOf) -> None:
    job = recorded(order(), doing="copy")
    lock = JobStore(job.path).try_lock()
    assert lock is not None
    try:
        watched = request.execute_request(order(OFFLINE.format("2.12.4"), only_plan=False))
        planned = request.execute_request(order(OFFLINE.format("2.12.4")))
    finally:
        os.close(lock)
    assert (watched.outcome, watched.running, watched.changed, watched.failed) == ("running", True, True, False)
    assert planned.message == "An upgrade from 2.8.6 to 2.10.3 is under way, at: copy; a run goes on with it."


def test_the_refusal_of_another_after_one_was_dropped_does_not_deny_that(order: OrderOf) -> None:
    job = recorded(order(), doing="copy", done=["check"])
    os.makedirs(job.backup)
    outcome = request.execute_request(order(OFFLINE.format("2.12.4"), state="upgraded", only_plan=False))
    assert (outcome.outcome, outcome.changed, outcome.failed) == ("refused", True, True)
    assert not os.path.exists(job.backup)


def test_one_that_was_interrupted_is_gone_on_with(order: OrderOf) -> None:
    recorded(order(), doing="install 2.10.3")
    planned = request.execute_request(order(OFFLINE.format("2.10.3")))
    assert "was interrupted, at: install 2.10.3; a run goes on with it." in planned.message


def test_one_that_touched_nothing_is_dropped_for_the_rollback(order: OrderOf) -> None:
    job = recorded(order(), doing="copy", done=["check"])
    os.makedirs(job.backup)
    watched = request.execute_request(order(state="rolled_back", only_plan=False))
    assert (watched.outcome, watched.changed, watched.failed) == ("rolled_back", True, False)
    assert watched.message == "Harbor 2.8.6 was not stopped; the upgrade to 2.10.3 was dropped."
    assert not os.path.exists(job.backup)


# ---- the rollback ----


@pytest.mark.parametrize("only_plan", [True, False])
def test_there_is_no_rollback_where_nothing_was_upgraded(order: OrderOf, only_plan: bool) -> None:
    back = order(state="rolled_back", only_plan=only_plan)
    with pytest.raises(DockyardError, match="^No upgrade of .* is recorded on this host"):
        request.execute_request(back)
    recorded(back, outcome="refused")
    with pytest.raises(DockyardError, match="^No upgrade of .* is recorded on this host"):
        request.execute_request(back)


@pytest.mark.parametrize("there", [(), ("folder",), ("data",), ("folder", "data")])
def test_the_rollback_needs_both_copies(order: OrderOf, there: tuple[str, ...]) -> None:
    back = order(state="rolled_back")
    job = recorded(back, outcome="upgraded")
    for name in there:
        os.makedirs(job.backup if name == "data" else os.path.join(job.work, f"before-{job.id}"))
    if len(there) < 2:
        with pytest.raises(
            DockyardError, match="^The copy that was made before the upgrade from 2.8.6 to 2.10.3 is gone"
        ):
            request.execute_request(back)
        return
    outcome = request.execute_request(back)
    assert (outcome.outcome, outcome.changed) == ("planned", True)
    # Only planned: the record is as it was.
    assert JobStore(job.path).read() == job


@pytest.mark.parametrize("only_plan", [True, False])
def test_the_rollback_is_gone_once(order: OrderOf, only_plan: bool) -> None:
    back = order(state="rolled_back", only_plan=only_plan)
    recorded(back, outcome="rolled_back")
    outcome = request.execute_request(back)
    assert (outcome.outcome, outcome.changed, outcome.failed) == ("unchanged", False, False)
    assert outcome.message == "Harbor was taken back to 2.8.6 already."


# ---- while another run makes its plan ----


def another_run(folder: JobStore, then: Callable[[], None]) -> threading.Thread:
    """Hold the lock in a thread that does something after a while, and ends."""
    lock = folder.try_lock()
    assert lock is not None

    def context() -> None:
        time.sleep(0.3)
        then()
        os.close(lock)

    thread = threading.Thread(target=context)
    thread.start()
    return thread


def test_another_run_that_begins_is_watched(order: OrderOf) -> None:
    mine = order(OFFLINE.format("2.10.3"), only_plan=False)
    folder = JobStore(mine.path)

    def begin_and_work() -> None:
        folder.write(recorded(mine, doing="copy"))
        time.sleep(2)

    other = another_run(folder, begin_and_work)
    outcome = request.execute_request(mine)
    other.join()
    assert (outcome.outcome, outcome.running, outcome.message) == ("running", True, "copy is under way.")


def test_another_run_that_is_refused_leaves_the_work_to_this_one(order: OrderOf) -> None:
    mine = order(OFFLINE.format("2.8.6"), only_plan=False)
    other = another_run(JobStore(mine.path), lambda: None)
    outcome = request.execute_request(mine)
    other.join()
    assert (outcome.outcome, outcome.message) == ("unchanged", "Harbor 2.8.6 is what was asked for.")
