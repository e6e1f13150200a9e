# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""List listening sockets over the kernel's sock_diag.

/proc/net/tcp shows the same and more, and makes the kernel search the connections of all namespaces for each of them:
that takes a hundred times as long.
"""

from __future__ import annotations

import socket
import struct

from .netlink import Conversation
from .processes import Listener

# linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG = 4
_BY_FAMILY = 20
_LISTEN, _UNCONNECTED = 10, 7  # include/net/tcp_states.h; a socket of UDP that is bound has the second
_ASKED = (
    ("tcp", socket.AF_INET, socket.IPPROTO_TCP, _LISTEN),
    ("tcp6", socket.AF_INET6, socket.IPPROTO_TCP, _LISTEN),
    ("udp", socket.AF_INET, socket.IPPROTO_UDP, _UNCONNECTED),
    ("udp6", socket.AF_INET6, socket.IPPROTO_UDP, _UNCONNECTED),
)
_INODE = 68  # its place in struct inet_diag_msg


def listeners() -> list[Listener] | None:
    """Return the listening sockets of the calling thread's namespace; None if this kernel does not show them so."""
    found = []
    conversation = Conversation(_SOCK_DIAG)
    try:
        for name, family, protocol, state in _ASKED:
            request = struct.pack("=BBBxI48x", family, protocol, 0, 1 << state)
            for message in conversation.dump(_BY_FAMILY, request, _BY_FAMILY):
                port, other = struct.unpack_from(">HH", message, 4)
                address = socket.inet_ntop(family, message[8 : 8 + (4 if family == socket.AF_INET else 16)])
                if other == 0:
                    found.append(Listener(name, address, port, struct.unpack_from("=I", message, _INODE)[0]))
    except OSError:
        return None
    finally:
        conversation.close()
    return found
