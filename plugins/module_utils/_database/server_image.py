# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The image of a database server: which server and version is in it, and which user its data have to belong to."""

from __future__ import annotations

import dataclasses

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import version
from .docker import Docker
from .flavours import TITLES
from .version import Version

NOBODY = "65534:65534"


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


def user_of(docker: Docker, image: str, wanted: str, declared: str) -> tuple[int, int]:
    """Return the user of an image: the one it says, or the wanted one, as its entry point takes."""
    user, _colon, group = declared.partition(":")
    entries = [
        line.split(":") for line in docker.file_of_image(image, "/etc/passwd").decode(errors="replace").splitlines()
    ]
    known = {entry[0]: (int(entry[2]), int(entry[3])) for entry in entries if len(entry) > 3 and entry[3].isdigit()}
    if user.isdigit():
        by_number = dict(known.values())
        return int(user), int(group) if group.isdigit() else by_number.get(int(user), int(user))
    wanted = user if user and user != "root" else wanted
    if wanted not in known:
        raise DockyardError(
            "database_image_invalid",
            f"The image has no user {wanted} in its /etc/passwd, so whose the data have to be is not known; take the"
            " official image, or one that the role images builds.",
        )
    return known[wanted]
