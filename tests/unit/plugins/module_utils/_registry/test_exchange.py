# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container is exchanged, or the one from before is back, wherever the exchange was interrupted."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import exchange
from ansible_collections.dockyard.ops.plugins.module_utils._registry.container import Container
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_docker import RegistryDocker


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryDocker:
    docker = RegistryDocker(tmp_path, monkeypatch)
    (docker.base / "tls" / "registry.crt").write_text("old")
    return docker


def request(docker: RegistryDocker, seconds: float = 0) -> exchange.Exchange:
    return exchange.Exchange(
        Container("registry"), Container("registry-previous"), str(docker.base), ["config", "tls"], seconds
    )


def create(docker: RegistryDocker) -> None:
    """Do what community.docker.docker_container does: make the successor, and not start it."""
    docker.change(containers={**docker.load()["containers"], "registry": False})


def whole(docker: RegistryDocker) -> None:
    asked = request(docker)
    exchange.begin(asked)
    create(docker)
    exchange.switch(asked)
    exchange.finish(asked)


class Killed(BaseException):
    """What no code catches."""


def test_one_container_is_left_and_its_files_are_proven(docker: RegistryDocker) -> None:
    whole(docker)
    assert docker.load()["containers"] == {"registry": True}
    assert (docker.base / ".proven" / "tls" / "registry.crt").read_text() == "old"
    assert not exchange.pending(request(docker))
    assert docker.calls == [
        "rename registry registry-previous",
        "update --restart=always registry-previous",
        "stop registry-previous",
        "start registry",
        "update --restart=no registry-previous",
        "rm --force registry-previous",
    ]


@pytest.mark.parametrize("step", range(1, 16))
def test_a_kill_after_any_command(docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    whole(docker)
    docker.change(policies={"registry": "on-failure:3"})
    (docker.base / "tls" / "registry.crt").write_text("new")
    (docker.base / "tls" / "extra").write_text("new")
    count = 0
    real = Container._docker

    def kill(*arguments: str) -> CompletedProcess[str]:
        nonlocal count
        done = real(*arguments)
        count += 1
        if count == step:
            raise Killed
        return done

    monkeypatch.setattr(Container, "_docker", staticmethod(kill))
    ended = False
    try:
        whole(docker)
        ended = True
    except Killed:
        pass
    monkeypatch.setattr(Container, "_docker", staticmethod(real))
    # What is up then, or comes up with the engine: one that ran, or that the engine always starts.
    state = docker.load()
    policies, containers = state["policies"], state["containers"]
    assert any(runs or policies.get(name) == "always" for name, runs in containers.items())

    exchange.undo(request(docker))

    assert docker.load()["containers"] == {"registry": True}
    assert not exchange.pending(request(docker))
    assert not exchange.undo(request(docker))
    if ended or (docker.base / ".proven" / "tls" / "extra").exists():
        assert (docker.base / "tls" / "registry.crt").read_text() == "new"
    else:
        assert (docker.base / "tls" / "registry.crt").read_text() == "old"
        assert not (docker.base / "tls" / "extra").exists()
        assert docker.load()["policies"].get("registry") == "on-failure:3"


def test_a_first_start_that_is_undone_leaves_no_container(docker: RegistryDocker) -> None:
    docker.change(containers={})
    asked = request(docker)
    exchange.begin(asked)
    create(docker)
    exchange.switch(asked)
    assert exchange.undo(asked)
    assert docker.load()["containers"] == {}


def test_a_container_that_a_restore_stopped_keeps_its_policy(docker: RegistryDocker) -> None:
    docker.change(containers={"registry": False}, policies={"registry": "unless-stopped"})
    asked = request(docker)
    exchange.begin(asked)
    create(docker)
    exchange.switch(asked)
    assert docker.load()["policies"] == {"registry-previous": "unless-stopped"}


def test_a_successor_that_does_not_start(docker: RegistryDocker) -> None:
    whole(docker)
    asked = request(docker)
    exchange.begin(asked)
    create(docker)
    docker.change(fails={"start": 1})
    with pytest.raises(DockyardError, match="docker start of the container registry failed"):
        exchange.switch(asked)
    docker.change(fails={})
    exchange.undo(asked)
    assert docker.load()["containers"] == {"registry": True}


def test_an_engine_that_is_waited_for(docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it restarts, nothing answers: what failed is tried again."""
    asked = request(docker, 60)
    exchange.begin(asked)
    create(docker)
    docker.change(fails={"start": 1, "version": 1})
    monkeypatch.setattr(exchange.time, "sleep", lambda _seconds: docker.change(fails={}))
    exchange.switch(asked)
    assert docker.load()["containers"] == {"registry-previous": False, "registry": True}


def test_what_a_window_set_aside_goes(docker: RegistryDocker) -> None:
    aside = docker.base / "config" / "config.yml.read-write"
    aside.write_text("aside")
    whole(docker)
    assert not aside.exists()
    assert os.listdir(docker.base / ".proven" / "config") == ["config.yml"]


def test_files_are_put_back_on_a_full_disk(docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(docker)
    (docker.base / "tls" / "registry.crt").write_text("new")

    def full(_source: str, target: str) -> None:
        Path(target).write_text("o")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copy2", full)
    assert exchange.undo(request(docker))
    assert (docker.base / "tls" / "registry.crt").read_text() == "old"


def test_files_that_can_t_be_put_back(docker: RegistryDocker) -> None:
    whole(docker)
    shutil.rmtree(docker.base / "tls")
    (docker.base / "tls").write_text("no folder")
    with pytest.raises(DockyardError, match="can't be put back in .*; look at the disk and run again") as caught:
        exchange.undo(request(docker))
    assert caught.value.code == "registry_files_not_put_back"


def test_files_that_can_t_be_kept(docker: RegistryDocker) -> None:
    asked = request(docker)
    exchange.begin(asked)
    create(docker)
    exchange.switch(asked)
    shutil.rmtree(docker.base / "tls")
    with pytest.raises(DockyardError, match=r"can't be kept in .*/\.proven") as caught:
        exchange.finish(asked)
    assert caught.value.code == "registry_proven_not_kept"
    assert docker.load()["containers"] == {"registry-previous": False, "registry": True}


def test_a_record_that_can_t_be_read(docker: RegistryDocker) -> None:
    (docker.base / ".exchange").write_text("{")
    with pytest.raises(DockyardError, match="give it its name registry back, and remove that file") as caught:
        exchange.pending(request(docker))
    assert caught.value.code == "registry_exchange_record"
