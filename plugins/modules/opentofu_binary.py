#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opentofu_binary
short_description: Bring the program of an OpenTofu release to a host, verified
version_added: 0.3.0
description:
  - Puts the program C(tofu) of a version of OpenTofu into a folder, for example to build an image with it.
  - It comes from a release, of which the signature of the checksums and the checksum of the archive are verified; from an image, out of
    which it is copied without running it; or from a file.
  - The program is put into its place only after it has called itself by its version. If something fails, an older one stays.
  - A record beside it says where it came from. While both agree with the options, nothing is asked for again.
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  version:
    description: The version, all of it.
    type: str
    required: true
  path:
    description: The folder. It is made if it is missing.
    type: path
    required: true
  source:
    description:
      - V(download) takes a release from O(url), verified with O(signing_key). Needs C(gpgv) or C(gpg) on the host.
      - V(image) takes it out of the image O(image), which is pulled if the engine does not have it.
      - V(file) takes O(file).
    type: str
    choices: [download, image, file]
    default: download
  url:
    description: Where the releases are, each in a folder of its own, C(vVERSION). A mirror needs the three files C(tofu_VERSION_SHA256SUMS),
      C(tofu_VERSION_SHA256SUMS.gpgsig) and C(tofu_VERSION_linux_ARCHITECTURE.zip).
    type: str
    default: https://github.com/opentofu/opentofu/releases/download
  signing_key:
    description:
      - The public key that releases are signed with, as C(gpg --export --armor) or the project's page gives it. Required with
        O(source=download).
    type: str
  ca_path:
    description: A file with the CA certificates to trust for O(url). If it is not given, the host's own.
    type: path
  image:
    description:
      - The image with C(/usr/local/bin/tofu), for example the project's own minimal one. Required with O(source=image).
      - Give it with its digest, or give O(checksum).
    type: str
  file:
    description: The program on the managed host. Required with O(source=file).
    type: path
  checksum:
    description:
      - The SHA-256 that the program has to have, as V(sha256:) and 64 hexadecimal digits. Required with O(source=file).
    type: str
  architecture:
    description: Architecture as Debian names it. If it is not given, the host's own. The host has to be able to run it.
    type: str
  timeout:
    description: Seconds that each download or pull may take.
    type: float
    default: 600
notes:
  - O(source=image) needs the command C(docker) and an engine that answers.
seealso:
  - module: dockyard.ops.image_build
  - name: Installing OpenTofu as a standalone binary
    description: How releases are signed.
    link: https://opentofu.org/docs/intro/install/standalone/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Bring OpenTofu out of the project's own image
  dockyard.ops.opentofu_binary:
    version: 1.12.6
    path: /var/lib/dockyard/opentofu/1.12.6
    source: image
    image: ghcr.io/opentofu/opentofu:1.12.6-minimal
    checksum: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11

- name: Bring a release
  dockyard.ops.opentofu_binary:
    version: 1.12.6
    path: /var/lib/dockyard/opentofu/1.12.6
    signing_key: "{{ lookup('ansible.builtin.file', 'opentofu.asc') }}"
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Brought OpenTofu 1.12.6 to /var/lib/dockyard/opentofu/1.12.6/tofu.
path:
  description: The program.
  returned: success
  type: str
  sample: /var/lib/dockyard/opentofu/1.12.6/tofu
checksum:
  description: The program's SHA-256. Empty in check mode if it is not there yet and no checksum was given.
  returned: success
  type: str
  sample: sha256:5b8b3f2a0f9ee8a2d8b1b7c79b2a6b2a0d5b7f3c0b7c53be1a6a2e7f0d3c9e11
tags:
  description: The tags for an image of this version - the version, its minor one and V(latest); for a pre-release the version alone.
  returned: success
  type: list
  elements: str
  sample: ["1.12.6", "1.12", latest]
diff:
  description: The record, before and after.
  returned: in diff mode
  type: dict
  sample: {before_header: /var/lib/dockyard/opentofu/1.12.6/tofu, after_header: /var/lib/dockyard/opentofu/1.12.6/tofu, before: {}, after: {}}
"""

import shutil
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._opentofu import binary
from ansible_collections.dockyard.ops.plugins.module_utils._opentofu.release import Release


def run(call: ModuleCall) -> dict[str, Any]:
    params = call.params
    if params["timeout"] <= 0:
        raise DockyardError("opentofu_option_invalid", f"timeout is {params['timeout']:g}; give more than 0 seconds.")
    architecture = params["architecture"]
    if not architecture:
        architecture = commands.run(["dpkg", "--print-architecture"], timeout=60).stdout.strip()
    release = Release.of(params["version"], architecture)
    kind = params["source"]
    source = binary.Source(
        kind,
        params[{"download": "url"}.get(kind, kind)],
        params["checksum"] or "",
        params["signing_key"] or "" if kind == "download" else "",
    )

    def download(url: str, file: str) -> None:
        with open_url(url, timeout=params["timeout"], ca_path=params["ca_path"]) as answer, open(file, "wb") as target:
            shutil.copyfileobj(answer, target)

    found = binary.ensure(release, source, params["path"], download, params["timeout"], call.check_mode)
    result: dict[str, Any] = {
        "changed": found.changed,
        "path": found.path,
        "checksum": f"sha256:{found.sha256}" if found.sha256 else "",
        "tags": release.tags,
        "msg": f"{found.path} is OpenTofu {release.version}.",
    }
    if found.changed:
        verb = "Would have brought" if call.check_mode else "Brought"
        result["msg"] = f"{verb} OpenTofu {release.version} to {found.path}."
    if call.diff_mode:
        result["diff"] = diff(found.path, found.before, found.record)
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            "version": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "source": {"type": "str", "choices": ["download", "image", "file"], "default": "download"},
            "url": {"type": "str", "default": "https://github.com/opentofu/opentofu/releases/download"},
            "signing_key": {"type": "str", "no_log": False},
            "ca_path": {"type": "path"},
            "image": {"type": "str"},
            "file": {"type": "path"},
            "checksum": {"type": "str"},
            "architecture": {"type": "str"},
            "timeout": {"type": "float", "default": 600.0},
        },
        required_if=[("source", "image", ["image"]), ("source", "file", ["file", "checksum"])],
    )


if __name__ == "__main__":
    main()
