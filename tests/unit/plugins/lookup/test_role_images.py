# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images roles deploy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.dockyard.ops.plugins.lookup.role_images import LookupModule, defaults_of, images_in


def looked_up(*roles: str, **variables: Any) -> list[str]:
    lookup = LookupModule(loader=DataLoader(), templar=Templar(loader=DataLoader(), variables=variables))
    return [one["image"] for one in lookup.run(list(roles), variables)]


def test_a_default_is_used_unless_the_variable_is_set() -> None:
    assert looked_up("registry") == [defaults_of("registry")["registry_image"]]
    assert looked_up("registry", registry_image="mirror.test/registry:3") == ["mirror.test/registry:3"]


def test_several_roles_and_an_image_that_two_have() -> None:
    instances = [{"name": "a", "image": "redis:8"}, {"name": "b", "image": "redis:8"}, {"name": "c"}]
    assert looked_up("redis", "registry", registry_image="redis:8", redis_instances=instances) == ["redis:8"]


def test_a_role_without_images_has_none() -> None:
    assert looked_up("swarm") == []


@pytest.mark.parametrize("role", ["none", "../roles/registry"])
def test_a_role_that_there_is_not(role: str) -> None:
    with pytest.raises(AnsibleLookupError, match="There is no role '.*' in dockyard.ops; it has docker_engine, "):
        looked_up(role)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("a_image", "", []),
        ("a_image", None, []),
        ("a_image_source", "auto", []),
        ("a_list", [{"image": 5}, "x"], []),
        ("a_list", [{"image": "x:1"}], ["x:1"]),
    ],
)
def test_what_is_an_image(name: str, value: Any, expected: list[str]) -> None:
    assert list(images_in(name, value)) == expected
