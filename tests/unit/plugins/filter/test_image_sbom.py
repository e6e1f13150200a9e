# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SBOM of an image that was built."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter import image_sbom

BUILT: dict[str, Any] = {
    "image": "registry.example:5000/dockyard/busybox:1.37.0-trixie",
    "id": "sha256:1",
    "packages": [
        {"name": "libstdc++6", "version": "14.2.0-19", "architecture": "amd64"},
        {"name": "busybox", "version": "1:1.37.0-6+b3", "architecture": "amd64"},
        {"name": "base-files", "version": "13.8~rc1", "architecture": "all"},
    ],
}


def test_each_package_has_its_url() -> None:
    made = image_sbom.image_sbom(BUILT)
    assert [one["purl"] for one in made["components"]] == [
        "pkg:deb/debian/base-files@13.8~rc1?arch=all",
        "pkg:deb/debian/busybox@1%3A1.37.0-6%2Bb3?arch=amd64",
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64",
    ]
    assert made["components"][1]["version"] == "1:1.37.0-6+b3"
    image = made["metadata"]["component"]
    assert (image["name"], image["version"]) == ("registry.example:5000/dockyard/busybox", "1.37.0-trixie")
    assert image["properties"] == [{"name": "dockyard:image:id", "value": "sha256:1"}]
    assert made["dependencies"][0]["dependsOn"] == [one["bom-ref"] for one in made["components"]]


def test_the_order_of_packages_and_the_time_make_no_difference() -> None:
    other = {**BUILT, "packages": BUILT["packages"][::-1], "changed": True}
    assert image_sbom.image_sbom(other) == image_sbom.image_sbom(BUILT)


def test_another_distribution() -> None:
    made = image_sbom.image_sbom(BUILT, "ubuntu")
    assert all(one["purl"].startswith("pkg:deb/ubuntu/") for one in made["components"])


@pytest.mark.parametrize("result", [None, "built", {}, {**BUILT, "packages": []}, {**BUILT, "image": ""}])
def test_what_is_no_image_is_refused(result: object) -> None:
    with pytest.raises(AnsibleFilterError, match="takes the result of image_build"):
        image_sbom.image_sbom(result)


def test_the_documented_sample_is_one() -> None:
    sample = yaml.safe_load(image_sbom.RETURN)["_value"]["sample"]
    package = {"name": "busybox", "version": "1:1.37.0-6+b3", "architecture": "amd64"}
    made = image_sbom.FilterModule().filters()["image_sbom"](
        {"image": "dockyard/busybox:1.37.0-trixie", "packages": [package]}
    )
    assert {key: made[key] for key in sample} == sample
