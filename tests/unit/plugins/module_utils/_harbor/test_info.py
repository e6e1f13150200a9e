# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What harbor_info tells of a Harbor in any state: running, ill, stopped, half upgraded, not there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import info
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.info import InfoRequest
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade import job_store
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job import Hop, Job
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import Docker, install
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_server import PASSWORD, Harbor, serve
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Pki


@dataclass
class Host:
    docker: Docker
    folder: Path
    data: Path
    harbor: Harbor

    def gather(self, **options: Any) -> dict[str, Any]:
        answer = info.gather_info(InfoRequest(path=str(self.folder), timeout=5, **options))
        json.dumps(answer)  # which is what becomes of it
        return answer

    def configure(self, text: str) -> None:
        with open(self.folder / "harbor.yml", "a", encoding="utf-8") as file:
            file.write(text)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Start a Harbor 2.8.6 that answers."""
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "jobs"))
    docker = Docker(tmp_path, monkeypatch)
    folder, data = tmp_path / "opt" / "harbor", tmp_path / "data"
    with serve(Harbor(repositories={"library/app": []})) as harbor:
        install(folder, data, port=harbor.port)
        docker.start(str(folder))
        yield Host(docker, folder, data, harbor)


def a_job(path: Path, **changes: Any) -> Job:
    job = Job(
        id="20261124T051500-2.8.6-2.10.3",
        path=str(path),
        source="2.8.6",
        hops=[Hop("2.10.3", "/a.tgz", "/r")],
        data_volume="/data",
        work="/w",
        backup="/b",
        parts=[],
        flags=[],
        options={},
    )
    for name, value in changes.items():
        setattr(job, name, value)
    JobStore(str(path)).write(job)
    return job


def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_store, "FOLDER", str(tmp_path / "jobs"))
    path = str(tmp_path / "harbor")
    assert info.gather_info(InfoRequest(path)) == {"installed": False, "folder": path, "job": None}
    assert not (tmp_path / "jobs").exists()


def test_running(host: Host) -> None:
    answer = host.gather()
    assert answer["installed"]
    assert (answer["version"], answer["version_running"]) == ("2.8.6", "2.8.6")
    assert answer["running"]
    assert answer["healthy"]
    assert answer["components"]["database"] == "healthy"
    assert answer["component_errors"] == {}
    assert answer["problem"] is None
    assert answer["url"] == f"http://harbor.example.com:{host.harbor.port}"
    assert (answer["engine"], answer["compose"]) == ("26.1.5", "2.26.1")
    assert answer["database"] == {
        "external": False,
        "major": "13",
        "folder": f"{host.data}/database/pg13",
        "bytes": answer["sizes"]["database"] - os.stat(host.data / "database").st_blocks * 512,
        "others": [],
    }
    assert answer["containers"][0] == {
        "name": "harbor-core",
        "service": "core",
        "image": "goharbor/harbor-core:v2.8.6",
        "state": "running",
        "health": "",
        "restarts": 0,
    }
    assert "registry" not in answer["sizes"]
    assert answer["job"] is None
    assert "plan" not in answer
    assert "contents" not in answer
    # The first start's password is of no use for this, and was not sent.
    assert {one.who for one in host.harbor.asked} == {""}


def test_registry_size(host: Host) -> None:
    assert host.gather(registry_size=True)["sizes"]["registry"] > 100_000


def test_with_a_password(host: Host) -> None:
    answer = host.gather(admin_password=PASSWORD)
    assert answer["contents"] == {"projects": 1, "repositories": 1, "users": 3}
    assert PASSWORD not in json.dumps(answer)


def test_with_a_wrong_password(host: Host) -> None:
    with pytest.raises(
        DockyardError, match="Harbor refuses the login of user 'admin' .HTTP 401.; the password of admin"
    ):
        host.gather(admin_password="wrong")


def test_ill(host: Host) -> None:
    host.harbor.ill = {"redis": "dial tcp: lookup redis"}
    answer = host.gather()
    assert not answer["healthy"]
    assert answer["components"]["redis"] == "unhealthy"
    assert answer["component_errors"] == {"redis": "dial tcp: lookup redis"}


def test_core_is_not_ready(host: Host) -> None:
    host.harbor.down = 502
    answer = host.gather(admin_password=PASSWORD)
    assert answer["running"]
    assert not answer["healthy"]
    assert answer["components"] == {}
    assert answer["version_running"] is None
    assert answer["problem"].startswith("Harbor at http://127.0.0.1:")


def test_something_else_listens(host: Host) -> None:
    host.harbor.replies = {"/api/v2.0/health": (200, b"<html>It works!</html>")}
    answer = host.gather()
    assert not answer["healthy"]
    assert "is no Harbor: GET /health gets '<html>It works!</html>'" in answer["problem"]


def test_stopped(host: Host) -> None:
    for entry in host.docker.state["containers"]:
        entry["State"]["Status"] = "exited"
    host.docker.save()
    answer = host.gather()
    assert answer["version"] == "2.8.6"
    assert not answer["running"]
    assert not answer["healthy"]
    assert answer["problem"] is None
    assert host.harbor.asked == []


def test_secrets_of_external_services(host: Host) -> None:
    host.configure(
        "external_database:\n  harbor:\n    host: db.example.com\n    port: 5432\n    password: hunter2\n"
        "external_redis:\n  host: redis.example.com:6379\n  password: swordfish\n"
    )
    answer = host.gather()
    assert answer["database"]["external"]
    assert answer["external_database"]["host"] == "db.example.com"
    assert answer["external_redis"]["host"] == "redis.example.com:6379"
    for secret in ("hunter2", "swordfish", "first-start", "db-secret"):
        assert secret not in json.dumps(answer)


def test_certificates(host: Host, tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    paths = [pki.path("server.crt"), pki.path("server-expired.crt"), str(tmp_path / "none.crt")]
    found = [info.read_certificate(path) for path in paths]
    assert [(one["subject"], one["days_left"]) for one in found] == [
        ("CN=server", 8),
        ("CN=server-expired", -2),
        (None, None),
    ]
    assert str(found[0]["not_after"]).endswith("Z")
    assert [one["problem"] for one in found] == [None, None, f"There is no {paths[2]}."]
    host.configure(f"https:\n  port: {host.harbor.port}\n  certificate: {paths[0]}\n  private_key: /x\n")
    assert [one["path"] for one in host.gather()["certificates"]] == [paths[0]]


def test_certificate_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "server.crt"
    path.write_text("-----BEGIN CERTIFICATE-----\n")
    found = info.read_certificate(str(path))
    assert found["subject"] is None
    assert str(found["problem"]).startswith(f"{path} is damaged PEM")


def test_certificate_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x509, "CRYPTOGRAPHY_IMPORT_ERROR", "ImportError")
    found = info.read_certificate(str(tmp_path / "x"))
    assert found["problem"] == "The Python library cryptography is missing on this host."


def test_plan(host: Host) -> None:
    plan = host.gather(targets=[Version(2, 10, 3)])["plan"]
    assert plan["version"] == "2.8.6"
    assert [(hop["to"], hop["database_before"], hop["database_after"]) for hop in plan["hops"]] == [
        ("2.10.3", "13", "14")
    ]
    assert plan["backed_up"] == ["database", "secret", "ca_download", "redis", "job_logs"]


def test_plan_that_is_refused(host: Host) -> None:
    plan = host.gather(targets=[Version(2, 12, 4)])["plan"]
    assert not plan["possible"]
    assert any("2.8.6 -> 2.10.x -> 2.12.4" in blocker for blocker in plan["blockers"])


# ---- the last upgrade ----


def test_job(host: Host) -> None:
    a_job(host.folder, outcome="upgraded", doing="tidy", message="Harbor went from 2.8.6 to 2.10.3.", downtime=41.53)
    job = host.gather()["job"]
    assert job.pop("journal").startswith(str(Path(job_store.FOLDER)))
    assert job == {
        "id": "20261124T051500-2.8.6-2.10.3",
        "source": "2.8.6",
        "target": "2.10.3",
        "outcome": "upgraded",
        "under_way": False,
        "step": "tidy",
        "direction": "forward",
        "message": "Harbor went from 2.8.6 to 2.10.3.",
        "downtime": 41.5,
    }


def test_job_that_was_interrupted(host: Host) -> None:
    a_job(host.folder, doing="install 2.10.3")
    (host.folder / "prepare").write_text("docker run goharbor/prepare:v2.10.3 prepare")
    with pytest.raises(DockyardError) as caught:
        host.gather()
    begin, _blank, end = caught.value.message.partition("back. ")
    assert begin.startswith("It is not clear which version of Harbor is installed in ")
    assert caught.value.code == "harbor_upgrade_unfinished"
    assert end == (
        "An upgrade from 2.8.6 to 2.10.3 was interrupted; run harbor_upgrade again, which goes on with it or takes it"
        " back."
    )


def test_job_that_has_ended_explains_nothing(host: Host) -> None:
    a_job(host.folder, outcome="upgraded")
    (host.folder / "prepare").write_text("docker run goharbor/prepare:v2.11.0 prepare")
    with pytest.raises(DockyardError, match="put the files of the version that runs back[.]$"):
        host.gather()


def test_job_under_way(host: Host) -> None:
    a_job(host.folder, doing="copy")
    descriptor = JobStore(str(host.folder)).try_lock()
    assert descriptor is not None
    try:
        assert host.gather()["job"]["under_way"]
        (host.folder / "harbor.yml").unlink()
        with pytest.raises(
            DockyardError, match="An upgrade from 2.8.6 to 2.10.3 is under way; look again when it has ended"
        ):
            host.gather()
    finally:
        os.close(descriptor)


def test_values_that_an_earlier_migration_has_damaged(host: Host) -> None:
    assert host.gather()["unfit_values"] == []
    (host.folder / "harbor.yml.tmpl").write_text("https:\n  port: 443\n  # strong_ssl_ciphers: false\n")
    text = (host.folder / "harbor.yml").read_text()
    https = f"https:\n  port: {host.harbor.port}\n  strong_ssl_ciphers: none\n"
    (host.folder / "harbor.yml").write_text(text + https)
    assert host.gather()["unfit_values"] == [
        "https.strong_ssl_ciphers is none, which counts as true: clients with TLS 1.2 and a common cipher are refused;"
        " set it to false."
    ]
