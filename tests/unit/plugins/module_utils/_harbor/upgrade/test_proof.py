# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that Harbor is up, as what, and with everything in it: asked of a server that answers as Harbor does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store, proof
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets, UpgradeContext
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Census, Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
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
