# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A compose-installed Harbor's containers: found, and taken down.

They are found by the labels that compose gives them and not through compose itself, which knows nothing of services
that its file no longer lists, and nothing at all if that file is broken, gone, or in a renamed folder.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line, parse_version, run

from .compose import BASE_FILE, project_name

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_FOLDER = "com.docker.compose.project.working_dir"
# Harbor's PostgreSQL, of which SIGTERM is the order to wait for every session, and SIGINT that to end at once in order.
DATABASES = ("postgresql", "database")
# They write to disk, so that they get time to end in order, after those that use them.
STORES = (*DATABASES, "mysql", "redis", "clair-db", "notary-db")
# It ignores the order to stop, and has nothing to save: what it has taken is in its files.
_LOG = "log"
_STORE_GRACE = 60  # seconds
_GRACE = 10  # seconds, which is what compose itself gives


@dataclass(frozen=True)
class Container:
    """state: Docker's word (running, restarting, exited, ...); health: Docker's word, "" if it has no check.

    pid: of its first process, as the host sees it; 0 if there is none.
    """

    name: str
    service: str
    image: str
    state: str
    health: str
    restarts: int
    id: str = ""
    project: str = ""
    pid: int = 0

    @property
    def troubled(self) -> bool:
        return self.state != "running" or self.health == "unhealthy"


def run_docker(*arguments: str, timeout: float = 120) -> str:
    """Return what docker prints. Raise DockyardError with its complaint if it fails."""
    done = run(["docker", *arguments], timeout=timeout)
    if done.returncode != 0:
        if "Cannot connect to the Docker daemon" in done.stderr:
            raise DockyardError(
                "harbor_engine_failed",
                "The Docker Engine does not answer; start it (systemctl start docker) and run again.",
            )
        raise DockyardError(
            "harbor_engine_failed", f"docker {arguments[0]} failed: {last_line(done)}; fix that and run again."
        )
    return done.stdout


def engine_version() -> tuple[int, ...]:
    """Return the version of the engine that runs. Raise DockyardError if none answers."""
    return parse_version(run_docker("version", "--format", "{{.Server.Version}}"))


def find_containers(folder: str) -> list[Container]:
    """Return all containers of the Harbor in this folder, those that are stopped too, sorted by name.

    These are the ones that compose has started there; and, if the folder that they were started from is no
    project any more (renamed, half removed), those of the same project, or with images and names of Harbor's own.
    """
    ids = run_docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={_PROJECT}").split()
    if not ids:
        return []
    real, project = os.path.realpath(folder), project_name(folder)
    found = [
        _container(details) for details in _inspect(ids) if _belongs(_labels(details), _image(details), real, project)
    ]
    return sorted(found, key=lambda container: container.name)


def _inspect(ids: Sequence[str]) -> list[dict[str, Any]]:
    # One that is removed in the meantime makes docker complain; it prints the others all the same.
    done = run(["docker", "container", "inspect", *ids], timeout=120)
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise DockyardError(
            "harbor_engine_failed", f"docker container inspect failed: {last_line(done)}; fix that and run again."
        ) from error
    return [details for details in found if isinstance(details, dict)]


def _labels(details: Mapping[str, Any]) -> dict[str, str]:
    return details["Config"].get("Labels") or {}


def _image(details: Mapping[str, Any]) -> str:
    return str(details["Config"].get("Image", ""))


def _belongs(labels: Mapping[str, str], image: str, real: str, project: str) -> bool:
    started_in = labels.get(_FOLDER, "")
    if started_in and os.path.realpath(started_in) == real:
        return True
    if started_in and os.path.isfile(os.path.join(started_in, BASE_FILE)):
        return False  # another user's project, of whatever name
    # An engine has room for one Harbor only, since its containers' names are fixed.
    return labels.get(_PROJECT) == project or is_harbor_image(image)


def is_harbor_image(image: str) -> bool:
    """Return whether a release names an image so; mirrors put their own host in front."""
    return re.search(r"(?:^|/)(?:goharbor|vmware)/(?:harbor-\w|[\w-]+-photon)", image) is not None


def _container(details: Mapping[str, Any]) -> Container:
    labels, state = _labels(details), details["State"]
    return Container(
        name=str(details["Name"]).lstrip("/"),
        service=labels.get(_SERVICE, ""),
        image=_image(details),
        state=str(state.get("Status", "")),
        health=str((state.get("Health") or {}).get("Status", "")),
        restarts=int(details.get("RestartCount", 0)),
        id=str(details["Id"]),
        project=labels.get(_PROJECT, ""),
        pid=int(state.get("Pid", 0)),
    )


def stop_and_remove(folder: str, timeout: float, *, discard: bool = False) -> None:
    """Stop and remove every container and network of the Harbor in this folder.

    timeout: seconds for all of it. What uses a database stops before it, and the databases get time to end in order,
    also if the compose file is broken or no longer lists a service. Run again after a kill, it goes on.
    discard: whether the databases' data are to be thrown away, so that they need not end in order.
    """
    deadline = time.monotonic() + timeout
    found = find_containers(folder)
    stores = [container for container in found if container.service in STORES]
    _stop([container for container in found if container not in stores and container.service != _LOG], _GRACE, deadline)
    if not discard:
        _interrupt([container for container in stores if container.service in DATABASES], deadline)
        _stop(stores, _STORE_GRACE, deadline)
    if found:
        _remove([container.id for container in found], deadline)
    _remove_networks({container.project for container in found} | {project_name(folder)}, deadline)
    left = find_containers(folder)
    if left:
        raise DockyardError(
            "harbor_containers_left",
            f"These containers of {folder} could not be removed: {', '.join(container.name for container in left)};"
            " look at journalctl -u docker.service.",
        )


def _left(deadline: float, least: float = 5) -> float:
    return max(deadline - time.monotonic(), least)


def _stop(group: Sequence[Container], grace: int, deadline: float) -> None:
    alive = _alive(group)
    if alive:
        # One that is gone in the meantime is a complaint and no obstacle; what does not stop is removed by force.
        run(["docker", "stop", "-t", str(grace), *alive], timeout=_left(deadline, grace + 10))


def _interrupt(group: Sequence[Container], deadline: float) -> None:
    """Tell servers to end the sessions of others, and then themselves; docker stop waits for that afterwards."""
    alive = _alive(group)
    if alive:
        run(["docker", "kill", "--signal", "SIGINT", *alive], timeout=_left(deadline))


def _alive(group: Sequence[Container]) -> list[str]:
    return [container.id for container in group if container.state not in ("exited", "created", "dead")]


def _remove(ids: Sequence[str], deadline: float) -> None:
    run(["docker", "rm", "--force", "--volumes", *ids], timeout=_left(deadline))


def _remove_networks(projects: set[str], deadline: float) -> None:
    for project in sorted(filter(None, projects)):
        listed = run_docker(
            "network", "ls", "--quiet", "--filter", f"label={_PROJECT}={project}", timeout=_left(deadline)
        )
        for network in listed.split():
            # One that another user's container is in stays, as compose leaves it too.
            run(["docker", "network", "rm", network], timeout=_left(deadline))
