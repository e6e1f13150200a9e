# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that have what another one needs, by what an imitated engine says of them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import rivals
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[Engine]:
    with serve(tmp_path, Engine) as started:
        yield started


def published(address: str, port: int, protocol: str = "tcp") -> dict[str, Any]:
    return {"IP": address, "PrivatePort": 80, "PublicPort": port, "Type": protocol}


def found(engine: Engine, details: dict[str, Any], *running: dict[str, Any]) -> list[str]:
    engine.answers["/containers/json"] = (200, list(running))
    return rivals.find_rivals(EngineApi(engine.socket, 5), {"Id": "own", **details})


@pytest.mark.parametrize(
    "declared, held, is_rival",
    [
        ({"80/tcp": [{"HostIp": "", "HostPort": "8099"}]}, published("0.0.0.0", 8099), True),  # noqa: S104
        ({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8099"}]}, published("0.0.0.0", 8099), True),  # noqa: S104
        ({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8099"}]}, published("127.0.0.1", 8099), True),
        ({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8099"}]}, published("192.0.2.1", 8099), False),
        ({"80/udp": [{"HostIp": "", "HostPort": "8099"}]}, published("::", 8099), False),
        ({"80/udp": [{"HostIp": "", "HostPort": "8099"}]}, published("::", 8099, "udp"), True),
        ({"80/tcp": [{"HostIp": "", "HostPort": "8098"}]}, published("::", 8099), False),
        # The engine chooses these itself.
        ({"80/tcp": [{"HostIp": "", "HostPort": ""}]}, published("::", 8099), False),
        ({"80/tcp": [{"HostIp": "", "HostPort": "8090-8099"}]}, published("::", 8099), False),
        ({"80/tcp": None}, published("::", 8099), False),
    ],
)
def test_a_port_of_the_host(engine: Engine, declared: dict[str, Any], held: dict[str, Any], is_rival: bool) -> None:
    assert found(engine, {"HostConfig": {"PortBindings": declared}}, {"Id": "other", "Ports": [held]}) == (
        ["other"] if is_rival else []
    )


def test_a_fixed_address(engine: Engine) -> None:
    fixed = {"IPAMConfig": {"IPv4Address": "10.1.0.2", "IPv6Address": "fd00::2"}}
    details = {"NetworkSettings": {"Networks": {"ud": fixed, "free": {"IPAMConfig": None}}}}

    def has(network: str, **endpoint: str) -> dict[str, Any]:
        return {"Id": f"{network} {endpoint}", "NetworkSettings": {"Networks": {network: endpoint}}}

    four, six = has("ud", IPAddress="10.1.0.2"), has("ud", IPAddress="10.1.0.9", GlobalIPv6Address="fd00::2")
    others = [has("free", IPAddress="10.1.0.2"), has("ud", IPAddress="10.1.0.3"), {"Id": "own"}]
    assert found(engine, details, four, six, *others) == [four["Id"], six["Id"]]
    task = {**four, "Labels": {"com.docker.swarm.task.id": "t"}}
    assert found(engine, details, task) == []


def test_what_needs_nothing_fixed_has_no_rivals(engine: Engine) -> None:
    assert found(engine, {}, {"Id": "other", "Ports": [published("::", 80)]}) == []
    assert engine.requests == []


def test_stopped_ones_that_an_engine_starts(engine: Engine) -> None:
    def container(name: str, state: str, policy: str) -> dict[str, Any]:
        engine.answers[f"/containers/{name}/json"] = (200, {"HostConfig": {"RestartPolicy": {"Name": policy}}})
        return {"Id": name, "Names": [f"/{name}"], "State": state}

    engine.answers["/containers/json"] = (
        200,
        [
            container("idle", "exited", "always"),
            container("runs", "running", "always"),
            container("new", "created", "always"),
            container("kept", "exited", "unless-stopped"),
            container("plain", "exited", ""),
            {"Id": "gone", "Names": ["/gone"], "State": "exited"},
        ],
    )
    assert rivals.started_by_engine(EngineApi(engine.socket, 5)) == ["idle"]
