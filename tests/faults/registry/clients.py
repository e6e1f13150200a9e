# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with the clients that people have, of which each has to work with the registry before and after a fault."""

from __future__ import annotations

import concurrent.futures
import pathlib
import threading

import hosts
from managed_host import ManagedHost

ON_HOST = pathlib.Path(__file__).parent / "on_host"
# Docker 20.10, 26.1, 28.5 and 29; on the host of 26.1 all others, too.
SUITES = ("trixie", "bookworm", "sid", "engine29")
SMALL = ("trixie",)
_OTHERS = """
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends skopeo podman buildah >/dev/null
"""


class Client(ManagedHost):
    def __init__(self, suite: str) -> None:
        super().__init__(f"faults-registry-client-{suite}")
        self.suite = suite

    def up(self) -> None:
        hosts.up(self.name, self.suite, "engine", None, [])
        if self.suite == SMALL[0]:
            self.must(_OTHERS)
        self.write((ON_HOST / "client.sh").read_text(), "/root/client.sh")


class Clients:
    """All of them, for all generations of the registry, which ask for them in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: list[Client] = []
        self._users = 0

    def up(self, small: bool) -> None:
        with self._lock:
            self._users += 1
            if not self._hosts:
                self._hosts = [Client(suite) for suite in (SMALL if small else SUITES)]
                for host in self._hosts:
                    host.up()

    def down(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                hosts.down([host.name for host in self._hosts])

    def trust(self, ca: str, path: str) -> None:
        """Hand out the CA of the first day, which is to be good for all that follow."""
        for host in self._hosts:
            host.write(ca, path)

    def locked_out(self, registry: str, address: str, ca_path: str) -> list[str]:
        """Return what a client can't do that it could before. address: that of the registry's host."""

        def ask(host: Client) -> list[str]:
            done = host.run(f"bash /root/client.sh {registry} {address} {ca_path}")
            return [f"{host.suite}: {line}" for line in (done.stdout + done.stderr).splitlines()]

        with self._lock, concurrent.futures.ThreadPoolExecutor(len(self._hosts)) as pool:
            return [line for lines in pool.map(ask, self._hosts) for line in lines]


ALL = Clients()
