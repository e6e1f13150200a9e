#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Build a container image from the distribution's own packages
version_added: 0.3.0
description:
  - Builds an image on the host from packages of its distribution, for hosts that no container registry answers.
  - Packages are fetched with apt from the host's own sources, or from O(mirror), into a folder of their own, and unpacked. No maintainer
    script runs, nothing is installed, and the host's package database is neither read nor changed.
  - The same packages and the same recipe make the same image, with the same identity, on every host with the same kind of image store.
  - The image gets its name only after O(recipe.check_command) has run in it. If it does not run, the task fails with its last lines, and an
    older image keeps the name.
  - A build that is interrupted leaves nothing behind. If it was killed, or the host lost power, the next build removes what it left.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  name:
    description:
      - The image's name without tag, for example V(dockyard/registry).
      - With O(state=absent), it may be a shell pattern such as V(dockyard/*).
    type: str
    required: true
  tag:
    description:
      - The image's tag. If it is not given, it is made of the version of O(recipe.main_package) and the suite, for example V(2.8.3-trixie).
      - With O(state=absent), only images of this tag are removed.
    type: str
  further_tags:
    description:
      - Tags that the image gets besides, for example V(latest). They move to it from an older one that this module built.
      - Ignored with O(state=absent).
    type: list
    elements: str
    default: []
  state:
    description:
      - With V(present), the image is built unless there is one of the same recipe, suite and architecture.
      - With V(absent), what this module built under this name is removed. Never touches images that came in another way, nor further
        names that a user gave to an image. If a container uses one of the images, nothing is removed.
    type: str
    choices: [present, absent]
    default: present
  rebuild:
    description:
      - Build again although there is an image of this recipe. That brings the packages' updates. It is a change only if any of them is new.
      - Check mode can't know that, and reports no change.
    type: bool
    default: false
  recipe:
    description:
      - What is in the image, how it starts, and what proves that it runs.
      - Required with O(state=present).
    type: dict
    suboptions:
      packages:
        description: The packages, by name.
        type: list
        elements: str
        required: true
      main_package:
        description:
          - The package whose version becomes the image's, one of O(recipe.packages).
          - If it is not given, the first of them.
        type: str
      dependencies:
        description:
          - Shell patterns of names. What the packages depend on is put into the image if its name matches one of these. What only their
            maintainer scripts need can be left out in this way.
        type: list
        elements: str
        default: ["*"]
      files:
        description: Files to write into the image.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: The file's absolute path.
            type: str
            required: true
          content:
            description:
              - Its content. It can be read by everybody who has the image, so it must hold no secret.
              - Exactly one of this and O(recipe.files[].src) is needed.
            type: str
          src:
            description: A file of the managed host that is copied, for example a program. The image is built again if it changes.
            type: path
          mode:
            description: Its mode as an octal number.
            type: str
            default: "0644"
      links:
        description: Symbolic links, by their absolute path, and where each leads.
        type: dict
        default: {}
      directories:
        description: Further folders, by their absolute paths.
        type: list
        elements: str
        default: []
      entrypoint:
        description: The image's entry point.
        type: list
        elements: str
        default: []
      command:
        description: The image's command.
        type: list
        elements: str
        default: []
      environment:
        description: Environment variables and their values. They are no place for secrets.
        type: dict
        default: {}
      volumes:
        description: Absolute paths of volumes.
        type: list
        elements: str
        default: []
      ports:
        description: Ports that the image exposes, for example V(5000/tcp).
        type: list
        elements: str
        default: []
      user:
        description: The user that the container's processes run as. If it is not given, root.
        type: str
      working_directory:
        description: The folder that the container's processes start in.
        type: str
      home:
        description: A folder that belongs to O(recipe.user), which has to be given by its number.
        type: str
      version:
        description: The image's version. If it is not given, that of O(recipe.main_package).
        type: str
      labels:
        description: Further labels of the image.
        type: dict
        default: {}
      check_command:
        description:
          - What has to end with success in a container of the image, without network, before it gets its name. It is passed to the image's
            entry point.
        type: list
        elements: str
        required: true
  suite:
    description:
      - Suite of the distribution to build from. If it is not given, the host's own.
      - Another one than the host's needs O(mirror).
    type: str
  mirror:
    description:
      - Package archive to build from, for example V(https://mirror.example.com/debian). If it is not given, the host's own sources are used,
        with its keys, proxies and pins.
      - Its signatures are verified with the keys of the package C(debian-archive-keyring).
    type: str
  architecture:
    description:
      - Architecture of the packages as Debian names it, for example V(arm64). If it is not given, the host's own.
      - The host has to be able to run it, because the image is tried before it gets its name.
    type: str
  build_directory:
    description:
      - Folder on the host that the build works in. It takes some 300 MB while it runs and nothing afterwards.
    type: path
    default: /var/tmp
  timeout:
    description:
      - Seconds that the build may take in all, the waiting for another build on this host included.
    type: float
    default: 1800
  check_timeout:
    description:
      - Seconds that O(recipe.check_command) may take.
    type: float
    default: 120
notes:
  - Needs root, the command C(docker) and a Docker Engine of version 20.10 or newer that answers, and a distribution with apt. In check mode,
    the engine may be missing.
  - Images are found again by their labels C(dockyard.image.*).
seealso:
  - module: dockyard.ops.image_info
  - module: community.docker.docker_image_build
    description: Builds images from a Dockerfile.
  - module: community.docker.docker_image_pull
    description: Pulls images from a registry.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Build a small image with a shell
  dockyard.ops.image_build:
    name: dockyard/busybox
    recipe:
      packages: [busybox, base-files]
      dependencies: [libc6, libc6-*, libgcc-s1]
      command: [sh]
      check_command: [sh, -c, "exit 0"]
  register: busybox

- name: Run it
  ansible.builtin.command:
    argv: [docker, run, --rm, "{{ busybox.image }}", id]
  changed_when: false

- name: Build a web server that writes its own log line, with the updates of its packages
  dockyard.ops.image_build:
    name: example/web
    tag: stable
    rebuild: true
    recipe:
      packages: [busybox, base-files]
      files:
        - path: /www/index.html
          content: It works.
      command: [httpd, -f, -p, "8080", -h, /www]
      ports: [8080/tcp]
      user: nobody
      check_command: [test, -s, /www/index.html]

- name: Remove everything that was built under this name
  dockyard.ops.image_build:
    name: dockyard/*
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Built dockyard/registry:2.8.3.
image:
  description:
    - The image's name with its tag, as it is to be used. Empty in check mode if there is no image of this recipe yet and O(tag) is not
      given, because the version is not known.
  returned: success and O(state=present)
  type: str
  sample: dockyard/registry:2.8.3-trixie
id:
  description: The image's identity. Empty in check mode if there is no image of this recipe yet.
  returned: success and O(state=present)
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
built:
  description: Whether the packages were fetched and the image was built in this call, also if the outcome was the image that was there.
  returned: success and O(state=present)
  type: bool
  sample: true
version:
  description: The version of the main package, without what the distribution added to it.
  returned: success and O(state=present)
  type: str
  sample: 2.8.3
named:
  description: Those names of O(further_tags) that were given to the image, or would have been.
  returned: success and O(state=present)
  type: list
  elements: str
  sample: [dockyard/registry:latest]
packages:
  description: The packages in the image.
  returned: success and O(state=present)
  type: list
  elements: dict
  contains:
    name:
      description: The package's name.
      type: str
      sample: docker-registry
    version:
      description: Its version in the distribution.
      type: str
      sample: 2.8.3+ds1-2+b8
    architecture:
      description: Its architecture.
      type: str
      sample: amd64
  sample:
    - {name: docker-registry, version: 2.8.3+ds1-2+b8, architecture: amd64}
removed:
  description: The names, and for images without a name the identities, that were removed.
  returned: success and O(state=absent)
  type: list
  elements: str
  sample: [dockyard/registry:2.8.3-trixie]
diff:
  description: What the image is made of, before and after.
  returned: in diff mode
  type: dict
  sample:
    before_header: dockyard/busybox
    after_header: dockyard/busybox
    before: {}
    after: {name: dockyard/busybox, suite: trixie, architecture: amd64, packages: [busybox, base-files]}
"""

from typing import Any

from ansible.module_utils.common.sys_info import get_distribution_codename
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._images import build, packages
from ansible_collections.dockyard.ops.plugins.module_utils._images.engine import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._images.programs import Budget
from ansible_collections.dockyard.ops.plugins.module_utils._images.recipe import Recipe, Target, check_name
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module

STRINGS = {"type": "list", "elements": "str", "default": []}
RECIPE = {
    "packages": {"type": "list", "elements": "str", "required": True},
    "main_package": {"type": "str"},
    "dependencies": {"type": "list", "elements": "str", "default": ["*"]},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str"},
            "src": {"type": "path"},
            "mode": {"type": "str", "default": "0644"},
        },
        "mutually_exclusive": [("content", "src")],
        "required_one_of": [("content", "src")],
    },
    "links": {"type": "dict", "default": {}},
    "directories": STRINGS,
    "entrypoint": STRINGS,
    "command": STRINGS,
    "environment": {"type": "dict", "default": {}},
    "volumes": STRINGS,
    "ports": STRINGS,
    "user": {"type": "str"},
    "working_directory": {"type": "str"},
    "home": {"type": "str"},
    "version": {"type": "str"},
    "labels": {"type": "dict", "default": {}},
    "check_command": {"type": "list", "elements": "str", "required": True},
}


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    for name in ("timeout", "check_timeout"):
        if params[name] <= 0:
            raise DockyardError("image_timeout_invalid", f"{name} is {params[name]:g}; give more than 0 seconds.")
    call.require_root("build and remove images")
    budget = Budget(params["timeout"])
    docker = Docker(budget)
    if params["state"] == "absent":
        removed, definitions = build.remove(params["name"], params["tag"] or "", docker, call.check_mode)
        result: dict[str, Any] = {"changed": bool(removed), "removed": removed}
        before, after = {"images": removed, "made_of": definitions} if removed else {}, {}
    else:
        own = packages.host_architecture(budget)
        target = wanted(params, own)
        settings = build.Settings(
            directory=params["build_directory"],
            rebuild=params["rebuild"],
            check_timeout=params["check_timeout"],
            foreign=target.architecture != own,
        )
        outcome = build.build(target, settings, docker, budget, call.check_mode)
        result = {name: getattr(outcome, name) for name in ("changed", "image", "id", "built", "version", "packages")}
        result["named"] = list(outcome.named)
        before, after = outcome.before, outcome.after
    result["msg"] = _sentence(result, params["name"], call.check_mode)
    if call.diff_mode:
        result["diff"] = diff(params["name"], before, after)
    return result


def _sentence(result: dict[str, Any], name: str, check_mode: bool) -> str:
    """Return what happened to the image in one sentence."""
    if "removed" in result:
        verb, what = "removed", ", ".join(result["removed"])
    else:
        verb, what = "built", str(result["image"])
    if not result["changed"]:
        return f"There is nothing of {name} to remove." if verb == "removed" else f"{what} is as declared."
    return f"Would have {verb} {what}." if check_mode else f"{verb.capitalize()} {what}."


def wanted(params: dict[str, Any], own_architecture: str) -> Target:
    """Return the image that the parameters describe."""
    for tag in [params["tag"], *params["further_tags"]]:
        check_name(params["name"], tag or "")
    own_suite = get_distribution_codename() or ""
    suite = params["suite"] or own_suite
    if suite != own_suite and not params["mirror"]:
        raise DockyardError(
            "image_suite_without_mirror",
            f"The suite is {suite}, and this host is of {own_suite or 'no suite'}; name the package archive that has the"
            " suite in mirror, for example https://mirror.example.com/debian.",
        )
    return Target(
        name=params["name"],
        recipe=Recipe.from_options(params["recipe"]),
        suite=suite,
        architecture=params["architecture"] or own_architecture,
        mirror=params["mirror"] or "",
        tag=params["tag"] or "",
        further_tags=tuple(params["further_tags"]),
    )


def main() -> None:
    run_module(
        run,
        argument_spec={
            "name": {"type": "str", "required": True},
            "tag": {"type": "str"},
            "further_tags": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "rebuild": {"type": "bool", "default": False},
            "recipe": {"type": "dict", "options": RECIPE},
            "suite": {"type": "str"},
            "mirror": {"type": "str"},
            "architecture": {"type": "str"},
            "build_directory": {"type": "path", "default": "/var/tmp"},
            "timeout": {"type": "float", "default": 1800},
            "check_timeout": {"type": "float", "default": 120},
        },
        required_if=[("state", "present", ["recipe"])],
    )


if __name__ == "__main__":
    main()
