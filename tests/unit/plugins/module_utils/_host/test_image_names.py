# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How images are called, with what Docker leaves out."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names


@pytest.mark.parametrize(
    ("image", "registry", "familiar"),
    [
        ("registry", "docker.io", "registry:latest"),
        ("registry:2.8.3", "docker.io", "registry:2.8.3"),
        ("docker.io/library/registry:2.8.3", "docker.io", "registry:2.8.3"),
        ("index.docker.io/library/registry", "docker.io", "registry:latest"),
        ("docker.io/team/app:1", "docker.io", "team/app:1"),
        ("team/app", "docker.io", "team/app:latest"),
        ("localhost/app:1", "localhost", "localhost/app:1"),
        ("mirror.test:5000/library/app", "mirror.test:5000", "mirror.test:5000/library/app:latest"),
        ("mirror:5000/app:1@sha256:ab", "mirror:5000", "mirror:5000/app@sha256:ab"),
        ("app@sha256:ab", "docker.io", "app@sha256:ab"),
    ],
)
def test_registry_and_familiar_name(image: str, registry: str, familiar: str) -> None:
    assert image_names.registry(image) == registry
    assert image_names.familiar(image) == familiar


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry:2", "mirror.test:5000/library/registry:2"),
        ("docker.io/registry:2", "mirror.test:5000/library/registry:2"),
        ("docker.io/library/registry:2", "mirror.test:5000/library/registry:2"),
        ("team/app", "mirror.test:5000/team/app"),
        ("quay.test/team/app:1", "mirror.test:5000/team/app:1"),
        ("quay.test/app:1", "mirror.test:5000/app:1"),
    ],
)
@pytest.mark.parametrize("prefix", ["mirror.test:5000/", "mirror.test:5000"])
def test_a_prefix_takes_the_place_of_the_registry(image: str, expected: str, prefix: str) -> None:
    assert image_names.with_prefix(image, prefix) == expected
    assert image_names.with_prefix(image, "") == image
