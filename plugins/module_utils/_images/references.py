# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How images are called: registry/path:tag, with what Docker leaves out."""

from __future__ import annotations

import re

HUB = "docker.io"
_HUB_NAMES = ("", HUB, "index.docker.io")


def split(image: str) -> tuple[str, str]:
    """Return the registry as it is written (empty if it is not) and the rest.

    docker.io/library/registry:2.8.3 is docker.io and library/registry:2.8.3.
    """
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", image


def registry(image: str) -> str:
    """Return the registry that an image comes from."""
    written = split(image)[0]
    return HUB if written in _HUB_NAMES else written


def with_prefix(image: str, prefix: str) -> str:
    """Return an image's name with a prefix in the place of its registry; an empty one changes nothing."""
    if not prefix:
        return image
    written, path = split(image)
    library = "library/" if written in _HUB_NAMES and "/" not in path else ""
    return f"{prefix.rstrip('/')}/{library}{path}"


def familiar(image: str) -> str:
    """Return an image's name as the engine shows it."""
    written, path = split(image)
    if written in _HUB_NAMES:
        written, path = "", path[len("library/") :] if path.startswith("library/") else path
    if "@" in path:
        path = re.sub(r":[^:/@]+@", "@", path)
    elif ":" not in path.rpartition("/")[2]:
        path = f"{path}:latest"
    return f"{written}/{path}" if written else path
