# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose files of a Harbor, and bringing it up with the compose that the host has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import compose
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.containers import (
    engine_version,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import (
    SERVICES,
    Docker,
    compose_file,
)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "opt" / "harbor"
    path.mkdir(parents=True)
    (path / "docker-compose.yml").write_text(compose_file("v2.8.6"))
    return str(path)


def test_versions(docker: Docker) -> None:
    assert engine_version() == (26, 1, 5)
    assert compose.compose_version() == (2, 26, 1)
    assert compose.compose_command() == ["docker", "compose"]
    assert not compose.has_standalone_compose()


def test_standalone_compose(docker: Docker, tmp_path: Path) -> None:
    docker.save(compose="")
    program = tmp_path / "programs" / "docker-compose"
    program.write_text("#!/bin/sh\necho docker-compose version 1.29.2, build unknown\n")
    program.chmod(0o755)
    assert compose.compose_command() == ["docker-compose"]
    assert compose.compose_version() == (1, 29, 2)
    assert compose.has_standalone_compose()


def test_no_compose(docker: Docker) -> None:
    docker.save(compose="")
    assert compose.compose_version() == ()
    with pytest.raises(
        DockyardError, match="Neither 'docker compose' nor docker-compose answers on this host; install"
    ):
        compose.compose_command()


# ---- the folder ----


def test_services_and_images(folder: str) -> None:
    assert compose.services(folder) == list(SERVICES)
    assert compose.image_tags(folder)["core"] == "goharbor/harbor-core:v2.8.6"


def test_override(folder: str) -> None:
    override = Path(folder, "docker-compose.override.yml")
    override.write_text(
        "services:\n  core:\n    mem_limit: 1g\n    ports: !reset []\n  exporter:\n    image: exporter:1\n"
    )
    assert compose.compose_files(folder) == [os.path.join(folder, "docker-compose.yml"), str(override)]
    assert compose.override_files(folder) == [str(override)]
    core = compose.read(folder)["services"]["core"]
    assert (core["image"], core["mem_limit"]) == ("goharbor/harbor-core:v2.8.6", "1g")
    assert compose.services(folder) == [*SERVICES, "exporter"]


def test_extras_of_1x_in_use_only(folder: str) -> None:
    for component in ("notary", "clair", "chartmuseum"):
        Path(folder, f"docker-compose.{component}.yml").write_text(
            f"services:\n  {component}:\n    image: goharbor/{component}-photon:v1\n  core:\n    networks: [x]\n"
        )
    os.makedirs(os.path.join(folder, "common", "config", "clair"))
    assert [os.path.basename(path) for path in compose.compose_files(folder)] == [
        "docker-compose.yml",
        "docker-compose.clair.yml",
    ]
    assert compose.services(folder) == [*SERVICES, "clair"]


def test_no_compose_file(tmp_path: Path) -> None:
    assert compose.compose_files(str(tmp_path)) == []
    assert compose.services(str(tmp_path)) == []
    assert compose.image_tags(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("services:\n  core: [\n", "FILE is no valid YAML in line 3; "),
        ("", "FILE is no compose file: it has no services; "),
        ("services:\n  core: harbor-core\n", "FILE is no compose file: it has no services; "),
    ],
)
def test_broken_compose_file(folder: str, content: str, complaint: str) -> None:
    path = Path(folder, "docker-compose.yml")
    path.write_text(content)
    with pytest.raises(DockyardError) as caught:
        compose.services(folder)
    assert caught.value.message.replace(str(path), "FILE") == (
        f"{complaint}restore it, or write it again with ./prepare."
    )


@pytest.mark.parametrize(
    ("name", "environment", "project"),
    [
        ("harbor", None, "harbor"),
        ("Harbor-2.8.6", None, "harbor-286"),
        ("_harbor", None, "harbor"),
        ("harbor", "# x\nCOMPOSE_PROJECT_NAME='Registry'\n", "registry"),
        ("harbor", "COMPOSE_PROJECT_NAME=\nOTHER=x", "harbor"),
    ],
)
def test_project_name(tmp_path: Path, name: str, environment: str | None, project: str) -> None:
    path = tmp_path / name
    path.mkdir()
    if environment is not None:
        (path / ".env").write_text(environment)
    assert compose.project_name(str(path)) == project


def test_up(docker: Docker, folder: str) -> None:
    compose.up(folder, 60)
    assert docker.calls("compose", "up") == [["compose", "up", "-d"]]


def test_up_with_extras(docker: Docker, folder: str) -> None:
    Path(folder, "docker-compose.clair.yml").write_text("services:\n  clair: {}\n")
    os.makedirs(os.path.join(folder, "common", "config", "clair"))
    compose.up(folder, 60)
    files = compose.compose_files(folder)
    assert docker.calls("compose", "-f") == [["compose", "-f", files[0], "-f", files[1], "up", "-d"]]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            f"Error response from daemon: driver failed on endpoint nginx ({'0a' * 32}): port is already allocated.",
            "Error response from daemon: driver failed on endpoint nginx: port is already allocated",
        ),
        (
            "ERROR: for nginx  Cannot start service proxy: no file\nEncountered errors while bringing up the project.",
            "ERROR: for nginx  Cannot start service proxy: no file",
        ),
    ],
)
def test_up_fails(docker: Docker, folder: str, words: str, reason: str) -> None:
    docker.save(compose_fails=words)
    with pytest.raises(DockyardError) as caught:
        compose.up(folder, 60)
    assert caught.value.message == f"Harbor in {folder} does not start: {reason}; fix that and start it again."


def test_up_without_a_compose_file(docker: Docker, tmp_path: Path) -> None:
    with pytest.raises(
        DockyardError, match="There is no docker-compose.yml in .*; write it with ./prepare, or restore"
    ):
        compose.up(str(tmp_path), 60)
