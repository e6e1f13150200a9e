# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another engine is found by its process and named by its unit. /proc is a folder with what the kernel shows."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import other_engine
from ansible_collections.dockyard.ops.plugins.module_utils._engine.other_engine import (
    OtherEngine,
    find_other_engine,
    refuse_stranger,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve

SNAP = "0::/system.slice/snap.docker.dockerd.service"


class Proc:
    """The folder /proc of a host."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.add("self", "python3", "", "")

    def add(self, pid: str, comm: str, program: str, cgroup: str, namespace: str = "pid:[4026531836]") -> None:
        process = self.folder / pid
        (process / "ns").mkdir(parents=True)
        (process / "comm").write_text(f"{comm}\n")
        (process / "cmdline").write_text(f"{program}\0--debug\0")
        (process / "cgroup").write_text(f"{cgroup}\n")
        (process / "ns" / "pid").symlink_to(namespace)


@pytest.fixture
def proc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    monkeypatch.setattr(other_engine, "_PROC", str(tmp_path))
    return Proc(tmp_path)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="processes of root are looked for")


@needs_root
@pytest.mark.parametrize(
    "cgroup, unit",
    [
        (SNAP, "snap.docker.dockerd.service"),
        ("0::/system.slice/docker-engine.service", "docker-engine.service"),
        ("12:pids:/system.slice/dockerd.service\n1:name=systemd:/system.slice/dockerd.service", "dockerd.service"),
        ("0::/system.slice/snap.docker.dockerd.service/sub", "snap.docker.dockerd.service"),
        ("0::/user.slice/user-0.slice/session-3.scope", None),
    ],
)
def test_an_engine_of_somewhere_else(proc: Proc, cgroup: str, unit: str | None) -> None:
    proc.add("812", "sshd", "/usr/sbin/sshd", "0::/system.slice/ssh.service")
    proc.add("1492", "dockerd", "/snap/docker/2963/bin/dockerd", cgroup)
    assert find_other_engine() == OtherEngine(1492, "/snap/docker/2963/bin/dockerd", unit)


@needs_root
def test_that_of_docker_service_and_those_in_containers_are_no_other(proc: Proc) -> None:
    proc.add("700", "dockerd", "/usr/sbin/dockerd", "0::/system.slice/docker.service")
    proc.add("900", "dockerd", "/usr/sbin/dockerd", "0::/system.slice/docker-4c01db.scope", "pid:[4026532999]")
    assert find_other_engine() is None


def test_its_refusal_names_unit_process_and_file() -> None:
    error = OtherEngine(1492, "/snap/docker/2963/bin/dockerd", "snap.docker.dockerd.service").refusal("/etc/d.json")
    assert (error.code, error.message) == (
        "engine_foreign",
        "A Docker Engine is on this host that is run by snap.docker.dockerd.service and not by docker.service (process"
        " 1492, /snap/docker/2963/bin/dockerd); it would not read /etc/d.json, as snaps read"
        " /var/snap/docker/current/config/daemon.json. Change it by its own means, or remove it before an engine of"
        " this host's packages is to be managed.",
    )
    assert "by no unit of systemd and" in OtherEngine(7, "/opt/dockerd", None).refusal("/etc/d.json").message


def test_podman_on_the_socket_of_an_engine(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path, Engine) as podman:
        # As podman system service 4.3 answers.
        podman.answers = {"/version": (200, {"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]})}
        with pytest.raises(DockyardError) as caught:
            refuse_stranger("/etc/docker/daemon.json", podman.socket)
    assert caught.value.code == "engine_foreign"
    assert caught.value.message.startswith(
        f"Podman Engine 4.3.1 answers on {podman.socket} and docker.service is not on this host, so that it would not"
        " read /etc/docker/daemon.json, "
    )


def test_a_socket_that_nobody_answers_on_is_no_engine(tmp_path: pathlib.Path) -> None:
    refuse_stranger("/etc/docker/daemon.json", str(tmp_path / "missing.sock"))
