# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one router advertisement into a device, as a router does: a default route for 30 minutes, and a prefix."""

from __future__ import annotations

import socket
import struct
import sys

_TO_ALL = "ff02::1"
_HOPS = 255  # what has passed a router is not taken


def main(device: str) -> None:
    connection = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
    # RFC 4861, 4.2 and 4.6.2: type, code, checksum of the kernel, hops, flags, lifetime of the router, two timers.
    router = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 7200, 3600, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:77::")
    connection.sendto(router + prefix, (_TO_ALL, 0, 0, socket.if_nametoindex(device)))


if __name__ == "__main__":
    main(sys.argv[1])
