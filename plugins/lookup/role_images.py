# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_images
short_description: Which images roles of this collection deploy
version_added: 0.3.0
description:
  - Returns the images that roles of this collection would deploy with the variables of the host - those of variables
    whose name ends with C(_image), with the default of the role if they are not set, and those in lists such as
    C(redis_instances).
  - So a bundle or a mirror has what the roles need, without a second list.
options:
  _terms:
    description:
      - The roles, by their names without the collection's.
    type: list
    elements: str
    required: true
notes:
  - Images that a role builds from packages are in no registry, and are not among them.
seealso:
  - module: dockyard.ops.image_copy
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Collect the images of two roles in a bundle
  dockyard.ops.image_copy:
    images: "{{ query('dockyard.ops.role_images', 'registry', 'redis') }}"
    path: /srv/bundle
"""

RETURN = r"""
_raw:
  description:
    - The images, each once, as O(dockyard.ops.image_copy#module:images) takes them.
  type: list
  elements: dict
  sample: [{image: "docker.io/library/registry:2.8.3"}]
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **_options: Any) -> list[dict[str, str]]:
        known = variables or {}
        found: dict[str, None] = {}
        for role in terms:
            for name, default in defaults_of(role).items():
                value = default
                if name in known and self._templar is not None:
                    value = self._templar.template(known[name])
                found.update(dict.fromkeys(images_in(name, value)))
        return [{"image": image} for image in found]


def defaults_of(role: str) -> dict[str, Any]:
    file = ROLES / role / "defaults" / "main.yml"
    if "/" in role or not file.exists():
        there = ", ".join(sorted(one.name for one in ROLES.iterdir()))
        raise AnsibleLookupError(f"There is no role '{role}' in dockyard.ops; it has {there}.")
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


def images_in(name: str, value: Any) -> Iterator[str]:
    if name.endswith("_image") and isinstance(value, str) and value:
        yield value
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict) and isinstance(one.get("image"), str):
                yield one["image"]
