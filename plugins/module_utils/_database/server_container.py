# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The container of an instance: created, set aside during a change, and asked whether it is up."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .container_definition import HEALTH, ContainerDefinition
from .docker import Docker, Json

_PAUSE = 0.1  # seconds
# Of MySQL and MariaDB, and of Redis and Valkey. A server that is still beginning may say so for a moment.
_LOGIN_REFUSED = re.compile(r"^ERROR (?:1045|1698)\b|WRONGPASS|NOAUTH")
_REFUSED_SECONDS = 20
RESTORING = "restoring"  # the state of the record while database_restore exchanges the data
UPGRADING = "upgrading"  # the state of the record while database_upgrade has the instance


def previous_name(container: str) -> str:
    """Return the name of a container that is set aside during a change."""
    return f"{container}.dockyard-previous"


def is_running(details: Json | None) -> bool:
    """Return whether a container runs, and not only starts again and again."""
    return bool(details and details["State"]["Running"] and not details["State"]["Restarting"])


def create(docker: Docker, name: str, definition: ContainerDefinition, image: str, restart: bool = True) -> None:
    """Create a container by its definition, and connect it with its further networks."""
    docker.command(*definition.arguments(name, image, restart))
    for network in definition.networks[1:]:
        docker.command("network", "connect", network, name)


def set_aside(docker: Docker, name: str) -> None:
    """Give a stopped container another name. The engine does not start it by itself either."""
    # Two servers with one folder would ruin it.
    docker.command("update", "--restart", "no", name)
    docker.command("rename", name, previous_name(name))


def wait(docker: Docker, name: str, seconds: float, why_not_up: Callable[[], str]) -> str:
    """Wait until a server answers. Return what it does instead, as a sentence; an empty string if it answers."""
    deadline = time.monotonic() + seconds
    refused_until = 0.0
    while True:
        reason = why_not_up()
        if not reason:
            return ""
        if not _LOGIN_REFUSED.search(reason):
            refused_until = 0.0
        elif not refused_until:
            refused_until = time.monotonic() + _REFUSED_SECONDS
        elif time.monotonic() >= refused_until:
            return f"The server in the container {name} refuses the login ({reason})."
        details = docker.container(name)
        ended = details is None or not details["State"]["Running"] or details["RestartCount"] > 0
        if ended or time.monotonic() >= deadline:
            how = "does not start" if ended else f"does not answer after {counted(seconds, 'second')} ({reason})"
            return f"The server in the container {name} {how}."
        time.sleep(_PAUSE)


def wait_while_starting(docker: Docker, name: str, seconds: float, is_starting: Callable[[], bool]) -> None:
    """Wait until a server is up or has ended; no longer than the seconds, whatever it does then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        details = docker.container(name)
        if details is None or not details["State"]["Running"] or not is_starting():
            return
        time.sleep(_PAUSE)


def prove_health(docker: Docker, name: str) -> None:
    """Raise DockyardError unless the container's own health check succeeds."""
    done = docker.try_command("exec", name, *HEALTH, seconds=60)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise DockyardError(
            "database_not_proven", f"The health check in {name} fails ({said[-1] if said else done.returncode})."
        )


def prove_port(name: str, definition: ContainerDefinition) -> None:
    """Raise DockyardError unless the published port is open on the host."""
    if not definition.port:
        return
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(definition.address, definition.address)
    try:
        socket.create_connection((address, definition.port), timeout=10).close()
    except OSError as error:
        raise DockyardError(
            "database_not_proven",
            f"The port {definition.port} of {address}, on which {name} is published, does not answer"
            f" ({error.strerror or error}).",
        ) from error
