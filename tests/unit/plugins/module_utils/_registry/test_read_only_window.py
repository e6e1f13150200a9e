# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A window is closed whatever happens to who opened it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import read_only_window
from ansible_collections.dockyard.ops.plugins.module_utils._registry.container import Container
from ansible_collections.dockyard.ops.plugins.module_utils._registry.read_only_window import ReadOnlyWindow
from ansible_collections.dockyard.ops.plugins.modules import registry_maintenance
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_docker import RegistryDocker


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryDocker:
    return RegistryDocker(tmp_path, monkeypatch)


def window(start_timeout: float = 5) -> ReadOnlyWindow:
    container = Container("registry")
    return ReadOnlyWindow(container, container.place(), start_timeout)


def owner(docker: RegistryDocker) -> int:
    """Fork a process that opens a window and stays in it. Return its number once the window is open."""
    process = os.fork()
    if process == 0:
        try:
            with window():
                (docker.base / "open").touch()
                time.sleep(60)
        finally:
            os._exit(0)
    wait_for((docker.base / "open").exists)
    return process


def wait_for(done: object) -> None:
    end = time.monotonic() + 20
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def closed(docker: RegistryDocker) -> bool:
    left = sorted(os.listdir(docker.base / "config"))
    return left == ["config.yml"] and "readonly" not in docker.config.read_text()


def test_in_the_window_the_registry_is_read_only_and_afterwards_it_is_as_before(docker: RegistryDocker) -> None:
    before, inode = docker.config.read_text(), docker.config.stat().st_ino
    docker.config.chmod(0o640)
    with window() as opened:
        inside = yaml.safe_load(docker.config.read_text())
        assert docker.config.stat().st_mode & 0o777 == 0o640
    assert inside["storage"] == {"filesystem": {}, "maintenance": {"readonly": {"enabled": True}}}
    assert inside["http"] == {"secret": "s"}
    assert (docker.config.read_text(), docker.config.stat().st_ino) == (before, inode)
    assert closed(docker) and opened.seconds > 0
    assert docker.calls == ["restart registry", "restart registry"]


def test_other_settings_of_maintenance_stay(docker: RegistryDocker) -> None:
    docker.config.write_text("storage:\n  s3: {bucket: b}\n  maintenance: {uploadpurging: {enabled: false}}\n")
    with window():
        storage = yaml.safe_load(docker.config.read_text())["storage"]
    assert storage["maintenance"] == {"uploadpurging": {"enabled": False}, "readonly": {"enabled": True}}


@pytest.mark.parametrize(
    "variable",
    [
        "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=false",
        "REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: no}",
        "REGISTRY_STORAGE_MAINTENANCE=",
        "REGISTRY_STORAGE=filesystem",
    ],
)
def test_an_environment_that_allows_uploads_anyway(docker: RegistryDocker, variable: str) -> None:
    docker.change(env=["PATH=/bin", variable])
    with pytest.raises(DockyardError) as caught, window():
        pytest.fail("it opened")
    assert caught.value.code == "registry_read_only_overridden" and not caught.value.changed
    assert caught.value.message == (
        f"The environment of the registry's container ({variable.partition('=')[0]}) wins over its configuration file,"
        " so that it can't be made read-only; move what it says into the file."
    )
    assert closed(docker) and docker.calls == []


def test_an_environment_that_says_other_things(docker: RegistryDocker) -> None:
    docker.change(env=["REGISTRY_STORAGE_DELETE_ENABLED=true", "REGISTRY_HTTP_ADDR=:5000", "REGISTRY_LOG_LEVEL=debug"])
    with window():
        assert "readonly" in docker.config.read_text()
    assert closed(docker)


def test_an_error_in_the_window(docker: RegistryDocker) -> None:
    with pytest.raises(DockyardError) as caught, window():
        raise DockyardError("some_code", "It fails.")
    assert caught.value.changed
    assert closed(docker)


def test_a_registry_that_does_not_start_read_only(docker: RegistryDocker) -> None:
    docker.change(fails={"restart": 1})
    with pytest.raises(DockyardError) as caught, window(0.1):
        pytest.fail("the window is not open")
    # Nor does it start again.
    assert caught.value.code == "registry_window_not_closed"
    assert "registry is not back in read-write service after its read-only window; look at" in caught.value.message
    assert "readonly" not in docker.config.read_text()

    docker.change(fails={})
    assert read_only_window.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)
    assert not read_only_window.close(Container("registry"), str(docker.config), 5)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal(docker: RegistryDocker, number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    with pytest.raises(DockyardError) as caught, window():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert caught.value.message == (
        f"The work in the read-only window was interrupted by {number.name}; the registry in the container registry is"
        " back in read-write service. Run again."
    )
    assert caught.value.changed and closed(docker)
    assert signal.getsignal(number) == handler


def test_a_kill_is_answered_by_the_guardian(docker: RegistryDocker) -> None:
    process = owner(docker)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    wait_for(lambda: closed(docker))
    assert docker.calls == ["restart registry", "restart registry"]


def test_a_kill_of_both_is_answered_by_the_next_run(docker: RegistryDocker) -> None:
    process = owner(docker)
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for each in (*map(int, children), process):
        os.kill(each, signal.SIGKILL)
    os.waitpid(process, 0)
    assert "readonly" in docker.config.read_text()

    assert read_only_window.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)


def test_closing_needs_no_space(docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    with window():
        real = os.open

        def watched(path: str, flags: int, *arguments: int, **more: int) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(docker.base) in str(path):
                written.append(str(path))
            return real(path, flags, *arguments, **more)

        monkeypatch.setattr(os, "open", watched)
    assert written == [] and closed(docker)


def test_a_registry_whose_container_is_gone_gets_its_configuration_back(docker: RegistryDocker) -> None:
    os.link(docker.config, f"{docker.config}.read-write")
    docker.change(containers={})
    assert read_only_window.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)
    assert docker.calls == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("storage: [", "can't be read as a registry's configuration (while parsing"),
        ("version: 0.1\n", "has no storage, so it is no registry's configuration; correct it."),
    ],
)
def test_a_configuration_that_is_none(docker: RegistryDocker, content: str, expected: str) -> None:
    docker.config.write_text(content)
    with pytest.raises(DockyardError) as caught, window():
        pytest.fail("the window is not open")
    assert caught.value.code == "registry_config_unreadable"
    assert caught.value.message.startswith(f"{docker.config} {expected}")
    assert not caught.value.changed and docker.calls == []


def test_a_configuration_that_is_in_no_mount(docker: RegistryDocker) -> None:
    docker.change(mounts={})
    with pytest.raises(DockyardError) as caught:
        Container("registry").place()
    assert caught.value.code == "registry_config_not_mounted"
    assert "has its configuration in no mounted folder, so it can't be made read-only" in caught.value.message


def test_closing_waits_for_an_engine_that_restarts(docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    os.link(docker.config, f"{docker.config}.read-write")
    real, asked = Container.details, []

    def details(container: Container) -> object:
        asked.append(container.name)
        if len(asked) == 1:
            raise DockyardError("registry_container_unknown", "No engine answers.")
        return real(container)

    monkeypatch.setattr(Container, "details", details)
    assert read_only_window.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)


def test_an_engine_that_stays_away_is_said_after_the_change(docker: RegistryDocker) -> None:
    os.link(docker.config, f"{docker.config}.read-write")
    (docker.base.parent / "bin" / "docker").write_text("#!/bin/sh\necho No engine >&2; exit 1\n")
    with pytest.raises(DockyardError) as caught:
        read_only_window.close(Container("registry"), str(docker.config), 0.1)
    assert caught.value.code == "registry_container_unknown" and caught.value.changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_says_that_a_window_that_was_left_open_would_be_closed(
    docker: RegistryDocker, check_mode: bool
) -> None:
    os.link(docker.config, f"{docker.config}.read-write")
    call: Any = SimpleNamespace(check_mode=check_mode, params={"container_name": "registry", "start_timeout": 5})
    assert registry_maintenance._with_closed_window(call, lambda: {"changed": False}) == {"changed": True}
    assert closed(docker) is not check_mode


def test_a_registry_that_does_not_say_that_it_is_healthy_is_left_alone(docker: RegistryDocker) -> None:
    docker.change(exec={"timeout": {"rc": 1, "out": "", "err": ""}})
    with pytest.raises(DockyardError) as caught, window(0.1):
        pytest.fail("the window is not open")
    assert caught.value.code == "registry_not_healthy" and not caught.value.changed
    assert caught.value.message == "The registry in the container registry is not healthy after 0.1 seconds."
    assert docker.calls == [] and closed(docker)
