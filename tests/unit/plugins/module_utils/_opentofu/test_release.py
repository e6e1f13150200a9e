# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of a release's files, and the tags of an image of it."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._opentofu.release import Release


def test_names_of_files() -> None:
    release = Release.of("1.12.6", "armhf")
    assert release.archive == "tofu_1.12.6_linux_arm.zip"
    assert (release.checksums, release.signature) == ("tofu_1.12.6_SHA256SUMS", "tofu_1.12.6_SHA256SUMS.gpgsig")


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("1.12.6", ["1.12.6", "1.12", "latest"]),
        ("2.0.0", ["2.0.0", "2.0", "latest"]),
        ("1.13.0-rc1", ["1.13.0-rc1"]),
        ("1.13.0-alpha.2", ["1.13.0-alpha.2"]),
    ],
)
def test_only_releases_move_the_tags_that_others_follow(version: str, tags: list[str]) -> None:
    assert Release.of(version, "amd64").tags == tags


@pytest.mark.parametrize("version", ["", "1.12", "v1.12.6", "latest", "1.12.6+x", "1.12.6/../..", "1.12.6\n"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(DockyardError, match="is no version of OpenTofu; give all of it, for example 1.12.6.$"):
        Release.of(version, "amd64")


def test_what_is_not_released() -> None:
    with pytest.raises(DockyardError, match="^OpenTofu is not released for riscv64; there are amd64, arm64, "):
        Release.of("1.12.6", "riscv64")
