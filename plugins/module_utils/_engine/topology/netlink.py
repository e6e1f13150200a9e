# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read links, addresses, routes and namespace numbers from the kernel over rtnetlink.

By struct and not by pyroute2: that library is not on a plain Debian, and what is needed of the protocol is small. A
socket keeps speaking with the network namespace in which it was opened.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import struct
from collections.abc import Iterator

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h
_NETLINK_ROUTE = 0
_REQUEST, _DUMP = 0x1, 0x300
_DUMP_INTERRUPTED = 0x10
_ERROR, _DONE = 2, 3
_NEWLINK, _GETLINK = 16, 18
_NEWADDR, _GETADDR = 20, 22
_NEWROUTE, _GETROUTE = 24, 26
_NEWNSID, _GETNSID = 88, 90
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_LINKINFO, _IFLA_STATS64, _IFLA_LINK_NETNSID = 18, 23, 37
_INFO_KIND, _INFO_DATA = 1, 2
_BR_NF_CALL = {4: 36, 6: 37}  # IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_VIA = 1, 4, 5, 18
_UNICAST = 1
_MAIN_TABLE = 254
_NSID, _NSID_FD = 1, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x3FFF
_BUFFER = 1 << 17
_DUMPS = 8  # of a list that changes while it is read


@dataclasses.dataclass(frozen=True)
class Link:
    """A network device.

    link: index of the other end of a veth, or of the device below a macvlan, in the namespace that has the number nsid.
    nsid: as this namespace numbers it; None if the other end is in this one.
    filtered: of a bridge, for which versions of IP its own switch lets frames inside it meet the firewall.
    """

    index: int
    name: str
    kind: str
    mtu: int
    mac: str
    up: bool
    link: int | None
    nsid: int | None
    master: int | None
    counters: dict[str, int]
    filtered: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Address:
    """An address of a device, with the length of its prefix."""

    index: int
    interface: ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclasses.dataclass(frozen=True)
class Route:
    """A route of the main table. destination is None for the default route."""

    family: int
    destination: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    gateway: str | None
    index: int | None


class Conversation:
    """A socket to a part of the kernel, in the network namespace in which the calling thread is."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.settimeout(20)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def dump(self, request: int, body: bytes, wanted: int) -> list[bytes]:
        """Return the messages of a list. Ask again if it has changed while it was read."""
        messages: list[bytes] = []
        for _try in range(_DUMPS):
            self._send(request, _REQUEST | _DUMP, body)
            messages = []
            interrupted = False
            for kind, flags, answer in self._receive(to_end=True):
                interrupted = interrupted or bool(flags & _DUMP_INTERRUPTED)
                if kind == wanted:
                    messages.append(answer)
            if not interrupted:
                break
        return messages

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + body)

    def _receive(self, to_end: bool = False) -> Iterator[tuple[int, int, bytes]]:
        """Return type, flags and body of each message of an answer."""
        while True:
            data = self._socket.recv(_BUFFER)
            place = 0
            while place + _HEADER.size <= len(data):
                length, kind, flags, sequence, _port = _HEADER.unpack_from(data, place)
                body = data[place + _HEADER.size : place + length]
                place += (length + 3) & ~3
                if sequence != self._sequence:
                    continue
                if kind == _DONE:
                    yield kind, flags, b""
                    return
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    if number:
                        raise OSError(number, "the kernel refused a request over netlink")
                    return
                yield kind, flags, body
                if not to_end:
                    return


class Netlink(Conversation):
    """A socket to the links, addresses and routes of a namespace."""

    def __init__(self) -> None:
        super().__init__(_NETLINK_ROUTE)

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def links(self) -> list[Link]:
        """Return all network devices."""
        found = []
        for body in self.dump(_GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0), _NEWLINK):
            index, flags = struct.unpack_from("=iI", body, 4)
            found.append(_link(index, flags, _attributes(body, 16)))
        return found

    def addresses(self) -> list[Address]:
        """Return all addresses."""
        found = []
        for body in self.dump(_GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0), _NEWADDR):
            family, prefix, _flags, _scope, index = struct.unpack_from("=BBBBI", body)
            if family not in (socket.AF_INET, socket.AF_INET6):
                continue
            attributes = _attributes(body, 8)
            # IFA_ADDRESS is the other end of a point-to-point link.
            packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
            if packed:
                found.append(Address(index, ipaddress.ip_interface((packed, prefix))))
        return found

    def routes(self) -> list[Route]:
        """Return the routes of the main table."""
        found = []
        for body in self.dump(_GETROUTE, struct.pack("=12x"), _NEWROUTE):
            family, length, _source, _tos, table, _protocol, _scope, kind = struct.unpack_from("=8B", body)
            if family not in (socket.AF_INET, socket.AF_INET6) or table != _MAIN_TABLE or kind != _UNICAST:
                continue
            attributes = _attributes(body, 12)
            found.append(_route(family, length, attributes))
        return found

    def nsid(self, descriptor: int) -> int | None:
        """Return the number by which this namespace knows another one; None if it knows it by none.

        descriptor: an open file of the other namespace.
        """
        body = struct.pack("=Bxxx", 0) + _ATTRIBUTE.pack(8, _NSID_FD) + struct.pack("=I", descriptor)
        self._send(_GETNSID, _REQUEST, body)
        for kind, _flags, answer in self._receive():
            if kind == _NEWNSID:
                number = int(struct.unpack("=i", _attributes(answer, 4)[_NSID])[0])
                return None if number < 0 else number
        return None


def _attributes(body: bytes, place: int) -> dict[int, bytes]:
    """Return the attributes of a message by their types. place: where the first one begins."""
    found = {}
    end = len(body)
    unpack = _ATTRIBUTE.unpack_from
    while place + 4 <= end:
        length, kind = unpack(body, place)
        if length < 4:
            break
        found[kind & _NESTED] = body[place + 4 : place + length]
        place += (length + 3) & ~3
    return found


def _link(index: int, flags: int, attributes: dict[int, bytes]) -> Link:
    def number(kind: int, form: str = "=I") -> int | None:
        return struct.unpack(form, attributes[kind])[0] if kind in attributes else None

    information = _attributes(attributes.get(_IFLA_LINKINFO, b""), 0)
    kind = _string(information.get(_INFO_KIND, b""))
    data = _attributes(information.get(_INFO_DATA, b""), 0) if kind == "bridge" else {}
    counters = {}
    if _IFLA_STATS64 in attributes:
        received, sent, _rx_bytes, _tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped = struct.unpack_from(
            "=8Q", attributes[_IFLA_STATS64]
        )
        counters = {
            **{"rx_packets": received, "rx_errors": rx_errors, "rx_dropped": rx_dropped},
            **{"tx_packets": sent, "tx_errors": tx_errors, "tx_dropped": tx_dropped},
        }
    nsid = number(_IFLA_LINK_NETNSID, "=i")
    return Link(
        index=index,
        name=_string(attributes.get(_IFLA_IFNAME, b"")),
        kind=kind,
        mtu=number(_IFLA_MTU) or 0,
        mac=":".join(f"{byte:02x}" for byte in attributes.get(_IFLA_ADDRESS, b"")),
        up=bool(flags & 1),
        link=number(_IFLA_LINK),
        nsid=None if nsid is None or nsid < 0 else nsid,
        master=number(_IFLA_MASTER),
        counters=counters,
        filtered=tuple(version for version, switch in _BR_NF_CALL.items() if data.get(switch, b"\0")[0]),
    )


def _route(family: int, length: int, attributes: dict[int, bytes]) -> Route:
    destination = None
    if length:
        destination = ipaddress.ip_network((attributes[_RTA_DST], length))
    gateway = attributes.get(_RTA_GATEWAY)
    if gateway is None and _RTA_VIA in attributes:  # family of the gateway, then the gateway
        gateway = attributes[_RTA_VIA][2:]
    return Route(
        family=4 if family == socket.AF_INET else 6,
        destination=destination,
        gateway=None if gateway is None else str(ipaddress.ip_address(gateway)),
        index=struct.unpack("=I", attributes[_RTA_OIF])[0] if _RTA_OIF in attributes else None,
    )


def _string(content: bytes) -> str:
    return content.split(b"\0", 1)[0].decode(errors="replace")
