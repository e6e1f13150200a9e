# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that listen on single addresses: real sockets of this process."""

from __future__ import annotations

import ipaddress
import os
import socket

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import listeners
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import processes, socket_diag
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.processes import Listener

ADDRESS = ipaddress.ip_address("127.0.77.1")
PID = os.getpid()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("diag", [True, False])
def test_a_program_on_one_address(monkeypatch: pytest.MonkeyPatch, kind: str, diag: bool) -> None:
    if not diag:
        monkeypatch.setattr(socket_diag, "listeners", lambda: None)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as own:
        own.bind((str(ADDRESS), 0))
        if kind == "tcp":
            own.listen()
        (found,) = listeners.bound_to({ADDRESS})
        port = own.getsockname()[1]
    assert (found.address, found.port, found.protocol, found.follows) == (ADDRESS, port, kind, False)
    assert f"(process {PID}) listens on 127.0.77.1 port {port}/{kind}" in listeners.sentence([found])


def test_a_program_on_all_addresses_loses_nothing() -> None:
    with socket.create_server(("0.0.0.0", 0)):  # noqa: S104  # what is tested
        assert listeners.bound_to({ADDRESS}) == []
    assert listeners.bound_to(set()) == []


@pytest.mark.parametrize(
    ("others", "follows"),
    [
        (["10.0.0.5"], True),
        (["127.0.0.1", "::1", "fe80::1"], False),
        (["10.66.0.1"], False),  # goes as well
    ],
)
def test_a_program_on_each_address_follows(monkeypatch: pytest.MonkeyPatch, others: list[str], follows: bool) -> None:
    sockets = [Listener("tcp", address, 53, inode) for inode, address in enumerate(["172.17.0.1", *others], 1)]
    monkeypatch.setattr(socket_diag, "listeners", lambda: sockets)
    monkeypatch.setattr(processes, "owners", lambda pids, inodes: ({inode: PID for inode in inodes}, True))
    found = listeners.bound_to({ipaddress.ip_address("172.17.0.1"), ipaddress.ip_address("10.66.0.1")})
    assert {one.follows for one in found} == {follows}


def test_a_program_that_can_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_diag, "listeners", lambda: [Listener("udp6", "fd00::1", 53, 0)])
    (found,) = listeners.bound_to({ipaddress.ip_address("fd00::1")})
    assert listeners.sentence([found]) == "a program that can't be seen listens on fd00::1 port 53/udp"
