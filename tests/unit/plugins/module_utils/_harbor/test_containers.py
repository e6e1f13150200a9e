# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers are a Harbor's, and how they are taken down."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.containers import (
    Container,
    find_containers,
    is_harbor_image,
    stop_and_remove,
)
from ansible_collections.dockyard.ops.tests.unit.helpers.harbor_docker import SERVICES, Docker, compose_file

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


def names(found: list[Container]) -> list[str]:
    return [container.name for container in found]


def test_engine_down(docker: Docker, folder: str) -> None:
    docker.save(up=False)
    with pytest.raises(DockyardError) as caught:
        find_containers(folder)
    assert caught.value.message == (
        "The Docker Engine does not answer; start it (systemctl start docker) and run again."
    )


def test_containers(docker: Docker, folder: str) -> None:
    docker.start(folder)
    docker.add("clair", folder, state="restarting", health="unhealthy", restarts=7)
    found = find_containers(folder)
    assert names(found) == sorted([*ALL, "clair"])
    clair = next(container for container in found if container.service == "clair")
    assert (clair.state, clair.health, clair.restarts, clair.project) == ("restarting", "unhealthy", 7, "harbor")
    assert clair.troubled
    assert not found[1].troubled


def test_containers_through_a_link(docker: Docker, folder: str, tmp_path: Path) -> None:
    docker.start(folder)
    (tmp_path / "link").symlink_to(folder)
    assert names(find_containers(str(tmp_path / "link"))) == ALL


def test_no_containers(docker: Docker, folder: str) -> None:
    assert find_containers(folder) == []


def test_another_users_containers(docker: Docker, folder: str, tmp_path: Path) -> None:
    other = tmp_path / "srv" / "harbor"
    other.mkdir(parents=True)
    (other / "docker-compose.yml").write_text(compose_file("v2.8.6"))
    docker.start(str(other))
    docker.add("web", str(tmp_path / "gone"), project="web", image="nginx:1.27", name="web")
    docker.add("web", folder, name="plain")
    docker.state["containers"][-1]["Config"]["Labels"] = {}
    docker.save()
    assert find_containers(folder) == []


def test_install_folder_was_renamed(docker: Docker, folder: str, tmp_path: Path) -> None:
    docker.start(str(tmp_path / "opt" / "harbor-before"), version="v2.8.6")
    assert names(find_containers(folder)) == ALL


def test_old_containers_by_the_project_alone(docker: Docker, folder: str) -> None:
    docker.add("old", "", image="registry.example.com/mirror/thing:1", name="harbor_old_1")
    assert names(find_containers(folder)) == ["harbor_old_1"]


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
    assert is_harbor_image(image) is expected


def test_down_in_order(docker: Docker, folder: str) -> None:
    docker.start(folder)
    docker.add("web", "/srv/web", project="web", image="nginx:1.27", name="web")
    docker.save(networks={"n1": "harbor", "n2": "web"})
    stop_and_remove(folder, 60)
    assert docker.names == ["web"]
    assert docker.state["networks"] == {"n2": "web"}
    orders = [call for call in docker.load()["calls"] if call[0] in ("stop", "kill", "rm")]
    assert [call[:3] for call in orders] == [
        ["stop", "-t", "10"],
        ["kill", "--signal", "SIGINT"],
        ["stop", "-t", "60"],
        ["rm", "--force", "--volumes"],
    ]
    services = [{list(SERVICES)[int(one, 16)] for one in call[3:]} for call in orders]
    # PostgreSQL ends at once and in order; harbor-log, which ignores every order to end, is removed with the others.
    assert services[1:3] == [{"postgresql"}, {"postgresql", "redis"}]
    assert services[0] == set(SERVICES) - {"postgresql", "redis", "log"}
    assert services[3] == set(SERVICES)
    assert docker.calls("compose") == []


def test_down_with_databases_that_are_thrown_away(docker: Docker, folder: str) -> None:
    docker.start(folder)
    stop_and_remove(folder, 60, discard=True)
    assert docker.names == []
    assert docker.calls("kill") == []
    assert [len(call[3:]) for call in docker.calls("stop")] == [len(SERVICES) - 3]


def test_down_without_a_readable_compose_file(docker: Docker, folder: str) -> None:
    docker.start(folder, state="exited")
    Path(folder, "docker-compose.yml").write_text("]")
    stop_and_remove(folder, 60)
    assert docker.names == []
    assert docker.calls("stop") == []


def test_down_twice(docker: Docker, folder: str) -> None:
    docker.save(networks={"n1": "harbor"})
    stop_and_remove(folder, 60)
    assert docker.load()["networks"] == {}
    assert docker.calls("rm") == []


def test_down_in_vain(docker: Docker, folder: str) -> None:
    docker.add("core", folder, stuck=True)
    with pytest.raises(DockyardError) as caught:
        stop_and_remove(folder, 60)
    assert caught.value.message == (
        f"These containers of {folder} could not be removed: harbor-core; look at journalctl -u docker.service."
    )
