# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The image of a MySQL or MariaDB."""

from __future__ import annotations

import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import last_line

from .. import version
from ..docker import Docker
from ..mysql_family import TITLES
from ..server_image import NOBODY, ServerImage, user_of

SERVERS = {"mariadb": "mariadbd", "mysql": "mysqld"}
CLIENTS = {"mariadb": "mariadb", "mysql": "mysql"}
DUMPS = {"mariadb": "mariadb-dump", "mysql": "mysqldump"}
# What a server says of itself. Builds of MySQL don't have its name in it.
_SAYS = {"mariadb": re.compile(r"Ver \d.*MariaDB"), "mysql": re.compile(r"Ver \d(?!.*MariaDB)")}


def inspect(docker: Docker, name: str, flavour: str) -> ServerImage | None:
    """Return what is in an image; None if this host does not have it. Raise DockyardError if it is another server's."""
    details = docker.image(name)
    if details is None:
        return None
    done = docker.try_command(
        *("run", "--rm", "--network", "none", "--user", NOBODY, "--entrypoint", SERVERS[flavour], name, "--version")
    )
    found = version.parse(done.stdout)
    if done.returncode != 0 or not found or not _SAYS[flavour].search(done.stdout):
        other = next((title for key, title in TITLES.items() if found and _SAYS[key].search(done.stdout)), "")
        what = f"it is {other} {version.shown(found)}" if other else last_line(done)
        raise DockyardError(
            "database_image_invalid",
            f"The image {name} is none of {TITLES[flavour]} ({what}); give one that is, or another flavour.",
        )
    user = user_of(docker, details["Id"], "mysql", str(details["Config"].get("User") or ""))
    return ServerImage(name, details["Id"], flavour, found, user)
