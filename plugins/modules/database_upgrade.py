#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_upgrade
short_description: Upgrade a database in a container to another version without losing a write
version_added: 0.3.0
description:
  - Upgrades an instance of M(dockyard.ops.redis_server) or M(dockyard.ops.mysql_server), Redis, Valkey or MariaDB, to the version in another image.
    Its version is read from the data themselves, and a downgrade, a skipped major version, a withdrawn release or another flavour is refused with the
    allowed path.
  - While the old version is up, the new one tries its configuration, and a backup is made and checked. Then writes are held, what is in the server
    is counted, and it is stopped with all its data on the disk, which its exit code has to say. The data are copied, by reflink where the
    file system can. Without reflinks, those of MariaDB and MySQL are copied before the stop, and only what differs is written after it.
  - The new version starts on the data and listens inside of its container alone, until each database has been compared with the count. Of Redis some
    keys are looked at. Of MariaDB its own upgrade is run, all objects have to be created as before, and all databases are dumped to nowhere. Who had
    V(ALL) on the server or on a database has it again, with the privileges that the new version has more. Only then clients get in, so that no write is
    ever accepted that a rollback would lose.
  - If anything fails before that, the old container and the old data are put back and proven, and the module fails with the reason. The old
    version is never overwritten before the new one is proven.
  - The work is done by a process of its own on the host, which survives a lost connection. One that was killed is resumed by the next run, which
    goes on from the step at which it was, or takes it back.
extends_documentation_fragment:
  - dockyard.ops._attributes
requirements:
  - Root on the managed host.
  - The command C(docker) and a Docker Engine that answers, and the image.
  - Free space for the data three times beside what is there, or once if the file system has reflinks.
options:
  container_name:
    description: The container of the instance. If it is stopped, it is started with its old version first, so that it can be stopped properly.
    type: str
    required: true
  image:
    description: The image to upgrade to, with tag or digest. The host must have it.
    type: str
    required: true
  state:
    description:
      - V(upgraded) upgrades. An upgrade that was interrupted is completed or taken back first, whatever O(image) says.
      - V(planned) only says what would be done, as check mode does.
    type: str
    choices: [upgraded, planned]
    default: upgraded
  keep_copy:
    description:
      - Whether the backup and the data of before stay in C(upgrades) below the folder of the instance. Those of older upgrades are removed.
    type: bool
    default: true
  timeout:
    description: Seconds in which a server has to read its data and answer, or to write a snapshot.
    type: int
    default: 3600
  stop_timeout:
    description:
      - Seconds in which the server has to write its data and end. It is never killed. If it does not end, its clients go on, and nothing has changed.
      - If it is not given, that of the instance.
    type: int
  wait:
    description: Whether to wait for the end. Without it, a later run with the same options watches or returns the outcome.
    type: bool
    default: true
notes:
  - There is no rollback once clients have written into the new version. The copy of before is kept, and has none of these writes.
  - Clients that want to write wait from the count to the stop, are refused from the stop to the proof, and have to connect again.
seealso:
  - module: dockyard.ops.database_info
  - module: dockyard.ops.redis_server
  - module: dockyard.ops.mysql_server
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Say what an upgrade would do
  dockyard.ops.database_upgrade:
    container_name: queue
    image: dockyard/redis:8.0.2-trixie
    state: planned

- name: Upgrade
  dockyard.ops.database_upgrade:
    container_name: queue
    image: dockyard/redis:8.0.2-trixie
  register: upgrade

- name: Show for how long nobody was served
  ansible.builtin.debug:
    msg: "Down for {{ upgrade.downtime }} seconds."
"""

RETURN = r"""
msg:
  description: What has come of it, as a sentence.
  returned: always
  type: str
  sample: queue went from Redis 7.0.15 to 8.0.2, was down for 0.8 seconds, and has its 100000 keys in 1 database.
outcome:
  description:
    - V(planned), V(unchanged), V(upgraded), or V(running) with O(wait=false).
    - V(refused) if it failed before anything was stopped, V(rolled_back) if the old version is up again with its data, V(broken) if that failed too,
      V(interrupted) if the process was killed.
  returned: always
  type: str
  sample: upgraded
source:
  description: Version that the data had.
  returned: always
  type: str
  sample: 7.0.15
target:
  description: Version of the image.
  returned: always
  type: str
  sample: 8.0.2
downtime:
  description: Seconds from the holding of writes to the moment at which clients got in.
  returned: if there is a job
  type: float
  sample: 0.8
counted:
  description: Keys by database or rows by table, as they were counted before.
  returned: if they were counted
  type: dict
  sample: {db0: 100000}
copied_bytes:
  description: Size of the copy of the data of before.
  returned: if there is a job
  type: int
  sample: 104857600
copy_folder:
  description: Where the backup and the data of before are; empty if they are not kept.
  returned: if there is a job
  type: str
  sample: /srv/redis/queue/upgrades/20261129T120000-7.0.15-8.0.2
steps:
  description: The steps that are done.
  returned: if there is a job
  type: list
  elements: str
  sample: [check, configuration, backup, stop, copy, start, prove, open, settle]
journal:
  description: The file with one line for each thing that happened.
  returned: if there is a job
  type: str
  sample: /var/lib/dockyard/databases/srv-redis-queue/journal.log
"""

import os
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._database.docker import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._database.upgrade.request import Outcome, Request, execute
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    call.require_root("upgrade a database")
    params = call.params
    planned = params["state"] == "planned" or call.check_mode
    call.reads_only = planned
    request = Request(
        container=params["container_name"],
        image=params["image"],
        timeout=params["timeout"],
        stop_timeout=params["stop_timeout"],
        keep_copy=params["keep_copy"],
        wait=params["wait"],
        only_plan=planned,
    )
    outcome = execute(request, Docker())
    result = _result(outcome)
    if params["state"] == "planned":
        result["changed"] = False
    if call.diff_mode and outcome.changed:
        header = f"version of {request.container}"
        after = outcome.target if outcome.outcome in ("upgraded", "planned", "running") else outcome.source
        result["diff"] = {
            "before_header": header,
            "after_header": header,
            "before": f"{outcome.source}\n",
            "after": f"{after}\n",
        }
    return result


def _result(outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "msg": outcome.message,
        "outcome": outcome.outcome,
        "source": outcome.source,
        "target": outcome.target,
    }
    if outcome.failed:
        result.update(failed=True, error_code=outcome.error_code)
    job = outcome.job
    if job is not None and outcome.journal is not None:
        result.update(
            downtime=round(job.downtime, 3),
            copied_bytes=job.copied_bytes,
            copy_folder=job.work if os.path.isdir(job.work) else "",
            steps=job.done,
            journal=outcome.journal,
        )
        if job.census:
            result["counted"] = job.census.get("keys") or job.census.get("rows")
    return result


def main() -> None:
    run_module(
        run,
        argument_spec={
            "container_name": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["upgraded", "planned"], "default": "upgraded"},
            "keep_copy": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 3600},
            "stop_timeout": {"type": "int"},
            "wait": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
