#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_push
short_description: Push tags of an image to a registry, and prove that they arrived
version_added: 0.3.0
description:
  - Pushes images that the host's engine has under the names C(registry/repository:tag), and returns their digests.
  - What the registry has already is found out by C(HEAD) requests, which count as no pull. If it has each tag as the engine has it,
    nothing is pushed.
  - After each push the image is pulled back by its digest, and the registry is asked for each of its layers.
  - Tags are pushed in the order of O(tags), so that one that others follow, such as V(latest), is best named last. If one can't be pushed,
    those after it are not.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.action_group_registry
  - dockyard.ops._registry
options:
  repository:
    description: The repository in the registry, for example V(ci/opentofu).
    type: str
    required: true
  tags:
    description: The tags to push. The engine has to have an image of each.
    type: list
    elements: str
    required: true
  push_timeout:
    description: Seconds that a push of one tag may take.
    type: float
    default: 1800
notes:
  - O(username) and O(password) are used for this push alone, and are not stored. If they are not given, the login that C(docker login) has
    stored for the user that the module runs as is used.
  - The engine itself pushes and pulls, and trusts the registry by what is in its own C(certs.d), whatever O(ca_path) says.
  - In check mode, images that are not there yet are taken for new ones.
seealso:
  - module: dockyard.ops.image_build
  - module: dockyard.ops.registry_info
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Push an image under two tags
  dockyard.ops.image_push:
    registry: registry.example.com:5000
    repository: ci/opentofu
    tags: ["1.12.6", latest]
  register: pushed

- name: Show by which name it can be pulled for ever
  ansible.builtin.debug:
    msg: "{{ pushed.references.latest }}"
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Pushed registry.example.com:5000/ci/opentofu with the tags 1.12.6, latest.
pushed:
  description: The tags that were pushed, or would have been in check mode.
  returned: success
  type: list
  elements: str
  sample: ["1.12.6", latest]
digests:
  description: The digest of each tag in the registry. In check mode, those that would be pushed are not in it.
  returned: success
  type: dict
  sample: {latest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11}
references:
  description: The name by digest of each tag, by which exactly this image can be pulled.
  returned: success
  type: dict
  sample: {latest: registry.example.com:5000/ci/opentofu@sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11}
diff:
  description: The digests before and after.
  returned: in diff mode
  type: dict
  sample:
    before_header: registry.example.com:5000/ci/opentofu
    after_header: registry.example.com:5000/ci/opentofu
    before: {}
    after: {latest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11}
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import options, push, stored_login


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    if params["push_timeout"] <= 0:
        raise DockyardError(
            "registry_option_invalid", f"push_timeout is {params['push_timeout']:g}; give more than 0 seconds."
        )
    if not params["tags"]:
        raise DockyardError("registry_option_invalid", "tags is empty; name the tags to push.")
    address, repository = params["registry"], params["repository"]
    login = Login(params["username"], params["password"]) if params["username"] is not None else None
    found = login or stored_login.stored(address)
    if found and not login:
        call.hide([found.password])
    registry = options.connect({**params, **({"username": found.name, "password": found.password} if found else {})})
    with push.engine(address, login, params["push_timeout"]) as docker:
        done = push.push(registry, address, repository, params["tags"], docker, call.check_mode)
    name = f"{address}/{repository}"
    result: dict[str, Any] = {
        "changed": done.changed,
        "pushed": done.pushed,
        "digests": done.digests,
        "references": {tag: f"{name}@{digest}" for tag, digest in done.digests.items()},
    }
    tags = ", ".join(done.pushed)
    if not done.changed:
        result["msg"] = f"{name} is in the registry with the tags {', '.join(params['tags'])}."
    else:
        result["msg"] = f"{'Would have pushed' if call.check_mode else 'Pushed'} {name} with the tags {tags}."
    if call.diff_mode:
        after = {tag: done.digests.get(tag, "(new)") for tag in params["tags"]}
        result["diff"] = diff(name, done.before, after)
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            **options.ARGUMENT_SPEC,
            "repository": {"type": "str", "required": True},
            "tags": {"type": "list", "elements": "str", "required": True},
            "push_timeout": {"type": "float", "default": 1800.0},
        },
        required_together=options.REQUIRED_TOGETHER,
        mutually_exclusive=options.MUTUALLY_EXCLUSIVE,
    )


if __name__ == "__main__":
    main()
