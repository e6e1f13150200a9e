# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with a running engine and containers, and what must be true of it."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import hosts
import images
import states
from managed_host import ManagedHost

PATH = "/etc/docker/daemon.json"
BASE = {"labels": ["base=1"], "log-opts": {"max-size": "10m"}}
# An image of the host's own binaries: sleep, a shell (also where health checks look for it), ping, ip.
IMAGE = r"""
set -eu
binaries=$(for name in sleep bash ping ip; do command -v $name; done)
files=$( (echo "$binaries"; echo /bin/sh; ldd $binaries | grep '=>\|^\s*/' | grep -o '/[^ :]*') | sort --unique)
tar --create --dereference --file /tmp/image.tar --directory / $files 2>/dev/null
docker import /tmp/image.tar small:1 >/dev/null
rm /tmp/image.tar
"""
_UPGRADED = "engine29-upgraded"
SUITES = (*images.SUITES, _UPGRADED)
_DROP_INS = "/etc/systemd/system/docker.service.d"
_COUNTED = "/run/systemd/system/docker.service.d"  # forgotten at the next boot
_STATE = f"""
echo $(sha256sum < {PATH} 2>/dev/null)
echo $(stat --format '%i %Y %U %a' {PATH} 2>/dev/null)
echo $(timeout 30 docker info --format '{{{{.ServerVersion}}}}' 2>/dev/null)
echo $(systemctl show docker --property=MainPID --value)
echo $(docker ps --format '{{{{.Names}}}}' 2>/dev/null | sort)
echo $(ip -4 -oneline address show docker0 2>/dev/null | awk '{{print $4}}')
"""


@dataclasses.dataclass
class State:
    """What must not change when a fault is refused, or be as before when it was put back."""

    file: str
    inode: str
    engine: str
    containers: str
    docker0: str


class Host(ManagedHost):
    """suite: of SUITES.

    kill_every: seconds between two kills where a run is killed again and again, each time a little later.
    """

    def __init__(self, suite: str, kill_every: float) -> None:
        super().__init__(f"faults-daemon-{suite}")
        self.upgraded = suite == _UPGRADED
        self.suite = suite.partition("-")[0]
        self.kill_every = kill_every

    def up(self) -> None:
        hosts.up(self.name, _UPGRADED if self.upgraded else self.suite, "engine", None, [])
        self.must("timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.2; done'")
        self.import_image()
        if self.upgraded:
            self.must(f"docker image rm {states.KEPT}")
        self.must("docker network create --subnet 10.99.0.0/24 user-defined >/dev/null")
        self.containers_up()
        self.base()

    def import_image(self) -> None:
        self.must(IMAGE)

    def down(self) -> None:
        hosts.down([self.name])

    def containers_up(self) -> None:
        """Two containers on docker0: one that has to be started again, and one that comes back by itself."""
        self.must(
            "docker rm --force $(docker ps --all --quiet) >/dev/null 2>&1;"
            " docker run --detach --init --name plain small:1 sleep 100000 >/dev/null"
            " && docker run --detach --init --name always --restart always small:1 sleep 100000 >/dev/null"
        )

    def base(self) -> None:
        """Bring the engine to the configuration that every fault starts from."""
        answer = self.daemon(config=BASE, state="replaced", restart="always")
        if answer.get("failed") or answer.get("restart_pending"):
            sys.exit(f"{self.name}: the state that every fault starts from is not to be had: {answer.get('msg')}")

    def write(self, content: str | bytes, path: str = PATH) -> None:
        super().write(content, path)

    def read(self) -> str:
        return self.run(f"cat {PATH}").stdout

    def state(self) -> State:
        # A file or engine that is not there leaves its line empty.
        found = self.run(_STATE).stdout.split("\n")
        file, inode, version, pid, containers, docker0 = (line.strip() for line in found[:6])
        return State(file, inode, f"{version} pid {pid}", containers, docker0)

    def healthy(self, before: State, same_engine: bool = False) -> list[str]:
        """Return what is not as it was: file, running engine, containers, docker0."""
        now = self.state()
        wrong = []
        for part in ("file", "containers", "docker0"):
            if getattr(now, part) != getattr(before, part):
                wrong.append(f"{part} was {getattr(before, part)!r} and is {getattr(now, part)!r}")
        if not now.engine.split(" pid ")[0]:
            wrong.append("the engine does not answer")
        if same_engine and now.engine != before.engine:
            wrong.append(f"the engine was touched: {before.engine} and {now.engine}")
        if same_engine and now.inode != before.inode:
            wrong.append(f"the file was touched: {before.inode} and {now.inode}")
        return wrong + self.leftovers()

    def leftovers(self) -> list[str]:
        found = self.run("find /etc/docker /var/lib/dockyard -name '.ansible*'").stdout.split()
        return [f"left behind: {', '.join(found)}"] if found else []

    def daemon(self, check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("docker_daemon", check, **options)

    def bridge(self, check: bool = False, **options: Any) -> dict[str, Any]:
        return self.module("docker_bridge", check, **options)

    def down_with(self, content: str) -> None:
        """Write a file with which the engine does not start, and wait until systemd has tried it often enough."""
        # On a slow host it would go on for ever: three starts take longer than the minute in which they are counted.
        self.must(
            f"mkdir -p {_COUNTED}; printf '[Unit]\nStartLimitIntervalSec=900\n' > {_COUNTED}/faults.conf;"
            " systemctl daemon-reload"
        )
        self.write(content)
        self.run("systemctl restart docker")
        self.wait_for("systemctl is-failed docker", 300)
        self.must(f"rm -r {_COUNTED}; systemctl daemon-reload")

    def drop_in(self, lines: str, *, known: bool = True) -> None:
        """Write a drop-in of the unit; without_drop_ins() takes it away. known: have systemd read it."""
        self.must(f"mkdir -p {_DROP_INS}")
        self.write(f"[Service]\n{lines}\n", f"{_DROP_INS}/faults.conf")
        if known:
            self.must("systemctl daemon-reload")

    def starts_by(self, flags: str, *, known: bool = True) -> None:
        """Write a drop-in with other flags of dockerd."""
        dockerd = self.must("systemctl show docker --property=ExecStart | grep -o '/[^ ;]*dockerd' | head -1")
        self.drop_in(f"ExecStart=\nExecStart={dockerd} {flags}", known=known)

    def without_drop_ins(self) -> None:
        self.must(f"rm -rf {_DROP_INS} /etc/systemd/system/docker.socket.d; systemctl daemon-reload")

    @contextlib.contextmanager
    def late_failure(self) -> Iterator[dict[str, str]]:
        """Yield keys with which the engine fails when it has its data and its networks: a port that is taken."""
        taken = "python3 -m http.server --bind 127.0.0.1 9323"
        self.must(
            f"(setsid {taken} >/dev/null 2>&1 &); timeout 10 sh -c 'until ss -tln | grep -q :9323; do sleep 0.1; done'"
        )
        try:
            yield {"metrics-addr": "127.0.0.1:9323"}
        finally:
            self.must("pkill --full '[h]ttp.server --bind 127.0.0.1 9323'")

    def kill_module(self) -> bool:
        """Kill with SIGKILL; return whether there was something to kill."""
        return self.run("pkill -9 -f '[A]nsiballZ_docker'").returncode == 0
