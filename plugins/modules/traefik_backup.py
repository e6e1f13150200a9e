#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_backup
short_description: Back up the data of a stack of Traefik, or restore them
version_added: 0.3.0
description:
  - Archives folders of the node that has a stack's data, with a checksum beside the archive, and restores them.
  - Services that write into their folders at any time, as Portainer does with its database, have no tasks in the meantime. A registry goes on to take
    pushes, because an image's parts are archived after what refers to them. The storage of ACME is read again, and has to be whole.
  - A restore checks the whole archive first, and exchanges the folders while the services have no tasks. If these do not run afterwards, what was there
    before is put back.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on a manager of the Swarm, which is the node with the data.
options:
  operation:
    description: What to do.
    type: str
    choices: [backup, restore]
    required: true
  stack:
    description: Name of the stack.
    type: str
    required: true
  directory:
    description: Folder of the host in which the folders are.
    type: path
    required: true
  folders:
    description: Folders in O(directory) that are archived, or that an archive may hold, such as V(portainer), V(registry) and V(acme).
    type: list
    elements: str
    required: true
  at_rest:
    description:
      - Services, by their names in the Swarm, that have no tasks in the meantime.
      - With O(operation=restore), all that have one of the folders, as they would go on with what was there before.
    type: list
    elements: str
    default: []
  backup_directory:
    description: Folder of the host for the archives. Required with O(operation=backup).
    type: path
  archive_name:
    description: How the archives' names begin. If it is empty, with the name of the stack.
    type: str
    default: ""
  keep:
    description: How many archives of that name stay.
    type: int
    default: 7
  archive:
    description: Archive that is restored. Required with O(operation=restore).
    type: path
  checksum:
    description: Its SHA-256. If it is empty, that in the file beside it.
    type: str
    default: ""
  timeout:
    description: Seconds that the archive may take.
    type: int
    default: 3600
  service_timeout:
    description: Seconds until the services' tasks have to be gone, and have to be back.
    type: int
    default: 120
  lock_timeout:
    description: Seconds to wait for another run of this module.
    type: int
    default: 120
  socket:
    description: The Unix socket on which the engine answers. Needed only where it can't be found.
    type: path
    default: ""
seealso:
  - module: dockyard.ops.registry_maintenance
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Back up the data of the stack edge
  dockyard.ops.traefik_backup:
    operation: backup
    stack: edge
    directory: /srv/traefik_stack
    folders: [portainer, registry]
    at_rest: [edge_portainer]
    backup_directory: /srv/backups
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: Archived portainer, registry of /srv/traefik_stack in /srv/backups/edge-20261130T010203Z.tar.
archive:
  description: Path of the archive.
  returned: success, and not in check mode
  type: str
  sample: /srv/backups/edge-20261130T010203Z.tar
sha256:
  description: Its checksum.
  returned: success, and not in check mode
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bytes:
  description: Its size.
  returned: success, and not in check mode
  type: int
  sample: 10240
rest_seconds:
  description: How many seconds it took to archive the folders of the services without tasks.
  returned: with O(operation=backup), and not in check mode
  type: float
  sample: 0.1
removed:
  description: Older archives that were removed.
  returned: with O(operation=backup), and not in check mode
  type: list
  elements: str
  sample: []
"""

from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import Unreachable
from ansible_collections.dockyard.ops.plugins.module_utils._engine.running_engine import find_engine
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import backup
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, object]:
    call.require_root("read and restore the data of a stack")
    api, _unit = find_engine(call.params["socket"])
    try:
        return backup.run(call.params, api, call.check_mode)
    except Unreachable as error:
        raise DockyardError(
            "traefik_no_answer",
            f"The Docker Engine did not answer a question ({error}); see its log, and deploy the stack again.",
            changed=True,
        ) from error


def main() -> None:
    run_module(
        run,
        argument_spec=backup.OPTIONS,
        required_if=[("operation", "backup", ["backup_directory"]), ("operation", "restore", ["archive"])],
    )


if __name__ == "__main__":
    main()
