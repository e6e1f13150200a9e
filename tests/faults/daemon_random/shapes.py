# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts to change: what runs on them, and how their engine is reached."""

from __future__ import annotations

import dataclasses
from typing import Any

from daemon.host import BASE

_RUN = "docker run --detach --init"
_ALT = """
mkdir -p /etc/systemd/system/docker.service.d
dockerd=$(systemctl show docker --property=ExecStart | grep -o '/[^ ;]*dockerd' | head -1)
flags='-Hunix:///run/alt.sock --containerd=/run/containerd/containerd.sock'
printf '[Service]\\nExecStart=\\nExecStart=%s %s\\n' $dockerd "$flags" > /etc/systemd/system/docker.service.d/alt.conf
printf '#!/bin/sh\\nexport DOCKER_HOST=unix:///run/alt.sock\\nexec /usr/bin/docker "$@"\\n' > /usr/local/bin/docker
chmod 755 /usr/local/bin/docker
systemctl daemon-reload; systemctl stop docker.socket; systemctl reset-failed docker; systemctl restart docker
docker start plain always
"""
_NO_ALT = """
rm -f /usr/local/bin/docker /etc/systemd/system/docker.service.d/alt.conf
systemctl daemon-reload; systemctl stop docker
systemctl reset-failed docker docker.socket; systemctl start docker.socket docker
"""
_BUSY = (
    "(while [ -e /run/busy ]; do docker save small:1 >/dev/null; docker ps --all >/dev/null; done) >/dev/null 2>&1 &"
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """arrange, tidy: shell commands on the host, before and after the changes. config: what the engine has then."""

    name: str
    arrange: str = ":"
    tidy: str = ":"
    config: dict[str, Any] = dataclasses.field(default_factory=lambda: BASE)


SHAPES = [
    Shape("plain"),
    Shape("live-restore", config={**BASE, "live-restore": True}),
    Shape(
        "published on docker0",
        f"{_RUN} --name published --publish $(ip -4 -o address show docker0 | grep -o '[0-9.]*/' | tr -d / | head -1)"
        ":8080:80 small:1 sleep 100000",
    ),
    Shape(
        "user networks",
        f"docker network create --subnet 10.98.0.0/24 back; {_RUN} --name fixed --network back --ip 10.98.0.77"
        " --network-alias db --publish 8081:80 --publish 90 small:1 sleep 100000;"
        f" {_RUN} --name both --restart unless-stopped small:1 sleep 100000; docker network connect back both;"
        f" {_RUN} --name inside --network container:fixed small:1 sleep 100000",
        "docker rm --force inside fixed both; docker network rm back",
    ),
    Shape("crash loop", f"{_RUN} --name loop --restart always small:1 bash -c 'sleep 0.5; exit 3'"),
    Shape(
        "health check",
        f"{_RUN} --name well --health-cmd true --health-interval 2s small:1 sleep 100000; sleep 4",
    ),
    Shape(
        "Swarm member",
        "docker swarm init --advertise-addr eth0 >/dev/null",
        "docker swarm leave --force >/dev/null; docker network rm docker_gwbridge >/dev/null",
    ),
    Shape("other socket", _ALT, _NO_ALT),
    Shape("busy engine", f"touch /run/busy; {_BUSY}", "rm -f /run/busy; sleep 3"),
    Shape(
        "stopped containers and volumes",
        "docker create --volume kept:/kept --name made small:1 true; docker stop plain",
    ),
]
