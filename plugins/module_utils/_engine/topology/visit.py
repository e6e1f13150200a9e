# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""See a container's network from inside, and find the other end of each of its links."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Result, Visitor

from . import socket_diag
from .namespaces import is_overlay, mounted
from .netlink import Address, Link, Netlink, Route
from .processes import Listener

_HOME = "/proc/self/ns/net"


@dataclasses.dataclass
class Visit:
    """What is in a network namespace.

    inode: of the namespace.
    nsid: by which number the host's namespace knows it.
    home: by which number it knows the host's namespace.
    listeners: its listening sockets; None if they are not wanted, or not shown by the kernel.
    """

    inode: int
    links: list[Link]
    addresses: list[Address]
    routes: list[Route]
    nsid: int | None
    home: int | None
    listeners: list[Listener] | None = None

    def of(self, link: Link) -> list[Address]:
        """Return the addresses of a link, without link-local ones."""
        return [
            address
            for address in self.addresses
            if address.index == link.index and not address.interface.ip.is_link_local
        ]

    def gateway(self, version: int) -> Route | None:
        """Return the default route of IPv4 or IPv6."""
        routes = [route for route in self.routes if route.destination is None and route.family == version]
        return routes[0] if routes else None


@dataclasses.dataclass(frozen=True)
class Peer:
    """The other end of a link. namespace: where that is mounted; None if it is the host's own."""

    link: Link
    namespace: str | None


class Host:
    """The namespace in which the engine has its bridges, from which containers are visited: the host's own, mostly.

    sockets: whether listening sockets are wanted.
    path: of that namespace, if it is another one than that of this process.
    blind: whether it may not be entered, so that nothing in it is seen.
    """

    def __init__(self, visitor: Visitor, sockets: bool = False, path: str | None = None, blind: bool = False) -> None:
        self._blind = blind
        self._visitor = visitor
        self._sockets = sockets
        self._elsewhere = path is not None
        self._descriptor = os.open(path or _HOME, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._netlink = self.do(Netlink)
        except OSError:
            os.close(self._descriptor)
            raise
        self.inode = 0 if blind else os.fstat(self._descriptor).st_ino
        self._links: dict[int, Link] = {}
        self._others: dict[int, tuple[str, list[Link]]] | None = None
        self.refresh()

    def do(self, work: Callable[[], Result]) -> Result:
        """Return what work returns in this namespace."""
        return self._visitor.do(self._descriptor, work) if self._elsewhere else work()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self._descriptor)
        self._netlink.__exit__(*raised)

    def refresh(self) -> dict[int, Link]:
        """Read the host's links again. Return them by index."""
        self._links = {} if self._blind else {link.index: link for link in self._netlink.links()}
        return self._links

    @property
    def links(self) -> dict[int, Link]:
        """Return the host's links by index, as they were read last."""
        return self._links

    def addresses(self) -> list[Address]:
        """Return the host's addresses."""
        return [] if self._blind else self._netlink.addresses()

    def routes(self) -> list[Route]:
        """Return the host's routes."""
        return [] if self._blind else self._netlink.routes()

    def nsid(self, descriptor: int) -> int | None:
        """Return the number by which the host knows a namespace."""
        return self._netlink.nsid(descriptor)

    def visit(self, descriptor: int) -> Visit:
        """Return what is in another namespace. Raise OSError if it may not be entered."""
        inside, listeners = self._visitor.do(descriptor, self._open)
        with inside:
            return Visit(
                inode=os.fstat(descriptor).st_ino,
                links=inside.links(),
                addresses=inside.addresses(),
                routes=inside.routes(),
                nsid=self._netlink.nsid(descriptor),
                home=inside.nsid(self._descriptor),
                listeners=listeners,
            )

    def _open(self) -> tuple[Netlink, list[Listener] | None]:
        return Netlink(), socket_diag.listeners() if self._sockets else None

    def listeners(self) -> list[Listener] | None:
        """Return the host's own listening sockets; None if they are not wanted, or not shown by the kernel."""
        return self.do(socket_diag.listeners) if self._sockets and not self._blind else None

    def peer(self, visit: Visit, link: Link) -> Peer | None:
        """Return the other end of a veth in a container; None if it is in no namespace that can be seen.

        The numbers of links and of namespaces are both used again after a while, so that each end must name the other.
        """
        if link.link is None or link.kind != "veth":
            return None
        if link.nsid is not None and link.nsid == visit.home:
            for _try in range(2):
                other = self._links.get(link.link)
                if other is not None and _is_end(other, link, visit.nsid):
                    return Peer(other, None)
                self.refresh()
            return None
        for path, others in self._other_namespaces(visit).values():
            for other in others:
                if other.index == link.link and other.link == link.index and other.kind == "veth":
                    return Peer(other, path)
        return None

    def parent(self, visit: Visit, link: Link) -> Link | None:
        """Return the host's device below a macvlan or ipvlan; None if it is not the host's."""
        if link.kind not in ("macvlan", "ipvlan") or link.link is None or link.nsid != visit.home:
            return None
        return self._links.get(link.link)

    def _other_namespaces(self, visit: Visit) -> dict[int, tuple[str, list[Link]]]:
        """Return path and links of the namespaces that the engine has for overlay networks."""
        if self._others is None:
            self._others = {}
            for inode, paths in mounted().items():
                named = [path for path in paths if is_overlay(path)]
                if named and inode != self.inode:
                    self._others[inode] = (named[0], self._links_of(named[0]))
        return {inode: other for inode, other in self._others.items() if inode != visit.inode}

    def _links_of(self, path: str) -> list[Link]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            with self._visitor.do(descriptor, Netlink) as inside:
                return inside.links()
        except OSError:
            return []
        finally:
            os.close(descriptor)


def _is_end(other: Link, link: Link, nsid: int | None) -> bool:
    """Return whether a link of the host is the other end of one in the namespace that the host knows by a number."""
    return other.kind == "veth" and other.link == link.index and other.nsid is not None and other.nsid == nsid


def link_row(link: Link | None) -> dict[str, Any] | None:
    """Return a link as the result has it."""
    return None if link is None else {"name": link.name, "index": link.index}
