# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container that a MySQL or MariaDB runs in."""

from __future__ import annotations

import dataclasses
import os

from ..container_definition import PRIVATE, ContainerDefinition
from . import configuration

_RUN = os.path.dirname(configuration.SOCKET)
_OPTIONS = f"--defaults-file={configuration.FILE}"
# Root gets a password that nobody knows, or can log in from inside of the container alone.
_INSTALL = {"mariadbd": ["mariadb-install-db", "--skip-test-db"], "mysqld": ["mysqld", "--initialize"]}
_CHECK = {"mariadbd": ["--verbose", "--help"], "mysqld": ["--validate-config"]}


@dataclasses.dataclass(frozen=True)
class Definition(ContainerDefinition):
    """How the container is created. The image's entry point is left out: it would act by itself."""

    PORT = configuration.PORT

    def mounts(self) -> list[str]:
        return self._mounts(self.data)

    def _mounts(self, data: str) -> list[str]:
        # Sorting takes more room in /tmp than memory has.
        scratch = os.path.join(self.instance, "tmp")
        return [
            *("--mount", f"type=bind,source={data},target={configuration.DATA}"),
            *("--mount", f"type=bind,source={scratch},target=/tmp"),
            *self.scratch_mount(_RUN),
        ]

    def command(self, image: str) -> list[str]:
        return ["--entrypoint", self.program, image, _OPTIONS]

    def install_arguments(self, name: str, image: str, data: str) -> list[str]:
        """Return the arguments of docker run for the program that makes new data in a folder of the host."""
        install = _INSTALL[self.program]
        words = ["run", "--rm", "--name", name, "--user", self.user, "--network", "none", "--no-healthcheck"]
        words += [*self._mounts(data), *self.config_mount(self.config), *PRIVATE]
        words += ["--entrypoint", install[0], image, _OPTIONS, *install[1:]]
        return words

    def check_arguments(self, name: str, image: str, config: str) -> list[str]:
        """Return the arguments of docker run for the server to judge a configuration, without data and network."""
        words = ["run", "--rm", "--name", name, "--user", self.user, "--network", "none", "--no-healthcheck"]
        words += [*self.config_mount(config), "--tmpfs", "/tmp", *self.scratch_mount(_RUN)]
        words += [*self.scratch_mount(configuration.DATA), *PRIVATE]
        return [*words, *self.command(image), *_CHECK[self.program]]
