# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: image_sbom
short_description: The SBOM of an image that was built, as CycloneDX
version_added: 0.3.0
description:
  - Takes what M(dockyard.ops.image_build) returned, and makes a software bill of materials of it, a document of
    CycloneDX 1.5.
  - It names the packages of the distribution in the image with their versions and package URLs, so that scanners find
    what they know of them.
  - The same image has the same document. It has no time and no number of its own.
positional: distribution
options:
  _input:
    description:
      - The module's result.
    type: dict
    required: true
  distribution:
    description:
      - The distribution of the packages, as package URLs name it.
    type: str
    default: debian
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - module: dockyard.ops.image_build
"""

EXAMPLES = r"""
---
- name: Build a small image
  dockyard.ops.image_build:
    name: dockyard/busybox
    recipe:
      packages: [busybox, base-files]
      check_command: ["true"]
  register: built

- name: Keep what it is made of
  ansible.builtin.copy:
    content: "{{ built | dockyard.ops.image_sbom | to_nice_json }}"
    dest: /root/busybox.cdx.json
    mode: "0644"
"""

RETURN = r"""
_value:
  description:
    - The document, for C(to_json).
  type: dict
  sample:
    bomFormat: CycloneDX
    specVersion: "1.5"
    version: 1
    metadata:
      component:
        type: container
        bom-ref: dockyard/busybox:1.37.0-trixie
        name: dockyard/busybox
        version: 1.37.0-trixie
    components:
      - type: library
        bom-ref: pkg:deb/debian/busybox@1%3A1.37.0-6%2Bb3?arch=amd64
        name: busybox
        version: 1:1.37.0-6+b3
        purl: pkg:deb/debian/busybox@1%3A1.37.0-6%2Bb3?arch=amd64
"""

import urllib.parse
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def image_sbom(result: Any, distribution: str = "debian") -> dict[str, Any]:
    packages = result.get("packages") if isinstance(result, Mapping) else None
    # In check mode, an image that is not built yet has none.
    if not packages or not result.get("image"):
        raise AnsibleFilterError(
            "image_sbom takes the result of image_build with the image that it has built or found."
        )
    name, _colon, tag = str(result["image"]).rpartition(":")
    image = {"type": "container", "bom-ref": str(result["image"]), "name": name, "version": tag}
    if result.get("id"):
        # It is the digest of the configuration, or of the manifest: the stores of engines differ in that.
        image["properties"] = [{"name": "dockyard:image:id", "value": str(result["id"])}]  # type: ignore[assignment]
    components = [_component(package, distribution) for package in packages]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": image},
        "components": sorted(components, key=lambda one: one["purl"]),
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": sorted(one["purl"] for one in components)}],
    }


def _component(package: Mapping[str, str], distribution: str) -> dict[str, str]:
    name, version = (urllib.parse.quote(str(package[key]), safe="") for key in ("name", "version"))
    purl = f"pkg:deb/{distribution}/{name}@{version}?arch={package['architecture']}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": str(package["name"]),
        "version": str(package["version"]),
        "purl": purl,
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"image_sbom": image_sbom}
