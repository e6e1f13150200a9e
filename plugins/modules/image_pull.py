#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_pull
short_description: Pull a container image once, and prove its digest and platform
version_added: 0.3.0
description:
  - Brings an image from its registry to the host's engine, unless the engine has it.
  - An image that is there is not asked for. With O(pull_policy=always), the registry is asked by C(HEAD), which counts as no pull, and
    the image is pulled only if the registry has another one under its tag.
  - An image that is named with its digest is pulled by it, and gets the tag that is written beside. The engine verifies the digest.
  - Registries that count pulls, as Docker Hub does, say by C(HEAD) how many are left. If there are none, the image is not asked for.
  - What time may fix is tried again for O(patience) seconds. If the registry says when it wants to be asked again, that is heeded.
    Layers that have arrived stay in the engine, and are not pulled again.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  image:
    description:
      - The image as C(docker pull) takes it, with registry and tag or digest or both, for example
        V(docker.io/library/registry:2.8.3@sha256:...).
    type: str
    required: true
  platform:
    description:
      - The platform that the image has to be for, for example V(linux/arm64). One that is there for another platform is not the image that
        is wanted. If it is not given, the engine's own.
    type: str
  pull_policy:
    description:
      - With V(missing), an image that is there is not asked for.
      - With V(always), the registry is asked whether it has another one. An image that is named by its digest never has another one.
    type: str
    choices: [missing, always]
    default: missing
  username:
    description:
      - The user to log in as, for this pull alone. The login is in no argument of a program and is not stored. A user who may only pull is
        enough.
      - If it is not given, the login that C(docker login) has stored for the user that the module runs as is used.
    type: str
  password:
    description: The password, or an access token.
    type: str
  patience:
    description: Seconds for which what time may fix is tried again.
    type: float
    default: 120
  pull_timeout:
    description: Seconds that one attempt may take.
    type: float
    default: 1800
  timeout:
    description: Seconds that one question to the registry may take.
    type: float
    default: 30
notes:
  - Needs the command C(docker) and an engine that answers.
  - The engine itself pulls, and trusts the registry by what is in its own C(certs.d). The module asks the registry with the same files. If
    it can't, for example because only the engine has a proxy, the engine pulls all the same, and a warning says why.
seealso:
  - module: dockyard.ops.image_info
  - module: dockyard.ops.image_push
  - module: community.docker.docker_image_pull
    description: Pulls without asking for the digest first.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Pull an image that can be no other
  dockyard.ops.image_pull:
    image: registry.example.com:5000/library/registry:3@sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11

- name: Ask for a newer image, which costs no pull if there is none
  dockyard.ops.image_pull:
    image: registry.example.com:5000/team/app:stable
    pull_policy: always
    username: reader
    password: "{{ vault_reader }}"
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Pulled docker.io/library/registry:2.8.3.
image:
  description: The image's name as it was given.
  returned: success
  type: str
  sample: docker.io/library/registry:2.8.3
id:
  description: The image's identity. Empty in check mode if it would be pulled.
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
digest:
  description: The digest that the registry has for it; empty if neither the engine nor the registry knows it.
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
platform:
  description: The platform that it is for.
  returned: success
  type: str
  sample: linux/amd64
pulled:
  description: Whether the engine pulled.
  returned: success
  type: bool
  sample: true
attempts:
  description: How often the engine was asked to pull.
  returned: success
  type: int
  sample: 1
budget:
  description: How many pulls the registry gives this host, and how many were left before this one; empty if it counts none.
  returned: success
  type: dict
  sample: {limit: 100, remaining: 76}
diff:
  description: The image before and after.
  returned: in diff mode
  type: dict
  sample:
    before_header: docker.io/library/registry:2.8.3
    after_header: docker.io/library/registry:2.8.3
    before: {}
    after: {id: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11, platform: linux/amd64}
"""

import json
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login
from ansible_collections.dockyard.ops.plugins.module_utils._images import pull
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import options, push, stored_login

ENGINE_SECONDS = 300
HUB_ADDRESS = "registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
# What says something about the image or the user, and not about the way to the registry.
DECISIVE = ("registry_rate_limited", "registry_login_refused", "registry_access_denied")


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    for name in ("pull_timeout", "timeout"):
        if params[name] <= 0:
            raise DockyardError("image_timeout_invalid", f"{name} is {params[name]:g}; give more than 0 seconds.")
    order = pull.Order(params["image"], params["platform"] or "", params["pull_policy"] == "always", params["patience"])
    pull.check(order)
    Docker(Budget(ENGINE_SECONDS)).require()
    registry = image_names.registry(order.image)
    key = HUB_LOGIN if registry == image_names.HUB else registry
    login = Login(params["username"], params["password"]) if params["username"] is not None else None
    found = login or stored_login.stored(key)
    if found and not login:
        call.hide([found.password])
    with push.engine(key, login, params["pull_timeout"]) as docker:
        asked = Asked(call, order, registry, found, docker)
        done = pull.pull(order, docker, asked.there, call.check_mode)
    if asked.silence:
        call.warn(f"The registry of {order.image} could not be asked before the pull: {asked.silence}")
    return result(call, order, done)


class Asked:
    """Asks a registry by HEAD, as the engine would reach it."""

    def __init__(
        self, call: ModuleCall, order: pull.Order, registry: str, login: Login | None, docker: push.Engine
    ) -> None:
        self._params = call.params
        self._order = order
        self._registry = registry
        self._login = login
        self._docker = docker
        self.silence = ""

    def there(self) -> pull.There:
        """Return what the registry says."""
        for insecure, plain in self._ways():
            try:
                found = self._head(insecure, plain)
            except DockyardError as error:
                if error.code in DECISIVE:
                    raise
                self.silence = error.message
                continue
            self.silence = ""
            if found.digest is None:
                raise DockyardError(
                    "image_not_in_registry",
                    f"The registry {self._registry} has no {self._order.image}; correct its name, tag or digest.",
                )
            return pull.There(found.digest, found.limit, found.remaining)
        return pull.There()

    def _ways(self) -> list[tuple[bool, bool]]:
        """Return how the engine would reach the registry: whether unverified, and whether in plain HTTP."""
        done = self._docker.run("info", "--format", "{{json .RegistryConfig}}")
        try:
            known = json.loads(done.stdout) or {}
        except ValueError:
            known = {}
        return [(True, False), (True, True)] if is_insecure(self._registry, known) else [(False, False)]

    def _head(self, insecure: bool, plain: bool) -> Any:
        hub = self._registry == image_names.HUB
        given = {name: spec.get("default") for name, spec in options.ARGUMENT_SPEC.items()}
        given |= {
            "registry": HUB_ADDRESS if hub else self._registry,
            "plain_http": plain,
            "validate_certs": not insecure,
            "timeout": self._params["timeout"],
        }
        if self._login:
            given |= {"username": self._login.name, "password": self._login.password}
        connection = options.connect(given)
        connection.be_patient(self._order.patience)
        image = self._order.image
        return connection.head(image_names.repository(image), image_names.digest(image) or image_names.tag(image))


def is_insecure(registry: str, known: dict[str, Any]) -> bool:
    """Return whether an engine reaches a registry without verifying it.

    known: its own RegistryConfig.
    """
    named = (known.get("IndexConfigs") or {}).get(registry)
    if named:
        return not named.get("Secure", True)
    return image_names.in_networks(registry, known.get("InsecureRegistryCIDRs") or [])


def result(call: ModuleCall, order: pull.Order, done: pull.Pulled) -> dict[str, Any]:
    """Return what the module returns."""
    there = done.there
    budget = {"limit": there.limit, "remaining": there.remaining} if there and there.limit is not None else {}
    if not done.changed:
        msg = f"{order.image} is there."
    elif call.check_mode:
        msg = f"Would have pulled {order.image}."
    else:
        msg = f"Pulled {order.image}." if done.pulled else f"Named the image {order.image}."
    returned: dict[str, Any] = {
        "changed": done.changed,
        "msg": msg,
        "image": order.image,
        "id": done.id,
        "digest": done.digest,
        "platform": done.platform,
        "pulled": done.pulled,
        "attempts": done.attempts,
        "budget": budget,
    }
    if call.diff_mode:
        after = {"id": done.id or "(new)", "platform": done.platform} if done.changed else done.before
        returned["diff"] = diff(order.image, done.before, after)
    return returned


def main() -> None:
    run_module(
        run,
        argument_spec={
            "image": {"type": "str", "required": True},
            "platform": {"type": "str"},
            "pull_policy": {"type": "str", "choices": ["missing", "always"], "default": "missing"},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "patience": {"type": "float", "default": 120.0},
            "pull_timeout": {"type": "float", "default": 1800.0},
            "timeout": {"type": "float", "default": 30.0},
        },
        required_together=[("username", "password")],
    )


if __name__ == "__main__":
    main()
