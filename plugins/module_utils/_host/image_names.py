# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How images are called: registry/path:tag, with what Docker leaves out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

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


def digest(image: str) -> str:
    """Return the digest that an image's name ends with; empty if it has none."""
    return image.partition("@")[2]


def repository(image: str) -> str:
    """Return the repository of an image in its registry, without tag and digest."""
    written, path = split(image)
    path = path.partition("@")[0]
    folder, slash, name = path.rpartition("/")
    name = name.partition(":")[0]
    return f"library/{name}" if written in _HUB_NAMES and not slash else f"{folder}{slash}{name}"


def tag(image: str) -> str:
    """Return the tag in an image's name; latest if it has neither tag nor digest, and empty if only a digest."""
    name = split(image)[1].partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or ("" if "@" in image else "latest")


def by_digest(image: str, wanted: str) -> str:
    """Return the name of an image by a digest, as the engine shows it."""
    whole = image.partition("@")[0]
    return familiar(f"{whole}@{wanted}")


def in_networks(registry: str, networks: Iterable[str]) -> bool:
    """Return whether the host of a registry is an address in one of several networks, or localhost and that is."""
    host = re.sub(r":[0-9]+$", "", registry).strip("[]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
