#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_restore
short_description: Rehearse or restore a backup of a database in a container
version_added: 0.3.0
description:
  - Builds the data of a backup of M(dockyard.ops.database_backup) by the server of the instance's image, in a container of its own without a network, and
    compares all that was counted when the backup was made. A truncated, empty or altered backup is refused before.
  - O(state=rehearsed) ends there, and removes what was built. The instance goes on, and nothing of it is touched.
  - O(state=restored) then stops the instance, exchanges its data for what was built, starts it and proves that it is up. If that fails, the data of
    before are put back. A restore that was killed is ended by the next one, or by the next run of the instance's own module - what was proven and put in
    place stays, and otherwise the data of before come back.
  - What was written since the backup is lost by a restore, and so are the users of MariaDB that were made since. The accounts of this collection
    come back.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
  - The command C(docker) and a Docker Engine that answers.
  - Free space for the data of the backup, beside those that are there.
options:
  container_name:
    description:
      - The container of the instance, which has to be up. It may be another one than that of the backup, of the same flavour and not of an
        older version.
    type: str
    required: true
  directory:
    description: Folder of the backups, of which the newest of the instance is taken. Either it or O(path).
    type: path
  path:
    description: The folder of one backup.
    type: path
  state:
    description: Whether the backup is only tried, or takes the place of the instance's data. The latter has to be confirmed by O(replace_data_of).
    type: str
    choices: [rehearsed, restored]
    default: rehearsed
  replace_data_of:
    description: The name of the container whose data are to be replaced, as the second word on it.
    type: str
  key_file:
    description: The key that the backup was made with, if it is encrypted, see O(dockyard.ops.database_backup#module:key_file).
    type: path
  lock_timeout:
    description: Seconds to wait for another run on the same instance.
    type: float
    default: 60
seealso:
  - module: dockyard.ops.database_backup
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: See whether the newest backup could be restored
  dockyard.ops.database_restore:
    container_name: shop
    directory: /srv/backups

- name: Restore one
  dockyard.ops.database_restore:
    container_name: shop
    path: /srv/backups/shop-20261129T120000
    state: restored
    replace_data_of: shop
"""

RETURN = r"""
msg:
  description: What has come of it, as a sentence.
  returned: success
  type: str
  sample: "/srv/backups/shop-20261129T120000 can be restored: it has its 100000 rows in 2 tables of 1 database."
path:
  description: Folder of the backup.
  returned: success
  type: str
  sample: /srv/backups/shop-20261129T120000
made:
  description: When the backup was made, in seconds since 1970.
  returned: success
  type: int
  sample: 1795953600
counted:
  description: What was counted when the backup was made, and compared.
  returned: success
  type: dict
  sample: {shop.orders: 100000}
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._database import module_common
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup import restore
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.encryption import secret_of
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.store import Store, read
from ansible_collections.dockyard.ops.plugins.module_utils._database.docker import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("restore a database")
    params = call.params
    docker = Docker()
    module_common.engine_answers(docker, False)
    name = params["container_name"]
    restores = params["state"] == "restored"
    call.reads_only = not restores
    if restores and params["replace_data_of"] != name:
        raise DockyardError(
            "database_restore_unconfirmed",
            f"A restore would replace all data of {name}; to confirm, set replace_data_of to that name.",
        )
    backup = read(params["path"]) if params["path"] else Store(params["directory"], name).newest()
    secret = secret_of(params["key_file"]) if params["key_file"] else ""
    if call.check_mode:
        what = f"would be restored into {name}" if restores else "would be tried"
        message, changed = f"{backup.path} {what}.", restores
    else:
        with module_common.locked_by_name(call, docker, name):
            done = (restore.restore if restores else restore.rehearse)(docker, name, backup, secret)
        message, changed = done.message, done.changed
    manifest = backup.manifest
    return {
        "changed": changed,
        "msg": message,
        "path": backup.path,
        "made": int(manifest.made),
        "counted": manifest.census.get("keys") or manifest.census.get("rows") or {},
    }


def main() -> None:
    run_module(
        run,
        argument_spec={
            "container_name": {"type": "str", "required": True},
            "directory": {"type": "path"},
            "path": {"type": "path"},
            "state": {"type": "str", "choices": ["rehearsed", "restored"], "default": "rehearsed"},
            "replace_data_of": {"type": "str"},
            "key_file": {"type": "path", "no_log": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        required_one_of=[("directory", "path")],
        mutually_exclusive=[("directory", "path")],
    )


if __name__ == "__main__":
    main()
