# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find the programs that listen on single addresses of the host, which they lose with these addresses."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
from collections.abc import Collection, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address

from .topology import processes, socket_diag


@dataclasses.dataclass(frozen=True)
class Bound:
    """A socket that listens on one address of the host.

    process: the program and its number, as far as that can be seen.
    follows: whether the program listens on that port of other addresses too, one by one, as those do that take every
        address that the host has and look for new ones.
    """

    process: str
    address: Address
    port: int
    protocol: str
    follows: bool

    @property
    def shown(self) -> str:
        return f"{self.process} on {self.address} port {self.port}/{self.protocol}"


def bound_to(addresses: Collection[Address]) -> list[Bound]:
    """Return the sockets that listen on these addresses, and on no more than one of them each."""
    if not addresses:
        return []
    found = socket_diag.listeners()
    sockets = processes.listeners(os.getpid()) if found is None else found
    there = [socket for socket in sockets if ipaddress.ip_address(socket.address) in addresses]
    if not there:
        return []
    table = processes.scan()
    names = {process.pid: process.name for process in table}
    owners, _complete = processes.owners(names, {socket.inode for socket in sockets})
    bound = []
    for socket in there:
        pid = owners.get(socket.inode)
        follows = pid is not None and any(
            (owners.get(other.inode), other.port, other.protocol[:3]) == (pid, socket.port, socket.protocol[:3])
            and _is_another(ipaddress.ip_address(other.address), addresses)
            for other in sockets
        )
        process = f"{names[pid]} (process {pid})" if pid is not None else "a program that can't be seen"
        bound.append(Bound(process, ipaddress.ip_address(socket.address), socket.port, socket.protocol[:3], follows))
    return sorted(set(bound), key=lambda one: (str(one.address), one.port, one.protocol))


def _is_another(address: Address, addresses: Collection[Address]) -> bool:
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address in addresses)


def sentence(bound: Sequence[Bound]) -> str:
    """Return who listens where, as "NAME listens on ADDRESS port PORT and ..."."""
    return " and ".join(one.shown.replace(" on ", " listens on ", 1) for one in bound)
