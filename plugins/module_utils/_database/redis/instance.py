# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One Redis on this host: beside what every instance has, the users and the accounts of this collection.

config/users.acl  who may log in
secrets/admin     password of the account that modules log in with; the container does not see it
"""

from __future__ import annotations

import os

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from ..container_definition import HEALTH_SCRIPT
from ..instance_folder import InstanceFolder
from . import acl, configuration
from .definition import HEALTH_PASSWORD, health_script
from .server import program

CONF, USERS = "redis.conf", "users.acl"


class Instance(InstanceFolder):
    """The folder of one Redis."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._admin = os.path.join(self.secrets, "admin")

    # --- secrets

    def own_passwords(self) -> dict[str, str]:
        """Return the passwords of the accounts of this collection; new ones for those that have none yet."""
        found = {}
        for name, path in ((acl.ADMIN, self._admin), (acl.HEALTH, os.path.join(self.config, HEALTH_PASSWORD))):
            content = atomic_file.read(path)
            found[name] = content.decode(errors="replace").strip() if content else acl.new_password()
        return found

    def write_admin(self, password: str) -> None:
        content = f"{password}\n".encode()
        if atomic_file.read(self._admin) != content:
            atomic_file.write(self._admin, content, mode=0o600)

    def desired_files(self, flavour: str, values: configuration.Values, users: str, health: str) -> dict[str, str]:
        """Return the files of the configuration. users: content of the ACL file; health: password of that account."""
        return {
            CONF: configuration.render(values),
            USERS: users,
            HEALTH_SCRIPT: health_script(program(flavour, "cli"), acl.HEALTH),
            HEALTH_PASSWORD: f"{health}\n",
        }
