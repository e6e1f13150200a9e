# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is installed: reads a Harbor's folder, data and containers without changing anything.

No file says reliably which version is installed (C(_version) in harbor.yml has the minor only, and the archive's
tarball stays where an upgrade by hand left it), so that several witnesses are heard, and must agree.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import disk
from ansible_collections.dockyard.ops.plugins.module_utils._host.atomic_file import explain

from . import compose, releases
from .config import document
from .config.document import Config
from .containers import Container, engine_version, find_containers
from .data_volume import Database, find_database, find_databases, measure_parts
from .version import Version

# Component, as a service of the compose project, and the installer's flag for it.
_COMPONENTS = (
    ("notary-server", "--with-notary"),
    ("clair", "--with-clair"),
    ("trivy-adapter", "--with-trivy"),
    ("chartmuseum", "--with-chartmuseum"),
)
CORES = ("core", "ui")
PROXY = "proxy"
# prepare writes them in the same moment as the compose file, and hardly anybody edits them.
_WITNESSES = ("core/env", "ui/env", "nginx/nginx.conf", "registry/config.yml", "jobservice/env", "log/logrotate.conf")
# prepare renders them all within a second or two, the compose file last. An edit that a script makes right after it
# is not seen.
_EDITED_AFTER = 15  # seconds
_NUMBER = r"v?(\d+\.\d+\.\d+)"
_TARBALL = re.compile(rf"harbor\.{_NUMBER}\S*\.tar\.gz")
# Others, such as redis-photon, have had versions of their own.
_IMAGE = re.compile(rf"(?:.*/)?harbor-[a-z]+:{_NUMBER}\S*")


@dataclass
class Installation:
    """sizes: bytes by folder of the data volume; free: bytes for file system of "install" and "data".

    running: whether core and proxy run, which does not say that they serve.
    flags: the installer's flags for the components in use.
    edited_compose: why the compose file looks as if it was edited by hand; None if it does not.
    engine, compose: versions; compose is () if there is none.
    leftovers: sentences about what should not be there.
    """

    path: str
    config_path: str
    config: Config
    version: Version
    running: bool
    data_volume: str
    flags: list[str]
    database: Database
    containers: list[Container]
    edited_compose: str | None
    sizes: dict[str, int]
    free: dict[str, int]
    engine: tuple[int, ...]
    compose: tuple[int, ...]
    leftovers: list[str]


def inspect_installation(path: str, measure_registry: bool = False) -> Installation | None:
    """Inspect what is installed; None: no Harbor. Raise DockyardError if something is there that can't be understood.

    measure_registry: whether sizes has the registry too, which takes minutes if it is large.
    """
    names = _names(path)
    if not names:
        return None
    if not names & {compose.BASE_FILE, "harbor.yml", "harbor.cfg", "prepare", "harbor.yml.tmpl"}:
        raise DockyardError(
            "harbor_not_installed",
            f"{path} is no install folder of Harbor: it has neither docker-compose.yml nor harbor.yml nor prepare;"
            " give the folder that Harbor was installed from.",
        )
    containers = find_containers(path)
    if compose.BASE_FILE not in names and not containers and not _has_data(path, names):
        return None  # unpacked, and perhaps configured, but never installed
    version, leftovers = _version(path, names, containers)
    config_path = os.path.join(path, releases.configuration_name(version))
    config = document.read(config_path)
    data_volume = document.data_volume(config)
    database = find_database(data_volume, version, external=document.external_database(config) is not None)
    return Installation(
        path=path,
        config_path=config_path,
        config=config,
        version=version,
        running=_running(containers),
        data_volume=data_volume,
        flags=_flags(path, containers),
        database=database,
        containers=containers,
        edited_compose=_edit_of_compose_file(path),
        sizes=measure_parts(data_volume, measure_registry),
        free={"install": disk.free_bytes(path), "data": disk.free_bytes(data_volume)},
        engine=engine_version(),
        compose=compose.compose_version(),
        leftovers=[*leftovers, *_leftovers(path, names, containers, database)],
    )


# ---- the folder ----


def _names(path: str) -> set[str]:
    try:
        return set(os.listdir(path)) - {"lost+found"}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise explain("read", path, error) from error


def _has_data(path: str, names: set[str]) -> bool:
    """Return whether there is a database, so that a user has only removed the compose file and the containers."""
    for name in ("harbor.yml", "harbor.cfg"):
        if name in names:
            config = document.read(os.path.join(path, name))
            return bool(find_databases(document.data_volume(config)))
    return False


def _version(path: str, names: set[str], containers: list[Container]) -> tuple[Version, list[str]]:
    """Return the version that is installed, and what is to be said about the folder's tarballs."""
    of_compose = _single_version(compose.image_tags(path).values(), os.path.join(path, compose.BASE_FILE))
    of_core = _single_version(
        [container.image for container in containers if container.service in CORES], "The running core"
    )
    of_prepare = _in_prepare(os.path.join(path, "prepare")) if "prepare" in names else None
    tarballs = {name: Version.parse(found[1]) for name in sorted(names) if (found := _TARBALL.fullmatch(name))}
    witnesses = {
        f"{compose.BASE_FILE} names the images of": of_compose,
        "./prepare is of": of_prepare,
        "the containers are of": of_core,
    }
    versions = {version for version in witnesses.values() if version}
    if len(versions) > 1:
        statements = ", ".join(f"{what} {version}" for what, version in witnesses.items() if version)
        raise DockyardError(
            "harbor_version_unclear",
            f"It is not clear which version of Harbor is installed in {path}: {statements}; an upgrade by hand was not"
            " finished: finish it, or put the files of the version that runs back.",
        )
    version = next(iter(versions), None) or (max(tarballs.values()) if len(tarballs) == 1 else None)
    if version is None:
        raise DockyardError(
            "harbor_version_unclear",
            f"No file in {path} tells which version of Harbor is installed: neither the image tags in"
            f" {compose.BASE_FILE}, nor ./prepare, nor the name of one tarball harbor.v*.tar.gz; put the"
            " release's own prepare back.",
        )
    return version, [
        f"{os.path.join(path, name)} holds the images of {found}, which is not what is installed."
        for name, found in tarballs.items()
        if found != version
    ]


def _single_version(images: Iterable[str], whose: str) -> Version | None:
    """Return the version in the tags of Harbor's own images; None if no tag has it."""
    found = {Version.parse(match[1]) for match in map(_IMAGE.fullmatch, images) if match}
    if len(found) > 1:
        raise DockyardError(
            "harbor_version_unclear",
            f"{whose} has images of several versions of Harbor ({', '.join(map(str, sorted(found)))}); write the"
            " compose file again with ./prepare, and start Harbor with it.",
        )
    return next(iter(found), None)


def _in_prepare(path: str) -> Version | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = re.search(rf"/prepare:{_NUMBER}", file.read())
    except OSError as error:
        raise explain("read", path, error) from error
    return Version.parse(found[1]) if found else None


def _flags(path: str, containers: list[Container]) -> list[str]:
    present = {*compose.services(path), *(container.service for container in containers)}
    return [flag for service, flag in _COMPONENTS if service in present]


def _running(containers: list[Container]) -> bool:
    states = {container.service: container.state for container in containers}
    return states.get(PROXY) == "running" and any(states.get(core) == "running" for core in CORES)


def _edit_of_compose_file(path: str) -> str | None:
    """Return a sentence if the compose file is younger than what prepare has written together with it."""
    compose_file = os.path.join(path, compose.BASE_FILE)
    times = [_written(os.path.join(path, "common", "config", name)) for name in _WITNESSES]
    prepared, now = max(times), _written(compose_file)
    if not prepared or now - prepared <= _EDITED_AFTER:
        return None
    moments = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) for moment in (now, prepared)]
    return (
        f"{compose_file} was written at {moments[0]}, after prepare had written all else at {moments[1]}, and so was"
        " edited by hand."
    )


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0


def _leftovers(path: str, names: set[str], containers: list[Container], database: Database) -> list[str]:
    found = []
    if "input" in names:
        found.append(f"{os.path.join(path, 'input')} was left by a prepare that failed, and holds passwords.")
    known = compose.services(path)
    unknown = [container.name for container in containers if known and container.service not in known]
    if unknown:
        found.append(f"These containers belong to no service of the compose file any more: {', '.join(unknown)}.")
    for other in database.others:
        found.append(f"{other} is a second database beside {database.folder}, as an interrupted upgrade leaves it.")
    return found
