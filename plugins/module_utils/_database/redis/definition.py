# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container that a Redis runs in."""

from __future__ import annotations

import dataclasses

from ..container_definition import CONFIG, PRIVATE, ContainerDefinition
from . import configuration

HEALTH_PASSWORD = "health"


@dataclasses.dataclass(frozen=True)
class Definition(ContainerDefinition):
    """How the container of a Redis is created."""

    PORT = configuration.PORT

    def mounts(self) -> list[str]:
        return ["--mount", f"type=bind,source={self.data},target=/data"]

    def command(self, image: str) -> list[str]:
        return [image, self.program, configuration.FILE]

    def scratch_arguments(self, name: str, image: str, config: str) -> list[str]:
        """Return the arguments of docker create for a server that tries a configuration, without data and network."""
        words = ["create", "--name", name, "--user", self.user, "--network", "none", "--no-healthcheck"]
        words += [*self.config_mount(config), *self.scratch_mount("/data"), *PRIVATE]
        return [*words, *self.command(image)]


def health_script(client: str, user: str) -> str:
    """Return the script that asks the server as an account of its own.

    The password goes from the file to the client by a pipe: not over the command line, and not over the environment.
    """
    return f"""#!/bin/sh
# Written by dockyard.ops. Succeeds if the server answers a question about its data.
ask() {{
    printf 'AUTH {user} '
    cat {CONFIG}/{HEALTH_PASSWORD}
    printf '\\nDBSIZE\\n'
}}
answer=$(ask | {client} -h 127.0.0.1 -p {configuration.PORT} | tail -n 1)
case $answer in
    '' | *[!0-9]*) echo "The server does not answer: $answer" >&2; exit 1 ;;
esac
"""
