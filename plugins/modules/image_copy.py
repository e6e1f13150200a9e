#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_copy
short_description: Copy container images between registries and bundles, with their digests
version_added: 0.3.0
description:
  - Copies images from the registries that their names say, or from a bundle, to a registry or into a bundle. No engine is needed, and
    every image stays what it is, byte for byte, so that its digest stays too.
  - A bundle is a folder with images as OCI's image layout has them, and C(bundle.json), which names them with digests and platforms.
    Who knows the checksum of C(bundle.json) can verify all of it. M(dockyard.ops.image_load) loads a bundle on hosts without any network.
  - What is there already is found by C(HEAD) requests, which count as no pull, and is not copied again.
  - First the content of all images arrives and is verified. Then they get their names. So an image that can't be copied leaves all names as
    they were, unless O(all_or_nothing=false).
  - What was interrupted goes on where it ended. In a bundle, even in the middle of a layer.
  - Signatures, attestations and SBOMs that are stored beside an image, as cosign and BuildKit do, are copied with it.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  images:
    description:
      - The images. Required unless O(source_path) is given; then all that is in that bundle, if it is empty.
    type: list
    elements: dict
    default: []
    suboptions:
      image:
        description: The image as C(docker pull) takes it, with a tag or a digest or both. With O(images[].tags), without either.
        type: str
        required: true
      tags:
        description:
          - Shell patterns of the tags to copy, for example V(2.*). One with V(!) before it takes tags away again.
          - The registry is asked which tags there are.
        type: list
        elements: str
  path:
    description:
      - Folder of the bundle to copy into. It is made if it is missing, and images that are in it stay.
      - Exactly one of O(path) and O(registry) is needed.
    type: path
  registry:
    description: The registry to copy to, as C(host[:port]).
    type: str
  repository_prefix:
    description: Comes before the repositories' names in O(registry), for example V(mirror). They are those of the images without their registry.
    type: str
    default: ""
  keep_overwritten:
    description:
      - Whether an image of O(registry) that loses its tag to another one gets a tag of its own, made of the old tag and the first digits of its
        digest. Without one, a registry may delete it.
    type: bool
    default: true
  source_path:
    description: A bundle to copy from, in the place of the registries. It is a folder, or a tar archive that is not compressed.
    type: path
  checksum:
    description: The SHA-256 that C(bundle.json) of O(source_path) has to have, as V(sha256:) and 64 hexadecimal digits.
    type: str
  registry_prefix:
    description:
      - Takes the place of the registry in the names of images where they are read, for a mirror. V(mirror.example:5000/) reads
        V(docker.io/library/registry:2.8.3) from V(mirror.example:5000/library/registry:2.8.3), and the copy keeps its name.
    type: str
    default: ""
  platforms:
    description:
      - The platforms to copy, for example V(linux/amd64). If it is empty, all that an image is for. A registry takes only whole images.
    type: list
    elements: str
    default: []
  attachments:
    description: Whether to copy what is stored beside an image under tags of its digest.
    type: bool
    default: true
  all_or_nothing:
    description: Whether one image that can't be copied leaves all names as they were. Otherwise, the others get theirs, and then the task fails.
    type: bool
    default: true
  logins:
    description:
      - Logins to registries. Where none is given, the one that C(docker login) has stored for the user that the module runs as is used.
      - A user who may only pull is enough for reading.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry as in the names of images.
        type: str
        required: true
      username:
        description: The user.
        type: str
        required: true
      password:
        description: The password, or an access token.
        type: str
        required: true
  plain_http:
    description: Registries that speak plain HTTP.
    type: list
    elements: str
    default: []
  parallel:
    description: How many images are copied at the same time. Four times as many are asked for by C(HEAD).
    type: int
    default: 4
  patience:
    description: Seconds for which a registry that asks for pauses is waited for.
    type: float
    default: 120
  timeout:
    description: Seconds that a request, or each part of a transfer, may take.
    type: float
    default: 60
notes:
  - The CA of a registry is looked for in the folder C(/etc/docker/certs.d) of the host, as the engine does.
seealso:
  - module: dockyard.ops.image_load
  - module: dockyard.ops.image_push
  - module: dockyard.ops.registry_retention
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Make a bundle for hosts without a network
  dockyard.ops.image_copy:
    images:
      - image: docker.io/library/registry:2.8.3
      - image: docker.io/library/traefik:v3.3
    platforms: [linux/amd64, linux/arm64]
    path: /srv/bundle
  register: bundle

- name: Mirror all versions of one line into a registry of one's own
  dockyard.ops.image_copy:
    images:
      - image: docker.io/library/redis
        tags: ["7.2.*", "!*-rc*"]
    registry: registry.example.com:5000
    repository_prefix: mirror
    logins:
      - registry: registry.example.com:5000
        username: mirror
        password: "{{ vault_mirror }}"

- name: Offer a bundle by a registry
  dockyard.ops.image_copy:
    source_path: /srv/bundle
    checksum: "{{ bundle.checksum }}"
    registry: registry.example.com:5000
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Copied 2 of 2 images.
images:
  description: What became of each image.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The image as it was asked for, with its tag.
      type: str
      sample: docker.io/library/registry:2.8.3
    repository:
      description: The repository that it has at its target.
      type: str
      sample: library/registry
    tag:
      description: The tag that it has there; empty for none.
      type: str
      sample: 2.8.3
    digest:
      description: Its digest.
      type: str
      sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
    platforms:
      description: The platforms that were copied, if it is for several and something was copied, or it is in a bundle.
      type: list
      elements: str
      sample: [linux/amd64]
    attached:
      description: The tags of what is stored beside it and was copied with it.
      type: list
      elements: str
      sample: []
    changed:
      description: Whether the target had another image under this name, or none.
      type: bool
      sample: true
    kept:
      description: The tag that the image got which had the tag before; empty for none.
      type: str
      sample: ""
    error:
      description: Why it could not be copied; empty if it was.
      type: str
      sample: ""
    error_code:
      description: The kind of that error.
      type: str
      sample: ""
  sample:
    - image: docker.io/library/registry:2.8.3
      repository: library/registry
      tag: 2.8.3
      digest: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
      platforms: [linux/amd64]
      attached: []
      changed: true
      kept: ""
      error: ""
      error_code: ""
checksum:
  description: The SHA-256 of the bundle's C(bundle.json). Empty in check mode, and for a registry.
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
diff:
  description: The digests before and after, by image.
  returned: in diff mode
  type: dict
  sample:
    before_header: /srv/bundle
    after_header: /srv/bundle
    before: {}
    after: {"docker.io/library/registry:2.8.3": sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11}
"""

import concurrent.futures
import os
import threading
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, image_names
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._images import pull
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry import copy, copy_ends, options, stored_login
from ansible_collections.dockyard.ops.plugins.module_utils._registry.bundle import Bundle, Folder
from ansible_collections.dockyard.ops.plugins.module_utils._registry.transfer import Transfer

PAGE = 1000
ASKED = 4


class Connections:
    """Connections to registries: one for each registry and thread."""

    def __init__(self, call: ModuleCall) -> None:
        self._params = call.params
        self._call = call
        self._local = threading.local()
        self._logins = {one["registry"]: (one["username"], one["password"]) for one in call.params["logins"]}

    def to(self, registry: str) -> Transfer:
        """Return the connection to a registry by its name in images."""
        known: dict[str, Transfer] = self._local.__dict__.setdefault("known", {})
        if registry not in known:
            known[registry] = self._connect(registry)
        return known[registry]

    def _connect(self, registry: str) -> Transfer:
        hub = registry == image_names.HUB
        given = {name: spec.get("default") for name, spec in options.ARGUMENT_SPEC.items()}
        given |= {
            "registry": "registry-1.docker.io" if hub else registry,
            "plain_http": registry in self._params["plain_http"],
            "timeout": self._params["timeout"],
        }
        if registry in self._logins:
            given["username"], given["password"] = self._logins[registry]
        else:
            found = stored_login.stored("https://index.docker.io/v1/" if hub else registry)
            if found:
                self._call.hide([found.password])
                given["username"], given["password"] = found.name, found.password
        connection = options.connect_as(Transfer, given)
        connection.be_patient(self._params["patience"])
        return connection


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    check(params)
    connections = Connections(call)
    bundle = Bundle(params["source_path"], params["checksum"] or "") if params["source_path"] else None
    items = list(wanted(params, connections, bundle))
    if params["registry"]:
        return copy_all(call, items, connections, bundle, None)
    target = copy_ends.FolderTarget(Folder(params["path"]))
    if call.check_mode:
        return copy_all(call, items, connections, bundle, target)
    target.folder.create()
    with atomic_file.locked(params["path"], 600):
        return copy_all(call, items, connections, bundle, copy_ends.FolderTarget(target.folder))


def check(params: dict[str, Any]) -> None:
    """Raise DockyardError if the options contradict each other."""
    if not params["images"] and not params["source_path"]:
        raise DockyardError(
            "copy_option_invalid", "images is empty; name the images to copy, or a bundle in source_path."
        )
    if params["parallel"] < 1:
        raise DockyardError("copy_option_invalid", f"parallel is {params['parallel']}; give 1 or more.")
    for one in params["images"]:
        pull.check(pull.Order(one["image"]))
        if one["tags"] and image_names.tag(f"{one['image']}") != "latest":
            raise DockyardError(
                "copy_option_invalid", f"{one['image']} has both a tag or a digest and tags; give one of them."
            )
    for platform in params["platforms"]:
        pull.check(pull.Order("x", platform))


def wanted(params: dict[str, Any], connections: Connections, bundle: Bundle | None) -> Any:
    """Yield the images to copy."""
    if bundle and not params["images"]:
        for entry in bundle.images:
            yield copy_ends.Item(
                entry["name"],
                entry["repository"],
                entry["tag"] or entry["digest"],
                target(params, entry["name"]),
                entry["tag"],
            )
        return
    for one in params["images"]:
        image = one["image"]
        if not one["tags"]:
            yield item(params, image, bundle)
            continue
        if bundle:
            there = [entry["tag"] for entry in bundle.images if entry["repository"] == full(image)]
        else:
            read = image_names.with_prefix(image, params["registry_prefix"])
            there = connections.to(image_names.registry(read)).tags(image_names.repository(read), PAGE) or []
        for tag in copy.select(there, one["tags"]):
            yield item(params, f"{image}:{tag}", bundle)


def full(image: str) -> str:
    """Return registry and repository of an image."""
    return f"{image_names.registry(image)}/{image_names.repository(image)}"


def target(params: dict[str, Any], image: str) -> str:
    """Return what the repository of an image is called at the target."""
    if params["path"]:
        return full(image)
    prefix = params["repository_prefix"].strip("/")
    return "/".join(filter(None, [prefix, image_names.repository(image)]))


def item(params: dict[str, Any], image: str, bundle: Bundle | None) -> copy_ends.Item:
    """Return one image to copy."""
    read = image if bundle else image_names.with_prefix(image, params["registry_prefix"])
    repository = full(image) if bundle else f"{image_names.registry(read)} {image_names.repository(read)}"
    reference = image_names.digest(image) or image_names.tag(image)
    return copy_ends.Item(image, repository, reference, target(params, image), image_names.tag(image))


class _Registries:
    """The registries that images are read from: a repository's name has its registry before it."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def digest(self, repository: str, reference: str) -> str | None:
        registry, _space, name = repository.partition(" ")
        return self._connections.to(registry).digest(name, reference)

    def manifest(self, repository: str, reference: str) -> Any:
        registry, _space, name = repository.partition(" ")
        return self._connections.to(registry).manifest(name, reference)

    def read_blob(self, repository: str, digest: str, take: Any, start: int = 0) -> bool:
        registry, _space, name = repository.partition(" ")
        return self._connections.to(registry).read_blob(name, digest, take, start)


def copy_all(
    call: ModuleCall,
    items: list[copy_ends.Item],
    connections: Connections,
    bundle: Bundle | None,
    folder: copy_ends.FolderTarget | None,
) -> dict[str, Any]:
    """Copy all images, and return what the module returns."""
    params = call.params
    source = copy_ends.BundleSource(bundle, bool(params["registry"])) if bundle else _Registries(connections)
    registry = copy_ends.RegistryTarget(lambda: connections.to(params["registry"]))
    turn = threading.BoundedSemaphore(params["parallel"])

    def prepare(one: copy_ends.Item) -> copy_ends.Copied:
        place: copy_ends.Target = folder or registry
        return copy.prepare(source, place, one, params["platforms"], params["attachments"], call.check_mode, turn)

    with concurrent.futures.ThreadPoolExecutor(params["parallel"] * ASKED) as pool:
        done = list(pool.map(prepare, items))
    failed = [one for one in done if one.error]
    checksum = ""
    if not call.check_mode and not (failed and params["all_or_nothing"]):
        checksum = name_all(params, done, registry, folder)
    elif failed:
        for one in done:
            one.changed = False
    failed = [one for one in done if one.error]
    return result(call, done, failed, checksum)


def name_all(
    params: dict[str, Any],
    done: list[copy_ends.Copied],
    registry: copy_ends.RegistryTarget,
    folder: copy_ends.FolderTarget | None,
) -> str:
    """Give the images that have arrived their names; return the checksum of the bundle, if it is one."""
    arrived = [one for one in done if one.changed and not one.error]
    if folder:
        for one in arrived:
            folder.record(one)
        return folder.folder.finish(folder.document)
    for one in arrived:
        try:
            if one.item.tag:
                registry.name(one, params["keep_overwritten"])
        except DockyardError as error:
            one.error = error
    return ""


def result(
    call: ModuleCall, done: list[copy_ends.Copied], failed: list[copy_ends.Copied], checksum: str
) -> dict[str, Any]:
    """Return what the module returns."""
    changed = [one for one in done if one.changed and not one.error]
    where = call.params["path"] or call.params["registry"]
    count = f"{len(changed)} of {counted(len(done), 'image')}"
    if failed:
        first = failed[0].error
        some = "Nothing was changed." if not changed else f"{count} were copied all the same."
        msg = f"{len(failed)} of {len(done)} images can't be copied to {where}. The first: {first.message if first else ''} {some}"
    elif changed:
        msg = f"{'Would have copied' if call.check_mode else 'Copied'} {count} to {where}."
    else:
        msg = f"All images are in {where}."
    returned: dict[str, Any] = {
        "changed": bool(changed),
        "msg": msg,
        "images": [one.returned() for one in done],
        "checksum": checksum,
    }
    if failed:
        returned |= {"failed": True, "error_code": failed[0].error.code if failed[0].error else ""}
    if call.diff_mode:
        before = {one.item.name: one.before for one in done if one.before}
        after = {**before, **{one.item.name: one.digest for one in changed}}
        returned["diff"] = diff(os.fspath(where), before, after)
    return returned


def main() -> None:
    run_module(
        run,
        argument_spec={
            "images": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "image": {"type": "str", "required": True},
                    "tags": {"type": "list", "elements": "str"},
                },
            },
            "path": {"type": "path"},
            "registry": {"type": "str"},
            "repository_prefix": {"type": "str", "default": ""},
            "keep_overwritten": {"type": "bool", "default": True},
            "source_path": {"type": "path"},
            "checksum": {"type": "str"},
            "registry_prefix": {"type": "str", "default": ""},
            "platforms": {"type": "list", "elements": "str", "default": []},
            "attachments": {"type": "bool", "default": True},
            "all_or_nothing": {"type": "bool", "default": True},
            "logins": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "registry": {"type": "str", "required": True},
                    "username": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                },
            },
            "plain_http": {"type": "list", "elements": "str", "default": []},
            "parallel": {"type": "int", "default": 4},
            "patience": {"type": "float", "default": 120.0},
            "timeout": {"type": "float", "default": 60.0},
        },
        mutually_exclusive=[("path", "registry")],
        required_one_of=[("path", "registry")],
        required_by={"checksum": "source_path"},
    )


if __name__ == "__main__":
    main()
