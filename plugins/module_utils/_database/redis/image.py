# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The image of a Redis: which server and version is in it, and which user its data have to belong to."""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from .. import version
from ..docker import Docker
from ..redis_family import TITLES
from ..version import Version
from .server import program

_NOBODY = "65534:65534"


@dataclasses.dataclass(frozen=True)
class ServerImage:
    """user: numbers of user and group inside of a container."""

    name: str
    id: str
    flavour: str
    version: Version
    user: tuple[int, int]

    @property
    def title(self) -> str:
        """Return what is in it, for instance C(Redis 8.0.2)."""
        return f"{TITLES[self.flavour]} {version.shown(self.version)}"


def inspect(docker: Docker, name: str, flavour: str) -> ServerImage | None:
    """Return what is in an image; None if this host does not have it. Raise DockyardError if it is another server's."""
    details = docker.image(name)
    if details is None:
        return None
    done = docker.try_command(
        *("run", "--rm", "--network", "none", "--user", _NOBODY, "--entrypoint", program(flavour), name, "--version")
    )
    # Some images have links of Redis' names to Valkey's programs.
    said = re.match(r"(Redis|Valkey) server v=(\S+)", done.stdout)
    if done.returncode != 0 or said is None or said[1].lower() != flavour:
        what = f"it is {said[1]} {said[2]}" if said else last_line(done)
        raise DockyardError(
            "redis_image_invalid",
            f"The image {name} is none of {TITLES[flavour]} ({what}); give one that is, or another flavour.",
        )
    user = _user(docker, details["Id"], flavour, str(details["Config"].get("User") or ""))
    return ServerImage(name, details["Id"], flavour, version.parse(said[2]), user)


def _user(docker: Docker, image: str, flavour: str, declared: str) -> tuple[int, int]:
    """Return the user of an image: the one it says, or the one of the server's name, as its entry point takes."""
    user, _colon, group = declared.partition(":")
    entries = [
        line.split(":") for line in docker.file_of_image(image, "/etc/passwd").decode(errors="replace").splitlines()
    ]
    known = {entry[0]: (int(entry[2]), int(entry[3])) for entry in entries if len(entry) > 3 and entry[3].isdigit()}
    if user.isdigit():
        by_number = dict(known.values())
        return int(user), int(group) if group.isdigit() else by_number.get(int(user), int(user))
    wanted = user if user and user != "root" else flavour
    if wanted not in known:
        raise DockyardError(
            "redis_image_invalid",
            f"The image has no user {wanted} in its /etc/passwd, so whose the data have to be is not known; take the"
            " official image, or one that the role images builds.",
        )
    return known[wanted]
