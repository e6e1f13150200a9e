# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has the ports of a host. Sockets are real here; the engine's answers are not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import ports

_OF_STACK = {"com.docker.stack.namespace": "edge"}


class Engine(EngineApi):
    """Answers as it is to: what is asked of the real one is in the role's scenario."""

    def __init__(self, manager: bool = True, containers: Any = (), services: Any = ()) -> None:
        super().__init__("/none")
        swarm = {"Swarm": {"ControlAvailable": manager}}
        self._answers = {"/containers/json": containers, "/info": swarm, "/services": services}

    def get(self, path: str, **query: Any) -> Any:
        return self._answers[path]


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_program(port: int) -> None:
    assert "(process " in ports.taken(Engine(), "edge")[port]
    assert "(process " in ports.taken(None, "edge")[port]


def test_what_the_stack_itself_has(port: int) -> None:
    own = {"Names": ["/edge_traefik.1"], "Ports": [{"PublicPort": port}], "Labels": _OF_STACK}
    assert port not in ports.taken(Engine(containers=[own]), "edge")
    assert ports.taken(Engine(containers=[own]), "other")[port] == "the container edge_traefik.1"


def test_containers_and_services() -> None:
    other = {"Id": "1" * 64, "Names": ["/web"], "Ports": [{"PublicPort": 1}, {}], "Labels": {}}
    published = {"PublishMode": "ingress", "PublishedPort": 2}
    service = {"Spec": {"Name": "shop_web", "Labels": {}}, "Endpoint": {"Ports": [published]}}
    own = {**service, "Spec": {"Name": "edge_traefik", "Labels": _OF_STACK}}
    found = ports.taken(Engine(containers=[other], services=[service]), "edge")
    assert (found[1], found[2]) == ("the container web", "the service shop_web")
    assert 2 not in ports.taken(Engine(services=[own]), "edge")
    assert 2 not in ports.taken(Engine(manager=False, services=[service]), "edge")
