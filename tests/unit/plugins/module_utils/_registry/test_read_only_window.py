# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A window is closed whatever happens to who opened it."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import (
    configuration,
    overlay,
    read_only_window,
    shared_storage,
    window_end,
)
from ansible_collections.dockyard.ops.plugins.module_utils._registry.api import Registry
from ansible_collections.dockyard.ops.plugins.module_utils._registry.container import Container
from ansible_collections.dockyard.ops.plugins.module_utils._registry.read_only_window import ReadOnlyWindow
from ansible_collections.dockyard.ops.plugins.modules import registry_maintenance
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_docker import RegistryDocker
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Reply, Request, connect, serve


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryDocker:
    return RegistryDocker(tmp_path, monkeypatch)


def window(start_timeout: float = 5, registry: Registry | None = None) -> ReadOnlyWindow:
    container = Container("registry")
    return ReadOnlyWindow(container, container.place(), start_timeout, registry)


class Uploads:
    """A registry that begins uploads, or does not."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.requests: list[tuple[str, str]] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append((request.method, request.path))
        if request.method == "DELETE":
            return Reply(204)
        return Reply(self.status, headers={"Location": "/upload/1"}) if request.method == "POST" else Reply()

    def listens(self, docker: RegistryDocker, port: int) -> None:
        """Let the container publish this server's port."""
        docker.config.write_text("version: 0.1\nstorage:\n  filesystem: {}\nhttp: {addr: ':5000'}\n")
        docker.change(network={"Ports": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}})


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
    assert window_end.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)
    assert not window_end.close(Container("registry"), str(docker.config), 5)


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

    assert window_end.close(Container("registry"), str(docker.config), 5)
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
    assert window_end.close(Container("registry"), str(docker.config), 5)
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
    assert window_end.close(Container("registry"), str(docker.config), 5)
    assert closed(docker)


def test_an_engine_that_stays_away_is_said_after_the_change(docker: RegistryDocker) -> None:
    os.link(docker.config, f"{docker.config}.read-write")
    (docker.base.parent / "bin" / "docker").write_text("#!/bin/sh\necho No engine >&2; exit 1\n")
    with pytest.raises(DockyardError) as caught:
        window_end.close(Container("registry"), str(docker.config), 0.1)
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
    assert caught.value.message == (
        "The registry in the container registry is not healthy after 0.1 seconds: it has no health check and no debug"
        " server, and no address that this host reaches; look at docker logs registry."
    )
    assert docker.calls == [] and closed(docker)


@pytest.mark.parametrize("over_api", [True, False])
def test_a_window_in_which_an_upload_begins_is_closed_and_refused(docker: RegistryDocker, over_api: bool) -> None:
    uploads = Uploads(202)
    with serve(uploads.answer) as server:
        if not over_api:
            uploads.listens(docker, server.port)
        registry = connect(server.address, plain_http=True) if over_api else None
        with pytest.raises(DockyardError) as caught, window(registry=registry):
            pytest.fail("the window is not open")
    assert caught.value.code == "registry_window_not_read_only" and caught.value.changed
    assert caught.value.message == (
        f"The registry in the container registry is not read-only with the configuration {docker.config}: it begins an"
        " upload all the same. Nothing was deleted; look at the container's command and entrypoint, and at what is"
        " behind the given address."
    )
    # Over the API it is aborted; without a login nothing is left to abort.
    assert (("DELETE", "/upload/1") in uploads.requests) is over_api
    assert closed(docker) and docker.calls == ["restart registry", "restart registry"]


@pytest.mark.parametrize("over_api", [True, False])
def test_a_window_in_which_no_upload_begins_is_proven(docker: RegistryDocker, over_api: bool) -> None:
    uploads = Uploads(405)
    with serve(uploads.answer) as server:
        if not over_api:
            uploads.listens(docker, server.port)
        with window(registry=connect(server.address, plain_http=True) if over_api else None) as opened:
            assert opened.warnings == []
    assert ("POST", "/v2/dockyard-proof/blobs/uploads/") in uploads.requests


def test_a_window_that_can_not_be_proven_is_said(docker: RegistryDocker) -> None:
    uploads = Uploads(401)
    with serve(uploads.answer) as server:
        uploads.listens(docker, server.port)
        with window() as opened:
            pass
    assert opened.warnings == [
        "That the registry in the container registry took no uploads in its read-only window is not proven, because the"
        " beginning of one got HTTP 401; give registry, and the login of a user who may push."
    ]


def test_a_container_that_does_not_see_the_exchanged_configuration(docker: RegistryDocker, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("another\n")
    docker.change(sees=str(tmp_path))
    with pytest.raises(DockyardError) as caught, window():
        pytest.fail("the window is not open")
    assert caught.value.code == "registry_window_not_read_only"
    assert "its container does not see the configuration that was exchanged" in caught.value.message
    assert closed(docker)


def test_a_full_disk_that_nothing_helps_leaves_everything_as_it_is(
    docker: RegistryDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, content: bytes, **_options: object) -> None:
        raise DockyardError("file_operation_failed", "Can't write.") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(read_only_window.atomic_file, "write", full)
    monkeypatch.setattr(overlay, "lay", lambda *_: "mount: permission denied")
    before = docker.config.read_text()
    with pytest.raises(DockyardError) as caught, window():
        pytest.fail("the window is not open")
    assert caught.value.code == "registry_window_no_space" and not caught.value.changed
    assert caught.value.message == (
        f"There is no space for the read-only configuration beside {docker.config}, and it can't be laid over it from"
        " memory either (mount: permission denied); free a few kilobytes on that file system."
    )
    assert closed(docker) and docker.config.read_text() == before and docker.calls == []


@pytest.mark.parametrize(
    ("check", "argv"),
    [
        (["CMD-SHELL", "curl -f localhost"], ["/bin/sh", "-c", "curl -f localhost"]),
        (["CMD", "/bin/check", "-q"], ["/bin/check", "-q"]),
    ],
)
def test_the_container_s_own_health_check_is_asked(docker: RegistryDocker, check: list[str], argv: list[str]) -> None:
    docker.change(config={"Healthcheck": {"Test": check}})
    Container("registry").require_health(1)
    assert docker.load()["calls"][-1] == ["exec", "registry", *argv]
    docker.change(exec={argv[0]: {"rc": 1, "out": "", "err": "it is tired\n"}})
    with pytest.raises(DockyardError) as caught:
        Container("registry").require_health(0.1)
    assert "not healthy after 0.1 seconds: its health check fails (it is tired); look at" in caught.value.message


@pytest.mark.parametrize(
    ("status", "reason"), [(200, ""), (401, ""), (503, "GET http://127.0.0.1:{port}/v2/ gets HTTP 503")]
)
def test_without_a_health_check_the_registry_itself_is_asked(docker: RegistryDocker, status: int, reason: str) -> None:
    docker.change(exec={"timeout": {"rc": 127, "out": "", "err": "exec: timeout: not found"}})
    with serve(lambda _request: Reply(status)) as server:
        Uploads(405).listens(docker, server.port)
        if not reason:
            Container("registry").require_health(0.1)
            return
        with pytest.raises(DockyardError) as caught:
            Container("registry").require_health(0.1)
    assert reason.format(port=server.port) in caught.value.message


def other(name: str, **changed: Any) -> dict[str, Any]:
    """Return a further container that the engine knows."""
    return {name: {"Id": name, "Name": f"/{name}", **changed}}


def test_another_registry_of_the_same_storage_is_refused_by_name(docker: RegistryDocker, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(docker.base)
    data = str(tmp_path / "link" / "data")
    mounts = [{"Destination": "/var/lib/registry", "Source": data, "RW": True}]
    config = {"Image": "registry:2", "Entrypoint": ["/entrypoint.sh"], "Cmd": ["/etc/docker/registry/config.yml"]}
    docker.change(others=other("second", Mounts=mounts, Config=config))
    with pytest.raises(DockyardError) as caught, window():
        pytest.fail("the window is not open")
    assert caught.value.code == "registry_storage_shared" and not caught.value.changed
    assert caught.value.message == (
        "The storage of the registry in the container registry is also that of second, which would go on taking uploads"
        " in a read-only window; stop it for as long as this takes."
    )
    assert closed(docker) and docker.calls == []


@pytest.mark.parametrize(
    ("mount", "config"),
    [
        # It reads only, it is no registry, it keeps its images in a folder beside, it mounts something else.
        ({"RW": False}, {}),
        ({}, {"Image": "files:1", "Entrypoint": [], "Cmd": ["serve"]}),
        ({}, {"Env": ["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/var/lib/registry/other"]}),
        ({"Source": "/usr"}, {}),
    ],
)
def test_another_container_that_takes_no_uploads_for_it_is_none_of_them(
    docker: RegistryDocker, mount: dict[str, Any], config: dict[str, Any]
) -> None:
    mounts = [{"Destination": "/var/lib/registry", "Source": str(docker.base / "data"), "RW": True, **mount}]
    usual = {"Image": "registry:2", "Entrypoint": ["/entrypoint.sh"], "Cmd": ["/etc/docker/registry/config.yml"]}
    docker.change(others=other("second", Mounts=mounts, Config={**usual, **config}))
    with window():
        pass
    assert closed(docker)


@pytest.mark.parametrize(("bucket", "shared"), [("images", True), ("others", False)])
def test_another_registry_of_the_same_bucket_is_refused(docker: RegistryDocker, bucket: str, shared: bool) -> None:
    docker.config.write_text("storage:\n  s3: {bucket: images, rootdirectory: /}\n  delete: {enabled: true}\n")
    config = {"Image": "r:2", "Cmd": [], "Env": ["REGISTRY_STORAGE=s3", f"REGISTRY_STORAGE_S3_BUCKET={bucket}"]}
    docker.change(others=other("second", Mounts=[], Config=config))
    container = Container("registry")
    place = container.place()
    document = configuration.read(place.config_file)
    if not shared:
        shared_storage.require_none(container, place, document)
        return
    with pytest.raises(DockyardError) as caught:
        shared_storage.require_none(container, place, document)
    assert caught.value.code == "registry_storage_shared"
