#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Remove old images that no container and no service needs
version_added: 0.3.0
description:
  - Removes images of the host's engine that are older than O(days) and that nothing needs.
  - An image is needed if a container has it, stopped or not, or if a service of the Swarm names it, in its specification or in that before
    its last update, to which it may be rolled back. C(docker image prune) knows only of containers.
  - An image's age counts from when it was made or last got a name on this host, whichever is later. An image of which neither is known
    stays.
  - Each image is removed by its names and without force. If the engine keeps it all the same, it gets its tags again.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  days:
    description:
      - The age in days from which on an image is removed. V(0) means every image that nothing needs.
    type: float
    required: true
  keep:
    description:
      - Shell patterns of names of images that stay, as C(docker image ls) shows them with their tags, for example V(registry.example.com/*).
    type: list
    elements: str
    default: []
  service_images:
    description:
      - Images that services need besides those that this host knows. Required on a worker of a Swarm, which does not know its services. On
        a manager, RV(service_images) has them.
    type: list
    elements: str
  timeout:
    description:
      - Seconds that all of it may take.
    type: float
    default: 600
notes:
  - Needs the command C(docker) and an engine that answers.
seealso:
  - module: dockyard.ops.image_pull
  - module: dockyard.ops.registry_retention
    description: Does the same in a registry.
  - module: community.docker.docker_prune
    description: Removes what no container has, also containers, networks and volumes.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Remove images that nothing has needed for a month
  dockyard.ops.image_prune:
    days: 30
    keep: ["dockyard/*"]
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Removed 3 images.
removed:
  description: The images that were removed, or would have been in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The image's identity.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    names:
      description: Its names, with tags and with digests.
      type: list
      elements: str
      sample: [registry:2.8.2]
    size:
      description: Its size in bytes. Layers that another image has too are not freed.
      type: int
      sample: 25000000
    days:
      description: Its age in days.
      type: float
      sample: 61.5
  sample: [{id: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11, names: ["registry:2.8.2"], size: 25000000, days: 61.5}]
kept:
  description: Why the others stay, by name; without a name by identity.
  returned: success
  type: dict
  sample: {"registry:2.8.3": the container registry uses it}
service_images:
  description: The images that services need, and those that were given.
  returned: success
  type: list
  elements: str
  sample: [registry:2.8.3]
diff:
  description: The names of images before and after.
  returned: in diff mode
  type: dict
  sample:
    before_header: images
    after_header: images
    before: {images: ["registry:2.8.2", "registry:2.8.3"]}
    after: {images: ["registry:2.8.3"]}
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._images import prune
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    if params["timeout"] <= 0:
        raise DockyardError("image_timeout_invalid", f"timeout is {params['timeout']:g}; give more than 0 seconds.")
    if params["days"] < 0:
        raise DockyardError("image_age_invalid", f"days is {params['days']:g}; give 0 or more.")
    docker = Docker(Budget(params["timeout"]))
    docker.require()
    services = None if params["service_images"] is None else tuple(params["service_images"])
    done = prune.prune(prune.Policy(params["days"], tuple(params["keep"]), services), docker, call.check_mode)
    count = len(done.removed)
    images = f"{counted(count, 'image')}"
    result: dict[str, Any] = {
        "changed": bool(done.removed),
        "msg": (
            f"{'Would have removed' if call.check_mode else 'Removed'} {images}." if count else "There is no old image."
        ),
        "removed": done.removed,
        "kept": done.kept,
        "service_images": done.services,
    }
    if call.diff_mode:
        gone = [name for one in done.removed for name in one["names"] or [one["id"]]]
        result["diff"] = diff("images", {"images": sorted([*gone, *done.kept])}, {"images": sorted(done.kept)})
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            "days": {"type": "float", "required": True},
            "keep": {"type": "list", "elements": "str", "default": []},
            "service_images": {"type": "list", "elements": "str"},
            "timeout": {"type": "float", "default": 600.0},
        },
    )


if __name__ == "__main__":
    main()
