# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a test host: waits for a moment of a run of the role registry, and says that it has come.

    moment.py MOMENT SECONDS

MOMENT: "gone", the registry's container that is there now no longer runs; "new", another one has taken its name; or the
path of a file, which appears. Prints "ready" when it looks, and the moment when it has come; fails if it does not come.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time


class Engine(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect("/run/docker.sock")


def container() -> tuple[str, bool]:
    """Return the identity of the registry's container, "" if there is none, and whether it runs."""
    engine = Engine("engine")
    try:
        engine.request("GET", "/containers/registry/json")
        answer = engine.getresponse()
        found = json.loads(answer.read())
    finally:
        engine.close()
    return ("", False) if answer.status != 200 else (found["Id"], found["State"]["Running"])


def come(moment: str, before: tuple[str, bool]) -> bool:
    if moment.startswith("/"):
        return os.path.exists(moment)
    now = container()
    return now != before if moment == "gone" else now[0] not in ("", before[0])


def main() -> None:
    moment, seconds = sys.argv[1], float(sys.argv[2])
    before = container()
    print("ready", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if come(moment, before):
            print(moment, flush=True)
            return
        time.sleep(0.01)
    sys.exit(f"{moment} did not come")


main()
