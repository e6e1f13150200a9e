#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_server
short_description: Run a MariaDB or MySQL in a container, with its data, configuration and secrets on the host
version_added: 0.3.0
description:
  - Brings one instance to what is declared, so that its container can be thrown away at any time. In O(directory) are its data and its configuration. No
    password is in the environment, on a command line, in C(docker inspect) or in a log.
  - New data are made beside, and put in place only when they are complete, so that a kill leaves none that look as if they were.
  - The configuration is judged by the server of the image itself, in a container without data and network, before anything is stopped. What can
    be set on the running server is set there. A restart, or a new container, comes only for what needs one.
  - After a change the server is asked for it, the users log in, the health check and the port answer. If any of it fails, the container and the
    configuration of before are put back and proven, and the module fails with the reason. A run that was killed is taken back by the next one.
  - The accounts of this collection, one for its modules and one for the health check, are made by the server itself at each start. A restored backup
    or a user who deletes them does not last.
  - Character set and collation of new tables are written into the configuration, so that a newer version does not change them.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._database_server
requirements:
  - Root on the managed host.
  - The command C(docker) and a Docker Engine of version 20.10 or newer that answers. In check mode both may be missing.
  - MariaDB 10.6 or newer, or MySQL 8.4 or newer. The official images work, and those of the role dockyard.ops.images. Their entry points are not used.
options:
  flavour:
    description: Which server it is. An instance keeps its flavour.
    type: str
    choices: [mariadb, mysql]
    default: mariadb
  root_password:
    description:
      - Password of C(root@localhost), who can log in from inside of the container alone. Without it and O(root_password_file), root is left as it is, and
        in new data can't log in with a password.
    type: str
  root_password_file:
    description: A file on the managed host that holds that password alone.
    type: path
  databases:
    description: Databases that have to be there. Others are left alone, and none is ever deleted.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
      encoding:
        description: Character set of new tables in it. If it is not given, that of the server.
        type: str
      collation:
        description: Collation of new tables in it. If it is not given, that of the server.
        type: str
  users:
    description:
      - Users that have to be there. Others are left alone.
      - A changed password is valid beside the old one until a login with it has succeeded. Only then the old one ceases to be. A login can be tried for
        O(users[].host) of V(%), V(localhost) and V(127.0.0.1).
      - With O(flavour=mysql) they have the plugin C(caching_sha2_password), and the old one is kept by C(RETAIN CURRENT PASSWORD). A user of another plugin
        gets this one, and the old password ceases to be at once.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user. C(dockyard-admin) and C(dockyard-health) belong to this module.
        type: str
        required: true
      host:
        description: From where the user may come, as the server takes it.
        type: str
        default: "%"
      password:
        description: The password. It or O(users[].password_file) is required.
        type: str
      password_file:
        description: A file on the managed host that holds the password alone. Line breaks at its end do not count.
        type: path
      privileges:
        description:
          - >-
            All privileges of the user by their objects, for instance C({"shop.*": "ALL", "stock.items": "SELECT,UPDATE"}). What else they have is
            revoked. C(GRANT) is the right to pass them on.
          - If it is not given, they are left as they are.
        type: dict
  config:
    description:
      - Options of the server and their values, as in C(my.cnf) below C([mysqld]), for instance C(innodb_buffer_pool_size) and C(max_connections). V(true) and
        V(false) are written as C(ON) and C(OFF), a list with commas.
      - Options of paths, of the network and of who may log in are decided by this module, and refused.
      - C(character_set_server) is C(utf8mb4), C(collation_server) is C(utf8mb4_general_ci) (C(utf8mb4_0900_ai_ci) with O(flavour=mysql)) and
        C(skip_name_resolve) is C(ON) unless they are given. With O(flavour=mysql) C(mysqlx) is C(OFF) and C(secure_file_priv) is C(NULL).
    type: dict
    default: {}
  tls_certificate_file:
    description:
      - The server's certificate with those between it and the CA, as PEM on the managed host. It is copied. Without it connections are not encrypted.
    type: path
  tls_key_file:
    description: The private key of the certificate.
    type: path
  tls_ca_file:
    description: The CA of which clients may show certificates.
    type: path
  port:
    description: Port of the host on which the server is published; V(0) publishes none.
    type: int
    default: 3306
  memory:
    description: Limit of the container's memory, for instance V(512m). It should be well above C(innodb_buffer_pool_size).
    type: str
notes:
  - There is no replication and no point-in-time recovery. MariaDB Galera Cluster, MySQL InnoDB Cluster or a hosted service is what to use for that.
  - With C(require_secure_transport) in O(config), which needs O(tls_certificate_file), this module goes on to work, since it comes by a socket.
seealso:
  - module: dockyard.ops.database_info
  - module: dockyard.ops.redis_server
  - module: community.mysql.mysql_db
    description: Databases of a server that can be reached, one by one.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Run a MariaDB with one database for this host alone
  dockyard.ops.mysql_server:
    container_name: shop
    directory: /srv/mysql/shop
    image: dockyard/mariadb:11.8.9-trixie
    databases:
      - {name: shop}
    users:
      - {name: shop, password_file: /etc/mysql-passwords/shop, privileges: {"shop.*": ALL}}
    config:
      innodb_buffer_pool_size: 64M

- name: Remove its container, and keep its folder
  dockyard.ops.mysql_server:
    container_name: shop
    directory: /srv/mysql/shop
    state: absent
"""

RETURN = r"""
msg:
  description: What was done, as a sentence.
  returned: success
  type: str
  sample: shop was changed (users, config), and is up as MariaDB 11.8.9.
actions:
  description:
    - What was done, in order. V(owner) gave the data to the server's user. V(created), V(recreated), V(restarted) and V(started) mean that the
      server was not up for a moment. V(users), V(databases) and V(config) were done on the running server.
  returned: success
  type: list
  elements: str
  sample: [users, config]
container:
  description: Name of the container.
  returned: success
  type: str
  sample: shop
folder:
  description: Folder of the instance.
  returned: success
  type: str
  sample: /srv/mysql/shop
image:
  description: The image.
  returned: with O(state=present)
  type: str
  sample: dockyard/mariadb:11.8.9-trixie
version:
  description: Version of the server in the image; empty in check mode if the host does not have the image yet.
  returned: with O(state=present)
  type: str
  sample: 11.8.9
address:
  description: Where clients reach the server on this host; empty if no port is published.
  returned: with O(state=present)
  type: str
  sample: 127.0.0.1:3306
diff:
  description: Container and configuration before and after, and what would be done to users and databases. No password is in it.
  returned: in diff mode
  type: list
  elements: dict
  sample:
    - before_header: my.cnf
      after_header: my.cnf
      before: |
        max_connections = 100
      after: |
        max_connections = 200
"""

from ansible_collections.dockyard.ops.plugins.module_utils._database.module_common import instance_options
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql.module import run
from ansible_collections.dockyard.ops.plugins.module_utils._module import run_module


def main() -> None:
    secret = {"password": {"type": "str", "no_log": True}, "password_file": {"type": "path", "no_log": False}}
    run_module(
        run,
        argument_spec={
            **instance_options(),
            "flavour": {"type": "str", "choices": ["mariadb", "mysql"], "default": "mariadb"},
            "root_password": {"type": "str", "no_log": True},
            "root_password_file": {"type": "path", "no_log": False},
            "databases": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "encoding": {"type": "str"},
                    "collation": {"type": "str"},
                },
            },
            "users": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "host": {"type": "str", "default": "%"},
                    "privileges": {"type": "dict"},
                    **secret,
                },
                "mutually_exclusive": [("password", "password_file")],
                "required_one_of": [("password", "password_file")],
            },
            "config": {"type": "dict", "default": {}},
            "tls_certificate_file": {"type": "path"},
            "tls_key_file": {"type": "path", "no_log": False},
            "tls_ca_file": {"type": "path"},
            "port": {"type": "int", "default": 3306},
            "memory": {"type": "str"},
        },
        required_if=[("state", "present", ["image"])],
        required_together=[("tls_certificate_file", "tls_key_file")],
        mutually_exclusive=[("root_password", "root_password_file")],
    )


if __name__ == "__main__":
    main()
