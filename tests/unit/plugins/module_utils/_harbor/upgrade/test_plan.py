# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in an upgrade's way, and what it takes: each rule by itself, on folders of this machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.installation import Database, Installation
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.plan import DesiredUpgrade, Plan, build_plan
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version


@pytest.fixture
def found(tmp_path: Path) -> Installation:
    """Return a Harbor 2.8.6 with nothing wrong about it."""
    data = tmp_path / "data"
    for name in ("database", "secret", "redis", "registry"):
        (data / name).mkdir(parents=True)
    return Installation(
        path=str(tmp_path / "harbor"),
        config_path=str(tmp_path / "harbor" / "harbor.yml"),
        config={"hostname": "harbor.example.com", "harbor_admin_password": "Harbor12345"},
        version=Version(2, 8, 6),
        running=True,
        data_volume=str(data),
        flags=["--with-trivy"],
        database=Database(False, "13", str(data / "database" / "pg13"), 1000),
        containers=[],
        edited_compose=None,
        sizes={"database": 1000, "secret": 10, "redis": 100, "registry": 10**15},
        free={},
        engine=(26, 1, 5),
        compose=(2, 26, 1),
        leftovers=[],
    )


def plan_for(found: Installation, *versions: str, desired: DesiredUpgrade | None = None, **changes: Any) -> Plan:
    targets = [Version.parse(version) for version in versions]
    return build_plan(dataclasses.replace(found, **changes), targets, desired)


def test_nothing_in_the_way(found: Installation) -> None:
    plan = plan_for(found, "2.10.3")
    assert (plan.blockers, plan.warnings) == ([], [])
    assert plan.as_result()["possible"] is True
    # Not the registry, which no upgrade touches.
    assert plan.parts == ["database", "secret", "redis"]
    assert plan.backup_path == f"{found.data_volume}/dockyard-backups"


def test_what_is_reached_is_left_out(found: Installation) -> None:
    assert plan_for(found, "2.7.4", "2.8.6", "2.10.3").hops == [Version(2, 10, 3)]
    same = plan_for(found, "2.7.4", "2.8.6")
    assert (same.hops, same.blockers, same.downtime) == ([], [], 0)


def test_going_down_is_refused_and_not_taken_for_reached(found: Installation) -> None:
    plan = plan_for(found, "2.6.4", "2.7.4")
    assert [str(hop) for hop in plan.hops] == ["2.7.4"]
    assert plan.blockers[0].startswith("Harbor has no downgrade from 2.8.6 to 2.7.4;")


def test_each_hop_starts_from_what_the_one_before_has_left(found: Installation) -> None:
    plan = plan_for(found, "2.10.3", "2.12.4")
    assert [(need["from"], need["to"]) for need in plan.needs] == [("2.8.6", "2.10.3"), ("2.10.3", "2.12.4")]
    assert [(need["database_before"], need["database_after"]) for need in plan.needs] == [("13", "14"), ("14", "15")]


def test_time_and_room_grow_with_each_hop_that_changes_the_database(found: Installation) -> None:
    large = Database(False, "13", "/data/database/pg13", 10**9)
    one = plan_for(found, "2.10.3", database=large)
    two = plan_for(found, "2.10.3", "2.12.4", database=large)
    same = plan_for(found, "2.8.7", database=large)
    assert (one.downtime, two.downtime, same.downtime) == (70, 125, 60)
    assert one.space["data_needed"] - same.space["data_needed"] == 10**9
    # The copy of one hop is gone before that of the next is made.
    assert two.space["data_needed"] == one.space["data_needed"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"running": False}, "does not run, so what is in it can't be counted; start it"),
        ({"edited_compose": "It was edited."}, "It was edited; the upgrade makes a new one."),
        ({"database": Database(False, "13", "/d/pg13", 1, ["/d/pg14"])}, "further databases beside /d/pg13: /d/pg14."),
        ({"database": Database(False, None, None, 0)}, "There is no database that can be recognised"),
        ({"database": Database(True, None, None, 0)}, "The database is external and can't be put back"),
        ({"engine": (17, 6, 2)}, "Harbor 2.10.3 wants Docker "),
        ({"compose": ()}, "and this host's is not there; upgrade that."),
        ({"flags": ["--with-notary"]}, "notary is in use, and Harbor 2.10.3 does not have it any more;"),
    ],
)
def test_one_thing_is_in_the_way(found: Installation, changes: dict[str, Any], said: str) -> None:
    plan = plan_for(found, "2.10.3", **changes)
    assert len(plan.blockers) == 1
    assert said in plan.blockers[0]
    assert plan.as_result()["possible"] is False
    # Nothing of it matters where there is nothing to do.
    assert plan_for(found, "2.8.6", **changes).blockers == []


def test_a_choice_turns_what_is_in_the_way_into_a_warning(found: Installation) -> None:
    desired = DesiredUpgrade(edited_compose="discard", drop_components=["notary"])
    plan = plan_for(found, "2.10.3", desired=desired, edited_compose="It was edited.", flags=["--with-notary"])
    assert plan.blockers == []
    assert plan.warnings == [
        "notary is in use and ends with Harbor 2.10.3; its data stay on the data volume.",
        "It was edited; its changes end with the upgrade.",
    ]


def test_dropping_one_component_drops_no_other(found: Installation) -> None:
    plan = plan_for(
        found,
        "2.10.3",
        desired=DesiredUpgrade(drop_components=["notary"]),
        flags=["--with-notary", "--with-chartmuseum"],
    )
    assert [blocker.split()[0] for blocker in plan.blockers] == ["chartmuseum"]


@pytest.mark.parametrize(("save", "put_back"), [([], []), (["dump"], []), ([], ["restore"]), (["dump"], ["restore"])])
def test_an_external_database_needs_both_commands(found: Installation, save: list[str], put_back: list[str]) -> None:
    desired = DesiredUpgrade(database_backup_command=save, database_restore_command=put_back)
    plan = plan_for(found, "2.10.3", desired=desired, database=Database(True, None, None, 0))
    assert (plan.blockers == []) is bool(save and put_back)
    assert plan.needs[0]["database_after"] is None


def test_too_little_room_is_said_in_numbers(found: Installation) -> None:
    plan = plan_for(found, "2.10.3", desired=DesiredUpgrade(archive_sizes=[10**15]))
    assert [blocker.partition(":")[0] for blocker in plan.blockers] == [
        "There is too little room on the file system of the install folder",
        "There is too little room on the engine's data folder",
    ]
    assert f"{(2 * 10**15 + 200 * 2**20) >> 20} MiB are needed" in plan.blockers[0]


def test_a_backup_elsewhere_need_not_be_there_yet(found: Installation, tmp_path: Path) -> None:
    path = str(tmp_path / "not" / "yet")
    assert plan_for(found, "2.10.3", desired=DesiredUpgrade(backup_path=path)).backup_path == path
    assert not (tmp_path / "not").exists()


def test_a_backup_path_is_absolute(found: Installation) -> None:
    with pytest.raises(DockyardError, match=r"backup_path is 'backups', which is no absolute path; give one"):
        plan_for(found, "2.10.3", desired=DesiredUpgrade(backup_path="backups"))


def test_values_that_the_migration_damages_are_named(found: Installation) -> None:
    plan = plan_for(found, "2.10.3", config={**found.config, "harbor_admin_password": "a #b"})
    assert plan.values == ["harbor_admin_password"]
    assert plan.warnings == [
        "Harbor's own migration would damage harbor_admin_password of harbor.yml; they are kept as they are."
    ]
