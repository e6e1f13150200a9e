# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Let the server of an image itself judge a configuration, in a container without data and without a network."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..docker import Docker
from .definition import Definition
from .instance import Instance
from .server import last_words

_PAUSE = 0.1
_READY = "ready to accept connections"
_PREFIX = ".check-"


def _name(container: str) -> str:
    return f"{container}.dockyard-check"


def try_configuration(
    docker: Docker, definition: Definition, image: str, container: str, instance: Instance, files: dict[str, str]
) -> None:
    """Raise DockyardError with the server's own words if it does not start with a configuration.

    container: the name of the one that it is for.
    """
    name = _name(container)
    docker.remove(name)
    group = os.stat(instance.config).st_gid
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=instance.folder)
    try:
        os.chmod(folder, 0o750)
        os.chown(folder, 0, group)
        for file, content in files.items():
            instance.write_file(file, content, group, folder)
        docker.command(*definition.scratch_arguments(name, image, folder))
        docker.command("start", name)
        _wait_until_ready(docker, name, definition.start_timeout)
    finally:
        with contextlib.suppress(DockyardError):
            docker.remove(name)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(docker: Docker, container: str, instance: Instance) -> None:
    """Remove what a run that was killed has left of it."""
    docker.remove(_name(container))
    for entry in instance.names():
        if entry.startswith(_PREFIX):
            shutil.rmtree(os.path.join(instance.folder, entry), ignore_errors=True)


def _wait_until_ready(docker: Docker, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _READY not in docker.log(name, 200).lower():
        details = docker.container(name)
        ended = details is None or not details["State"]["Running"]
        if (ended and _READY not in docker.log(name, 200).lower()) or time.monotonic() >= deadline:
            raise DockyardError(
                "redis_config_refused",
                f"The server itself refuses this configuration: {last_words(docker, name)}. Correct config or users.",
            )
        time.sleep(_PAUSE)
