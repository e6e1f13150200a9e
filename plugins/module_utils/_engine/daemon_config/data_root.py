# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read what is in the data root of an engine that does not run: as much as its files say."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from typing import Any

from ..inventory import Container, Inventory

# Those whose data keeps an engine with the driver that it had; it does not look for vfs (graphdriver/driver.go).
PRIOR = ("aufs", "btrfs", "devicemapper", "fuse-overlayfs", "overlay", "overlay2", "zfs")
_NOT_VOLUMES = frozenset({"metadata.db", "backingFsBlockDev"})


@dataclasses.dataclass(frozen=True)
class Content:
    """containers: their drivers by their names; images: the names by their drivers."""

    root: str
    containers: dict[str, str]
    images: dict[str, list[str]]
    volumes: list[str]

    @property
    def drivers(self) -> list[str]:
        """Return the drivers that something was made with."""
        return sorted({*self.containers.values(), *(driver for driver, names in self.images.items() if names)})

    def inventory(self, driver: str | None = None) -> Inventory:
        """Return it as an inventory; with a driver, what that one has."""
        return Inventory(
            storage_driver=driver or "",
            image_store="graph",
            data_root=self.root,
            containers=[
                Container("", name, "exited") for name, made in self.containers.items() if driver in (None, made)
            ],
            images={name: [name] for made, names in self.images.items() if driver in (None, made) for name in names},
            volumes=self.volumes if driver is None else [],
        )


def folder(root: str, remapped: str | None) -> str:
    """Return the folder that an engine uses.

    remapped: the name of the folder of remapped users in it, if it has any.
    """
    real = os.path.realpath(root)
    return os.path.join(real, remapped) if remapped else real


def prior_drivers(root: str) -> list[str]:
    """Return the storage drivers with data, by which an engine chooses one at its start."""
    return [driver for driver in PRIOR if _names(os.path.join(root, driver))]


def remove_empty_driver(root: str, driver: str) -> None:
    """Remove the folders of a storage driver as far as they are empty: what a start has made that came to nothing.

    An engine would choose that driver by them, see prior_drivers.
    """
    for folder_, _folders, _files in os.walk(os.path.join(root, driver), topdown=False):
        with contextlib.suppress(OSError):  # not empty
            os.rmdir(folder_)


def inspect(root: str) -> Content:
    """Return what is in a data root."""
    containers = {}
    for identifier in _names(os.path.join(root, "containers")):
        config = _json(os.path.join(root, "containers", identifier, "config.v2.json"))
        if config:
            containers[str(config.get("Name", identifier[:12])).lstrip("/")] = str(config.get("Driver", ""))
    images = {}
    for driver in _names(os.path.join(root, "image")):
        repositories = _json(os.path.join(root, "image", driver, "repositories.json")).get("Repositories") or {}
        images[driver] = sorted({name for names in repositories.values() for name in names if "@" not in name})
    volumes = [name for name in _names(os.path.join(root, "volumes")) if name not in _NOT_VOLUMES]
    return Content(root, containers, images, volumes)


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:  # not there
        return []


def _json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
