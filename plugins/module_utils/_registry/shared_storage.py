# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find other registries on this host that write into the same storage, which a read-only window does not stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import configuration
from .container import Container
from .place import Place

# Where a registry's configuration is in its image, its arguments and its image say what it is.
_WORDS = ("registry", "distribution")


def require_none(container: Container, place: Place, document: dict[str, Any]) -> None:
    """Raise DockyardError if another running container can take uploads for the same storage.

    document: the configuration of the registry that is in force.
    """
    own = (container.details() or {}).get("Id")
    names = [
        details["Name"].lstrip("/")
        for details in container.running()
        if details.get("Id") != own and _shares(details, place, document)
    ]
    if names:
        raise DockyardError(
            "registry_storage_shared",
            f"The storage of the registry in the container {container.name} is also that of"
            f" {', '.join(sorted(names))}, which would go on taking uploads in a read-only window; stop"
            f" {'it' if len(names) == 1 else 'them'} for as long as this takes.",
        )


def _shares(details: dict[str, Any], place: Place, document: dict[str, Any]) -> bool:
    environment = tuple(details["Config"].get("Env") or ())
    writable = [mount for mount in details["Mounts"] if mount.get("RW", True)]
    mounts = tuple((mount["Destination"], mount["Source"]) for mount in writable)
    other = Place("", "", mounts, environment)
    found = _configuration(details, environment)
    bucket = configuration.remote(document)
    if bucket is not None:
        return found is not None and configuration.remote(found) == bucket
    storage = configuration.storage_on_host(place, document)
    if storage is None or not any(_overlaps(mount["Source"], storage) for mount in writable):
        return False
    if found is not None:
        folder = configuration.storage_on_host(other, found)
        return folder is not None and _identity(folder) == _identity(storage)
    if not _is_registry(details):
        return False
    default = configuration.in_force({"storage": {"filesystem": {}}}, environment)
    folder = configuration.storage_on_host(other, default)
    return folder is None or _identity(folder) == _identity(storage)


def _configuration(details: dict[str, Any], environment: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the configuration of a registry that is in force; None if there is no file of one on the host."""
    try:
        place = Container(details["Id"]).place(details)
        return configuration.in_force(configuration.read(place.config_file), environment)
    except DockyardError:
        named = any(variable.startswith("REGISTRY_STORAGE") for variable in environment)
        found = configuration.in_force({"storage": {}}, environment) if named else {"storage": {}}
        return found if configuration.remote(found) else None


def _is_registry(details: dict[str, Any]) -> bool:
    config = details["Config"]
    words = [config.get("Image") or "", *(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    return any(word in argument for argument in words for word in _WORDS)


def _overlaps(source: str, storage: str) -> bool:
    """Return whether one of the folders is in the other, by whatever name they are mounted."""
    return _identity(source) in set(_parents(storage)) or _identity(storage) in set(_parents(source))


def _parents(path: str) -> Iterator[object]:
    path = os.path.realpath(path)
    while True:
        yield _identity(path)
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _identity(path: str) -> object:
    """Return what two names of one folder have in common."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino
