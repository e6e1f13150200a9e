# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container that a Redis runs in, as data: how it is created, and by what a changed one is recognised."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
from typing import Any

from . import configuration

INSTANCE_LABEL = "dockyard.database.instance"
DEFINITION_LABEL = "dockyard.database.definition"
HEALTH_SCRIPT = "health.sh"
HEALTH_PASSWORD = "health"
HEALTH = ("sh", f"{configuration.FOLDER}/{HEALTH_SCRIPT}")
_HEALTHY_EVERY, _HEALTHY_WITHIN, _UNHEALTHY_AFTER = 15, 5, 3  # seconds, seconds, times


@dataclasses.dataclass(frozen=True)
class Definition:
    """How a container is created.

    program: what runs in it. user: numbers of user and group inside of it.
    data, config: folders of the host. port: 0 if none is published.
    networks: of users; the first is the one that it starts in. stop_timeout, start_timeout: seconds.
    """

    program: str
    user: str
    instance: str
    data: str
    config: str
    address: str
    port: int
    networks: tuple[str, ...] = ()
    memory: str = ""
    cpus: str = ""
    restart_policy: str = "unless-stopped"
    stop_timeout: int = 300
    start_timeout: int = 300
    log_driver: str = ""
    log_options: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def decoded(cls, data: dict[str, Any]) -> Definition:
        """Return what encoded() has written."""
        pairs = {name: tuple((key, value) for key, value in data[name]) for name in ("log_options", "labels")}
        return cls(**{**data, "networks": tuple(data["networks"]), **pairs})

    def encoded(self) -> dict[str, Any]:
        """Return it as data."""
        return dataclasses.asdict(self)

    def checksum(self) -> str:
        """Return what tells a changed definition from an equal one."""
        # How long a start may take says nothing about the container.
        own = {key: value for key, value in self.encoded().items() if key != "start_timeout"}
        return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()

    @property
    def on_loopback(self) -> bool:
        """Return whether only this host reaches the published port."""
        return not self.port or ipaddress.ip_address(self.address).is_loopback

    def arguments(self, name: str, image: str, restart: bool = True) -> list[str]:
        """Return the arguments of docker create. restart: whether the engine may start it again by itself."""
        words = ["create", "--name", name, "--user", self.user]
        words += ["--restart", self.restart_policy if restart else "no", "--stop-timeout", str(self.stop_timeout)]
        words += ["--mount", f"type=bind,source={self.data},target=/data"]
        words += ["--mount", f"type=bind,source={self.config},target={configuration.FOLDER},readonly"]
        words += _PRIVATE
        words += ["--health-cmd", " ".join(HEALTH), "--health-interval", f"{_HEALTHY_EVERY}s"]
        words += ["--health-timeout", f"{_HEALTHY_WITHIN}s", "--health-retries", str(_UNHEALTHY_AFTER)]
        words += ["--health-start-period", f"{self.start_timeout}s"]
        if self.port:
            host = f"[{self.address}]" if ":" in self.address else self.address
            words += ["--publish", f"{host}:{self.port}:{configuration.PORT}/tcp"]
        if self.networks:
            words += ["--network", self.networks[0]]
        for option, value in (("--memory", self.memory), ("--cpus", self.cpus), ("--log-driver", self.log_driver)):
            words += [option, value] if value else []
        for key, value in self.log_options:
            words += ["--log-opt", f"{key}={value}"]
        own = ((INSTANCE_LABEL, self.instance), (DEFINITION_LABEL, self.checksum()))
        for key, value in (*self.labels, *own):
            words += ["--label", f"{key}={value}"]
        return [*words, image, self.program, configuration.FILE]

    def scratch_arguments(self, name: str, image: str, config: str) -> list[str]:
        """Return the arguments of docker create for a server that tries a configuration, without data and network."""
        words = ["create", "--name", name, "--user", self.user, "--network", "none", "--no-healthcheck"]
        words += ["--mount", f"type=bind,source={config},target={configuration.FOLDER},readonly"]
        words += ["--tmpfs", "/data:mode=1777", *_PRIVATE]
        return [*words, image, self.program, configuration.FILE]


# A server of data needs none of what these take from it.
_PRIVATE = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]


def health_script(client: str, user: str) -> str:
    """Return the script that asks the server as an account of its own.

    The password goes from the file to the client by a pipe: not over the command line, and not over the environment.
    """
    return f"""#!/bin/sh
# Written by dockyard.ops. Succeeds if the server answers a question about its data.
ask() {{
    printf 'AUTH {user} '
    cat {configuration.FOLDER}/{HEALTH_PASSWORD}
    printf '\\nDBSIZE\\n'
}}
answer=$(ask | {client} -h 127.0.0.1 -p {configuration.PORT} | tail -n 1)
case $answer in
    '' | *[!0-9]*) echo "The server does not answer: $answer" >&2; exit 1 ;;
esac
"""
