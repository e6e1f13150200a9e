# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The configuration of a registry of Docker Distribution, in its file and in its container's environment."""

from __future__ import annotations

import copy
import os
import traceback
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .place import Place

YAML_IMPORT_ERROR: str | None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_STORAGE = "docker/registry/v2"
_DEFAULT_ROOT = "/var/lib/registry"
_PREFIX = "REGISTRY_"
# What is below storage besides the driver.
_NO_DRIVER = ("cache", "delete", "maintenance", "redirect", "tag")
_BUCKET = ("accountname", "bucket", "container", "regionendpoint", "rootdirectory")
# layerinfo is an older name of blobdescriptor.
_CACHES = ("blobdescriptor", "layerinfo")


def read(path: str) -> dict[str, Any]:
    """Return what a registry's configuration file says. Raise DockyardError if it is none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    return parse(content, path)


def parse(content: bytes, path: str) -> dict[str, Any]:
    """Return what the content of a configuration file says. Raise DockyardError if it is none."""
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise _unreadable(path, error) from error
    if not isinstance(document, dict) or not isinstance(document.get("storage"), dict):
        raise DockyardError(
            "registry_config_unreadable", f"{path} has no storage, so it is no registry's configuration; correct it."
        )
    return document


def _unreadable(path: str, error: Exception) -> DockyardError:
    return DockyardError(
        "registry_config_unreadable",
        f"{path} can't be read as a registry's configuration ({str(error).splitlines()[0]}); correct it.",
    )


def in_force(document: dict[str, Any], environment: tuple[str, ...]) -> dict[str, Any]:
    """Return the configuration that the registry works with: the file, and what the environment puts over it.

    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data is storage.filesystem.rootdirectory, its value is YAML
    (https://distribution.github.io/distribution/about/configuration/, "Override specific configuration options").
    """
    result = copy.deepcopy(document)
    for name, _equals, value in sorted(variable.partition("=") for variable in environment):
        if name.startswith(_PREFIX):
            keys = name[len(_PREFIX) :].lower().split("_")
            _set(result, keys, yaml.safe_load(value))
    return result


def _set(document: dict[str, Any], keys: list[str], value: object) -> None:
    for key in keys[:-1]:
        if not isinstance(document.get(key), dict):
            document[key] = {}
        document = document[key]
    # REGISTRY_STORAGE=filesystem names the driver alone.
    document[keys[-1]] = {value: {}} if keys == ["storage"] and isinstance(value, str) else value


def read_only(document: dict[str, Any], environment: tuple[str, ...]) -> bytes:
    """Return the same configuration, but with no uploads. Raise DockyardError if the environment allows them anyway."""
    storage = dict(document["storage"])
    storage["maintenance"] = {**(storage.get("maintenance") or {}), "readonly": {"enabled": True}}
    changed = {**document, "storage": storage}
    try:
        closed = in_force(changed, environment)["storage"]["maintenance"]["readonly"]["enabled"] is True
    except (KeyError, TypeError):
        closed = False
    if not closed:
        raise DockyardError(
            "registry_read_only_overridden",
            f"The environment of the registry's container ({', '.join(sorted(_names(environment)))}) wins over its"
            " configuration file, so that it can't be made read-only; move what it says into the file.",
        )
    return str(yaml.safe_dump(changed, sort_keys=False)).encode()


def _names(environment: tuple[str, ...]) -> list[str]:
    names = [variable.partition("=")[0] for variable in environment]
    return [name for name in names if name == "REGISTRY_STORAGE" or name.startswith("REGISTRY_STORAGE_MAINTENANCE")]


def lasting_cache(document: dict[str, Any]) -> str | None:
    """Return the setting by which a cache knows of blobs beyond a restart; None if there is no such cache."""
    cache = document["storage"].get("cache")
    names = [name for name in _CACHES if isinstance(cache, dict) and cache.get(name) == "redis"]
    return f"storage.cache.{names[0]}" if names else None


def keeps_mirrored(document: dict[str, Any]) -> bool:
    """Return whether a pull-through mirror keeps for ever what it has fetched, whatever its proxy.ttl says.

    What is due is deleted through the storage, which refuses that, and is then forgotten instead of deleted: measured
    with Distribution 2.8 and 3.1 (distribution#1994, #4249).
    """
    delete = document["storage"].get("delete")
    return bool((document.get("proxy") or {}).get("remoteurl")) and not (
        isinstance(delete, dict) and delete.get("enabled") is True
    )


def remote(document: dict[str, Any]) -> tuple[str, ...] | None:
    """Return what names the storage of a registry that keeps its images elsewhere; None if it is a folder."""
    drivers = [name for name in document["storage"] if name not in _NO_DRIVER]
    if not drivers or drivers[0] in ("filesystem", "inmemory"):
        return None
    options = document["storage"][drivers[0]] or {}
    return (drivers[0], *(str(options.get(key) or "").strip("/") for key in _BUCKET))


def storage_on_host(place: Place, document: dict[str, Any]) -> str | None:
    """Return the host's folder with the registry's storage; None if it is not on this host, as in S3.

    document: the configuration that is in force.
    """
    storage = document["storage"]
    if "filesystem" not in storage:
        return None
    root = (storage["filesystem"] or {}).get("rootdirectory") or _DEFAULT_ROOT
    folder = place.on_host(root)
    return os.path.join(folder, _STORAGE) if folder else None
