# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What belongs to a release of OpenTofu: the names of its files, and the tags of an image of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.]+)?")
# Debian's architectures as the releases name them; the others are not released.
ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "arm", "armel": "arm", "i386": "386"}


@dataclass(frozen=True)
class Release:
    """A version of OpenTofu for an architecture as Debian names it."""

    version: str
    architecture: str

    @classmethod
    def of(cls, version: str, architecture: str) -> Release:
        """Return a release, or raise DockyardError if there can be none."""
        if not _VERSION.fullmatch(version):
            raise DockyardError(
                "opentofu_version_invalid",
                f"'{version}' is no version of OpenTofu; give all of it, for example 1.12.6.",
            )
        if architecture not in ARCHITECTURES:
            raise DockyardError(
                "opentofu_architecture_unknown",
                f"OpenTofu is not released for {architecture}; there are {', '.join(ARCHITECTURES)}.",
            )
        return cls(version, architecture)

    @property
    def tags(self) -> list[str]:
        """Return the tags of its image, the one that moves most often last; a pre-release has its own only."""
        found = _VERSION.fullmatch(self.version)
        if found is None or found[4]:
            return [self.version]
        return [self.version, f"{found[1]}.{found[2]}", "latest"]

    @property
    def archive(self) -> str:
        """Return the name of the archive with the program."""
        return f"tofu_{self.version}_linux_{ARCHITECTURES[self.architecture]}.zip"

    @property
    def checksums(self) -> str:
        """Return the name of the file with the checksums of all archives."""
        return f"tofu_{self.version}_SHA256SUMS"

    @property
    def signature(self) -> str:
        """Return the name of the OpenPGP signature of that file."""
        return f"{self.checksums}.gpgsig"
