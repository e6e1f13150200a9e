# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about networks: its tables as it writes them, and this machine's own."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import network


@pytest.mark.parametrize(
    "digits, address",
    [
        # Recorded from /proc/net/tcp and /proc/net/tcp6 of machines with x86-64
        ("0100007F", "127.0.0.1"),
        ("0B00007F", "127.0.0.11"),
        ("020011AC", "172.17.0.2"),
        ("00000000", "0.0.0.0"),
        ("00000000000000000000000001000000", "::1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
        ("B80D01200100000000000000EFBEADDE", "2001:db8:0:1::dead:beef"),
        # A connection over IPv4 to a socket of IPv6, as that of sshd
        ("0000000000000000FFFF0000020011AC", "172.17.0.2"),
    ],
)
def test_addresses_as_the_kernel_writes_them(digits: str, address: str) -> None:
    assert str(network._decode_address(digits)) == address


@pytest.mark.parametrize(
    "address", ["10.77.0.1", "203.0.113.254", "2001:db8::77", "fd00:1:2:3:4:5:6:7", "::ffff:10.0.0.1"]
)
def test_addresses_of_any_machine(address: str) -> None:
    packed = ipaddress.ip_address(address).packed
    # The kernel prints each word of 32 bits as it has it in memory (net/ipv4/tcp_ipv4.c, "%08X").
    digits = "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
    assert str(network._decode_address(digits)) == address.removeprefix("::ffff:")


def test_the_other_ends_of_open_connections_are_found() -> None:
    own = next(
        str(address.ip)
        for device in sorted(network.links() - {"lo"})
        for address in network.addresses(device)
        if address.version == 4
    )
    with socket.create_server((own, 0)) as server, socket.create_connection(server.getsockname()):
        peers = network.peers()
    assert ipaddress.ip_address(own) in peers
    assert len(set(peers)) == len(peers)
    assert not any(peer.is_loopback for peer in peers)


def test_the_devices_of_this_machine() -> None:
    assert network.links() == frozenset(os.listdir("/sys/class/net"))
    assert network.addresses("no-such-device") == []


def test_without_the_command_ip_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockyardError) as caught:
        network.routes(without="docker0")
    assert caught.value.message == (
        "The command ip is missing, and without it networks can't be compared with the host's routes; install"
        " iproute2."
    )
    assert caught.value.code == "host_command_missing"
