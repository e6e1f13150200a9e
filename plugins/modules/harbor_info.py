#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_info
short_description: Read the state of a Harbor, and what an upgrade of it would take
version_added: 0.3.0
description:
  - Reads a Harbor that was installed with its own installer (Docker Compose) - which version is installed and which
    one runs, its components and their health, its data, its certificates, and its last upgrade by
    M(dockyard.ops.harbor_upgrade).
  - Works while Harbor runs, is stopped, or only half of it is left. A Harbor that is not up is no failure; that
    there is none at all is no failure either, and gives RV(installed=false).
  - With O(target), it returns the plan for an upgrade too - each hop, what it needs, the space, an estimate of the
    downtime, and what is in the way.
  - Nothing is changed, and nothing is started.
requirements:
  - PyYAML on the managed host, if there is a Harbor
  - cryptography 38 or newer on the managed host, for RV(certificates) only
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.info
options:
  path:
    description:
      - The folder that Harbor was installed from, with C(harbor.yml), C(docker-compose.yml) and C(prepare).
    type: path
    default: /opt/harbor
  target:
    description:
      - The version to plan an upgrade to, such as V(2.12.4); or several, one for each hop.
      - If not given, no plan is made.
    type: list
    elements: str
    default: []
  admin_username:
    description:
      - An administrator of Harbor.
    type: str
    default: admin
  admin_password:
    description:
      - The password of O(admin_username).
      - If not given, the one in C(harbor.yml) is tried, which is that of Harbor's first start only. It is needed for
        RV(version_running) from 2.13 on.
      - If given, RV(contents) is returned, and a password that is wrong is a failure.
    type: str
  registry_size:
    description:
      - Whether to measure the registry's data too, which takes minutes where there are millions of files.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that one answer of Harbor's may take.
    type: float
    default: 10
notes:
  - The module has to read Harbor's data, and to ask the Docker Engine, for which it needs C(become=true).
  - Harbor is asked at the loopback address, at the port in C(harbor.yml). Its certificate is not verified there;
    RV(certificates) says how long it lasts.
seealso:
  - module: dockyard.ops.harbor_upgrade
  - module: dockyard.ops.registry_info
    description: Asks any registry, also a Harbor, for repositories, tags and sizes.
  - name: Harbor's upgrade guide
    description: The procedure by hand.
    link: https://goharbor.io/docs/main/administration/upgrade/
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Read the state of Harbor
  dockyard.ops.harbor_info:
  become: true
  register: harbor

- name: Complain about what is not healthy, and about certificates that end soon
  ansible.builtin.assert:
    that:
      - harbor.healthy
      - harbor.certificates | selectattr('days_left', 'number') | selectattr('days_left', 'lt', 14) | length == 0

- name: See what an upgrade over several hops would take
  dockyard.ops.harbor_info:
    path: /srv/harbor
    target:
      - 2.10.3
      - 2.12.4
  become: true
  register: harbor

- name: Show what is in its way
  ansible.builtin.debug:
    var: harbor.plan.blockers

- name: Count what is in it
  dockyard.ops.harbor_info:
    admin_password: "{{ harbor_admin_password }}"
  become: true
  register: harbor
"""

RETURN = r"""
error_code:
  description: The kind of error. The documentation of the collection has a paragraph about each.
  returned: failure
  type: str
  sample: harbor_version_unclear
  version_added: 0.3.0
installed:
  description: Whether there is a Harbor. If there is none, RV(folder) and RV(job) alone are returned with it.
  returned: success
  type: bool
  sample: true
folder:
  description: The install folder, as it was given in O(path).
  returned: success
  type: str
  sample: /opt/harbor
version:
  description: The version that is installed, from the folder and the containers.
  returned: RV(installed)
  type: str
  sample: 2.8.6
version_running:
  description: The version that answers; V(none) if none does, or if it does not tell it to this user.
  returned: RV(installed)
  type: str
  sample: 2.8.6
url:
  description: Where this host's proxy is to be reached.
  returned: RV(installed)
  type: str
  sample: https://harbor.example.com:443
running:
  description: Whether the containers of core and proxy run.
  returned: RV(installed)
  type: bool
  sample: true
healthy:
  description: Whether Harbor says that all its components are healthy.
  returned: RV(installed)
  type: bool
  sample: true
components:
  description: The health of each component in Harbor's words; empty if it does not answer, and before 1.8.
  returned: RV(installed)
  type: dict
  sample:
    core: healthy
    database: healthy
    jobservice: healthy
    portal: healthy
    redis: healthy
    registry: healthy
    registryctl: healthy
component_errors:
  description: What Harbor says about components that are not healthy.
  returned: RV(installed)
  type: dict
  sample: {}
problem:
  description: Why Harbor does not answer though containers of it run; V(none) if it does, or if none runs.
  returned: RV(installed)
  type: str
  sample: null
containers:
  description:
    - All containers of this Harbor, also those that are stopped or belong to a service that is no more.
    - C(state) and C(health) are Docker's words; C(health) is empty if there is no check.
  returned: RV(installed)
  type: list
  elements: dict
  sample:
    - name: harbor-core
      service: core
      image: goharbor/harbor-core:v2.8.6
      state: running
      health: healthy
      restarts: 0
contents:
  description: How much is in it.
  returned: RV(installed), O(admin_password) is given, and Harbor answers
  type: dict
  sample:
    projects: 12
    repositories: 240
    users: 31
flags:
  description: The flags of C(install.sh) for the components that are in use.
  returned: RV(installed)
  type: list
  elements: str
  sample:
    - --with-trivy
data_volume:
  description: The folder with Harbor's data.
  returned: RV(installed)
  type: str
  sample: /data
database:
  description: Harbor's own database, as it is on disk.
  returned: RV(installed)
  type: dict
  contains:
    external:
      description: Whether there is an external one instead.
      type: bool
      sample: false
    major:
      description: The major version of PostgreSQL; V(none) if there is no such database.
      type: str
      sample: "13"
    folder:
      description: Where it is.
      type: str
      sample: /data/database/pg13
    bytes:
      description: What it occupies.
      type: int
      sample: 268435456
    others:
      description: Further databases beside it, as an interrupted upgrade of PostgreSQL leaves them.
      type: list
      elements: str
      sample: []
external_database:
  description: The settings of an external database, with placeholders for secrets; V(none) if there is none.
  returned: RV(installed)
  type: dict
  sample: null
external_redis:
  description: The settings of an external Redis, with placeholders for secrets; V(none) if there is none.
  returned: RV(installed)
  type: dict
  sample: null
sizes:
  description:
    - Bytes on disk by folder of the data volume, of those that Harbor's releases use.
    - The registry's folder is only measured with O(registry_size=true).
  returned: RV(installed)
  type: dict
  sample:
    database: 268435456
    secret: 16384
    ca_download: 8192
    redis: 1048576
    job_logs: 5242880
free:
  description: Bytes that are free in the file systems of the install folder and of the data volume.
  returned: RV(installed)
  type: dict
  sample:
    install: 21474836480
    data: 107374182400
certificates:
  description: The certificates that Harbor's configuration names; of each file the first one.
  returned: RV(installed)
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/harbor/harbor.crt
    subject:
      description: Whom it was issued for.
      type: str
      sample: CN=harbor.example.com
    not_after:
      description: When it ends, in UTC.
      type: str
      sample: "2027-03-01T12:00:00Z"
    days_left:
      description: Whole days until then; negative after it.
      type: int
      sample: 97
    problem:
      description: Why it can't be read; V(none) if it can.
      type: str
      sample: null
edited_compose:
  description: Why C(docker-compose.yml) looks as if it was edited by hand; V(none) if it does not.
  returned: RV(installed)
  type: str
  sample: null
unfit_values:
  description:
    - Values in C(harbor.yml) that an earlier migration has written and that are not of the type that the release takes, with what they do.
    - M(dockyard.ops.harbor_upgrade) repairs them on the way to any version.
  returned: when installed
  type: list
  elements: str
  sample: ["https.strong_ssl_ciphers is none, which counts as true: clients with TLS 1.2 and a common cipher are refused; set it to false."]
  version_added: 0.3.0
leftovers:
  description: Sentences about what should not be there, such as passwords that a failed C(prepare) has left behind.
  returned: RV(installed)
  type: list
  elements: str
  sample: []
engine:
  description: The version of the Docker Engine.
  returned: RV(installed)
  type: str
  sample: 26.1.5
compose:
  description: The version of Docker Compose; V(none) if there is none.
  returned: RV(installed)
  type: str
  sample: 2.26.1
job:
  description:
    - The last upgrade by M(dockyard.ops.harbor_upgrade); V(none) if there was none.
    - C(outcome) is V(none) as long as it has not ended, and C(step) the one that was begun last.
  returned: success
  type: dict
  sample:
    id: 20261124T051500-2.8.6-2.10.3
    source: 2.8.6
    target: 2.10.3
    outcome: upgraded
    under_way: false
    step: tidy
    direction: forward
    message: Harbor went from 2.8.6 to 2.10.3.
    downtime: 41.5
    journal: /var/lib/dockyard/harbor/opt-harbor/journal.log
plan:
  description:
    - What the upgrade to O(target) would take, as M(dockyard.ops.harbor_upgrade) would do it. Sizes are in bytes, and
      the estimated downtime is in seconds.
    - The size of the archives is not known here, and not counted in the space that is needed.
  returned: RV(installed), and O(target) is given
  type: dict
  sample:
    version: 2.8.6
    possible: true
    blockers: []
    warnings: []
    hops:
      - from: 2.8.6
        to: 2.10.3
        database_before: "13"
        database_after: "14"
        configuration: prepare
    space:
      data_needed: 1342177280
      data_free: 53687091200
    estimated_downtime: 61
    backed_up: [database, secret, ca_download, redis, job_logs]
    backup_path: /data/dockyard-backups
    fragile_values: [harbor_admin_password]
"""

import os

from ansible_collections.dockyard.ops.plugins.module_utils._harbor import info
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, run_module


def run(call: ModuleCall) -> dict[str, object]:
    params = call.params
    # If there is nothing to read, nothing is needed to read it.
    if document.YAML_IMPORT_ERROR is not None and os.path.exists(params["path"]):
        raise MissingLibrary("PyYAML", document.YAML_IMPORT_ERROR)
    question = info.InfoRequest(
        path=params["path"],
        targets=[Version.parse(target) for target in params["target"]],
        admin_username=params["admin_username"],
        admin_password=params["admin_password"],
        registry_size=params["registry_size"],
        timeout=params["timeout"],
    )
    return {"changed": False, **info.gather_info(question)}


def main() -> None:
    run_module(
        run,
        reads_only=True,
        argument_spec={
            "path": {"type": "path", "default": "/opt/harbor"},
            "target": {"type": "list", "elements": "str", "default": []},
            "admin_username": {"type": "str", "default": "admin"},
            "admin_password": {"type": "str", "no_log": True},
            "registry_size": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 10},
        },
    )


if __name__ == "__main__":
    main()
