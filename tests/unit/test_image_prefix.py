# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One variable brings the images of all roles from a mirror, and a mirror is not filled from itself."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:  # from ansible-core 2.19 on, only what is trusted is a template
    from ansible.template import trust_as_template
except ImportError:

    def trust_as_template(value: str) -> str:  # type: ignore[misc]
        return value


ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"
ALL = "mirror.example:5000/"


def defaults(role: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8")) or {})


def own(role: str) -> list[str]:
    return [name for name in defaults(role) if name.endswith("registry_prefix")]


def rendered(template: str, **variables: Any) -> Any:
    known = {name: trust_as_template(value) if "{{" in value else value for name, value in variables.items()}
    return Templar(loader=DataLoader(), variables=known).template(trust_as_template(template))


WITH_PREFIX = sorted(file.parent.parent.name for file in ROLES.glob("*/defaults/main.yml") if own(file.parts[-3]))


def test_which_roles_have_a_prefix() -> None:
    assert WITH_PREFIX == ["images", "mysql", "redis", "registry", "traefik_stack"]


@pytest.mark.parametrize("role", WITH_PREFIX)
def test_the_prefix_of_a_role_is_that_of_all(role: str) -> None:
    (name,) = own(role)
    template = defaults(role)[name]
    assert rendered(template, dockyard_image_registry_prefix=ALL) == ALL
    assert not rendered(template)


@pytest.mark.parametrize(("given", "read_from"), [(None, ""), ("", ""), ("other.example/", "other.example/")])
@pytest.mark.parametrize("everywhere", [{}, {"dockyard_image_registry_prefix": ALL}])
def test_a_mirror_is_not_filled_from_itself(given: str | None, read_from: str, everywhere: dict[str, str]) -> None:
    tasks = yaml.safe_load((ROLES / "images/tasks/mirror.yml").read_text(encoding="utf-8"))
    template = next(task["dockyard.ops.image_copy"] for task in tasks if "dockyard.ops.image_copy" in task)
    value = defaults("images")["images_registry_prefix"] if given is None else given
    found = rendered(template["registry_prefix"], images_registry_prefix=value, **everywhere)
    assert (found or "") == read_from
