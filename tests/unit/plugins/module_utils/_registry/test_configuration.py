# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry works with is its file, and its environment over it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._registry import configuration
from ansible_collections.dockyard.ops.plugins.module_utils._registry.place import Place

FILE = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}}}
PLACE = Place("/etc/registry/config.yml", "/srv/config.yml", (("/data", "/srv/data"),))


@pytest.mark.parametrize(
    ("environment", "storage"),
    [
        ((), FILE["storage"]),
        (("PATH=/bin", "REGISTRY_HTTP_ADDR=:5000"), FILE["storage"]),
        (("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data",), {"filesystem": {"rootdirectory": "/data"}}),
        (("REGISTRY_STORAGE=filesystem",), {"filesystem": {}}),
        (
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data", "REGISTRY_STORAGE=filesystem"),
            {"filesystem": {"rootdirectory": "/data"}},
        ),
        (("REGISTRY_STORAGE_DELETE_ENABLED=true",), {**FILE["storage"], "delete": {"enabled": True}}),  # type: ignore[dict-item]
    ],
)
def test_the_environment_wins(environment: tuple[str, ...], storage: dict[str, Any]) -> None:
    assert configuration.in_force(FILE, environment)["storage"] == storage
    assert FILE["storage"] == {"filesystem": {"rootdirectory": "/var/lib/registry"}}


def test_storage_is_where_the_environment_says() -> None:
    moved = configuration.in_force(FILE, ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data/images",))
    assert configuration.storage_on_host(PLACE, FILE) is None
    assert configuration.storage_on_host(PLACE, moved) == "/srv/data/images/docker/registry/v2"


def test_a_proxy_in_the_environment_makes_a_mirror() -> None:
    document = configuration.in_force(FILE, ("REGISTRY_PROXY_REMOTEURL=https://registry.example.com",))
    assert document["proxy"] == {"remoteurl": "https://registry.example.com"}
