# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find the keys by which an engine would look for its data in another place at its next start.

An engine copies nothing: what it has in one place is out of sight in the other. Sources: daemon/daemon.go,
daemon/image_store_choice.go and daemon/graphdriver/driver.go of 20.10 to 29.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
from collections.abc import Sequence
from typing import Any

from .. import service
from ..inventory import ImageStore, Inventory, image_store
from . import data_root, keys
from .document import Config

_DEFAULT_ROOT = "/var/lib/docker"
_SNAPSHOTTER = "containerd-snapshotter"
_DEFAULT_SNAPSHOTTER = "overlayfs"
# From this version on an engine has its images in containerd, unless something speaks against it; the older ones
# only if the feature is on, which the oldest do not have.
_CONTAINERD_BY_DEFAULT = (29,)
_KNOWS_CONTAINERD = (24,)
_GRAPH_DRIVERS = frozenset({*data_root.PRIOR, "vfs"})  # which an engine never chooses by what is there
# Where the store is containerd, these say which containerd that is.
_CONTAINERD_KEYS = tuple(name for name, key in keys.KEYS.items() if key.moves_data and name.startswith("containerd"))


@dataclasses.dataclass(frozen=True)
class Location:
    """Where a running engine has its data."""

    root: str
    driver: str
    store: ImageStore
    remapped: bool  # userns-remap: in a folder of its own below the root

    @property
    def base(self) -> str:
        """Return the root as data-root names it."""
        real = os.path.realpath(self.root)
        return os.path.dirname(real) if self.remapped else real


@dataclasses.dataclass(frozen=True)
class Move:
    """A key, or a flag of the unit, by which the data is looked for somewhere else.

    everything: also volumes and networks; otherwise only containers and images.
    images: whether the images are out of sight; another root leaves those where they are that containerd has.
    """

    key: str
    now: str
    then: str
    everything: bool
    images: bool = True

    def hides(self, inventory: Inventory) -> Inventory:
        """Return that part of an inventory which would be out of sight."""
        hidden = inventory if self.everything else dataclasses.replace(inventory, volumes=[], networks={})
        return hidden if self.images else dataclasses.replace(hidden, images={})


@dataclasses.dataclass(frozen=True)
class _Wish:
    """What file and flags say about the place of the data. Empty and None: nothing."""

    root: str
    driver: str
    remap: str
    snapshotter: bool | None
    containerd: tuple[Any, ...]


def location_of(info: dict[str, Any]) -> Location:
    """Return where an engine has its data, by its answer to /info."""
    return Location(
        root=info["DockerRootDir"],
        driver=info["Driver"],
        store=image_store(info),
        remapped=any("name=userns" in option for option in info.get("SecurityOptions") or []),
    )


def moves(location: Location, loaded: Config, target: Config, unit: service.Unit, version: Sequence[int]) -> list[Move]:
    """Return what would move the data of a running engine at its next start.

    loaded: what it has taken over. target: what its file will hold. version: of the engine.
    """
    before, after = _wish(loaded, unit), _wish(target, unit)
    found = []
    if os.path.realpath(after.root) != location.base:
        name = _name("data-root", unit, "--data-root", "-g")
        found.append(Move(name, location.base, after.root, True, images=location.store == "graph"))
    remap = _remap_move(location, before, after)
    if remap:
        found.append(Move(_name("userns-remap", unit, "--userns-remap"), *remap, True))
    if found:
        return found
    store, driver = _predicted(after, location.root, version)
    if driver is None and after.driver == before.driver and store == location.store:
        driver = location.driver  # chosen by the engine itself, as at its last start
    if store != location.store:
        key = f"features.{_SNAPSHOTTER}" if after.snapshotter != before.snapshotter else "storage-driver"
        if after.snapshotter == before.snapshotter and after.driver == before.driver:
            key = f"features.{_SNAPSHOTTER}" if after.snapshotter is not None else "the data of another storage driver"
        return [Move(key, _shown(location.store, location.driver), _shown(store, driver), False)]
    if driver != location.driver:
        name = _name("storage-driver", unit, "--storage-driver", "-s")
        return [Move(name, _shown(store, location.driver), _shown(store, driver), False)]
    if store == "containerd" and after.containerd != before.containerd:
        return [Move("containerd", "the containerd that it has", "another one", False)]
    return []


def root_of(config: Config, unit: service.Unit) -> str:
    """Return the data root that an engine has after its next start with a file of these keys."""
    return _wish(config, unit).root


def moves_on_disk(
    known: Config, target: Config, unit: service.Unit, version: Sequence[int]
) -> list[tuple[Move, Inventory]]:
    """Return what would move the data of an engine that does not run, each with what would be out of sight.

    known: what the engine had at its last start, as far as that is known.
    """
    before, after = _wish(known, unit), _wish(target, unit)
    folders = [data_root.folder(wish.root, _identifiers(wish.remap)) for wish in (before, after)]
    content = data_root.inspect(folders[0])
    if folders[0] != folders[1]:
        key = "data-root" if before.root != after.root else "userns-remap"
        move = Move(key, folders[0], folders[1], True)
        return [(move, content.inventory())]
    drivers = []
    for wish in (before, after):
        store, driver = _predicted(wish, folders[0], version)
        only = content.drivers if len(content.drivers) == 1 else []
        drivers.append((store, driver or (only[0] if only else None)))
    if drivers[0] == drivers[1] or drivers[0][1] is None:
        return []
    key = "storage-driver" if before.driver != after.driver else f"features.{_SNAPSHOTTER}"
    return [(Move(key, _shown(*drivers[0]), _shown(*drivers[1]), False), content.inventory(drivers[0][1]))]


def _wish(config: Config, unit: service.Unit) -> _Wish:
    planned = unit.next_start

    def text(key: str, *flags: str) -> str:
        flagged = planned.flag(*flags)
        value = flagged[-1] if flagged else config.get(key)
        return value if isinstance(value, str) else ""

    features = config.get("features")
    features = dict(features) if isinstance(features, dict) else {}
    for flag in planned.flag("--feature"):
        name, _equals, value = flag.partition("=")
        features[name] = value in ("", "true", "1")
    snapshotter = features.get(_SNAPSHOTTER)
    return _Wish(
        root=text("data-root", "--data-root", "--graph", "-g") or text("graph") or _DEFAULT_ROOT,
        driver=text("storage-driver", "--storage-driver", "-s"),
        remap=text("userns-remap", "--userns-remap"),
        snapshotter=snapshotter if isinstance(snapshotter, bool) else None,
        containerd=(*(config.get(key) for key in _CONTAINERD_KEYS), features.get("embedded-containerd", False)),
    )


def _name(key: str, unit: service.Unit, *flags: str) -> str:
    return f"the flag {flags[0]} of {service.SERVICE}" if unit.next_start.flag(*flags) else key


def _remap_move(location: Location, before: _Wish, after: _Wish) -> tuple[str, str] | None:
    if bool(after.remap) != location.remapped:
        return (before.remap, "no remapping") if location.remapped else ("no remapping", after.remap)
    if not after.remap or after.remap == before.remap:
        return None
    if _identifiers(after.remap) == os.path.basename(location.root):
        return None
    return before.remap or "other users", after.remap


def _identifiers(remap: str) -> str | None:
    """Return the name of the folder that an engine has for users who are remapped like this."""
    if not remap:
        return None
    user, _colon, group = ("dockremap" if remap == "default" else remap).partition(":")
    found = [_first(path, name) for path, name in (("/etc/subuid", user), ("/etc/subgid", group or user))]
    return f"{found[0]}.{found[1]}"


def _first(path: str, name: str) -> str:
    names = {name}
    if name.isdigit():
        with contextlib.suppress(KeyError):
            names.add(pwd.getpwuid(int(name)).pw_name)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip().split(":") for line in file]
    except OSError:
        return name
    return next((line[1] for line in lines if len(line) == 3 and line[0] in names), name)


def _predicted(wish: _Wish, root: str, version: Sequence[int]) -> tuple[ImageStore, str | None]:
    """Return store and driver that an engine chooses at its next start; None for a driver that can't be foreseen."""
    prior = data_root.prior_drivers(root)
    if _store(wish, prior, version) == "containerd":
        return "containerd", wish.driver or _DEFAULT_SNAPSHOTTER
    return "graph", wish.driver or (prior[0] if len(prior) == 1 else None)


def _store(wish: _Wish, prior: Sequence[str], version: Sequence[int]) -> ImageStore:
    if tuple(version) < _KNOWS_CONTAINERD:
        return "graph"
    if wish.snapshotter is not None:
        return "containerd" if wish.snapshotter else "graph"
    if tuple(version) < _CONTAINERD_BY_DEFAULT or wish.remap or prior or wish.driver in _GRAPH_DRIVERS:
        return "graph"
    return "containerd"


def _shown(store: ImageStore, driver: str | None) -> str:
    name = driver or "a driver of its own choice"
    return f"{name} in containerd's image store" if store == "containerd" else name
