# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback says of file and engine, with a script as systemctl and an imitated engine."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import containers, other_engine, service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import host_state, state
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.rollback import (
    Rollback,
    foresee_resumed,
    left_down,
    return_inventory,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.state import Change, SavedState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.inventory import Container, Inventory
from ansible_collections.dockyard.ops.plugins.module_utils._host import default_routes, state_dir
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve

SYSTEMCTL = """#!/bin/sh
echo "$1" >> {folder}/verbs
[ "$1" = show ] || exit 0
printf 'LoadState=loaded\\nActiveState=inactive\\nMainPID=0\\n'
"""


@pytest.fixture
def file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(folder=tmp_path))
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(service, "booted_by_systemd", lambda: True)
    monkeypatch.setattr(service, "DEFAULT_FILE", str(tmp_path / "daemon.json"))
    monkeypatch.setattr(state_dir, "ROOT", str(tmp_path / "state"))
    monkeypatch.setattr(other_engine, "_PROC", str(tmp_path / "proc"))  # this machine may run an engine itself
    (tmp_path / "proc").mkdir()
    (tmp_path / "daemon.json").write_text('{"debug": true}')
    return tmp_path / "daemon.json"


@pytest.mark.parametrize(
    "old, restored",
    [
        (b'{"debug": true}', "{file} is as it was"),
        (b"{}", "The old file is back"),
        (None, "{file}, which was not there before, is removed again"),
    ],
)
def test_the_old_file_is_back_only_where_it_had_changed(file: pathlib.Path, old: bytes | None, restored: str) -> None:
    saved = SavedState(change=Change(old, None, []))
    outcome = Rollback(str(file), saved, lambda path: None, 1).run("restart")
    assert outcome == f"{restored.format(file=file)}, and the engine is down, as it was before."
    assert (file.read_bytes() if file.exists() else None) == old


def test_the_file_of_another_program_is_kept_beside(file: pathlib.Path) -> None:
    ours, old = b'{"log-level": "warn"}', b"{}"
    change = Change(old, None, [], written=[state.digest(ours)])
    outcome = Rollback(str(file), SavedState(change=change), lambda path: None, 1).run("restart")
    beside = next(path for path in file.parent.iterdir() if path.name.startswith("daemon.json."))
    assert beside.read_bytes() == b'{"debug": true}'
    assert outcome == (
        f"The old file is back (what another program had written there is in {beside}), and the engine is down, as it"
        " was before."
    )
    assert not change.is_foreign(ours) and not change.is_foreign(old) and not change.is_foreign(None)


def test_an_engine_that_was_left_down_counts_as_failed_and_not_as_stopped_by_a_user(file: pathlib.Path) -> None:
    assert host_state.inspect_host(str(file), SavedState()).engine == "stopped"
    Rollback(str(file), SavedState(change=Change(b"{}", None, [])), lambda path: None, 1).run("restart")
    assert "stop" in (file.parent / "verbs").read_text().split()
    assert host_state.inspect_host(str(file), state.read(str(file))).engine == "failed"


def test_check_mode_names_the_containers_that_are_down_with_the_engine(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line 11: after a run that was killed before its rollback, or within it."""
    monkeypatch.setattr(service, "inspect_unit", lambda **_options: service.Unit("failed", []))
    killed = SavedState(change=Change(b"{}", None, [containers.Container("1", "web"), containers.Container("2", "db")]))
    assert foresee_resumed(str(file), killed) == (
        "An earlier run was interrupted, and the engine is down with its file; the old one would come back first, and"
        " then db, web would be started."
    )
    file.write_text("{}")  # the old one is back
    assert foresee_resumed(str(file), killed) is None
    assert left_down(killed) == (
        "An earlier run was interrupted, and the engine is down since, and with it these containers: db, web."
    )
    assert left_down(SavedState(change=Change(b"{}", None, []))) is left_down(SavedState()) is None


def test_a_rollback_that_can_not_be_saved_does_not_hide_its_outcome(file: pathlib.Path) -> None:
    (file.parent / "state").write_text("no folder")
    saved = SavedState(change=Change(b"{}", None, []))
    outcome = Rollback(str(file), saved, lambda path: None, 1).run("restart")
    assert outcome.startswith(
        "The old file is back, and the engine is down, as it was before. That could not be saved, and so the next run"
        " looks at it again: Can't "
    )
    assert saved.change is not None


@pytest.mark.parametrize("missing", [[], ["default via 10.0.0.1 dev eth0"]])
def test_a_default_route_is_put_back_and_named_if_that_fails(
    file: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    """Real routes are in tests/faults."""
    routes = {"-4": ["default via 10.0.0.1 dev eth0"], "-6": []}
    asked: list[object] = []

    def put_back(before: default_routes.DefaultRoutes) -> list[str]:
        asked.append(before)
        return missing

    monkeypatch.setattr(default_routes, "put_back", put_back)
    change = Change(b"{}", service.Engine("boot", 1, 1), [], routes=routes)
    state.write(str(file), SavedState(change=change))
    saved = state.read(str(file))  # as the run after one that was killed
    with serve(tmp_path, Engine) as engine:
        monkeypatch.setattr(Rollback, "_answering", lambda self, config: EngineApi(engine.socket))
        outcome = Rollback(str(file), saved, lambda path: None, 1).run("restart")
    assert asked == [routes]
    assert outcome == (
        "The old file is back and the engine answers, but the host's default route is not back: default via 10.0.0.1"
        " dev eth0."
        if missing
        else "The old file is back, and the engine answers with it."
    )


WEB = Container("1" * 64, "web", "running", networks={"bridge": ["172.17.0.2"]}, endpoints={"bridge": {}})


class Connecting(Engine):
    """Has one container, which it starts with the networks that were connected."""

    def __init__(self, socket: str) -> None:
        super().__init__(socket)
        self.connected = False
        self.restarts = 0

    def answer(self, method: str, target: str) -> tuple[int, object]:  # type: ignore[override]  # one kind of answer
        self.requests.append(f"{method} {target}")
        path = target.partition("?")[0]
        if path == "/networks/bridge/connect":
            self.connected = True
            return 200, None
        if path.endswith("/restart"):
            self.restarts += 1
            return 204, None
        if path.endswith("/json") and path.startswith("/containers/1"):
            networks = {"bridge": {"IPAddress": "172.17.0.2" if self.restarts else ""}} if self.connected else {}
            return 200, {
                "Id": WEB.id,
                "Name": "/web",
                "State": {"Running": True, "Restarting": False, "Paused": False, "Status": "running", "ExitCode": 0},
                "NetworkSettings": {"Networks": networks},
            }
        lists: dict[str, object] = {
            "/info": {"Driver": "overlay2", "DockerRootDir": "/var/lib/docker"},
            "/containers/json": [{"Id": WEB.id, "Created": 1}],
            "/images/json": [],
            "/volumes": {},
            "/networks": [],
        }
        return 200, lists[path]


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connecting]:
    monkeypatch.setattr(containers, "_SETTLE", 0.3)
    with serve(tmp_path, Connecting) as started:
        yield started


def test_a_container_that_runs_without_its_network_is_connected_and_started_again(engine: Connecting) -> None:
    before = Inventory("overlay2", "graph", "/var/lib/docker", [WEB])
    change = Change(b"{}", service.Engine("boot", 1, 1), [containers.Container(WEB.id, "web")], inventory=before)
    found, missing = return_inventory(EngineApi(engine.socket), change, 5)
    assert (found.running, missing, engine.restarts) == (["web"], [], 1)
