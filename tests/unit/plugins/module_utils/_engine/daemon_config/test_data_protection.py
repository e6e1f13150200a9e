# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused so that nothing gets out of sight. The engine is imitated; real ones are in tests/faults."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.containers import Container
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.data_location import Location
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.document import DesiredConfig, render
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.host_state import HostState
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.options import DaemonOptions
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.plan import build_plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.planned_change import Plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve

LIVE = {"live-restore": False, "storage-driver": "overlay2", "data-root": "/var/lib/docker", "bip": "172.17.0.1/16"}
WEB = Container("1" * 64, "web")
DETAILS = {
    "Id": WEB.id,
    "Name": "/web",
    "State": {"Running": True, "Status": "running"},
    "Config": {"Labels": None},
    "HostConfig": {},
    "NetworkSettings": {},
}


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(service, "validate", lambda unit, content: None)
    monkeypatch.setattr(HostState, "surroundings", lambda self: Surroundings())
    with serve(tmp_path, Engine) as started:
        started.answers = {
            "/info": (200, {"Driver": "overlay2", "DockerRootDir": "/var/lib/docker"}),
            "/version": (200, {"Version": "28.5.2"}),
            "/containers/json": (200, [{"Id": WEB.id, "Created": 1}]),
            f"/containers/{WEB.id}/json": (200, DETAILS),
            "/images/json": (200, [{"Id": "sha256:a", "RepoTags": ["small:1"]}]),
            "/volumes": (200, {"Volumes": None}),
            "/networks": (200, []),
        }
        yield started


def plan(
    engine: Engine,
    config: dict[str, Any],
    current: dict[str, Any] | None = None,
    loaded: dict[str, Any] | None = None,
    containers: list[Container] | None = None,
    live: dict[str, Any] | None = None,
    **options: Any,
) -> Plan:
    current = current or {}
    host = HostState(
        render(current),
        current,
        None,
        service.Unit("running", ["/usr/bin/dockerd"], run=service.Engine("boot", 1, 1)),
        "running",
        api=EngineApi(engine.socket),
        live={**LIVE, **(live or {})},
        loaded=current if loaded is None else loaded,
        containers=[WEB] if containers is None else containers,
        location=Location("/var/lib/docker", "overlay2", "graph", remapped=False),
    )
    defaults: dict[str, Any] = {
        "restart": "when_idle",
        "on_running_containers": "proceed",
        "backup": False,
        "timeout": 1,
        "lock_timeout": 1,
    }
    desired = DesiredConfig(config)
    return build_plan(DaemonOptions("/etc/docker/daemon.json", desired, **{**defaults, **options}), host)


@pytest.mark.parametrize("restart", ["when_idle", "always", "never"])
@pytest.mark.parametrize("containers", [[], [WEB]])
def test_a_key_that_moves_the_data_is_refused(engine: Engine, restart: str, containers: list[Container]) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"storage-driver": "vfs"}, containers=containers, restart=restart)
    assert (caught.value.code, caught.value.changed) == ("daemon_data_moves", False)
    assert caught.value.message == (
        "storage-driver has the engine look for its data in vfs and no longer in overlay2, and these would be out of"
        " sight: 1 container (web), 1 image (small:1). An engine copies nothing: move the data yourself, or set"
        " on_data_move: proceed if that is wanted."
    )


def test_a_key_that_the_file_has_since_an_earlier_edit_is_refused(engine: Engine) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"debug": True}, {"storage-driver": "vfs"}, loaded={})
    assert caught.value.message == (
        "storage-driver, by an earlier edit of /etc/docker/daemon.json, at the next restart has the engine look for its"
        " data in vfs and no longer in overlay2, and these would be out of sight: 1 container (web), 1 image (small:1)."
        " Take that back first (the engine has not done it yet), or set on_data_move: proceed if it is wanted."
    )


def test_what_is_allowed_is_in_the_plan(engine: Engine) -> None:
    allowed = plan(engine, {"storage-driver": "vfs"}, on_data_move="proceed")
    assert allowed.action == "restart" and allowed.out_of_sight is not None
    assert [container.name for container in allowed.out_of_sight.containers] == ["web"]


def test_an_engine_without_anything_has_nothing_to_lose(engine: Engine) -> None:
    engine.answers["/containers/json"] = engine.answers["/images/json"] = (200, [])
    moved = plan(engine, {"data-root": "/srv"}, containers=[])
    assert moved.action == "restart" and moved.out_of_sight is None


def test_the_image_store_needs_a_restart_and_other_features_a_reload(engine: Engine) -> None:
    assert plan(engine, {"features": {"buildkit": True}}).action == "reload"
    with pytest.raises(DockyardError, match=r"features\.containerd-snapshotter has the engine look"):
        plan(engine, {"features": {"containerd-snapshotter": True}})


@pytest.mark.parametrize(
    "config, offered",
    [({"icc": False}, True), ({"log-level": "warn"}, False), ({"icc": False, "log-level": "warn"}, False)],
)
def test_another_network_is_offered_only_for_what_is_of_docker0(
    engine: Engine, config: dict[str, Any], offered: bool
) -> None:
    with pytest.raises(DockyardError) as caught:
        plan(engine, config, on_running_containers="fail")
    assert caught.value.code == "daemon_containers_running"
    assert ("user-defined network" in caught.value.message) is offered


def test_under_live_restore_it_is_refused_whatever_is_allowed(engine: Engine) -> None:
    live_restore = {"live-restore": True}
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"storage-driver": "vfs"}, live_restore, live=live_restore, on_data_move="proceed")
    assert caught.value.code == "daemon_data_moves_under_containers"
    assert caught.value.message == (
        "storage-driver moves the engine's data, and with live-restore the processes of web would run on, while the"
        " engine knows none of these containers; stop them first."
    )


def test_a_port_published_on_an_address_that_goes_is_refused(engine: Engine) -> None:
    there = [Container("2" * 64, "proxy", published_on=["172.17.0.1"]), WEB]
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"bip": "10.77.0.1/24"}, containers=there)
    assert caught.value.code == "daemon_published_address_gone"
    assert caught.value.message == (
        "bip takes the address 172.17.0.1 from docker0, and proxy can't run without it, as ports are published there;"
        " publish them on another address first."
    )
    assert plan(engine, {"bip": "172.17.0.1/24"}, containers=there).action == "restart"
    assert plan(engine, {"mtu": 1400}, containers=there).action == "restart"


def test_a_log_driver_that_the_engine_does_not_have_is_refused(engine: Engine) -> None:
    answer: dict[str, Any] = {"Driver": "overlay2", "DockerRootDir": "/var/lib/docker"}
    engine.answers["/info"] = (200, {**answer, "Plugins": {"Log": ["json-file", "local"]}})
    engine.answers["/plugins"] = (200, [{"Name": "loki:latest"}])
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"log-driver": "jounald"})
    assert caught.value.code == "daemon_log_driver_missing"
    assert caught.value.message == (
        "log-driver is jounald, which this engine does not have (json-file, local, loki, loki:latest, none), so that no"
        " container could be created; correct it, or install the plugin first."
    )
    for driver in ("local", "loki", "loki:latest", "none"):
        assert plan(engine, {"log-driver": driver}).action == "restart"
    engine.answers["/plugins"] = (500, {"message": "none"})
    assert plan(engine, {"log-driver": "local"}).action == "restart"


def test_stopped_containers_that_the_engine_starts_are_named(engine: Engine) -> None:
    policy = {"HostConfig": {"RestartPolicy": {"Name": "always"}}}
    engine.answers["/containers/json"] = (200, [{"Id": "i", "Names": ["/idle"], "State": "exited"}])
    engine.answers["/containers/i/json"] = (200, policy)
    assert plan(engine, {"dns-search": ["a.example"]}).warnings[-1] == (
        "idle is stopped and has the restart policy always, so that the engine starts it when it starts; docker update"
        " --restart=unless-stopped keeps it stopped."
    )
    assert plan(engine, {"debug": True}).warnings == []


TASK = Container("3" * 64, "web.1.x", of_swarm=True)


def test_tasks_that_swarm_does_not_start_again_are_not_ended(engine: Engine) -> None:
    policy = {"RestartPolicy": {"Condition": "none"}}
    engine.answers["/services"] = (200, [{"ID": "s", "Spec": {"Name": "once", "TaskTemplate": policy}}])
    engine.answers["/tasks"] = (200, [{"ServiceID": "s"}])
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"dns-search": ["a.example"]}, containers=[TASK])
    assert (caught.value.code, caught.value.changed) == ("daemon_tasks_end", False)
    assert caught.value.message == (
        "The restart would end the tasks of once on this node for good, as Swarm does not start them again (restart"
        " condition none); give the services another condition (docker service update --restart-condition), or remove"
        " them first."
    )
    assert plan(engine, {"dns-search": ["a.example"]}, containers=[WEB]).action == "restart"


def test_on_a_worker_it_is_said_that_only_a_manager_knows(engine: Engine) -> None:
    engine.answers["/services"] = (503, {"message": "This node is not a swarm manager."})
    assert plan(engine, {"dns-search": ["a.example"]}, containers=[TASK]).warnings[-1] == (
        "Tasks of Swarm services run here, and only a manager knows whether Swarm starts them again: those of a service"
        " with the restart condition none end for good."
    )


def test_a_volume_whose_folder_is_gone_is_found_before_the_stop(engine: Engine, tmp_path: pathlib.Path) -> None:
    volumes = [{"Type": "volume", "Name": name, "Driver": "local"} for name in ("bound", "there", "named", "gone")]
    engine.answers[f"/containers/{WEB.id}/json"] = (200, {**DETAILS, "Mounts": volumes})
    for name, options in (("bound", {"device": "/srv/no-such"}), ("there", {"device": str(tmp_path)}), ("named", None)):
        engine.answers[f"/volumes/{name}"] = (200, {"Options": options})
    with pytest.raises(DockyardError) as caught:
        plan(engine, {"dns-search": ["a.example"]})
    assert "(web needs /srv/no-such of the volume bound)" in caught.value.message
