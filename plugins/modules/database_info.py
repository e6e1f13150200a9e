#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_info
short_description: Read what database a folder holds, and of which version
version_added: 0.3.0
description:
  - Reads from a database's own files which server wrote them and in which version, whether it was shut down properly, whose they are, how much
    they take, and which containers use them. Nothing is started, and no password is needed.
  - Knows MySQL, MariaDB, Redis and Valkey. For MySQL and MariaDB it reads C(mysql_upgrade_history), C(mysql_upgrade_info),
    C(mariadb_upgrade_info) and the first page of C(mysql.ibd). For Redis and Valkey it reads the header of C(dump.rdb) and of the file that
    C(appendonlydir) begins with.
  - Data of which the version can't be read are reported with RV(version) empty, and files that are damaged are an error.
extends_documentation_fragment:
  - dockyard.ops._attributes.info
requirements:
  - A user who may read the folder; data folders of databases are private, so it is root as a rule.
  - The command C(docker), for RV(containers) and for O(container_name). Without an engine that answers, RV(containers) is empty.
options:
  path:
    description:
      - The folder with the data. It need not exist.
      - Exactly one of O(path) and O(container_name) is required.
    type: path
  container_name:
    description: A container. Its mounted folder that holds a database is the one to read.
    type: str
  size:
    description: Whether to add up the sizes of all files, which takes a moment for very many.
    type: bool
    default: true
seealso:
  - module: dockyard.ops.database_upgrade
  - module: dockyard.ops.redis_server
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Read what a folder holds
  dockyard.ops.database_info:
    path: /srv/redis/cache/data
  register: data

- name: Refuse to go on with data of another server
  ansible.builtin.assert:
    that: data.flavour in [none, 'redis']
    fail_msg: "{{ data.folder }} holds {{ data.flavour }} {{ data.version }}."
"""

RETURN = r"""
folder:
  description: The folder that was read.
  returned: success
  type: str
  sample: /srv/redis/cache/data
state:
  description: >-
    V(missing) if there is no such folder, V(empty), V(database), or V(foreign) if it holds something else.
  returned: success
  type: str
  sample: database
flavour:
  description: V(mysql), V(mariadb), V(redis) or V(valkey); empty without a database.
  returned: success
  type: str
  sample: redis
version:
  description: Version of the server that wrote the data last, as far as its files say; empty if they do not.
  returned: success
  type: str
  sample: 7.0.15
format:
  description: For Redis and Valkey, the highest number of the RDB format in the folder.
  returned: success
  type: int
  sample: 10
source:
  description: The files that say so, relative to RV(folder).
  returned: success
  type: list
  elements: str
  sample: [dump.rdb]
clean:
  description:
    - Whether the server was shut down properly. Empty while a container runs that may write, and if nothing tells.
    - For MySQL and MariaDB, whether C(ibtmp1) is gone. For Redis and Valkey, whether the stopped container that has the folder ended with 0.
  returned: success
  type: bool
  sample: true
owner:
  description: Owner of the folder. Names are empty for numbers that this host has no name for, which is the rule for users of images.
  returned: success
  type: dict
  sample: {uid: 999, gid: 999, user: null, group: null, mode: "0700"}
bytes:
  description: Size of all files in bytes; empty with O(size=false).
  returned: success
  type: int
  sample: 1048576
containers:
  description: The containers that have the folder mounted, one above it or one inside of it; empty if no engine answers.
  returned: success
  type: list
  elements: dict
  sample:
    - name: cache
      image: dockyard/redis:7.0.15-bookworm
      running: true
      exit_code: 0
      target: /data
      read_only: false
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._database import info
from ansible_collections.dockyard.ops.plugins.module_utils._database.docker import Docker
from ansible_collections.dockyard.ops.plugins.module_utils._module import ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, Any]:
    docker = Docker()
    name = call.params["container_name"]
    path = info.folder_of(name, docker.container(name)) if name else call.params["path"]
    return {"changed": False, **info.describe(path, docker, call.params["size"])}


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "path": {"type": "path"},
            "container_name": {"type": "str"},
            "size": {"type": "bool", "default": True},
        },
        mutually_exclusive=[("path", "container_name")],
        required_one_of=[("path", "container_name")],
    )


if __name__ == "__main__":
    main()
