# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container that a database server runs in, as data: how it is created, and by what a changed one is recognised."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import ipaddress
import json
from typing import Any, ClassVar, TypeVar

INSTANCE_LABEL = "dockyard.database.instance"
DEFINITION_LABEL = "dockyard.database.definition"
CONFIG = "/etc/dockyard"  # where the folder of the configuration is inside of the container
HEALTH_SCRIPT = "health.sh"
HEALTH = ("sh", f"{CONFIG}/{HEALTH_SCRIPT}")
_HEALTHY_EVERY, _HEALTHY_WITHIN, _UNHEALTHY_AFTER = 15, 5, 3  # seconds, seconds, times

# A server of data needs none of what these take from it.
PRIVATE = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]

_Definition = TypeVar("_Definition", bound="ContainerDefinition")


@dataclasses.dataclass(frozen=True)
class ContainerDefinition(abc.ABC):
    """How a container is created.

    program: what runs in it. user: numbers of user and group inside of it.
    data, config: folders of the host. port: 0 if none is published.
    networks: of users; the first is the one that it starts in. stop_timeout, start_timeout: seconds.
    """

    PORT: ClassVar[int]  # inside of the container

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

    @abc.abstractmethod
    def mounts(self) -> list[str]:
        """Return the options of docker create that give it its folders, but that of the configuration."""

    @abc.abstractmethod
    def command(self, image: str) -> list[str]:
        """Return the image and what is run of it, with options that have to be before the image."""

    @classmethod
    def decoded(cls: type[_Definition], data: dict[str, Any]) -> _Definition:
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

    def owner(self, base: tuple[int, int]) -> tuple[int, int]:
        """Return the user and group that its data belong to on the host. base: numbers of root there."""
        user, _colon, group = self.user.partition(":")
        return base[0] + int(user), base[1] + int(group)

    def scratch_mount(self, path: str) -> list[str]:
        """Return the option of docker create that gives it a folder in memory, which its server may write into."""
        user, _colon, group = self.user.partition(":")
        # An older runc gives it the mode of the image's folder, whatever was asked for. The owner stays.
        return ["--tmpfs", f"{path}:mode=1777,uid={user},gid={group}"]

    def config_mount(self, folder: str) -> list[str]:
        """Return the option of docker create that shows it a folder as its configuration."""
        return ["--mount", f"type=bind,source={folder},target={CONFIG},readonly"]

    def arguments(self, name: str, image: str, restart: bool = True) -> list[str]:
        """Return the arguments of docker create. restart: whether the engine may start it again by itself."""
        words = ["create", "--name", name, "--user", self.user]
        words += ["--restart", self.restart_policy if restart else "no", "--stop-timeout", str(self.stop_timeout)]
        words += [*self.mounts(), *self.config_mount(self.config), *PRIVATE]
        words += ["--health-cmd", " ".join(HEALTH), "--health-interval", f"{_HEALTHY_EVERY}s"]
        words += ["--health-timeout", f"{_HEALTHY_WITHIN}s", "--health-retries", str(_UNHEALTHY_AFTER)]
        words += ["--health-start-period", f"{self.start_timeout}s"]
        if self.port:
            host = f"[{self.address}]" if ":" in self.address else self.address
            words += ["--publish", f"{host}:{self.port}:{self.PORT}/tcp"]
        if self.networks:
            words += ["--network", self.networks[0]]
        for option, value in (("--memory", self.memory), ("--cpus", self.cpus), ("--log-driver", self.log_driver)):
            words += [option, value] if value else []
        for key, value in self.log_options:
            words += ["--log-opt", f"{key}={value}"]
        own = ((INSTANCE_LABEL, self.instance), (DEFINITION_LABEL, self.checksum()))
        for key, value in (*self.labels, *own):
            words += ["--label", f"{key}={value}"]
        return [*words, *self.command(image)]
