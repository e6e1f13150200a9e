#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_server
short_description: Run a Redis or Valkey in a container, with its data, configuration and secrets on the host
version_added: 0.3.0
description:
  - Brings one instance to what is declared, so that its container can be thrown away at any time. In O(directory) are its data, its
    configuration, and the users with their passwords as SHA-256. No password is in the environment, on a command line, in C(docker inspect) or in
    a log.
  - The configuration is tried by the server of the image itself, in a container without data and network, before anything is stopped. What can be
    set on the running server is set there. A restart, or a new container, comes only for what needs one.
  - After a change the server is asked for it, all users log in, the health check and the port answer. If any of it fails, the container and the
    configuration of before are put back and proven, and the module fails with the reason. A run that was killed is taken back by the next one.
  - Redis that is started with C(appendonly yes) on a snapshot alone begins empty, and overwrites the snapshot later. So this is always
    changed on the running server, after a restart if one is needed, and proven before the file says so.
  - A server is asked to write its data before it is stopped, whatever its save points are. It is never killed. If it can't write, it goes on, and
    the module fails.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._database_server
requirements:
  - Root on the managed host.
  - The command C(docker) and a Docker Engine of version 20.10 or newer that answers. In check mode both may be missing.
  - Redis 7.0 or newer, or Valkey. The official images work, and those of the role dockyard.ops.images.
options:
  flavour:
    description: Which server it is. An instance keeps its flavour.
    type: str
    choices: [redis, valkey]
    default: redis
  users:
    description:
      - All users, by their names. Those that are not in the list can't log in any more. V(default) is who gives no name, as clients
        that know only a password do. If it is not in the list, it can't log in.
      - Without any user, everybody who reaches the server may do all. That is refused unless O(address) is a loopback address. Containers that share
        a network with it reach it as well.
      - A changed password is valid beside the old one until a login with it has succeeded. Only then the old one ceases to be.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user. C(dockyard-admin) and C(dockyard-health) belong to this module.
        type: str
        required: true
      password:
        description: The password. Without one, and without O(users[].password_file), the user can't log in.
        type: str
      password_file:
        description: A file on the managed host that holds the password alone. Line breaks at its end do not count.
        type: path
      rules:
        description: What the user may do, as C(ACL SETUSER) takes it, without passwords.
        type: str
        default: "~* &* +@all"
  config:
    description:
      - Directives of C(redis.conf) and their values, for instance C(maxmemory), C(maxmemory-policy), C(appendonly) and C(save). V(true) and V(false) are
        written as C(yes) and C(no), a list as its words.
      - Directives of paths, of the network and of passwords are decided by this module, and refused.
      - C(save) is C(3600 1 300 100 60 10000) and C(appendonly) is C(no) unless they are given, as in Redis itself.
    type: dict
    default: {}
  port:
    description: Port of the host on which the server is published; V(0) publishes none.
    type: int
    default: 6379
  memory:
    description: Limit of the container's memory, for instance V(512m). It should be well above C(maxmemory), for a snapshot needs more.
    type: str
notes:
  - There is no replication and no point-in-time recovery. Redis Sentinel or Cluster, or a hosted service, is what to use for that.
seealso:
  - module: dockyard.ops.database_upgrade
  - module: dockyard.ops.database_info
  - module: community.docker.docker_container
    description: Containers in general. It can't put back what it has replaced.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Run a cache of which nothing has to be kept, for this host alone
  dockyard.ops.redis_server:
    container_name: cache
    directory: /srv/redis/cache
    image: dockyard/redis:8.0.2-trixie
    config:
      maxmemory: 64mb
      maxmemory-policy: allkeys-lru
      save: ""

- name: Run a Redis that keeps each write, with users
  dockyard.ops.redis_server:
    container_name: queue
    directory: /srv/redis/queue
    image: dockyard/redis:8.0.2-trixie
    port: 6380
    config: {appendonly: true}
    users:
      - {name: default, password_file: /etc/redis-passwords/queue}
      - {name: report, password_file: /etc/redis-passwords/report, rules: "~jobs:* +@read"}

- name: Remove the container of the cache, and keep its folder
  dockyard.ops.redis_server:
    container_name: cache
    directory: /srv/redis/cache
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, as a sentence.
  returned: success
  type: str
  sample: queue was changed (users, config), and is up as Redis 8.0.2.
actions:
  description:
    - What was done, in order. V(owner) gave the data to the server's user. V(created), V(recreated), V(restarted) and V(started) mean that the
      server was not up for a moment. V(users), V(config) and V(appendonly) were done on the running server.
  returned: success
  type: list
  elements: str
  sample: [users, config]
container:
  description: Name of the container.
  returned: success
  type: str
  sample: queue
folder:
  description: Folder of the instance.
  returned: success
  type: str
  sample: /srv/redis/queue
image:
  description: The image.
  returned: with O(state=present)
  type: str
  sample: dockyard/redis:8.0.2-trixie
version:
  description: Version of the server in the image; empty in check mode if the host does not have the image yet.
  returned: with O(state=present)
  type: str
  sample: 8.0.2
address:
  description: Where clients reach the server on this host; empty if no port is published.
  returned: with O(state=present)
  type: str
  sample: 127.0.0.1:6380
diff:
  description: Container, configuration and users before and after. Equal passwords have equal placeholders.
  returned: in diff mode
  type: list
  elements: dict
  sample:
    - before_header: redis.conf
      after_header: redis.conf
      before: |
        appendonly no
      after: |
        appendonly yes
"""

from ansible_collections.dockyard.ops.plugins.module_utils._database.module_common import instance_options
from ansible_collections.dockyard.ops.plugins.module_utils._database.redis.module import run
from ansible_collections.dockyard.ops.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        run,
        argument_spec={
            **instance_options(),
            "flavour": {"type": "str", "choices": ["redis", "valkey"], "default": "redis"},
            "users": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                    "password_file": {"type": "path", "no_log": False},
                    "rules": {"type": "str", "default": "~* &* +@all"},
                },
                "mutually_exclusive": [("password", "password_file")],
            },
            "config": {"type": "dict", "default": {}},
            "port": {"type": "int", "default": 6379},
            "memory": {"type": "str"},
        },
        required_if=[("state", "present", ["image"])],
    )


if __name__ == "__main__":
    main()
