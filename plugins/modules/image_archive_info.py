#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive_info
short_description: Read what an archive of container images holds
version_added: 0.3.0
description:
  - Reads the checksum of an archive as C(docker save) makes it, and the names of the images in it, without Docker.
  - With O(checksum) or O(image) it fails unless the archive is the right one, so that Docker gets no other.
  - The module runs on the managed host, and reads the archive there.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
options:
  path:
    description:
      - The archive.
    type: path
    required: true
  checksum:
    description:
      - The SHA-256 that the archive has to have, as V(sha256:) and 64 hexadecimal digits.
    type: str
  image:
    description:
      - An image that has to be in the archive, by name and tag as C(docker pull) takes it.
      - An archive of a kind that only Docker can read passes, with RV(names) V(none).
    type: str
  shown_as:
    description:
      - How a message names the archive, for example by the address that it came from. If it is not given, O(path).
    type: str
seealso:
  - module: community.docker.docker_image_load
    description: Loads an archive.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Check an archive before Docker gets it
  dockyard.ops.image_archive_info:
    path: /srv/images/registry.tar
    checksum: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    image: docker.io/library/registry:2.8.3
"""

RETURN = r"""
path:
  description: The archive as it was given.
  returned: success
  type: str
  sample: /srv/images/registry.tar
checksum:
  description: The archive's SHA-256.
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
names:
  description: The names of the images in it; V(none) if it is of a kind that only Docker can read.
  returned: success
  type: list
  elements: str
  sample: [registry:2.8.3]
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._images import archive
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    shown = params["shown_as"] or params["path"]
    found = archive.inspect(params["path"], shown)
    archive.verify(found, shown, params["checksum"], params["image"])
    return {"changed": False, "path": params["path"], "checksum": found.checksum, "names": found.names}


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "path": {"type": "path", "required": True},
            "checksum": {"type": "str"},
            "image": {"type": "str"},
            "shown_as": {"type": "str"},
        },
    )


if __name__ == "__main__":
    main()
