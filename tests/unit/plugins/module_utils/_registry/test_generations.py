# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one generation of Docker Distribution does not know of a configuration is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._registry import generations

TWO, THREE = (2, 8, 3), (3, 1, 1)
BOTH: dict[str, Any] = {
    "storage": {"cache": {"layerinfo": "redis"}, "s3": {"bucket": "images", "v4auth": True}},
    "redis": {"password": "secret", "db": 1, "dialtimeout": "10ms"},
    "validation": {"enabled": True},
}


@pytest.mark.parametrize(
    ("document", "old", "new"),
    [
        (BOTH, [], []),
        ({"redis": {"addr": "redis:6379"}}, [], ["redis.addr (write redis.addrs, a list)"]),
        ({"redis": {"addrs": ["redis:6379"]}}, ["redis.addrs (write redis.addr, one address)"], []),
        (
            {"redis": {"pool": {"maxidle": 16, "maxactive": 64}}},
            [],
            ["redis.pool.maxactive (write redis.poolsize)", "redis.pool.maxidle (write redis.maxidleconns)"],
        ),
        ({"storage": {"oss": {}, "swift": None}, "redis": "no mapping"}, [], []),
        (
            {"storage": {"oss": {"bucket": "b"}}},
            [],
            ["storage.oss (store in storage.s3 by the provider's S3 interface)"],
        ),
        (
            {"storage": {"swift": {"authurl": "u"}}},
            [],
            ["storage.swift (store in storage.s3 by the provider's S3 interface)"],
        ),
        (
            {"compatibility": {"schema1": {"enabled": True}}, "reporting": {"newrelic": {"name": "r"}}},
            [],
            ["compatibility (remove it)", "reporting (remove it)"],
        ),
    ],
)
def test_each_generation_has_settings_of_its_own(document: dict[str, Any], old: list[str], new: list[str]) -> None:
    assert generations.unknown_settings(document, TWO) == old
    assert generations.unknown_settings(document, THREE) == new
    assert generations.unknown_settings(document, ()) == []


def test_a_setting_of_the_environment_is_refused_too() -> None:
    with pytest.raises(DockyardError) as refused:
        generations.require_known({}, ["REGISTRY_REDIS_ADDR=redis:6379"], "registry:3.1.1", THREE, "the configuration")
    assert refused.value.message == (
        "registry:3.1.1 is Docker Distribution 3.1.1, which does not know redis.addr (write redis.addrs, a list);"
        " correct the configuration."
    )


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/library/registry:3.1.1", (3, 1, 1)),
        ("docker.io/library/registry:3", (3,)),
        ("registry.example.com:5000/registry:v2.8-alpine@sha256:0c6d", (2, 8)),
        ("registry.example.com:5000/registry", ()),
        ("registry:latest", ()),
        ("sha256:0c6d3f0b", ()),
    ],
)
def test_an_image_that_is_not_here_is_judged_by_its_tag(
    image: str, version: tuple[int, ...], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'No such image' >&2; exit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert generations.version_of(image) == version


def test_an_image_that_is_here_is_asked(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$1" = run ] && echo "registry github.com/docker/distribution v2.8.3+ds1"; exit 0\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert generations.version_of("registry:latest") == TWO
