# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that runs and does not answer: its sockets are real, and what systemd says of its unit is imitated."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import socket
from collections.abc import Iterator

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import running_engine, service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import host_state, rollback
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.apply import DaemonConfigUpdate
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import DesiredConfig
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import (
    DaemonOptions,
    RestartPolicy,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.plan import build_plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.rollback import RolledBack
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.state import Change, SavedState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import survey
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Container, Engine, serve

INFO = {
    "Debug": True,
    "LiveRestoreEnabled": False,
    "LoggingDriver": "json-file",
    "Driver": "overlay2",
    "DockerRootDir": "/var/lib/docker",
    "DefaultRuntime": "runc",
}


class Host:
    """A folder with a daemon.json, and a unit that runs with these flags."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.file = folder / "daemon.json"
        self.file.write_text('{"debug": true}')
        self.unit = service.Unit(
            "running",
            ["/usr/sbin/dockerd", f"--config-file={self.file}"],
            run=service.Engine("boot", 4711, 1),
            started_at=2e9,
        )

    def inspect(self) -> host_state.HostState:
        return host_state.inspect_host(str(self.file), SavedState())

    def options(self, restart: RestartPolicy) -> DaemonOptions:
        desired = DesiredConfig({"debug": True})
        return DaemonOptions(str(self.file), desired, restart, "proceed", backup=False, timeout=1, lock_timeout=1)


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    prepared = Host(tmp_path)
    # One round of questions, each of them short.
    monkeypatch.setattr(host_state, "_ANSWERS_WITHIN", 0)
    monkeypatch.setattr(service, "booted_by_systemd", lambda: True)
    monkeypatch.setattr(
        service, "inspect_unit", lambda settle=20, socket="": dataclasses.replace(prepared.unit, socket=socket)
    )
    monkeypatch.setattr(service, "_sockets_of_systemd", lambda: [str(tmp_path / "systemd.sock")])
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", str(tmp_path / "default.sock"))
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    return prepared


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[Engine]:
    with serve(tmp_path, Engine) as started:
        started.answers = {"/info": (200, INFO)}
        yield started


@pytest.mark.parametrize("restart", ["when_idle", "always", "never"])
def test_it_is_refused_whatever_is_allowed(host: Host, restart: RestartPolicy) -> None:
    host.unit.argv.append(f"-Hunix://{host.folder}/flag.sock")
    host.file.write_text(f'{{"debug": true, "hosts": ["unix://{host.folder}/file.sock"]}}')
    found = host.inspect()
    assert found.engine == "silent"
    with pytest.raises(DockyardError) as caught:
        build_plan(host.options(restart), found)
    assert (caught.value.code, caught.value.changed) == ("daemon_engine_silent", False)
    tried = ", ".join(f"{host.folder}/{name}.sock" for name in ("flag", "file", "systemd", "default"))
    assert caught.value.message == (
        f"The Docker Engine of this host runs (process 4711) and does not answer on {tried}, so that it is not known"
        " which containers a restart would stop; find out why (journalctl -u docker.service), have it answer on a Unix"
        " socket, or name the one on which it does in socket, and run again."
    )


def test_it_is_asked_on_the_socket_that_a_user_names(host: Host, engine: Engine) -> None:
    assert host.inspect().engine == "silent"
    found = host_state.inspect_host(str(host.file), SavedState(), engine.socket)
    assert (found.engine, found.sockets[0]) == ("running", engine.socket)


def test_it_is_refused_before_a_file_that_is_no_json(host: Host) -> None:
    host.file.write_text("{")
    with pytest.raises(DockyardError) as caught:
        build_plan(host.options("when_idle"), host.inspect())
    assert caught.value.code == "daemon_engine_silent"


@pytest.mark.parametrize("place", ["flag", "file", "systemd", "default"])
def test_it_is_found_on_each_of_its_sockets(
    host: Host, engine: Engine, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "flag":
        host.unit.argv.append(f"--host=unix://{engine.socket}")
    elif place == "file":
        host.file.write_text(f'{{"hosts": ["unix://{engine.socket}"]}}')
    elif place == "systemd":
        monkeypatch.setattr(service, "_sockets_of_systemd", lambda: [engine.socket])
    else:
        monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", engine.socket)
    found = host.inspect()
    assert found.engine == "running"
    assert found.api is not None and found.api.path == engine.socket


def test_an_interrupted_restart_is_completed_over_the_socket_that_the_file_names(host: Host, engine: Engine) -> None:
    engine.containers = [Container("1", "web", "exited")]
    host.file.write_text(f'{{"hosts": ["unix://{engine.socket}"]}}')
    saved = SavedState(change=Change(b"{}", service.Engine("boot", 1, 1), [host_state.Container("1", "web")]))
    done = rollback.resume_interrupted(str(host.file), saved, lambda path: None, timeout=5)
    assert done == "Completed a restart in which an earlier run was interrupted (1 containers started)."
    assert engine.containers[0].state == "running"
    assert saved.change is None


def test_its_networks_are_not_taken_for_missing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_engine, "_ANSWERS_WITHIN", 0)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(host.folder / "default.sock"))
        with pytest.raises(DockyardError, match="runs .* and does not answer on") as caught:
            survey.inspect_host()
    assert caught.value.code == "daemon_engine_silent"


# Notes the verbs, and says that the engine runs as process {pid}, in another run after a reload if that ends it.
SYSTEMCTL = """#!/bin/sh
echo "$1" >> {folder}/verbs
started=1
[ -e {folder}/ends ] && grep -q reload {folder}/verbs && started=2
[ "$1" = show ] || exit 0
printf 'LoadState=loaded\\nActiveState=active\\nMainPID={pid}\\nExecMainStartTimestampMonotonic=%d\\n' $started
"""


@pytest.mark.parametrize("ends", [False, True])
def test_a_reload_after_which_it_does_not_answer(
    ends: bool, tmp_path: pathlib.Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(folder=tmp_path, pid=os.getpid()))
    (tmp_path / "systemctl").chmod(0o755)
    if ends:
        (tmp_path / "ends").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(service, "booted_by_systemd", lambda: True)
    monkeypatch.setattr(service, "DEFAULT_ENGINE_SOCKET", engine.socket)
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    engine.containers = [Container("1", "web", "exited" if ends else "running")]
    silent = (500, {"message": "stuck"})
    engine.answers["/events"] = silent
    if not ends:
        engine.answers["/info"] = silent
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    unit = service.inspect_unit()
    api = EngineApi(engine.socket)
    host = host_state.HostState(
        b"{}", {}, None, unit, "running", api=api, containers=[host_state.Container("1", "web")]
    )
    desired = DesiredConfig({"debug": True})
    options = DaemonOptions(str(file), desired, "when_idle", "fail", backup=False, timeout=3, lock_timeout=1)
    plan = Plan(host, {"debug": True}, b'{"debug": true}', ["debug"], needed="reload", action="reload")
    with pytest.raises(RolledBack) as caught:
        DaemonConfigUpdate(options, plan, SavedState(), lambda path: None).run()
    assert file.read_text() == "{}"
    verbs = (tmp_path / "verbs").read_text().split()
    assert ("restart" in verbs) is ends
    assert caught.value.complete is ends
    assert engine.containers[0].state == "running"
    reason = "The Docker Engine ceased to answer after a reload (/events answered 500: stuck)."
    assert caught.value.message == (
        f"{reason} The old file is back, and the engine answers with it; web run."
        if ends
        else f"{reason} The old file is back, but the engine does not answer. It was not restarted, because its"
        " containers may run."
    )
