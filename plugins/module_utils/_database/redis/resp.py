# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Speak the protocol of Redis (RESP2) over a socket: a list of words in, one answer back.

A client of its own, because hosts need no Python library of Redis for it, and because it has to reach a server inside
the network namespace of its container, whatever that container publishes.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Visitor

_LINE = 64 * 1024


class NoAnswer(Exception):
    """The server can't be reached, or closes the connection."""


class Refused(Exception):
    """The server's own words for an order that it does not follow."""


class Client:
    """One connection to a server that listens on the loopback address of a container."""

    def __init__(self, pid: int, port: int, timeout: float) -> None:
        """Connect.

        pid: a process in the container. timeout: seconds that one answer may take.
        """
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                with Visitor() as visitor:
                    self._socket = visitor.do(
                        namespace, lambda: socket.create_connection(("127.0.0.1", port), timeout=timeout)
                    )
            finally:
                os.close(namespace)
        except OSError as error:
            raise NoAnswer(error.strerror or str(error)) from error
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, *words: str) -> Any:
        """Return the answer to one order: a string, a number, a list of answers, or None."""
        parts = [word.encode() for word in words]
        order = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        try:
            self._socket.sendall(order)
            return self._answer()
        except OSError as error:
            raise NoAnswer(error.strerror or str(error)) from error

    def _answer(self) -> Any:
        line = self._file.readline(_LINE)
        if not line.endswith(b"\r\n"):
            raise NoAnswer("the connection was closed")
        kind, value = line[:1], line[1:-2].decode(errors="replace")
        if kind == b"+":
            return value
        if kind == b"-":
            raise Refused(value)
        if kind == b":":
            return int(value)
        if kind == b"$":
            return None if value == "-1" else self._bytes(int(value)).decode(errors="replace")
        if kind == b"*":
            return None if value == "-1" else [self._answer() for _number in range(int(value))]
        raise NoAnswer("what answers is neither Redis nor Valkey")

    def _bytes(self, length: int) -> bytes:
        content = self._file.read(length + 2)
        if len(content) != length + 2:
            raise NoAnswer("the connection was closed")
        return content[:-2]
