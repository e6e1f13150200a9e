# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a stack through Traefik, again and again, each time on a new connection, and prints what was lost.

    client.py CA NAME PATH COUNT PER-SECOND ADDRESS [ADDRESS ...]

The addresses are asked in turn. The last line is a JSON object: C(asked), C(lost), C(reasons), and C(last), after how
many seconds the last request was lost, or null.
"""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import socket
import ssl
import sys
import time

_SECONDS = 10


class _Connection(http.client.HTTPSConnection):
    """Goes to an address under another name."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        super().__init__(name, 443, timeout=_SECONDS, context=context)
        self._place = (address, 443)
        self._tls = context

    def connect(self) -> None:
        self.sock = self._tls.wrap_socket(socket.create_connection(self._place, _SECONDS), server_hostname=self.host)


def ask(address: str, name: str, path: str, context: ssl.SSLContext) -> str:
    """Return why a request was lost; empty if it was not."""
    connection = _Connection(address, name, context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return "" if answer.status == 200 else f"status {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def main() -> None:
    ca, name, path, count, rate, *addresses = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca)
    begin = time.monotonic()
    lost: list[tuple[float, str]] = []

    def one(number: int) -> None:
        due = begin + number / float(rate)
        time.sleep(max(0.0, due - time.monotonic()))
        reason = ask(addresses[number % len(addresses)], name, path, context)
        if reason:
            lost.append((time.monotonic() - begin, reason))

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(one, range(int(count))))
    reasons = collections.Counter(reason for _when, reason in lost)
    last = round(max(when for when, _reason in lost), 1) if lost else None
    print(json.dumps({"asked": int(count), "lost": len(lost), "reasons": reasons, "last": last}))


if __name__ == "__main__":
    main()
