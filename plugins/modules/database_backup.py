#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_backup
short_description: Back up a database in a container while it is up
version_added: 0.3.0
description:
  - Makes a backup of an instance of M(dockyard.ops.redis_server) or M(dockyard.ops.mysql_server), as of one moment, while clients write. Of MariaDB
    it is a dump of all databases with users, routines, events and triggers. Of Redis and Valkey it is a snapshot that was asked for and waited for.
  - With it is noted how large it is, its SHA-256, and what was counted in the server at that moment. It gets its name only when all of it is on
    the disk and reads back. What a killed run has left is removed by the next one.
  - Older backups are removed only after a new one is complete, and never one of the newest good ones (O(keep)). What can't be made leaves all others.
  - How it ended is a local fact of the host, C(ansible_local.dockyard_backups), by the name of the container, with the time of the last good one. So is a
    failure, for instance of a server that is down or a full disk.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._database_backup
requirements:
  - Root on the managed host.
  - The command C(docker) and a Docker Engine that answers.
options:
  container_name:
    description: The container of the instance, which has to be up.
    type: str
    required: true
  directory:
    description:
      - Folder of the backups. It is created. It has to be on a disk, better on another one than the data, and have as much room as the data take.
      - Several instances may have the same one. To have them elsewhere too, copy this folder after the run, for instance by C(rsync).
    type: path
    required: true
  lock_timeout:
    description: Seconds to wait for another run on the same instance.
    type: float
    default: 60
notes:
  - There is no point-in-time recovery. What was written after the backup is not in it.
  - Tables of MariaDB that are not InnoDB are not of one moment if they are written to.
seealso:
  - module: dockyard.ops.database_restore
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Back up, and keep the last 14
  dockyard.ops.database_backup:
    container_name: shop
    directory: /srv/backups
    keep: 14
"""

RETURN = r"""
msg:
  description: What has come of it, as a sentence.
  returned: success
  type: str
  sample: /srv/backups/shop-20261129T120000 has shop with its 100000 rows in 2 tables of 1 database.
path:
  description: Folder of the backup; empty in check mode.
  returned: success
  type: str
  sample: /srv/backups/shop-20261129T120000
bytes:
  description: Size of its file.
  returned: success
  type: int
  sample: 1048576
counted:
  description: What was counted in the server, keys by database or rows by table.
  returned: success
  type: dict
  sample: {shop.orders: 100000}
removed:
  description: Older backups that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._database import module_common
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.run import OPTIONS, Request, back_up
from ansible_collections.dockyard.ops.plugins.module_utils._database.docker import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("back up a database")
    params = call.params
    docker = Docker()
    module_common.engine_answers(docker, False)
    name = params["container_name"]
    with module_common.locked_by_name(call, docker, name):
        outcome = back_up(docker, Request.of(params), call.check_mode)
    manifest = outcome.backup.manifest if outcome.backup else None
    return {
        "changed": True,
        "msg": outcome.message,
        "path": outcome.backup.path if outcome.backup else "",
        "bytes": manifest.bytes if manifest else 0,
        "counted": (manifest.census.get("keys") or manifest.census.get("rows") or {}) if manifest else {},
        "removed": outcome.removed,
    }


def main() -> None:
    run_module(
        run,
        argument_spec={
            "container_name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            **OPTIONS,
            "lock_timeout": {"type": "float", "default": 60},
        },
    )


if __name__ == "__main__":
    main()
