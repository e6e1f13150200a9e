# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""One MySQL or MariaDB on this host: beside what every instance has, the accounts of this collection.

config/my.cnf        the configuration
config/accounts.sql  the accounts of this collection, which the server itself makes at each start
config/admin.cnf, health.cnf  their logins
data.new/            data that are being made, until they are complete
tmp/                 what the server sorts
"""

from __future__ import annotations

import os
import re
import secrets

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from ..container_definition import CONFIG, HEALTH_SCRIPT
from ..instance_folder import InstanceFolder
from . import accounts, configuration
from .image import CLIENTS
from .passwords import PASSWORDS
from .server import ADMIN_FILE, HEALTH_FILE

CONF = "my.cnf"
ACCOUNTS_FILE = os.path.basename(configuration.ACCOUNTS)
_LOGINS = {accounts.ADMIN: ADMIN_FILE, accounts.HEALTH: HEALTH_FILE}


class Instance(InstanceFolder):
    """The folder of one MySQL or MariaDB."""

    SCRATCH = ("tmp",)

    @property
    def new_data(self) -> str:
        return f"{self.data}.new"

    def own_passwords(self) -> dict[str, str]:
        """Return the passwords of the accounts of this collection; new ones for those that have none yet."""
        found = {}
        for name, file in _LOGINS.items():
            content = (atomic_file.read(os.path.join(self.config, file)) or b"").decode(errors="replace")
            known = re.search(r'^password = "([0-9a-f]+)"$', content, re.MULTILINE)
            found[name] = known[1] if known else secrets.token_hex(32)
        return found

    @staticmethod
    def desired_files(
        flavour: str, values: configuration.Values, passwords: dict[str, str], tls: dict[str, str]
    ) -> dict[str, str]:
        """Return the files of the configuration. tls: those of the server's certificate."""
        logins = {
            file: accounts.client_file(name, passwords[name], configuration.SOCKET) for name, file in _LOGINS.items()
        }
        return {
            CONF: configuration.render(values),
            ACCOUNTS_FILE: PASSWORDS[flavour].own_statements(passwords),
            HEALTH_SCRIPT: health_script(CLIENTS[flavour]),
            **logins,
            **tls,
        }


def health_script(client: str) -> str:
    """Return the script that asks the server as an account of its own, which may read nothing of a user's."""
    engine = "ENGINE = 'InnoDB' AND SUPPORT IN ('YES', 'DEFAULT')"
    question = f"SELECT COUNT(*) FROM information_schema.ENGINES WHERE {engine}"
    return f"""#!/bin/sh
# Written by dockyard.ops. Succeeds if the server answers a question, and has the engine that keeps its data.
answer=$({client} --defaults-file={CONFIG}/{HEALTH_FILE} --batch --skip-column-names --execute="{question}")
[ "$answer" = 1 ] || {{ echo "The server does not answer: $answer" >&2; exit 1; }}
"""
