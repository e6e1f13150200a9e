#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_timers
short_description: Have systemd look after a registry
version_added: 0.3.0
description:
  - Sets up timers of systemd on the managed host that back a registry up, delete its old tags, collect its garbage and renew
    its certificate, without a controller.
  - What they start is the code of this collection, as it is when the module runs - what M(dockyard.ops.registry_maintenance)
    and M(dockyard.ops.registry_retention) do, with all their checks. Ansible is not needed on the host.
  - How each run has ended is in the journal of its unit, recorded on the host, and returned in RV(timers). There is a warning for
    each work whose last run failed.
  - Works that are not given have no timer; one that was there before is removed. Without any, nothing is left.
extends_documentation_fragment:
  - dockyard.ops._attributes
  - dockyard.ops._attributes.action_group_registry
  - dockyard.ops._registry
options:
  container_name:
    description:
      - Name of the registry's container.
    type: str
    default: registry
  instance_directory:
    description:
      - The folder of the registry's instance, for O(backup) and O(renewal).
    type: path
    default: /srv/registry
  start_timeout:
    description:
      - Seconds that a start of the registry may take.
    type: int
    default: 60
  random_delay:
    description:
      - Most seconds that a run is late by chance, so that many hosts do not begin at the same moment.
    type: int
    default: 0
  registry:
    description:
      - The registry's address as in front of an image's name, C(host[:port]); an IPv6 address is in brackets.
      - Required for O(retention), O(renewal), and O(garbage_collection) with O(garbage_collection.delete_untagged).
    type: str
    required: false
  password_path:
    description:
      - File on the managed host with the password of O(username), read at each run, in place of O(password).
    type: path
  password:
    description:
      - The password. It is kept on the host in a file for root only.
      - Mutually exclusive with O(password_path).
    type: str
  backup:
    description:
      - Backs the registry up, as C(operation=backup) of M(dockyard.ops.registry_maintenance).
    type: dict
    suboptions:
      calendar: &calendar
        description:
          - When it is done, as C(OnCalendar) of systemd takes it. A run that was missed because the host was off is made up for.
        type: str
        required: true
      time_limit: &time_limit
        description:
          - Seconds after which it is given up and the registry put back in service. It is also how long it waits for another work.
        type: int
        default: 21600
      folders:
        description:
          - Folders below O(instance_directory) that are archived if they are there.
        type: list
        elements: str
        required: true
      window_folders:
        description:
          - Those of O(backup.folders) that are archived in a read-only window.
        type: list
        elements: str
        default: []
      backup_directory:
        description:
          - Folder for the archives and their checksums.
        type: path
        default: /var/backups/registry
      keep:
        description:
          - How many archives are kept; V(0) keeps all.
        type: int
        default: 0
  garbage_collection:
    description:
      - Collects garbage, as C(operation=collect_garbage) of M(dockyard.ops.registry_maintenance).
    type: dict
    suboptions:
      calendar: *calendar
      time_limit: *time_limit
      delete_untagged:
        description:
          - Whether manifests that no tag needs are deleted too, as the option of M(dockyard.ops.registry_maintenance).
        type: bool
        default: false
  retention:
    description:
      - Deletes old tags, as M(dockyard.ops.registry_retention).
    type: dict
    suboptions:
      calendar: *calendar
      rules:
        description:
          - Which tags are kept, as O(dockyard.ops.registry_retention#module:rules).
        type: list
        elements: dict
        required: true
        suboptions:
          repositories:
            description:
              - The repositories that the rule is for, by shell patterns. All if not given.
            type: list
            elements: str
            default: []
          tags:
            description:
              - The tags that the rule is for, by shell patterns. All if not given.
            type: list
            elements: str
            default: []
          keep:
            description:
              - How many tags of each repository are kept at least, the newest first.
            type: int
          days:
            description:
              - How many days a tag's image is kept at least.
            type: int
      protected_tags:
        description:
          - Tags that are never deleted, by shell patterns.
        type: list
        elements: str
        default: [latest]
      time_limit:
        description:
          - Seconds that all requests together may take.
        type: int
        default: 3600
  renewal:
    description:
      - Renews the registry's certificate (C(tls/registry.crt) below O(instance_directory)) before it expires, and the one with which
        the role asks the registry (C(proof/client.cert)), with the CA's key on this host. The registry is restarted and
        asked as a client does; if it is not up with the new certificate, the old one is put back.
    type: dict
    suboptions:
      calendar: *calendar
      hostname:
        description:
          - Name or address under which clients use the registry.
        type: str
        required: true
      ca_directory:
        description:
          - Folder of the CA on this host, with C(ca.crt) and C(ca.key), which has no passphrase.
        type: path
        required: true
      certificate_days:
        description:
          - How long a certificate is valid when it is issued.
        type: int
        default: 397
      renew_days_before:
        description:
          - A certificate that has fewer days left is renewed.
        type: int
        default: 30
notes:
  - Needs root and systemd, and for the runs the C(docker) command and the Python libraries PyYAML, requests and cryptography.
  - The units are named after the container, such as C(dockyard-registry-registry-backup.timer). Begin a run by hand with C(systemctl
    start dockyard-registry-registry-backup.service).
  - The works of one registry wait for one another. Retention frees nothing by itself, so let it come before garbage collection.
seealso:
  - module: dockyard.ops.registry_maintenance
  - module: dockyard.ops.registry_retention
  - ref: ansible_collections.dockyard.ops.docsite.guide_registry
    description: From nothing to a trusted registry.
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Back the registry up each night, and collect its garbage on Sundays
  dockyard.ops.registry_timers:
    registry: registry.example.com:5000
    username: alice
    password: "{{ vault_alice }}"
    backup:
      calendar: "*-*-* 02:00:00"
      folders: [config, auth, tls, data]
      window_folders: [data]
      keep: 7
    garbage_collection:
      calendar: Sun 04:00
      delete_untagged: true
  register: timers

- name: Show how the last runs have ended
  ansible.builtin.debug:
    var: timers.timers

- name: Have nothing of it any more
  dockyard.ops.registry_timers:
"""

RETURN = r"""
timers:
  description: The timers that there are, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    work:
      description: V(backup), V(garbage_collection), V(retention) or V(renewal).
      type: str
      sample: backup
    calendar:
      description: When it is done.
      type: str
      sample: "*-*-* 02:00:00"
    unit:
      description: Its timer.
      type: str
      sample: dockyard-registry-registry-backup.timer
    next:
      description: When the next run begins, in the host's time; empty if that is not known.
      type: str
      sample: Sun 2026-08-02 02:00:00 UTC
    last:
      description: How the last run has ended; V(none) if there was none.
      type: dict
      contains:
        begun:
          description: When it began.
          type: str
          sample: "2026-08-01 02:00:00 UTC"
        ended:
          description: When it ended.
          type: str
          sample: "2026-08-01 02:04:10 UTC"
        succeeded:
          description: Whether it succeeded.
          type: bool
          sample: true
        message:
          description: What was done, or why it failed, in a sentence.
          type: str
          sample: /var/backups/registry/registry-20260801T020000Z.tar was written, 5368709120 bytes; uploads were refused for 92.5 seconds.
  sample:
    - work: backup
      calendar: "*-*-* 02:00:00"
      unit: dockyard-registry-registry-backup.timer
      next: Sun 2026-08-02 02:00:00 UTC
      last:
        begun: "2026-08-01 02:00:00 UTC"
        ended: "2026-08-01 02:04:10 UTC"
        succeeded: true
        message: /var/backups/registry/registry-20260801T020000Z.tar was written, 5368709120 bytes; uploads were refused for 92.5 seconds.
"""

import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, diff, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509
from ansible_collections.dockyard.ops.plugins.module_utils._registry import configuration, options, retention, scheduled
from ansible_collections.dockyard.ops.plugins.module_utils._registry.timers import Timers, Wanted

# What becomes a part of the name of a unit and of a folder; the engine allows nothing else either.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def run(call: ModuleCall) -> dict[str, Any]:
    """Set the timers up."""
    params = call.params
    call.require_root("set up timers of systemd")
    works = {work: params[work] for work in scheduled.WORKS if params[work] is not None}
    if works and configuration.YAML_IMPORT_ERROR:
        raise MissingLibrary("PyYAML", configuration.YAML_IMPORT_ERROR)
    if "renewal" in works and x509.CRYPTOGRAPHY_IMPORT_ERROR:
        raise MissingLibrary("cryptography", x509.CRYPTOGRAPHY_IMPORT_ERROR)
    _check(params, works)
    timers = Timers(
        Wanted(
            params["container_name"],
            {work: given["calendar"] for work, given in works.items()},
            _settings(params, works),
            params["random_delay"],
        ),
        call.selinux_attributes(),
    )
    timers.check()
    different, idle = timers.different(), timers.idle()
    changed = bool(different or idle)
    if changed and not call.check_mode:
        timers.apply()
    report = timers.report()
    for entry in report:
        if entry["last"] and not entry["last"]["succeeded"]:
            call.warn(
                f"The last run of {entry['unit'].replace('.timer', '.service')} failed at {entry['last']['ended']}:"
                f" {entry['last']['message']}"
            )
    result = {"changed": changed, "timers": report}
    if call.diff_mode:
        # Their contents may hold the password.
        gone = [f"{path}\n" for path, (content, _mode) in sorted(different.items()) if content is None]
        written = [f"{path}\n" for path, (content, _mode) in sorted(different.items()) if content is not None]
        result["diff"] = diff("files of the timers", "".join(gone), "".join(written + [f"{unit}\n" for unit in idle]))
    return result


def _check(params: dict[str, Any], works: dict[str, Any]) -> None:
    if not _NAME.fullmatch(params["container_name"]):
        raise _invalid(f"container_name is '{params['container_name']}', which no container can have; give its name.")
    if params["random_delay"] < 0:
        raise _invalid(f"random_delay is {params['random_delay']}; give 0 or more seconds.")
    if params["username"] is not None and not (params["password"] or params["password_path"]):
        raise _invalid("username has no password; give password or password_path.")
    needing: list[str] = [work for work in ("retention", "renewal") if work in works]
    if works.get("garbage_collection", {}).get("delete_untagged"):
        needing.append("garbage_collection.delete_untagged")
    if needing and not params["registry"]:
        raise _invalid(f"{needing[0]} needs registry, the registry's address; give it.")
    if "retention" in works:
        retention.policy_of(works["retention"]["rules"], works["retention"]["protected_tags"]).check()
    if params["registry"]:
        # What can't be right is said now, and not at night.
        options.connect({**_connection(params), "password": params["password"] or ""})


def _invalid(message: str) -> DockyardError:
    return DockyardError("registry_option_invalid", message)


def _connection(params: dict[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in options.ARGUMENT_SPEC}


def _settings(params: dict[str, Any], works: dict[str, Any]) -> dict[str, Any]:
    return {
        "container_name": params["container_name"],
        "instance_directory": params["instance_directory"],
        "start_timeout": params["start_timeout"],
        "connection": {**_connection(params), "password_path": params["password_path"]},
        **works,
    }


def _work(**settings: dict[str, Any]) -> dict[str, Any]:
    return {"type": "dict", "options": {"calendar": {"type": "str", "required": True}, **settings}}


def main() -> None:
    time_limit = {"type": "int", "default": 21600}
    run_module(
        run,
        argument_spec={
            **options.ARGUMENT_SPEC,
            "registry": {"type": "str"},
            "container_name": {"type": "str", "default": "registry"},
            "instance_directory": {"type": "path", "default": "/srv/registry"},
            "start_timeout": {"type": "int", "default": 60},
            "random_delay": {"type": "int", "default": 0},
            "password_path": {"type": "path", "no_log": False},
            "backup": _work(
                time_limit=time_limit,
                folders={"type": "list", "elements": "str", "required": True},
                window_folders={"type": "list", "elements": "str", "default": []},
                backup_directory={"type": "path", "default": "/var/backups/registry"},
                keep={"type": "int", "default": 0},
            ),
            "garbage_collection": _work(
                time_limit=time_limit,
                delete_untagged={"type": "bool", "default": False},
            ),
            "retention": _work(
                rules={**options.RETENTION_RULES, "required": True},
                protected_tags={"type": "list", "elements": "str", "default": ["latest"]},
                time_limit={"type": "int", "default": 3600},
            ),
            "renewal": _work(
                hostname={"type": "str", "required": True},
                ca_directory={"type": "path", "required": True},
                certificate_days={"type": "int", "default": 397},
                renew_days_before={"type": "int", "default": 30},
            ),
        },
        required_together=[("client_cert_path", "client_key_path")],
        mutually_exclusive=[*options.MUTUALLY_EXCLUSIVE, ("password", "password_path")],
        required_by={"password": ["username"], "password_path": ["username"]},
    )


if __name__ == "__main__":
    main()
