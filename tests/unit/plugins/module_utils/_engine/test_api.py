# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an engine, and bringing its containers back. The engine is imitated, see _engine_server.py."""

from __future__ import annotations

import json
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import containers as engine_containers
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import (
    EngineApi,
    Unreachable,
    find_answering,
    message,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.containers import (
    BroughtBack,
    bring_back,
    joined_names,
    running,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Container, Engine, serve


@pytest.fixture
def engine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(engine_containers, "_SETTLE", 0.6)
    monkeypatch.setattr(engine_containers, "_SETTLE_AFTER_MORE_STARTS", 1.2)
    with serve(tmp_path, Engine) as started:
        yield started


@pytest.fixture
def api(engine: Engine) -> EngineApi:
    return EngineApi(engine.socket, timeout=5)


# --- asking


def test_questions_and_answers(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/info": (200, {"Debug": True}), "/nothing": (204, None)}
    assert api.ask("GET", "/info") == (200, {"Debug": True})
    assert api.get("/info") == {"Debug": True}
    assert api.ask("POST", "/nothing") == (204, None)
    assert api.ask("GET", "/none") == (404, {"message": "page not found"})
    assert api.answers()


def test_a_query_is_encoded(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/events": (200, None)}
    assert api.events(1.5, 2, type=["daemon"], event=["reload"]) == []
    filters = "%7B%22type%22%3A+%5B%22daemon%22%5D%2C+%22event%22%3A+%5B%22reload%22%5D%7D"
    assert engine.requests == [f"GET /events?since=1.500000&until=2.000000&filters={filters}"]


def test_an_engine_that_is_not_there(tmp_path: pathlib.Path) -> None:
    absent = EngineApi(str(tmp_path / "none.sock"))
    with pytest.raises(Unreachable, match="No such file or directory"):
        absent.ask("GET", "/info")
    assert not absent.answers()
    began = time.monotonic()
    assert find_answering([absent.path], 0.5) is None
    assert 0.5 <= time.monotonic() - began < 30


def test_a_socket_that_nobody_listens_on(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    with pytest.raises(Unreachable, match="Connection refused"):
        EngineApi(path).get("/info")


def test_an_engine_that_hangs_is_given_up(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(path)
        hanging.listen()
        began = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            EngineApi(path, timeout=0.3).get("/info")
        assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    "answer, text",
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"", "Remote end closed connection without response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "IncompleteRead"),
        (b"\x00\xff\x00\xff\r\n\r\n", "\x00"),
    ],
)
def test_what_is_no_http_counts_as_no_engine(engine: Engine, api: EngineApi, answer: bytes, text: str) -> None:
    engine.answers = {"/info": answer}
    with pytest.raises(Unreachable) as caught:
        api.get("/info")
    assert text in str(caught.value)
    assert not api.answers()


@pytest.mark.parametrize(
    "status, body, text",
    [
        (500, {"message": "driver failed"}, "/info answered 500: driver failed"),
        (503, b"starting\n", "/info answered 503: starting"),
        (400, {"error": "x"}, "/info answered 400: {'error': 'x'}"),
    ],
)
def test_an_engine_that_answers_with_an_error(
    engine: Engine, api: EngineApi, status: int, body: object, text: str
) -> None:
    engine.answers = {"/info": (status, body)}
    with pytest.raises(Unreachable) as caught:
        api.get("/info")
    assert str(caught.value) == text
    assert not api.answers()


def test_an_answer_that_is_no_json_is_handed_over_as_it_is(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/_ping": (200, b"OK"), "/odd": (200, b"\xff{")}
    assert api.ask("GET", "/_ping") == (200, "OK")
    assert api.ask("GET", "/odd") == (200, "\ufffd{")


def test_an_engine_that_comes_up_is_waited_for(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/info": lambda: (200, {}) if len(engine.requests) > 3 else (503, b"starting")}
    found = find_answering([engine.socket], 10, timeout=5)
    assert found is not None and found.path == engine.socket
    assert len(engine.requests) == 4


def test_the_first_socket_that_answers_is_used(engine: Engine, tmp_path: pathlib.Path) -> None:
    engine.answers = {"/info": (200, {})}
    silent = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(silent)
        listening.listen()  # as the kernel does for a process that is stopped
        found = find_answering([str(tmp_path / "none.sock"), silent, engine.socket], 5, timeout=0.3)
        assert found is not None and found.path == engine.socket
        assert find_answering([silent], 0, timeout=0.3) is None


@pytest.mark.parametrize("number", [0, 1, 3])
def test_events(engine: Engine, api: EngineApi, number: int) -> None:
    events = [{"Type": "daemon", "Action": "reload", "id": each} for each in range(number)]
    engine.answers = {"/events": (200, "\n".join(map(json.dumps, events)).encode())}
    assert api.events(1, 2) == events


def test_events_that_can_not_be_read(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/events": (200, b'{"Type": "daemon"}\n{"Type": "da')}
    with pytest.raises(DockyardError) as caught:
        api.events(1, 2)
    assert caught.value.message.startswith("The engine's events can't be read: ")
    assert caught.value.message.endswith("; look at journalctl -u docker.service.")


def test_an_error_is_no_event(engine: Engine, api: EngineApi) -> None:
    engine.answers = {"/events": (400, {"message": "invalid filter 'x'"})}
    with pytest.raises(Unreachable, match="/events answered 400: invalid filter 'x'"):
        api.events(1, 2)


def test_the_engines_own_words() -> None:
    assert message({"message": "no space"}) == "no space"
    assert message("plain\n") == "plain"
    assert message(["x"]) == "['x']"


# --- containers


WEB = Container("a" * 64, "web", created=20)
DB = Container("b" * 64, "db", created=10, state="paused")
ONCE = Container("c" * 64, "once", created=30, removed_at_stop=True)
TASK = Container("d" * 64, "", created=5, labels={"com.docker.swarm.task.id": "x"})
OLD = Container("e" * 64, "old", state="exited")


def copies(*containers: Container, **changes: Any) -> list[Container]:
    return [Container(**{**vars(container), **changes}) for container in containers]


def test_those_that_run_the_oldest_first(engine: Engine, api: EngineApi) -> None:
    engine.containers = [WEB, OLD, DB, ONCE, TASK]
    assert running(api) == [
        engine_containers.Container("d" * 64, "d" * 12, of_swarm=True),
        engine_containers.Container("b" * 64, "db", paused=True),
        engine_containers.Container("a" * 64, "web"),
        engine_containers.Container("c" * 64, "once", removed_at_stop=True),
    ]
    assert joined_names(running(api)) == f"db, {'d' * 12}, once, web"


def test_one_that_ends_while_it_is_asked_for(engine: Engine, api: EngineApi) -> None:
    engine.containers = [WEB, DB]
    engine.answers = {f"/containers/{WEB.id}/json": (404, {"message": "No such container"})}
    assert [container.name for container in running(api)] == ["db"]


def test_those_that_stopped_are_started_and_paused_again(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB, DB)
    before = running(api)
    engine.containers = copies(WEB, DB, state="exited")
    engine.requests.clear()
    assert bring_back(api, before, 10) == BroughtBack(running=["db", "web"])
    assert [container.state for container in engine.containers] == ["running", "paused"]
    assert [request for request in engine.requests if request.startswith("POST")] == [
        f"POST /containers/{DB.id}/start",
        f"POST /containers/{DB.id}/pause",
        f"POST /containers/{WEB.id}/start",
    ]


def test_those_that_run_and_those_that_are_not_ours_are_left_alone(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB, ONCE, TASK)
    before = running(api)
    # The first runs by its restart policy, the second was removed, and Swarm starts another task by itself.
    engine.containers = [*copies(WEB), *copies(TASK, state="exited")]
    engine.requests.clear()
    assert bring_back(api, before, 10) == BroughtBack(complaints=["once is gone"], gone=["once"], running=["web"])
    assert [request for request in engine.requests if request.startswith("POST")] == []
    assert engine.containers[1].state == "exited"


def test_one_that_was_created_again_is_found_by_its_name(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    engine.containers = [Container("f" * 64, "web", "exited")]
    assert bring_back(api, before, 10) == BroughtBack(running=["web"])
    assert engine.containers[0].state == "running"


def test_one_that_needs_another_one(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(DB, WEB, state="running")
    before = running(api)
    engine.containers = copies(DB, WEB, state="exited")
    engine.containers[0].on_start = "needs web"
    assert bring_back(api, before, 10).complaints == []
    assert [container.state for container in engine.containers] == ["running", "running"]


@pytest.mark.parametrize(
    "container, complaint",
    [
        (
            Container("a" * 64, "web", "exited", on_start="port is already allocated"),
            "web does not start (port is already allocated)",
        ),
        (Container("a" * 64, "web", "exited", on_start="ends"), "web ended again with 3"),
        (Container("a" * 64, "web", restarting=True), "web ended again with 0"),
    ],
)
def test_one_that_does_not_come_back(engine: Engine, api: EngineApi, container: Container, complaint: str) -> None:
    engine.containers = copies(WEB, DB)
    before = running(api)
    engine.containers = copies(container, DB)
    began = time.monotonic()
    assert bring_back(api, before, 1) == BroughtBack(complaints=[complaint], running=["db"])
    assert time.monotonic() - began < 30
    assert engine.containers[1].state == "paused"


def test_one_that_dies_soon_after_its_start_does_not_run_again(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB, DB)
    before = running(api)
    engine.containers = copies(WEB, state="exited", dies=0.3) + copies(DB)
    assert bring_back(api, before, 10) == BroughtBack(complaints=["web ended again with 3"], running=["db"])
    assert engine.containers[0].starts == 3


def test_one_that_dies_soon_is_named_with_its_end_if_there_is_no_time_for_more(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    engine.containers = copies(WEB, state="exited", dies=0.3)
    assert bring_back(api, before, 0.4) == BroughtBack(complaints=["web ended again with 3"])
    assert engine.containers[0].starts == 2


def test_one_that_starts_again_and_again_does_not_run_again(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    engine.containers = copies(WEB, dies=0.4, always=True)
    engine.containers[0].start()
    assert bring_back(api, before, 2) == BroughtBack(complaints=["web starts again and again"])


def test_one_that_started_again_and_again_before_is_not_waited_for(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB, restarting=True) + copies(DB)
    before = running(api)
    assert [container.unstable for container in before] == [False, True]
    began = time.monotonic()
    assert bring_back(api, before, 60) == BroughtBack(running=["db"])
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "health, expected",
    [
        ("healthy", BroughtBack(running=["web"])),
        ("starting", BroughtBack(running=["web"], starting=["web"])),
        (
            "unhealthy",
            BroughtBack(complaints=["web runs, and its health check says that it is unhealthy"]),
        ),
    ],
)
def test_a_health_check_is_asked_where_it_was_good_before(
    engine: Engine, api: EngineApi, health: str, expected: BroughtBack
) -> None:
    engine.containers = copies(WEB, health="healthy")
    before = running(api)
    engine.containers = copies(WEB, state="exited", health=health)
    assert bring_back(api, before, 1.5) == expected


def test_after_an_error_of_the_network_there_is_no_second_try(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    complaint = "driver failed programming external connectivity on endpoint web: cannot assign requested address"
    engine.containers = copies(WEB, state="exited", on_start=complaint)
    engine.requests.clear()
    assert bring_back(api, before, 10).complaints == [f"web does not start ({complaint})"]
    assert len([request for request in engine.requests if request.startswith("POST")]) == 1


@pytest.mark.parametrize(
    "complaint",
    [
        "could not delete stale containerd task object: unknown error after kill: fork/exec /usr/local/bin/own-runc: no"
        " such file or directory: <nil>",
        "id already in use",  # 20.10
    ],
)
def test_one_whose_runtime_has_lost_its_program(engine: Engine, api: EngineApi, complaint: str) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    engine.containers = copies(WEB, state="exited", on_start=complaint)
    assert bring_back(api, before, 1).complaints == [
        f"web does not start ({complaint}; containerd keeps what is left of its last run until the program of the"
        " runtime with which it ran (its own) is where it was: put it, or a link to another one, back there until the"
        " container has started)"
    ]


def test_one_whose_network_namespace_is_still_down_is_tried_again(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    complaint = "failed to set up container networking: cannot join network of a non running container: db"
    engine.containers = copies(WEB, state="exited", on_start=complaint)
    later = threading.Timer(0.5, lambda: setattr(engine.containers[0], "on_start", "runs"))
    later.start()
    assert bring_back(api, before, 10).complaints == []
    later.join()


def test_one_that_comes_back_late_is_waited_for(engine: Engine, api: EngineApi) -> None:
    engine.containers = copies(WEB)
    before = running(api)
    engine.containers = copies(WEB, state="exited", on_start="network not found")
    later = threading.Timer(0.7, lambda: setattr(engine.containers[0], "on_start", "runs"))
    later.start()
    assert bring_back(api, before, 10).complaints == []
    later.join()
    assert engine.containers[0].state == "running"


def test_an_engine_that_ceases_to_answer(tmp_path: pathlib.Path) -> None:
    gone = EngineApi(str(tmp_path / "none.sock"))
    complaints = bring_back(gone, [engine_containers.Container("a" * 64, "web")], 0).complaints
    assert complaints == ["web can't be asked for ([Errno 2] No such file or directory)"]
