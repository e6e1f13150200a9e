# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about networks: its tables as it writes them, and this machine's own."""

from __future__ import annotations

import ipaddress
import os
import pathlib
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


# Recorded from ip of iproute2 6.15, of a host of a cloud: an address alone, a gateway that is "onlink", two gateways of
# one route, and one of IPv6 for a network of IPv4.
RECORDED = {
    "-4 route show table all": """[
        {"dst":"default","gateway":"10.88.0.254","dev":"eth0","flags":["onlink"]},
        {"dst":"10.20.0.0/16","flags":[],"nexthops":[{"gateway":"10.88.1.1","dev":"eth0","weight":1,"flags":[]},
          {"gateway":"10.88.1.2","dev":"eth1","weight":1,"flags":[]}]},
        {"dst":"10.30.0.0/16","via":{"family":"inet6","host":"2001:db8::9"},"dev":"eth0","flags":[]},
        {"dst":"172.17.0.0/16","dev":"docker0","protocol":"kernel","scope":"link","prefsrc":"172.17.0.1","flags":[]},
        {"dst":"10.40.0.0/16","gateway":"172.17.0.9","dev":"docker0","flags":[]},
        {"type":"blackhole","dst":"10.50.1.0/26","proto":"80","flags":[]},
        {"type":"local","dst":"10.88.0.5","dev":"eth0","table":"local","protocol":"kernel","scope":"host","flags":[]}]""",
    "-6 route show table all": """[{"dst":"default","gateway":"fe80::1","dev":"eth0","metric":1024,"flags":[]},
        {"type":"unreachable","dst":"default","dev":"lo","table":"unspec","metric":4294967295,"flags":[]}]""",
    "address show": """[
        {"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},
          {"family":"inet","local":"10.99.9.9","prefixlen":32}]},
        {"ifname":"eth0","addr_info":[{"family":"inet","local":"10.88.0.5","prefixlen":32},
          {"family":"inet6","local":"2001:db8::5","prefixlen":64},{"family":"inet6","local":"fe80::5","prefixlen":64}]},
        {"ifname":"docker0","addr_info":[{"family":"inet","local":"172.17.0.1","prefixlen":16}]}]""",
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    cases = "".join(f"'-json {words}') echo '{' '.join(text.split())}' ;;\n" for words, text in RECORDED.items())
    (tmp_path / "ip").write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\n')
    (tmp_path / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


def test_the_gateways_of_a_host(cloud: None) -> None:
    found = [(str(address), device) for address, device in network.gateways(network.read_routes(), without="docker0")]
    assert found == [
        ("10.88.0.254", "eth0"),
        ("10.88.1.1", "eth0"),
        ("10.88.1.2", "eth1"),
        ("2001:db8::9", "eth0"),
    ]
    assert (ipaddress.ip_address("172.17.0.9"), "docker0") in network.gateways(network.read_routes())


def test_the_addresses_of_a_host(cloud: None) -> None:
    found = [(str(address), device) for address, device in network.all_addresses(without="docker0")]
    assert found == [("10.99.9.9/32", "lo"), ("10.88.0.5/32", "eth0"), ("2001:db8::5/64", "eth0")]
    assert (ipaddress.ip_interface("172.17.0.1/16"), "docker0") in network.all_addresses()


def test_the_routes_that_throw_packets_away(cloud: None) -> None:
    routes = network.read_routes()
    assert network.refused_networks(routes) == [(ipaddress.ip_network("10.50.1.0/26"), "blackhole")]
    assert ipaddress.ip_network("10.50.1.0/26") not in [
        found for found, _device in network.routed_networks(routes, without="docker0")
    ]


def test_without_the_command_ip_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockyardError) as caught:
        network.read_routes()
    assert caught.value.message == (
        "The command ip is missing, and without it networks can't be compared with the host's routes; install"
        " iproute2."
    )
    assert caught.value.code == "host_command_missing"
