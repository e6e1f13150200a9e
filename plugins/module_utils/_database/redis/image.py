# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The image of a Redis: which server and version is in it, and which user its data have to belong to."""

from __future__ import annotations

import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from .. import version
from ..docker import Docker
from ..redis_family import TITLES
from ..server_image import NOBODY, ServerImage, user_of
from .server import program


def inspect(docker: Docker, name: str, flavour: str) -> ServerImage | None:
    """Return what is in an image; None if this host does not have it. Raise DockyardError if it is another server's."""
    details = docker.image(name)
    if details is None:
        return None
    done = docker.try_command(
        *("run", "--rm", "--network", "none", "--user", NOBODY, "--entrypoint", program(flavour), name, "--version")
    )
    # Some images have links of Redis' names to Valkey's programs.
    said = re.match(r"(Redis|Valkey) server v=(\S+)", done.stdout)
    if done.returncode != 0 or said is None or said[1].lower() != flavour:
        what = f"it is {said[1]} {said[2]}" if said else last_line(done)
        raise DockyardError(
            "database_image_invalid",
            f"The image {name} is none of {TITLES[flavour]} ({what}); give one that is, or another flavour.",
        )
    user = user_of(docker, details["Id"], flavour, str(details["Config"].get("User") or ""))
    return ServerImage(name, details["Id"], flavour, version.parse(said[2]), user)
