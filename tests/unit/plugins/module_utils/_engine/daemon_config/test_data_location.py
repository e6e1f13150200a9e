# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys have an engine look for its data in another place: the rules. Engines that do are in tests/faults."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import data_location, data_root
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.data_location import (
    Location,
    location_of,
    moves,
    moves_on_disk,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config.keys import KEYS, by_reload
from ansible_collections.dockyard.ops.plugins.module_utils._engine.inventory import Inventory, counted
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Unit

ROOT = "/var/lib/docker"
OVERLAY2 = Location(ROOT, "overlay2", "graph", remapped=False)
VFS = Location(ROOT, "vfs", "graph", remapped=False)
CONTAINERD = Location(ROOT, "overlayfs", "containerd", remapped=False)
REMAPPED = Location(f"{ROOT}/100000.100000", "overlay2", "graph", remapped=True)
DOCKERD = ["/usr/bin/dockerd", "-H", "fd://"]
FEATURE = {"features": {"containerd-snapshotter": True}}
NO_FEATURE = {"features": {"containerd-snapshotter": False}}
Config = dict[str, Any]


@pytest.fixture(autouse=True)
def prior(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give those storage drivers data that the test names."""
    drivers: list[str] = []
    monkeypatch.setattr(data_root, "prior_drivers", lambda root: drivers)
    return drivers


def keys(
    location: Location, loaded: Config, target: Config, version: tuple[int, ...] = (28, 5), flags: tuple[str, ...] = ()
) -> list[str]:
    unit = Unit("running", DOCKERD, [*DOCKERD, *flags])
    return [move.key for move in moves(location, loaded, target, unit, version)]


@pytest.mark.parametrize(
    "location, loaded, target",
    [
        (OVERLAY2, {}, {}),
        (OVERLAY2, {}, {"storage-driver": "overlay2", "data-root": ROOT}),
        (OVERLAY2, {"data-root": ROOT}, {"data-root": f"{ROOT}/"}),
        (OVERLAY2, {}, {"graph": ROOT}),
        (OVERLAY2, {}, {"features": {"buildkit": True}}),
        (OVERLAY2, {}, NO_FEATURE),
        (VFS, {}, {"debug": True}),
        (VFS, {"storage-driver": "vfs"}, {"storage-driver": "vfs"}),
        (CONTAINERD, FEATURE, FEATURE),
        (CONTAINERD, FEATURE, {**FEATURE, "storage-driver": "overlayfs"}),
        (REMAPPED, {"userns-remap": "default"}, {"userns-remap": "default"}),
        (OVERLAY2, {}, {"containerd": "/run/other.sock"}),
    ],
)
def test_what_the_engine_has_moves_nothing(location: Location, loaded: Config, target: Config) -> None:
    assert keys(location, loaded, target) == []


@pytest.mark.parametrize(
    "location, loaded, target, moving",
    [
        (OVERLAY2, {}, {"data-root": "/srv/docker"}, ["data-root"]),
        (OVERLAY2, {}, {"graph": "/srv/docker"}, ["data-root"]),
        (OVERLAY2, {}, {"data-root": "/srv", "userns-remap": "default"}, ["data-root", "userns-remap"]),
        (OVERLAY2, {}, {"storage-driver": "vfs"}, ["storage-driver"]),
        (VFS, {"storage-driver": "vfs"}, {}, ["storage-driver"]),
        (OVERLAY2, {}, FEATURE, ["features.containerd-snapshotter"]),
        (CONTAINERD, FEATURE, NO_FEATURE, ["features.containerd-snapshotter"]),
        (CONTAINERD, FEATURE, {}, ["features.containerd-snapshotter"]),
        (CONTAINERD, FEATURE, {**FEATURE, "storage-driver": "native"}, ["storage-driver"]),
        (CONTAINERD, FEATURE, {**FEATURE, "containerd-namespace": "other"}, ["containerd"]),
        (OVERLAY2, {}, {"userns-remap": "default"}, ["userns-remap"]),
        (REMAPPED, {"userns-remap": "default"}, {}, ["userns-remap"]),
        # A reload counted as enough for it once.
        (OVERLAY2, FEATURE, FEATURE, ["features.containerd-snapshotter"]),
    ],
)
def test_what_moves_the_data(location: Location, loaded: Config, target: Config, moving: list[str]) -> None:
    assert keys(location, loaded, target) == moving


def test_every_key_that_is_known_to_move_data_does() -> None:
    for name, key in KEYS.items():
        if key.moves_data:
            assert keys(CONTAINERD, FEATURE, {**FEATURE, name: "/srv/other"}) != [], name
        for feature in key.parts_that_move_data - {"containerd-migration"}:  # by which the engine copies the images
            features = {"containerd-snapshotter": True, feature: feature != "containerd-snapshotter"}
            assert keys(CONTAINERD, FEATURE, {"features": features}) != [], feature


def test_the_driver_that_has_data_is_chosen_where_none_is_named(prior: list[str]) -> None:
    prior.append("overlay2")
    assert keys(OVERLAY2, {"storage-driver": "overlay2"}, {}) == []
    prior.append("btrfs")
    assert keys(OVERLAY2, {"storage-driver": "overlay2"}, {}) == ["storage-driver"]


def test_from_29_on_containerd_has_the_images_unless_something_speaks_against_it(prior: list[str]) -> None:
    assert keys(CONTAINERD, {}, {}, (29, 9)) == []
    assert keys(CONTAINERD, {}, {"storage-driver": "overlay2"}, (29, 9)) == ["storage-driver"]
    assert keys(CONTAINERD, {}, NO_FEATURE, (29, 9)) == ["features.containerd-snapshotter"]
    assert keys(CONTAINERD, {}, {"storage-driver": "overlayfs"}, (29, 9)) == []
    prior.append("overlay2")
    assert keys(OVERLAY2, {}, {}, (29, 9)) == []
    # Left behind by a start with another driver.
    assert keys(CONTAINERD, {}, {}, (29, 9)) == ["the data of another storage driver"]
    assert keys(CONTAINERD, {}, FEATURE, (29, 9)) == []


def test_the_feature_is_nothing_to_engines_that_do_not_know_it() -> None:
    assert keys(OVERLAY2, {}, FEATURE, (20, 10)) == []


def test_flags_that_the_next_start_has_count() -> None:
    assert keys(OVERLAY2, {}, {}, flags=("--data-root=/srv",)) == ["the flag --data-root of docker.service"]
    assert keys(OVERLAY2, {}, {}, flags=("-s", "vfs")) == ["the flag --storage-driver of docker.service"]
    assert keys(OVERLAY2, {}, {}, flags=("--feature", "containerd-snapshotter")) != []
    assert keys(OVERLAY2, {}, {"data-root": "/srv"}, flags=(f"--data-root={ROOT}",)) == []


def test_another_spelling_of_the_same_remapped_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_location, "_first", lambda path, name: "100000" if name == "dockremap" else "200000")
    before = {"userns-remap": "default"}
    assert keys(REMAPPED, before, {"userns-remap": "dockremap:dockremap"}) == []
    assert keys(REMAPPED, before, {"userns-remap": "other"}) == ["userns-remap"]


def test_where_an_engine_has_its_data_by_its_own_words() -> None:
    info = {
        "Driver": "overlayfs",
        "DockerRootDir": ROOT,
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    }
    assert location_of(info) == CONTAINERD
    remapped = {"Driver": "overlay2", "DockerRootDir": REMAPPED.root, "SecurityOptions": ["name=userns"]}
    assert location_of(remapped) == REMAPPED
    assert location_of(remapped).base == ROOT


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> pathlib.Path:
    root = tmp_path / "docker"
    for name, driver in (("web", "overlay2"), ("old", "vfs")):
        folder = root / "containers" / f"{name}-id"
        folder.mkdir(parents=True)
        (folder / "config.v2.json").write_text(json.dumps({"Name": f"/{name}", "Driver": driver}))
    (root / "image" / "overlay2").mkdir(parents=True)
    repositories = {"Repositories": {"small": {"small:1": "sha256:1", "small@sha256:2": "sha256:1"}}}
    (root / "image" / "overlay2" / "repositories.json").write_text(json.dumps(repositories))
    (root / "volumes" / "data").mkdir(parents=True)
    (root / "volumes" / "metadata.db").touch()
    return root


def on_disk(disk: pathlib.Path, known: Config, target: Config) -> list[tuple[str, str]]:
    unit = Unit("stopped", DOCKERD, DOCKERD)
    root = {"data-root": str(disk)}
    found = moves_on_disk({**root, **known}, {**root, **target}, unit, (28, 5))
    return [(move.key, counted(hidden)) for move, hidden in found]


def test_of_an_engine_that_does_not_run_the_data_root_is_read(disk: pathlib.Path) -> None:
    assert on_disk(disk, {}, {"data-root": "/srv"}) == [
        ("data-root", "2 containers (old, web), 1 image (small:1), 1 volume (data)")
    ]
    known = {"storage-driver": "overlay2"}
    assert on_disk(disk, known, {"storage-driver": "vfs"}) == [
        ("storage-driver", "1 container (web), 1 image (small:1)")
    ]
    assert on_disk(disk, known, {**known, "debug": True}) == []
    # Its own key for the driver was the mistake, and nothing was ever made with that one.
    assert on_disk(disk, {"storage-driver": "btrfs"}, {}) == [("storage-driver", "")]


def test_a_data_root_that_is_not_there_has_nothing(tmp_path: pathlib.Path) -> None:
    content = data_root.inspect(str(tmp_path / "none"))
    assert content.inventory().empty


def test_features_of_the_start_are_not_taken_over_by_a_reload() -> None:
    assert by_reload("features", {}, {"features": {"buildkit": True}})
    for name in ("containerd-snapshotter", "containerd-migration", "embedded-containerd", "swarm-nftables"):
        assert not by_reload("features", {}, {"features": {name: True}})
        assert by_reload("features", {"features": {name: True}}, {"features": {name: True, "buildkit": True}})


def test_another_root_leaves_the_images_that_containerd_has() -> None:
    inventory = Inventory(
        "overlayfs", "containerd", "/var/lib/docker", images={"sha256:a": ["small:1"]}, volumes=["data"]
    )
    kept = data_location.Move("data-root", "/var/lib/docker", "/srv", True, images=False)
    assert (kept.hides(inventory).images, kept.hides(inventory).volumes) == ({}, ["data"])
