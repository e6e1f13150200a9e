#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_load
short_description: Load images of a bundle into a host's engine, without any network
version_added: 0.3.0
description:
  - Loads images that M(dockyard.ops.image_copy) has put into a bundle, for the platform of the host.
  - Every layer, configuration and manifest is verified by its digest before the engine gets any of them, and the engine has to have the image
    under its name and with its identity afterwards.
  - The store overlay2 of engines forgets the digests of images that are loaded. The module notes them on the host, so that
    M(dockyard.ops.image_info) and the role images find an image that is pinned by its digest, and deploy it by the name that it has.
  - Images that the engine has are not loaded again.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  path:
    description: The bundle on the managed host, a folder, or a tar archive that is not compressed.
    type: path
    required: true
  checksum:
    description: The SHA-256 that C(bundle.json) of the bundle has to have, as V(sha256:) and 64 hexadecimal digits.
    type: str
  images:
    description: Names of images in the bundle that are loaded. If it is empty, all.
    type: list
    elements: str
    default: []
  platform:
    description: The platform to load, for example V(linux/arm64). If it is not given, the engine's own.
    type: str
  all_or_nothing:
    description:
      - Whether nothing is loaded if one of the images is damaged or missing. Otherwise the others are loaded, and then the task fails.
    type: bool
    default: true
notes:
  - Needs root, the command C(docker), and an engine that answers.
seealso:
  - module: dockyard.ops.image_copy
  - module: community.docker.docker_image_load
    description: Loads archives of C(docker save), as they are.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Load all images of a bundle
  dockyard.ops.image_load:
    path: /srv/bundle
    checksum: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Loaded 2 of 2 images from /srv/bundle.
images:
  description: What became of each image.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The image as the bundle names it.
      type: str
      sample: docker.io/library/registry:2.8.3
    name:
      description: The name that the engine has it by.
      type: str
      sample: registry:2.8.3
    digest:
      description: The digest that its registry has for it.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    id:
      description: Its identity in the engine. Empty if it is not loaded.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    platform:
      description: The platform that it is for.
      type: str
      sample: linux/amd64
    changed:
      description: Whether it was loaded, or would have been.
      type: bool
      sample: true
    error:
      description: Why it could not be loaded; empty if it was.
      type: str
      sample: ""
    error_code:
      description: The kind of that error.
      type: str
      sample: ""
  sample:
    - image: docker.io/library/registry:2.8.3
      name: registry:2.8.3
      digest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
      id: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
      platform: linux/amd64
      changed: true
      error: ""
      error_code: ""
checksum:
  description: The SHA-256 of the bundle's C(bundle.json).
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
diff:
  description: The names of images before and after.
  returned: in diff mode
  type: dict
  sample:
    before_header: /srv/bundle
    after_header: /srv/bundle
    before: {images: []}
    after: {images: ["registry:2.8.3"]}
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine import image_stream
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._images import loaded, pull
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import load
from ansible_collections.dockyard.ops.plugins.module_utils._registry.bundle import Bundle

ENGINE_SECONDS = 300


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    call.require_root("load images of a bundle")
    pull.check(pull.Order("x", params["platform"] or ""))
    docker = Docker(Budget(ENGINE_SECONDS))
    docker.require()
    bundle = Bundle(params["path"], params["checksum"] or "")
    orders = [order(entry) for entry in chosen(bundle, params["images"])]
    platform = params["platform"] or docker.platform()
    done = load.plan(bundle, orders, platform, there)
    load.verify(bundle, [one for one in done if one.changed])
    if call.check_mode or (params["all_or_nothing"] and any(load.failed(done))):
        return result(call, bundle, done, started=call.check_mode)
    give = image_stream.chosen(ENGINE_SECONDS)
    for group in load.groups(bundle, [one for one in done if one.changed and not one.error]):
        load.load(bundle, group, there, give)
        if params["all_or_nothing"] and any(load.failed(group)):
            break
    loaded.note(
        {
            loaded.key(one.order.whole, one.order.entry["digest"]): {"id": one.id, "name": one.order.name}
            for one in done
            if one.id
        }
    )
    return result(call, bundle, done, started=True)


def there(names: list[str]) -> dict[str, str]:
    """Return the identities of those images that the engine has, by their names."""
    return {tag: image.id for image in Docker(Budget(ENGINE_SECONDS)).inspect(*names) for tag in image.tags}


def chosen(bundle: Bundle, names: list[str]) -> list[dict[str, Any]]:
    """Return the images of the bundle that are wanted."""
    missing = sorted(set(names) - {entry["name"] for entry in bundle.images})
    if missing:
        raise DockyardError(
            "bundle_image_missing",
            f"The bundle {bundle.path} has no {', '.join(missing)}; it has"
            f" {', '.join(entry['name'] for entry in bundle.images) or 'no image'}.",
        )
    return [entry for entry in bundle.images if not names or entry["name"] in names]


def order(entry: dict[str, Any]) -> load.Order:
    """Return an image of the bundle with the names that the engine gives it."""
    tag = entry["tag"] or f"bundle-{entry['digest'].partition(':')[2][:12]}"
    whole = f"{entry['repository']}:{tag}"
    return load.Order(entry, image_names.familiar(whole), whole)


def result(call: ModuleCall, bundle: Bundle, done: list[load.Loaded], started: bool) -> dict[str, Any]:
    """Return what the module returns.

    started: whether images were loaded, or would have been.
    """
    failed = list(load.failed(done))
    for one in done:
        one.changed = one.changed and started and not one.error and (call.check_mode or bool(one.id))
    changed = [one for one in done if one.changed]
    count = f"{len(changed)} of {counted(len(done), 'image')}"
    if failed:
        first = failed[0].error
        some = "Nothing was changed." if not changed else f"{count} were loaded all the same."
        msg = f"{len(failed)} of {len(done)} images can't be loaded. The first: {first.message if first else ''} {some}"
    elif changed:
        msg = f"{'Would have loaded' if call.check_mode else 'Loaded'} {count} from {bundle.path}."
    else:
        msg = f"The engine has all images of {bundle.path}."
    returned: dict[str, Any] = {
        "changed": bool(changed),
        "msg": msg,
        "images": [one.returned() for one in done],
        "checksum": bundle.checksum,
    }
    if failed:
        returned |= {"failed": True, "error_code": failed[0].error.code if failed[0].error else ""}
    if call.diff_mode:
        after = [one.order.name for one in done if one.id or one.changed]
        before = [name for name in after if name not in [one.order.name for one in changed]]
        returned["diff"] = diff(bundle.path, {"images": before}, {"images": after})
    return returned


def main() -> None:
    run_module(
        run,
        argument_spec={
            "path": {"type": "path", "required": True},
            "checksum": {"type": "str"},
            "images": {"type": "list", "elements": "str", "default": []},
            "platform": {"type": "str"},
            "all_or_nothing": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
