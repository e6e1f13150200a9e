#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Read which images a host has, and by which way it can get the others
version_added: 0.3.0
description:
  - Takes a list of images that are wanted and returns for each whether the host has it, and otherwise by which way it comes - pulled, loaded
    from an archive, or built by M(dockyard.ops.image_build).
  - A registry is asked whether it answers only for images with the source V(auto) that the host does not have. No image is pulled, loaded or
    built.
  - The module runs on the managed host, and sees its engine and the registries from there.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
options:
  images:
    description:
      - The images, each under a name of its own.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the image is called in the results.
        type: str
        required: true
      image:
        description: The image as C(docker pull) takes it, with registry and tag.
        type: str
        required: true
      source:
        description:
          - V(pull), V(archive) and V(build) are the way that the image has to come.
          - V(auto) pulls if the registry answers, and builds otherwise if there is a recipe. An image that has come by either way counts as
            present.
        type: str
        choices: [auto, pull, archive, build]
        default: auto
      recipe:
        description: What the image can be built from, one of the names in O(recipes).
        type: str
      archive:
        description: Where the archive is, as C(path) or C(url), with its C(checksum). Returned as it was given.
        type: dict
      platform:
        description:
          - The platform that the image has to be for, for example V(linux/arm64). One for another platform does not count as present. If it
            is not given, any does.
        type: str
  recipes:
    description:
      - What images can be built from, by name. Each is a dict with C(name) and C(recipe), which are those of
        M(dockyard.ops.image_build).
    type: dict
    default: {}
  pull_policy:
    description:
      - With V(missing), an image that is there is V(present).
      - With V(always), it comes again by its way.
    type: str
    choices: [missing, always]
    default: missing
  registry_prefix:
    description:
      - Takes the place of the registry in the names of images that are pulled, for example V(mirror.example:5000/).
    type: str
    default: ""
  timeout:
    description:
      - Seconds that a registry has for its answer. Any HTTP status is an answer.
    type: float
    default: 5
  suite:
    description:
      - Suite that images are built from, as for M(dockyard.ops.image_build).
    type: str
  mirror:
    description:
      - Package archive that images are built from, as for M(dockyard.ops.image_build).
    type: str
seealso:
  - module: dockyard.ops.image_build
  - module: dockyard.ops.image_archive_info
  - module: community.docker.docker_image_info
    description: Details of images that the engine has.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Find out whether the host can pull the image
  dockyard.ops.image_info:
    images:
      - name: registry
        image: docker.io/library/registry:2.8.3
  register: found

- name: Show how it comes
  ansible.builtin.debug:
    var: found.images[0].way
"""

RETURN = r"""
engine:
  description: Whether a Docker Engine answers on the host. If it does not, no image is there.
  returned: success
  type: bool
  sample: true
engine_message:
  description: Why no engine answers; empty if one does.
  returned: success
  type: str
  sample: ""
images:
  description: The images, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name that was given.
      type: str
      sample: registry
    way:
      description: V(present) if the host has the image, otherwise how it comes - V(pull), V(archive) or V(build).
      type: str
      sample: present
    source:
      description: The source that was given.
      type: str
      sample: auto
    recipe:
      description: The recipe that was given; empty for none.
      type: str
      sample: registry
    archive:
      description: The archive that was given; empty for none.
      type: dict
      sample: {}
    platform:
      description: The platform that was given; empty for none.
      type: str
      sample: ""
    reference:
      description: The image's name as it is pulled or loaded.
      type: str
      sample: docker.io/library/registry:2.8.3
    registry:
      description: The registry that this name leads to.
      type: str
      sample: docker.io
    image:
      description: The name to use if the host has the image; empty otherwise.
      type: str
      sample: docker.io/library/registry:2.8.3
    id:
      description: The image's identity if the host has it; empty otherwise.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
  sample:
    - name: registry
      way: present
      source: auto
      recipe: registry
      archive: {}
      platform: ""
      reference: docker.io/library/registry:2.8.3
      registry: docker.io
      image: docker.io/library/registry:2.8.3
      id: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
present:
  description: Of the images that are V(present), by name, C(image), C(id) and C(source), which is V(present).
  returned: success
  type: dict
  sample:
    registry:
      image: docker.io/library/registry:2.8.3
      id: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
      source: present
"""

from typing import Any

from ansible.module_utils.common.sys_info import get_distribution_codename
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import packages, plan
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker, Unreachable
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._images.recipe import Recipe, Target, check_name
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module

ENGINE_SECONDS = 300


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    if params["timeout"] <= 0:
        raise DockyardError("image_timeout_invalid", f"timeout is {params['timeout']:g}; give more than 0 seconds.")
    if params["suite"] and not params["mirror"] and params["suite"] != get_distribution_codename():
        raise DockyardError(
            "image_suite_without_mirror",
            f"The suite is {params['suite']}, and this host is of {get_distribution_codename() or 'no suite'}; name the"
            " package archive that has the suite in mirror, for example https://mirror.example.com/debian.",
        )
    wanted = [
        plan.Wanted(
            one["name"], one["image"], one["source"], one["recipe"] or "", one["archive"] or {}, one["platform"] or ""
        )
        for one in params["images"]
    ]
    plan.check(wanted)
    budget = Budget(ENGINE_SECONDS)
    engine = Docker(budget)
    docker: Docker | None = engine
    message = ""
    try:
        engine.require()
    except Unreachable as error:
        docker, message = None, error.message
    policy = plan.Policy(params["pull_policy"] == "always", params["registry_prefix"], params["timeout"])
    planned = plan.make(wanted, targets(params, wanted, budget), policy, docker)
    return {
        "changed": False,
        "engine": docker is not None,
        "engine_message": message,
        "images": [one.returned() for one in planned],
        "present": {
            one.wanted.name: {"image": one.image, "id": one.id, "source": "present"}
            for one in planned
            if one.way == "present"
        },
    }


def targets(params: dict[str, Any], wanted: list[plan.Wanted], budget: Budget) -> dict[str, Target]:
    """Return the images that the recipes in use make."""
    found = {}
    for name in sorted({one.recipe for one in wanted if one.recipe}):
        if name not in params["recipes"]:
            raise DockyardError(
                "image_without_recipe",
                f"There is no recipe {name}; add it to recipes, which has"
                f" {', '.join(sorted(params['recipes'])) or 'none'}.",
            )
        recipe = params["recipes"][name]
        check_name(recipe["name"])
        found[name] = Target(
            name=recipe["name"],
            recipe=Recipe.from_options(recipe["recipe"]),
            suite=params["suite"] or get_distribution_codename() or "",
            architecture=packages.host_architecture(budget),
            mirror=params["mirror"] or "",
        )
    return found


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "images": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "image": {"type": "str", "required": True},
                    "source": {"type": "str", "choices": ["auto", "pull", "archive", "build"], "default": "auto"},
                    "recipe": {"type": "str"},
                    "archive": {"type": "dict"},
                    "platform": {"type": "str"},
                },
            },
            "recipes": {"type": "dict", "default": {}},
            "pull_policy": {"type": "str", "choices": ["missing", "always"], "default": "missing"},
            "registry_prefix": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 5},
            "suite": {"type": "str"},
            "mirror": {"type": "str"},
        },
    )


if __name__ == "__main__":
    main()
