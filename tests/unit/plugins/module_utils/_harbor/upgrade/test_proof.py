# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that Harbor is up, as what, and with everything in it: asked of a server that answers as Harbor does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.containers import Container
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store, proof
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets, UpgradeContext
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Census, Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker, compose_file
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_server import (
    PASSWORD,
    Harbor,
    digest,
    serve,
)
from hypothesis import given
from hypothesis import strategies as st

numbers = st.integers(0, 3)
censuses = st.builds(Census, numbers, numbers, numbers)


@given(before=censuses, after=censuses)
def test_it_is_missing_only_where_there_is_less(before: Census, after: Census) -> None:
    said = proof.missing_contents(before, after)
    less = [name for name in ("projects", "repositories", "users") if getattr(after, name) < getattr(before, name)]
    assert [phrase.split()[-1] for phrase in said] == less


def test_what_is_missing_is_said() -> None:
    assert proof.missing_contents(Census(3, 5, 2), Census(0, 6, 1)) == ["0 of 3 projects", "1 of 2 users"]


@pytest.fixture
def harbor() -> Iterator[Harbor]:
    with serve(Harbor(repositories={"office/one": [digest(1)], "office/two": [digest(2), digest(3)]})) as harbor:
        yield harbor


def test_it_serves_as_that_version(harbor: Harbor) -> None:
    assert proof.why_not_healthy(harbor.api(), "2.8.6") is None
    assert proof.why_not_healthy(harbor.api(), "2.10.3") == "it answers as v2.8.6-6015b3ef"


def test_it_serves_though_it_tells_no_version_to_this_user(harbor: Harbor) -> None:
    harbor.told_to_anybody = False
    assert proof.why_not_healthy(harbor.api(password="wrong"), "2.10.3") is None


def test_an_ill_component_is_named(harbor: Harbor) -> None:
    harbor.ill = {"registryctl": "timeout", "jobservice": "refused"}
    assert proof.why_not_healthy(harbor.api(), "2.8.6") == "not healthy: jobservice, registryctl"


def test_a_core_that_is_not_up_yet_is_no_failure(harbor: Harbor) -> None:
    harbor.down = 502
    assert "HTTP 502" in (proof.why_not_healthy(harbor.api(), "2.8.6") or "")


@pytest.fixture
def context(harbor: Harbor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UpgradeContext:
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "jobs"))
    folder = tmp_path / "harbor"
    folder.mkdir()
    (folder / "harbor.yml").write_text(f"hostname: harbor.example.com\nhttp:\n  port: {harbor.port}\n")
    job = Job(
        id="20261124T051500-2.8.6-2.10.3",
        path=str(folder),
        source="2.8.6",
        hops=[Hop("2.10.3", "/a.tgz", "/r")],
        data_volume="/data",
        work="/w",
        backup="/b",
        parts=[],
        flags=[],
        options={},
    )
    return UpgradeContext(JobStore(str(folder)), job, Secrets("admin", PASSWORD))


def test_what_was_counted_is_there(context: UpgradeContext) -> None:
    context.job.census = context.census("2.8.6")
    assert context.job.census == Census(1, 2, 3, [["office/one", digest(1)], ["office/two", digest(3)]])
    assert proof.verify_contents(context, "2.8.6") == context.job.census


def test_what_has_come_since_is_no_loss(context: UpgradeContext, harbor: Harbor) -> None:
    context.job.census = context.census("2.8.6")
    harbor.repositories["lab/new"] = [digest(4)]
    harbor.users += 1
    assert proof.verify_contents(context, "2.8.6").projects == 2


def test_an_empty_harbor_is_healthy_and_is_refused(context: UpgradeContext, harbor: Harbor) -> None:
    context.job.census = context.census("2.8.6")
    harbor.repositories.clear()
    assert proof.why_not_healthy(harbor.api(), "2.8.6") is None
    with pytest.raises(
        DockyardError, match="0 of 1 projects, 0 of 2 repositories, office/one@sha256:0+1 can't be fetched"
    ):
        proof.verify_contents(context, "2.8.6")


def test_an_artifact_that_is_gone_is_refused_though_all_counts_are_right(
    context: UpgradeContext, harbor: Harbor
) -> None:
    context.job.census = context.census("2.8.6")
    harbor.repositories["office/two"] = [digest(5)]
    with pytest.raises(DockyardError, match=r"before: office/two@sha256:0+3 can't be fetched$"):
        proof.verify_contents(context, "2.8.6")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


def orders(docker: Docker) -> list[list[str]]:
    return [
        call for call in docker.load()["calls"] if call[0] in ("restart", "compose") and call != ["compose", "version"]
    ]


DIRTY = "[FATAL] failed to migrate the database, error: Dirty database version 170. Fix and force version.\n"


def test_what_failed_before_this_wait_does_not_end_it(
    context: UpgradeContext, harbor: Harbor, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_INSPECT_EVERY", 0.0)
    docker.add("core", context.job.path, restarts=9, log_before=DIRTY)
    docker.add("postgresql", context.job.path, restarts=9, log_before="FATAL:  no\n")
    harbor.ill = {"core": "starting"}
    with pytest.raises(DockyardError, match="is not healthy after 1 second: not healthy: core"):
        proof.wait_until_healthy(context, "2.8.6", 1)


def test_what_fails_during_this_wait_ends_it(
    context: UpgradeContext, harbor: Harbor, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_INSPECT_EVERY", 0.0)
    docker.add("core", context.job.path, restarts=9)
    harbor.ill = {"core": "starting"}
    seen = proof.Watch.containers

    def fails(watch: proof.Watch) -> list[Container]:
        found = seen(watch)
        docker.load()["containers"][0].update(RestartCount=10, log=DIRTY)
        docker.save()
        return found

    monkeypatch.setattr(proof.Watch, "containers", fails)
    with pytest.raises(DockyardError) as caught:
        proof.wait_until_healthy(context, "2.8.6", 60)
    assert caught.value.message == (
        "Harbor 2.8.6 does not come up (harbor-core: an earlier migration of the database's schema has failed or was"
        " interrupted (Dirty database version 170))"
    )


def test_what_is_down_is_started_at_once(context: UpgradeContext, docker: Docker) -> None:
    Path(context.job.path, "docker-compose.yml").write_text(compose_file("v2.8.6"))
    docker.add("core", context.job.path, state="exited")
    docker.add("postgresql", context.job.path, state="restarting", restarts=9)
    docker.add("jobservice", context.job.path, state="restarting", restarts=1)  # the engine does, in a moment
    proof.wait_until_healthy(context, "2.8.6", 60)
    assert orders(docker) == [["restart", "-t", "1", f"{1:064x}"], ["compose", "up", "-d"]]


def test_what_runs_is_left_alone(context: UpgradeContext, docker: Docker) -> None:
    docker.start(context.job.path)
    proof.wait_until_healthy(context, "2.8.6", 60)
    assert orders(docker) == []
