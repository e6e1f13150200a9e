#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_backup_timer
short_description: Have a host back up a database by itself, at given times
version_added: 0.3.0
description:
  - Makes a timer of systemd that does what M(dockyard.ops.database_backup) does, by the same program, without a controller. The program is brought to
    C(/usr/local/lib/dockyard), and the settings are in C(/etc/dockyard/backups).
  - Each time, a backup is made and read back. Older ones are removed only after it is complete, and never one of the newest good ones (O(keep)). A server that
    is down, a wrong password of the collection's account or a full disk leave all that are there.
  - How it ended is a local fact, C(ansible_local.dockyard_backups), by the name of the container. C(ok) and C(message) are of the last backup, C(last_good),
    C(last_good_at) and C(last_good_age) in seconds of the last good one, C(good) is how many there are. C(rehearsal) and C(elsewhere) say how
    O(rehearse) and O(hook) ended. A failure also is one of the unit C(dockyard-backup-NAME.service), with the reason in its journal.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._database_backup
requirements:
  - Root, on a managed host that is run by systemd.
  - The command C(docker), and C(openssl) if O(key_file) is given.
options:
  container_name:
    description: The container of the instance.
    type: str
    required: true
  state:
    description:
      - V(present) makes the timer, and switches it on.
      - V(absent) removes it. Backups, and the fact, are kept.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description: Folder of the backups, see O(dockyard.ops.database_backup#module:directory). Required with O(state=present).
    type: path
  at:
    description:
      - When, as C(OnCalendar) of systemd takes it, for instance V(daily) or V(*-*-* 02:30:00). A time at which the host was off is made up for after
        its next boot.
    type: str
    default: "*-*-* 02:30:00"
  rehearse:
    description:
      - Whether each backup is tried as M(dockyard.ops.database_restore) does, in a container of its own, and compared with what was counted. It takes the
        space and about the time of a restore.
    type: bool
    default: false
  hook:
    description:
      - A program on the managed host that is run after each backup that was made, for instance to have it on another host by C(rsync), or in an object
        store. The guide has an example of both. If it fails, that is a fact and a failure of the unit; the backup on this host counts all the same.
      - Its environment has C(DOCKYARD_BACKUP_PATH), the folder of the backup, C(DOCKYARD_BACKUP_DIRECTORY), O(directory), and C(DOCKYARD_BACKUP_CONTAINER).
    type: path
seealso:
  - module: dockyard.ops.database_backup
  - module: dockyard.ops.database_restore
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Back up each night, and keep the last 14
  dockyard.ops.database_backup_timer:
    container_name: shop
    directory: /srv/backups
    keep: 14
    key_file: /etc/backup-key

- name: Back up no more
  dockyard.ops.database_backup_timer:
    container_name: shop
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, as a sentence.
  returned: success
  type: str
  sample: shop is backed up to /srv/backups (*-*-* 02:30:00).
files:
  description: Files that were, or in check mode would be, written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/system/dockyard-backup-shop.timer]
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._database.backup import timer
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.nightly import Settings
from ansible_collections.dockyard.ops.plugins.module_utils._database.backup.run import OPTIONS, Request
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("have a host back up a database")
    params = call.params
    name = params["container_name"]
    timer.check_name(name)
    if params["state"] == "absent":
        files = timer.present(name)
        if files and not call.check_mode:
            timer.remove(name)
        return {"changed": bool(files), "msg": f"{name} is not backed up by a timer.", "files": files}
    request = Request.of(params)
    wanted = timer.Timer(Settings(request, params["rehearse"], params["hook"] or ""), params["at"])
    timer.check(wanted)
    attributes = call.selinux_attributes()
    different = timer.differing(wanted, attributes)
    changed = bool(different) or not timer.is_on(name)
    if changed and not call.check_mode:
        timer.install(name, different, attributes)
    message = f"{name} is backed up to {request.folder} ({wanted.at})."
    return {"changed": changed, "msg": message, "files": list(different)}


def main() -> None:
    run_module(
        run,
        argument_spec={
            "container_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "directory": {"type": "path"},
            "at": {"type": "str", "default": "*-*-* 02:30:00"},
            **OPTIONS,
            "rehearse": {"type": "bool", "default": False},
            "hook": {"type": "path"},
        },
        required_if=[("state", "present", ["directory"])],
    )


if __name__ == "__main__":
    main()
