# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers are a Harbor's, how they are taken down, and which of their words are told."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._harbor import compose as harbor_compose
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import (
    SERVICES,
    Docker,
    compose_file,
)

ALL = sorted(name for name, _repository in SERVICES.values())


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(tmp_path, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    path = tmp_path / "opt" / "harbor"
    path.mkdir(parents=True)
    (path / "docker-compose.yml").write_text(compose_file("v2.8.6"))
    return str(path)


def names(found: list[harbor_compose.Container]) -> list[str]:
    return [container.name for container in found]


# ---- programs ----


def test_run(tmp_path: Path) -> None:
    done = harbor_compose.run(["/bin/sh", "-c", "cat; pwd; echo $LC_ALL; exit 3"], stdin="words\n", cwd=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, f"words\n{tmp_path}\nC\n")


def test_run_reads_nothing_by_default() -> None:
    assert harbor_compose.run(["/bin/sh", "-c", "read x || echo nothing"]).stdout == "nothing\n"


def test_run_output_that_is_no_text() -> None:
    assert harbor_compose.run(["/bin/sh", "-c", r"printf 'a\377b'"]).stdout == "a\ufffdb"


def test_run_too_long_takes_its_children_along(tmp_path: Path) -> None:
    file = tmp_path / "late"
    begin = time.monotonic()
    with pytest.raises(Problem) as caught:
        harbor_compose.run(["/bin/sh", "-c", f"(sleep 1; touch {file}) & wait"], timeout=0.2)
    assert time.monotonic() - begin < 0.9
    assert "did not end within 0.2 seconds and was stopped" in caught.value.message
    time.sleep(1.1)
    assert not file.exists()


def test_run_without_the_program() -> None:
    with pytest.raises(Problem) as caught:
        harbor_compose.run(["/nonexistent/docker"])
    assert caught.value.message == (
        "Can't run /nonexistent/docker (No such file or directory); install it, or put it on the PATH of the user that"
        " Ansible becomes."
    )


def test_versions(docker: Docker) -> None:
    assert harbor_compose.engine_version() == (26, 1, 5)
    assert harbor_compose.compose_version() == (2, 26, 1)
    assert harbor_compose.compose_command() == ["docker", "compose"]
    assert not harbor_compose.has_standalone_compose()


def test_standalone_compose(docker: Docker, tmp_path: Path) -> None:
    docker.save(compose="")
    program = tmp_path / "programs" / "docker-compose"
    program.write_text("#!/bin/sh\necho docker-compose version 1.29.2, build unknown\n")
    program.chmod(0o755)
    assert harbor_compose.compose_command() == ["docker-compose"]
    assert harbor_compose.compose_version() == (1, 29, 2)
    assert harbor_compose.has_standalone_compose()


def test_no_compose(docker: Docker) -> None:
    docker.save(compose="")
    assert harbor_compose.compose_version() == ()
    with pytest.raises(Problem, match="Neither 'docker compose' nor docker-compose answers on this host; install"):
        harbor_compose.compose_command()


def test_engine_down(docker: Docker, folder: str) -> None:
    docker.save(up=False)
    with pytest.raises(Problem) as caught:
        harbor_compose.containers(folder)
    assert caught.value.message == (
        "The Docker Engine does not answer; start it (systemctl start docker) and run again."
    )


# ---- the folder ----


def test_services_and_images(folder: str) -> None:
    assert harbor_compose.services(folder) == list(SERVICES)
    assert harbor_compose.image_tags(folder)["core"] == "goharbor/harbor-core:v2.8.6"


def test_override(folder: str) -> None:
    override = Path(folder, "docker-compose.override.yml")
    override.write_text(
        "services:\n  core:\n    mem_limit: 1g\n    ports: !reset []\n  exporter:\n    image: exporter:1\n"
    )
    assert harbor_compose.compose_files(folder) == [os.path.join(folder, "docker-compose.yml"), str(override)]
    assert harbor_compose.override_files(folder) == [str(override)]
    core = harbor_compose.read(folder)["services"]["core"]
    assert (core["image"], core["mem_limit"]) == ("goharbor/harbor-core:v2.8.6", "1g")
    assert harbor_compose.services(folder) == [*SERVICES, "exporter"]


def test_extras_of_1x_in_use_only(folder: str) -> None:
    for component in ("notary", "clair", "chartmuseum"):
        Path(folder, f"docker-compose.{component}.yml").write_text(
            f"services:\n  {component}:\n    image: goharbor/{component}-photon:v1\n  core:\n    networks: [x]\n"
        )
    os.makedirs(os.path.join(folder, "common", "config", "clair"))
    assert [os.path.basename(path) for path in harbor_compose.compose_files(folder)] == [
        "docker-compose.yml",
        "docker-compose.clair.yml",
    ]
    assert harbor_compose.services(folder) == [*SERVICES, "clair"]


def test_no_compose_file(tmp_path: Path) -> None:
    assert harbor_compose.compose_files(str(tmp_path)) == []
    assert harbor_compose.services(str(tmp_path)) == []
    assert harbor_compose.image_tags(str(tmp_path)) == {}


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
    with pytest.raises(Problem) as caught:
        harbor_compose.services(folder)
    assert caught.value.message.replace(str(path), "FILE") == (
        f"{complaint}restore it, or write it anew with ./prepare. Nothing was changed."
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
    assert harbor_compose.project_name(str(path)) == project


# ---- containers ----


def test_containers(docker: Docker, folder: str) -> None:
    docker.start(folder)
    docker.add("clair", folder, state="restarting", health="unhealthy", restarts=7)
    found = harbor_compose.containers(folder)
    assert names(found) == sorted([*ALL, "clair"])
    clair = next(container for container in found if container.service == "clair")
    assert (clair.state, clair.health, clair.restarts, clair.project) == ("restarting", "unhealthy", 7, "harbor")
    assert clair.troubled
    assert not found[1].troubled


def test_containers_through_a_link(docker: Docker, folder: str, tmp_path: Path) -> None:
    docker.start(folder)
    (tmp_path / "link").symlink_to(folder)
    assert names(harbor_compose.containers(str(tmp_path / "link"))) == ALL


def test_no_containers(docker: Docker, folder: str) -> None:
    assert harbor_compose.containers(folder) == []


def test_somebody_elses_containers(docker: Docker, folder: str, tmp_path: Path) -> None:
    other = tmp_path / "srv" / "harbor"
    other.mkdir(parents=True)
    (other / "docker-compose.yml").write_text(compose_file("v2.8.6"))
    docker.start(str(other))
    docker.add("web", str(tmp_path / "gone"), project="web", image="nginx:1.27", name="web")
    docker.add("web", folder, name="plain")
    docker.state["containers"][-1]["Config"]["Labels"] = {}
    docker.save()
    assert harbor_compose.containers(folder) == []


def test_install_folder_was_renamed(docker: Docker, folder: str, tmp_path: Path) -> None:
    docker.start(str(tmp_path / "opt" / "harbor-before"), version="v2.8.6")
    assert names(harbor_compose.containers(folder)) == ALL


def test_old_containers_by_the_project_alone(docker: Docker, folder: str) -> None:
    docker.add("old", "", image="registry.example.com/mirror/thing:1", name="harbor_old_1")
    assert names(harbor_compose.containers(folder)) == ["harbor_old_1"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("goharbor/harbor-core:v2.8.6", True),
        ("registry.example.com:5000/goharbor/redis-photon:v2.8.6", True),
        ("vmware/harbor-ui:v1.5.4", True),
        ("goharbor/prepare:v2.8.6", False),
        ("notgoharbor/harbor-core:v2.8.6", False),
        ("redis:7", False),
    ],
)
def test_harbor_images(image: str, expected: bool) -> None:
    assert harbor_compose.is_harbor_image(image) is expected


# ---- down and up ----


def test_down_in_order(docker: Docker, folder: str) -> None:
    docker.start(folder)
    docker.add("web", "/srv/web", project="web", image="nginx:1.27", name="web")
    docker.save(networks={"n1": "harbor", "n2": "web"})
    harbor_compose.down(folder, 60)
    assert docker.names == ["web"]
    assert docker.state["networks"] == {"n2": "web"}
    order = [number for call in docker.calls("stop") for number in [int(one, 16) for one in call[3:]]]
    services = [list(SERVICES)[number] for number in order]
    assert set(services[-3:-1]) == {"postgresql", "redis"}
    assert services[-1] == "log"
    assert [call[2] for call in docker.calls("stop")] == ["10", "60", "10"]
    assert docker.calls("compose") == []


def test_down_without_a_readable_compose_file(docker: Docker, folder: str) -> None:
    docker.start(folder, state="exited")
    Path(folder, "docker-compose.yml").write_text("]")
    harbor_compose.down(folder, 60)
    assert docker.names == []
    assert docker.calls("stop") == []


def test_down_twice(docker: Docker, folder: str) -> None:
    docker.save(networks={"n1": "harbor"})
    harbor_compose.down(folder, 60)
    assert docker.load()["networks"] == {}
    assert docker.calls("rm") == []


def test_down_in_vain(docker: Docker, folder: str) -> None:
    docker.add("core", folder, stuck=True)
    with pytest.raises(Problem) as caught:
        harbor_compose.down(folder, 60)
    assert caught.value.message == (
        f"These containers of {folder} could not be removed: harbor-core; look at journalctl -u docker.service."
    )


def test_up(docker: Docker, folder: str) -> None:
    harbor_compose.up(folder, 60)
    assert docker.calls("compose", "up") == [["compose", "up", "-d"]]


def test_up_with_extras(docker: Docker, folder: str) -> None:
    Path(folder, "docker-compose.clair.yml").write_text("services:\n  clair: {}\n")
    os.makedirs(os.path.join(folder, "common", "config", "clair"))
    harbor_compose.up(folder, 60)
    files = harbor_compose.compose_files(folder)
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
    with pytest.raises(Problem) as caught:
        harbor_compose.up(folder, 60)
    assert caught.value.message == f"Harbor in {folder} does not start: {reason}; mend that and start it again."


def test_up_without_a_compose_file(docker: Docker, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="There is no docker-compose.yml in .*; write it with ./prepare, or restore"):
        harbor_compose.up(str(tmp_path), 60)
