# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from an install folder, its data volume and its containers, in every state that they are found in."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.data_volume import (
    database_major,
    parts_to_keep,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.installation import (
    Installation,
    inspect_installation,
)
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import (
    SERVICES,
    Docker,
    compose_file,
    database,
    install,
)


@dataclass
class Host:
    """A host with a Harbor 2.8.6 that runs."""

    docker: Docker
    folder: Path
    data: Path

    def look(self, measure_registry: bool = False) -> Installation:
        found = inspect_installation(str(self.folder), measure_registry)
        assert found is not None
        return found

    def problem(self) -> str:
        with pytest.raises(DockyardError) as caught:
            self.look()
        return caught.value.message.replace(str(self.folder), "FOLDER")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(Docker(tmp_path, monkeypatch), tmp_path / "opt" / "harbor", tmp_path / "data")


@pytest.fixture
def host(empty: Host) -> Host:
    install(empty.folder, empty.data)
    empty.docker.start(str(empty.folder))
    return empty


# ---- no Harbor ----


def test_no_folder(empty: Host) -> None:
    empty.docker.save(up=False)  # which is not even asked
    assert inspect_installation(str(empty.folder)) is None


def test_empty_folder(empty: Host) -> None:
    (empty.folder / "lost+found").mkdir(parents=True)
    assert inspect_installation(str(empty.folder)) is None


def test_unpacked_and_configured_only(empty: Host) -> None:
    install(empty.folder, empty.data)
    (empty.folder / "docker-compose.yml").unlink()
    shutil.rmtree(empty.data)
    assert inspect_installation(str(empty.folder)) is None
    (empty.folder / "harbor.yml").rename(empty.folder / "harbor.yml.tmpl")
    assert inspect_installation(str(empty.folder)) is None


def test_another_folder(empty: Host) -> None:
    empty.folder.mkdir(parents=True)
    (empty.folder / "readme").write_text("")
    assert empty.problem() == (
        "FOLDER is no install folder of Harbor: it has neither docker-compose.yml nor harbor.yml nor prepare; give the"
        " folder that Harbor was installed from."
    )


def test_a_file_in_its_place(empty: Host) -> None:
    empty.folder.parent.mkdir()
    empty.folder.write_text("")
    assert empty.problem().startswith("Can't read FOLDER: a part of this path is a file and not a folder; move it away")


# ---- a Harbor ----


def test_running(host: Host) -> None:
    found = host.look()
    assert found.version == Version(2, 8, 6)
    assert found.running
    assert found.path == str(host.folder)
    assert found.config_path == str(host.folder / "harbor.yml")
    assert found.config["hostname"] == "harbor.example.com"
    assert found.data_volume == str(host.data)
    assert found.flags == []
    assert len(found.containers) == len(SERVICES)
    assert found.edited_compose is None
    assert found.leftovers == []
    assert (found.engine, found.compose) == ((26, 1, 5), (2, 26, 1))
    assert set(found.free) == {"install", "data"}
    assert found.free["data"] > 0


def test_reading_changes_nothing(host: Host) -> None:
    def everything() -> list[tuple[str, float, int]]:
        paths = [host.folder, host.data, *host.folder.rglob("*"), *host.data.rglob("*")]
        return [(str(path), path.stat().st_mtime, path.stat().st_mode) for path in sorted(paths)]

    before = everything()
    host.look(measure_registry=True)
    assert everything() == before
    assert {call[0] for call in host.docker.load()["calls"]} == {"ps", "container", "version", "compose"}


@pytest.mark.parametrize("state", ["exited", "restarting", "created", "paused"])
def test_not_running(host: Host, state: str) -> None:
    for entry in host.docker.state["containers"]:
        if entry["Name"] == "/harbor-core":
            entry["State"]["Status"] = state
    host.docker.save()
    assert not host.look().running


def test_stopped_and_removed(host: Host) -> None:
    host.docker.save(containers=[])
    found = host.look()
    assert found.version == Version(2, 8, 6)
    assert not found.running


def test_engine_does_not_answer(host: Host) -> None:
    host.docker.save(up=False)
    assert host.problem() == "The Docker Engine does not answer; start it (systemctl start docker) and run again."


def test_flags(host: Host) -> None:
    services = ("trivy-adapter", "notary-server", "notary-signer", "chartmuseum")
    (host.folder / "docker-compose.yml").write_text(compose_file("v2.8.6", services))
    assert host.look().flags == ["--with-notary", "--with-trivy", "--with-chartmuseum"]


def test_flags_of_what_runs(host: Host) -> None:
    host.docker.add("clair", str(host.folder), image="goharbor/clair-photon:v2.1.8-v1.10.17")
    found = host.look()
    assert found.flags == ["--with-clair"]
    assert found.leftovers == ["These containers belong to no service of the compose file any more: clair."]


# ---- the version ----


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"docker-compose.yml": compose_file("v2.10.3"), "prepare": "x"}, "2.10.3"),
        ({"docker-compose.yml": compose_file("v2.5.3_vendor.1"), "prepare": "x"}, "2.5.3"),
        (
            {
                "docker-compose.yml": compose_file("v2.10.3").replace("goharbor/", "mirror:5000/x/goharbor/"),
                "prepare": "docker run mirror:5000/goharbor/prepare:v2.10.3 prepare",
            },
            "2.10.3",
        ),
        (
            {
                "docker-compose.yml": compose_file("v1.10.17").replace("redis-photon:v1.10.17", "redis-photon:v4.0"),
                "prepare": "x",
            },
            "1.10.17",
        ),
        ({"docker-compose.yml": compose_file("latest"), "prepare": "goharbor/prepare:v2.9.1"}, "2.9.1"),
        ({"docker-compose.yml": compose_file("latest"), "prepare": "x", "harbor.v2.7.4.tar.gz": ""}, "2.7.4"),
    ],
)
def test_version(empty: Host, files: dict[str, str], expected: str) -> None:
    install(empty.folder, empty.data)
    (empty.folder / "harbor.v2.8.6.tar.gz").unlink()
    for name, content in files.items():
        (empty.folder / name).write_text(content)
    assert str(empty.look().version) == expected


def test_version_of_containers_alone(host: Host) -> None:
    """The compose file is gone, and the folder's scripts are of no help."""
    (host.folder / "docker-compose.yml").unlink()
    (host.folder / "prepare").write_text("")
    found = host.look()
    assert str(found.version) == "2.8.6"
    assert found.running


def test_compose_file_gone_and_nothing_runs(host: Host) -> None:
    (host.folder / "docker-compose.yml").unlink()
    host.docker.save(containers=[])
    found = host.look()
    assert str(found.version) == "2.8.6"
    assert not found.running


def test_harbor_cfg(empty: Host) -> None:
    install(empty.folder, empty.data)
    (empty.folder / "docker-compose.yml").write_text(compose_file("v1.7.6"))
    (empty.folder / "prepare").write_text("#!/usr/bin/python\n")
    (empty.folder / "harbor.cfg").write_text("hostname = harbor.example.com\nui_url_protocol = http\n")
    found = empty.look()
    assert found.version == Version(1, 7, 6)
    assert found.config_path == str(empty.folder / "harbor.cfg")


def test_witnesses_disagree(host: Host) -> None:
    (host.folder / "prepare").write_text("docker run goharbor/prepare:v2.10.3 prepare")
    assert host.problem() == (
        "It is not clear which version of Harbor is installed in FOLDER: docker-compose.yml names the images of 2.8.6,"
        " ./prepare is of 2.10.3, the containers are of 2.8.6; an upgrade by hand was not finished: finish it, or put"
        " the files of the version that runs back."
    )


def test_containers_disagree(host: Host) -> None:
    install(host.folder, host.data, "2.10.3")
    assert "docker-compose.yml names the images of 2.10.3, ./prepare is of 2.10.3, the containers are of 2.8.6;" in (
        host.problem()
    )


def test_compose_file_disagrees_with_itself(host: Host) -> None:
    text = compose_file("v2.8.6").replace("harbor-db:v2.8.6", "harbor-db:v2.8.5")
    (host.folder / "docker-compose.yml").write_text(text)
    assert host.problem() == (
        "FOLDER/docker-compose.yml has images of several versions of Harbor (2.8.5, 2.8.6); write the compose file"
        " again with ./prepare, and start Harbor with it."
    )


def test_nothing_tells_the_version(host: Host) -> None:
    host.docker.save(containers=[])
    (host.folder / "docker-compose.yml").write_text(compose_file("latest"))
    (host.folder / "prepare").write_text("")
    (host.folder / "harbor.v2.9.1.tar.gz").write_text("")
    assert host.problem().startswith("No file in FOLDER tells which version of Harbor is installed: neither the image")


def test_tarball_that_an_upgrade_by_hand_has_left(host: Host) -> None:
    (host.folder / "harbor.v2.7.1.tar.gz").write_text("")
    found = host.look()
    assert found.version == Version(2, 8, 6)
    assert found.leftovers == [
        f"{host.folder}/harbor.v2.7.1.tar.gz holds the images of 2.7.1, which is not what is installed."
    ]


def test_no_configuration(host: Host) -> None:
    (host.folder / "harbor.yml").unlink()
    assert host.problem().startswith("There is no FOLDER/harbor.yml; ")


def test_damaged_compose_file(host: Host) -> None:
    (host.folder / "docker-compose.yml").write_text("services:\n  core: [\n")
    assert host.problem().startswith("FOLDER/docker-compose.yml is no valid YAML in line 3; ")


# ---- what a person has done to it ----


def prepared(host: Host, seconds_before: float) -> None:
    """All that prepare has written, but for the compose file, is older than that by so much."""
    moment = (host.folder / "docker-compose.yml").stat().st_mtime - seconds_before
    for file in (host.folder / "common").rglob("*"):
        os.utime(file, (moment, moment))


def test_edited_compose_file(host: Host) -> None:
    prepared(host, 16)
    sentence = host.look().edited_compose
    assert sentence is not None
    assert re.fullmatch(
        r".*/docker-compose.yml was written at 20\S+ \S+, after prepare had written all else at 20\S+ \S+, and so was"
        r" edited by hand\.",
        sentence,
    )


def test_compose_file_of_a_slow_prepare(host: Host) -> None:
    prepared(host, 14)
    assert host.look().edited_compose is None


def test_other_files_edited_later(host: Host) -> None:
    hour_ago = time.time() - 3600
    os.utime(host.folder / "docker-compose.yml", (hour_ago, hour_ago))
    assert host.look().edited_compose is None
    shutil.rmtree(host.folder / "common")
    assert host.look().edited_compose is None


def test_passwords_left_behind(host: Host) -> None:
    (host.folder / "input").mkdir()
    assert host.look().leftovers == [f"{host.folder}/input was left by a prepare that failed, and holds passwords."]


# ---- data ----


@pytest.mark.parametrize("major", ["9.6", "13", "14", "15", "18"])
def test_database(empty: Host, major: str) -> None:
    install(empty.folder, empty.data, major=major)
    found = empty.look().database
    folder = empty.data / "database" if major == "9.6" else empty.data / "database" / f"pg{major}"
    assert (found.external, found.major, found.folder, found.others) == (False, major, str(folder), [])
    assert 50_000 < found.bytes < 100_000
    assert database_major(str(empty.data)) == major


def test_two_databases(host: Host) -> None:
    """An upgrade to 2.10 was interrupted, and 2.8.6 put back: what counts is the one that 2.8.6 uses."""
    other = database(host.data, "14")
    found = host.look()
    assert found.database.major == "13"
    assert found.database.others == [str(other)]
    assert found.leftovers == [
        f"{other} is a second database beside {host.data}/database/pg13, as an interrupted upgrade leaves it."
    ]
    assert database_major(str(host.data)) == "14"
    assert database_major(str(host.data), Version(2, 8, 6)) == "13"


def test_no_database(host: Host) -> None:
    shutil.rmtree(host.data / "database")
    found = host.look().database
    assert (found.major, found.folder, found.bytes) == (None, None, 0)
    assert database_major(str(host.data)) is None


def test_mariadb(host: Host) -> None:
    shutil.rmtree(host.data / "database")
    (host.data / "database").mkdir()
    (host.data / "database" / "ibdata1").write_bytes(b"x" * 10_000)
    found = host.look().database
    assert (found.major, found.folder) == (None, str(host.data / "database"))
    assert found.bytes >= 10_000


def test_external_database(host: Host) -> None:
    with open(host.folder / "harbor.yml", "a") as file:
        file.write("external_database:\n  harbor:\n    host: db.example.com\n")
    found = host.look().database
    assert (found.external, found.major, found.folder, found.bytes) == (True, None, None, 0)


def test_sizes(host: Host) -> None:
    sizes = host.look().sizes
    assert list(sizes) == ["database", "secret", "ca_download", "redis", "job_logs"]
    assert sizes["database"] > 50_000
    assert host.look(measure_registry=True).sizes["registry"] > 100_000


def test_hard_links_count_once_and_holes_do_not(host: Host) -> None:
    before = host.look().sizes["redis"]
    with open(host.data / "redis" / "dump", "wb") as file:
        file.write(b"x" * 100_000)
        file.seek(50_000_000)
        file.write(b"x")
    os.link(host.data / "redis" / "dump", host.data / "redis" / "link")
    assert 100_000 < host.look().sizes["redis"] - before < 120_000


def test_parts_to_keep(host: Host) -> None:
    (host.data / "chart_storage").mkdir()
    (host.data / "secretkey").write_text("")
    found = host.look()
    parts = ["database", "secret", "ca_download", "redis", "job_logs", "chart_storage"]
    assert parts_to_keep(found.data_volume, found.version) == parts
    found.version = Version(1, 7, 6)
    assert parts_to_keep(found.data_volume, found.version) == [*parts, "secretkey"]
