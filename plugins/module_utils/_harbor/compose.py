# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A compose-installed Harbor's containers: found, taken down, brought up, and asked for their last words.

Containers are found by the labels that compose gives them and not through compose itself, which knows nothing of
services that its file no longer lists, and nothing at all where that file is broken, gone, or in a renamed folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import complaint, numbers, run

YAML_IMPORT_ERROR: str | None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

BASE_FILE = "docker-compose.yml"
# Compose's own order of preference; only the first that exists counts.
OVERRIDE_FILES = ("docker-compose.override.yml", "docker-compose.override.yaml")
# Up to 1.7, optional components have files of their own, which every release brings along, used or not. prepare
# writes the configuration of those in use only: component, its folder below common/config.
EXTRAS = (("notary", "notary"), ("clair", "clair"), ("chartmuseum", "chartserver"))
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_FOLDER = "com.docker.compose.project.working_dir"
# They write to disk, so that they get time to end in order, after those that use them.
_STORES = ("postgresql", "mysql", "redis", "clair-db", "notary-db")
_LOG = "log"
_STORE_GRACE = 60  # seconds
_GRACE = 10  # seconds, which is what compose itself gives
_TELLING = re.compile(r"\b(fatal|panic|error|dirty|failed|refused|denied|no migration found)\b", re.IGNORECASE)
_TAIL = 300  # lines of a log that are looked through


@dataclass(frozen=True)
class Container:
    """state: Docker's word (running, restarting, exited, ...); health: Docker's word, "" where it has no check.

    pid: of its first process, as the host sees it; 0 where there is none.
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


# ---- the engine and compose ----


def docker(*arguments: str, timeout: float = 120) -> str:
    """What docker prints; a Problem with its complaint where it fails."""
    done = run(["docker", *arguments], timeout=timeout)
    if done.returncode != 0:
        if "Cannot connect to the Docker daemon" in done.stderr:
            raise Problem("The Docker Engine does not answer; start it (systemctl start docker) and run again.")
        raise Problem(f"docker {arguments[0]} failed: {complaint(done)}; mend that and run again.")
    return done.stdout


def engine_version() -> tuple[int, ...]:
    """Of the engine that runs; a Problem where none answers."""
    return numbers(docker("version", "--format", "{{.Server.Version}}"))


def _compose() -> tuple[list[str], tuple[int, ...]]:
    for command in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(Problem):
            done = run([*command, "version"], timeout=60)
            if done.returncode == 0 and numbers(done.stdout):
                return command, numbers(done.stdout)
    return [], ()


def compose_command() -> list[str]:
    """The plugin, or the program of old; a Problem where there is neither."""
    command, _version = _compose()
    if not command:
        raise Problem(
            "Neither 'docker compose' nor docker-compose answers on this host; install the compose plugin"
            " (docker-compose-plugin, or docker-compose of the distribution) and run again."
        )
    return command


def compose_version() -> tuple[int, ...]:
    """Of what compose_command() gives; () where there is none."""
    return _compose()[1]


def has_standalone_compose() -> bool:
    """Whether a docker-compose of its own is on the PATH, which the installers of old want."""
    try:
        return run(["docker-compose", "version"], timeout=60).returncode == 0
    except Problem:
        return False


# ---- the folder ----


def compose_files(folder: str) -> list[str]:
    """Those that are in use, in the order in which compose takes them; [] where prepare has not run yet."""
    base = os.path.join(folder, BASE_FILE)
    if not os.path.isfile(base):
        return []
    extras = [
        os.path.join(folder, f"docker-compose.{component}.yml")
        for component, configuration in EXTRAS
        if os.path.isdir(os.path.join(folder, "common", "config", configuration))
    ]
    return [base, *filter(os.path.isfile, extras), *override_files(folder)]


def override_files(folder: str) -> list[str]:
    """What a person has added to the compose file in the way that survives prepare."""
    found = [path for path in (os.path.join(folder, name) for name in OVERRIDE_FILES) if os.path.isfile(path)]
    return found[:1]


def read(folder: str) -> dict[str, Any]:
    """The compose project: the services of all its files, merged key by key; {} where there is no file."""
    merged: dict[str, Any] = {}
    for path in compose_files(folder):
        for service, settings in _services_of(path).items():
            merged.setdefault(service, {}).update(settings)
    return {"services": merged} if merged else {}


def _services_of(path: str) -> dict[str, dict[str, Any]]:
    remedy = "restore it, or write it anew with ./prepare. Nothing was changed."
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.load(file, Loader=_loader())
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"Can't read {path} ({error}); {remedy}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise Problem(f"{path} is no valid YAML{where}; {remedy}") from error
    found = content.get("services") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not all(isinstance(settings, dict) for settings in found.values()):
        raise Problem(f"{path} is no compose file: it has no services; {remedy}")
    return found


def _loader() -> Any:
    """Of plain data; compose's own tags (!reset, !override) mean nothing here."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: {})
    return Loader


def services(folder: str) -> list[str]:
    return list(read(folder).get("services", {}))


def image_tags(folder: str) -> dict[str, str]:
    """Service to image reference, as the compose files have it."""
    found = read(folder).get("services", {})
    return {name: str(settings["image"]) for name, settings in found.items() if "image" in settings}


def project_name(folder: str) -> str:
    """As compose derives it: COMPOSE_PROJECT_NAME of the folder's .env, or the folder's name."""
    name = os.path.basename(os.path.realpath(folder))
    for line in _lines(os.path.join(folder, ".env")):
        key, equals, value = line.strip().partition("=")
        if equals and key.strip() == "COMPOSE_PROJECT_NAME" and value.strip():
            name = value.strip().strip("\"'")
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []


# ---- its containers ----


def containers(folder: str) -> list[Container]:
    """All containers of the Harbor in this folder, those that are stopped too, sorted by name.

    These are the ones that compose has started there; and, where the folder that they were started from is no
    project any more (renamed, half removed), those of the same project, or with images and names of Harbor's own.
    """
    ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={_PROJECT}").split()
    if not ids:
        return []
    real, project = os.path.realpath(folder), project_name(folder)
    found = [
        _container(details) for details in _inspect(ids) if _belongs(_labels(details), _image(details), real, project)
    ]
    return sorted(found, key=lambda container: container.name)


def _inspect(ids: Sequence[str]) -> list[dict[str, Any]]:
    # One that is removed meanwhile makes docker complain; it prints the others all the same.
    done = run(["docker", "container", "inspect", *ids], timeout=120)
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise Problem(f"docker container inspect failed: {complaint(done)}; mend that and run again.") from error
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
        return False  # somebody else's project, of whatever name
    # An engine has room for one Harbor only, since its containers' names are fixed.
    return labels.get(_PROJECT) == project or is_harbor_image(image)


def is_harbor_image(image: str) -> bool:
    """Whether a release names an image so; mirrors put their own host in front."""
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


def down(folder: str, timeout: float) -> None:
    """Stops and removes every container and network of the Harbor in this folder.

    timeout: seconds for all of it. What uses a database stops before it, and the databases get time to end in order,
    also where the compose file is broken or no longer lists a service. Run again after a kill, it goes on.
    """
    deadline = time.monotonic() + timeout
    found = containers(folder)
    logs = [container for container in found if container.service == _LOG]
    stores = [container for container in found if container.service in _STORES]
    others = [container for container in found if container not in logs and container not in stores]
    for group, grace in ((others, _GRACE), (stores, _STORE_GRACE), (logs, _GRACE)):
        _stop(group, grace, deadline)
    if found:
        _remove([container.id for container in found], deadline)
    _remove_networks({container.project for container in found} | {project_name(folder)}, deadline)
    left = containers(folder)
    if left:
        raise Problem(
            f"These containers of {folder} could not be removed: {', '.join(container.name for container in left)};"
            " look at journalctl -u docker.service."
        )


def _left(deadline: float, least: float = 5) -> float:
    return max(deadline - time.monotonic(), least)


def _stop(group: Sequence[Container], grace: int, deadline: float) -> None:
    alive = [container.id for container in group if container.state not in ("exited", "created", "dead")]
    if alive:
        # One that is gone meanwhile is a complaint and no obstacle; what does not stop is removed by force.
        run(["docker", "stop", "-t", str(grace), *alive], timeout=_left(deadline, grace + 10))


def _remove(ids: Sequence[str], deadline: float) -> None:
    run(["docker", "rm", "--force", "--volumes", *ids], timeout=_left(deadline))


def _remove_networks(projects: set[str], deadline: float) -> None:
    for project in sorted(filter(None, projects)):
        listed = docker("network", "ls", "--quiet", "--filter", f"label={_PROJECT}={project}", timeout=_left(deadline))
        for network in listed.split():
            # One that somebody else's container is in stays, as compose leaves it too.
            run(["docker", "network", "rm", network], timeout=_left(deadline))


def up(folder: str, timeout: float) -> None:
    """Starts what the compose files list, and leaves running what runs already. timeout: seconds.

    Returns when the containers are started; that Harbor serves is for its API to tell.
    """
    files = compose_files(folder)
    if not files:
        raise Problem(f"There is no {BASE_FILE} in {folder}; write it with ./prepare, or restore the folder.")
    argv = compose_command()
    # Without -f, compose takes the base file and the override by itself, and labels the containers as install.sh does.
    if len(files) > 1 + len(override_files(folder)):
        argv = [*argv, *(argument for file in files for argument in ("-f", file))]
    done = run([*argv, "up", "-d"], timeout=timeout, cwd=folder)
    if done.returncode != 0:
        raise Problem(f"Harbor in {folder} does not start: {complaint(done)}; mend that and start it again.")


# ---- last words ----


def last_words(of: Container | str, lines: int = 5, log_folder: str = "/var/log/harbor") -> str:
    """The log lines that matter, each with its container's name in front, as one line; "" where there are none.

    of: a container, or an install folder: then of its containers that are in trouble, of the core where none is.
    log_folder: where Harbor's own log container writes (log.local.location in harbor.yml), for engines that don't
    keep what they send there.
    """
    if isinstance(of, Container):
        return "; ".join(f"{of.name}: {line}" for line in _words_of(of, lines, log_folder))
    found = containers(of)
    troubled = [container for container in found if container.troubled or container.restarts]
    # The core's log tells most; what waits for it only tells that it waits.
    troubled.sort(key=lambda container: (container.service not in ("core", "ui", *_STORES), -container.restarts))
    chosen = troubled or [container for container in found if container.service in ("core", "ui")]
    texts: list[str] = []
    for container in chosen:
        texts += [f"{container.name}: {line}" for line in _words_of(container, lines - len(texts), log_folder)]
        if len(texts) >= lines:
            break
    return "; ".join(texts)


def _words_of(container: Container, lines: int, log_folder: str) -> list[str]:
    done = run(["docker", "logs", "--tail", str(_TAIL), container.id or container.name], timeout=60)
    text = f"{done.stdout}\n{done.stderr}" if done.returncode == 0 else ""
    if not text.strip():
        text = "".join(_lines(os.path.join(log_folder, f"{container.service}.log"))[-_TAIL:])
    return telling(text.splitlines(), lines)


def telling(log: Sequence[str], lines: int) -> list[str]:
    """The last lines that speak of a failure, each once; where none does, the last ones."""
    said = [re.sub(r"\x1b\[[0-9;]*m|[^\x20-\x7e\xa0-\uffff]", "", line).strip()[:400] for line in log]
    said = [line for line in said if line]
    bad = [line for line in said if _TELLING.search(line)]
    last: dict[str, str] = {}
    for line in bad or said:
        # The same complaint of a container that starts over and over, but for the time and the numbers in it.
        kind = re.sub(r"\d+", "#", line)
        last.pop(kind, None)
        last[kind] = line
    return list(last.values())[-lines:] if lines > 0 else []
