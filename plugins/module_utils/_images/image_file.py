# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The archive of one image as C(docker load) takes it.

With C(docker import) the engine would add the time to it; here the configuration is complete, so that the same packages
make the same image on every host.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import pathlib
import tarfile
from typing import Any

# Debian's architectures as images name them
_ARCHITECTURES = {
    "i386": {"architecture": "386"},
    "armel": {"architecture": "arm", "variant": "v5"},
    "armhf": {"architecture": "arm", "variant": "v7"},
    "arm64": {"architecture": "arm64", "variant": "v8"},
    "mips64el": {"architecture": "mips64le"},
    "ppc64el": {"architecture": "ppc64le"},
}


def platform(architecture: str) -> str:
    """Return the platform of a Debian architecture as Docker writes it, for example linux/arm/v7."""
    return "/".join(["linux", *_platform(architecture).values()])


def _platform(architecture: str) -> dict[str, str]:
    return _ARCHITECTURES.get(architecture, {"architecture": architecture})


def write(
    archive: pathlib.Path,
    layer: pathlib.Path,
    layer_checksum: str,
    configuration: dict[str, Any],
    architecture: str,
    made_at: int,
) -> None:
    """Write the archive of an image without a name.

    layer: its file system; layer_checksum: the SHA-256 of that file.
    configuration: how it starts. made_at: when it was made, in seconds since the epoch.
    """
    created = datetime.datetime.fromtimestamp(made_at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    image = {
        **_platform(architecture),
        "os": "linux",
        "created": created,
        "config": configuration,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_checksum}"]},
        "history": [{"created": created, "created_by": "dockyard.ops.image_build"}],
    }
    encoded = json.dumps(image, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    layer_name = f"{layer_checksum}.tar"
    manifest = json.dumps([{"Config": config_name, "RepoTags": None, "Layers": [layer_name]}]).encode()
    with tarfile.open(archive, "w") as packed:
        for name, content in ((config_name, encoded), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        packed.add(layer, arcname=layer_name)
