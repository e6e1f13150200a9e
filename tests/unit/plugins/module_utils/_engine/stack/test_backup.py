# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore of a stack's data, over a Swarm that is imitated; files and archives are real."""

from __future__ import annotations

import pathlib
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import at_rest, backup
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers import engine_server
from ansible_collections.dockyard.ops.tests.unit.helpers.swarm_engine import SwarmEngine

SPEC: dict[str, Any] = {
    "Name": "edge_portainer",
    "Labels": {"com.docker.stack.namespace": "edge"},
    "TaskTemplate": {"ContainerSpec": {"Image": "portainer:1"}},
    "Mode": {"Replicated": {"Replicas": 1}},
}
BLOB, LINK = "registry/data/docker/registry/v2/blobs/data", "registry/data/docker/registry/v2/repositories/a/link"
FILES = {
    "portainer/portainer.db": "db",
    BLOB: "blob",
    LINK: "link",
    "registry/auth/htpasswd": "alice",
    "acme/acme.json": "{}",
}


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwarmEngine]:
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "dockyard"))
    monkeypatch.setattr(at_rest, "_INTERVAL", 0.01)
    with engine_server.serve(tmp_path, SwarmEngine) as started:
        started.add_service(SPEC)
        yield started


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "stack"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def run(base: pathlib.Path, operation: str, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    given = {
        **{name: option.get("default") for name, option in backup.OPTIONS.items()},
        "operation": operation,
        "stack": "edge",
        "directory": str(base),
        "folders": ["portainer", "registry", "acme"],
        "at_rest": ["edge_portainer"],
        "backup_directory": str(base.parent / "backups"),
        "service_timeout": 1,
        **params,
    }
    return backup.run(given, EngineApi(str(base.parent / "engine.sock")), check_mode)


def refusal(base: pathlib.Path, operation: str, **params: Any) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        run(base, operation, **params)
    return caught.value


def content(base: pathlib.Path) -> dict[str, str]:
    return {name: (base / name).read_text() for name in FILES if (base / name).exists()}


def test_backup_and_restore(engine: SwarmEngine, base: pathlib.Path) -> None:
    assert "Would have archived portainer, registry, acme" in run(base, "backup", check_mode=True)["msg"]
    made = run(base, "backup")
    assert made["msg"] == f"Archived portainer, registry, acme of {base} in {made['archive']}."
    assert [request for request in engine.changes if "update" in request] == [
        f"POST /services/{engine.named('edge_portainer')['ID']}/update"
    ] * 2
    assert engine.named("edge_portainer")["Spec"] == SPEC
    for name in FILES:
        (base / name).write_text("lost")
    (base / "portainer" / "new").write_text("x")
    assert "Would have restored acme, portainer, registry" in run(
        base, "restore", check_mode=True, archive=made["archive"]
    )["msg"]  # fmt: skip
    found = run(base, "restore", archive=made["archive"])
    assert found["sha256"] == made["sha256"]
    assert content(base) == FILES
    assert sorted(path.name for path in base.iterdir()) == ["acme", "portainer", "registry"]
    assert not (base / "portainer" / "new").exists()


def test_a_service_that_has_a_folder_must_rest_for_a_restore(engine: SwarmEngine, base: pathlib.Path) -> None:
    path = run(base, "backup")["archive"]
    mounts = [{"Type": "bind", "Source": f"{base}/registry/auth"}, {"Type": "volume", "Source": "data"}]
    engine.add_service({
        **SPEC,
        "Name": "edge_registry",
        "TaskTemplate": {"ContainerSpec": {"Image": "registry:2", "Mounts": mounts}},
    })  # fmt: skip
    before = len(engine.changes)
    for check in (True, False):
        error = refusal(base, "restore", archive=path, check_mode=check)
        assert (error.code, error.message) == (
            "traefik_restore_in_use",
            f"The service edge_registry has {base}/registry/auth, and would go on with what was there before the"
            " restore; name it in at_rest.",
        )
    assert len(engine.changes) == before
    run(base, "restore", archive=path, at_rest=["edge_portainer", "edge_registry"])
    assert content(base) == FILES


def test_links_come_before_what_they_lead_to(engine: SwarmEngine, base: pathlib.Path) -> None:
    with tarfile.open(run(base, "backup")["archive"]) as archive:
        names = [name for name in archive.getnames() if "docker/registry/v2/" in name]
    assert names.index(LINK) < names.index(BLOB)
    assert len(names) == len(set(names))


def test_older_archives_go(engine: SwarmEngine, base: pathlib.Path) -> None:
    where = base.parent / "backups"
    where.mkdir()
    for stamp in ("20200101T000000Z", "20200102T000000Z"):
        (where / f"edge-{stamp}.tar").touch()
        (where / f"edge-{stamp}.tar.sha256").touch()
    assert run(base, "backup", keep=2)["removed"] == [str(where / "edge-20200101T000000Z.tar")]


def test_a_service_that_does_not_come_back_has_its_data_back(engine: SwarmEngine, base: pathlib.Path) -> None:
    path = run(base, "backup")["archive"]
    (base / "portainer" / "portainer.db").write_text("newer")
    slow = {**SPEC, "TaskTemplate": {"ContainerSpec": {"Image": "slow:1"}}}
    service = engine.named("edge_portainer")
    service["Spec"] = slow
    found = refusal(base, "restore", archive=path, service_timeout=0)
    assert found.code == "traefik_restore_failed"
    assert "are not as wanted: edge_portainer has 0 of 1" in str(found)
    assert found.changed
    assert "what was there before is there again, and its services do not run (After" in str(found)
    assert (base / "portainer" / "portainer.db").read_text() == "newer"
    assert sorted(path.name for path in base.iterdir()) == ["acme", "portainer", "registry"]


def test_what_is_refused(engine: SwarmEngine, base: pathlib.Path) -> None:
    (base / ".before-restore").mkdir()
    assert refusal(base, "backup").code == "traefik_restore_interrupted"
    (base / ".before-restore").rmdir()
    assert "has no other, which the stack edge is to have" in str(refusal(base, "backup", folders=["other"]))
    assert refusal(base, "backup", at_rest=["edge_none"]).code == "stack_not_there"
    (base / "acme" / "acme.json").write_text('{"half')
    assert refusal(base, "backup").code == "traefik_backup_torn"
    assert list((base.parent / "backups").iterdir()) == []
    assert refusal(base, "restore", archive="/none.tar").code == "host_archive_missing"
    with pytest.raises(DockyardError, match="does not run; start it"):
        backup.run({"directory": str(base)}, None, False)


def test_a_run_that_was_killed_is_completed_by_the_next(engine: SwarmEngine, base: pathlib.Path) -> None:
    service = engine.named("edge_portainer")
    service["Spec"] = {
        **SPEC,
        "Labels": {**SPEC["Labels"], at_rest.NOTE: "1"},
        "Mode": {"Replicated": {"Replicas": 0}},
    }
    engine.tasks.clear()
    run(base, "backup")
    assert engine.named("edge_portainer")["Spec"] == SPEC
