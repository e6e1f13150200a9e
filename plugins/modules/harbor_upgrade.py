#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_upgrade
short_description: Upgrade a compose-installed Harbor, and put it back if it does not come up with everything in it
version_added: 0.3.0
description:
  - Takes a Harbor from its version to that of the given installer archives, over several versions in one run where that is needed.
  - First a plan is made, and refused with its reasons if something is in the way. For instance a version that does not take the
    database over, too little room, or a C(docker-compose.yml) that was edited by hand.
  - Then, while Harbor is up, the releases are unpacked beside, their images loaded, C(harbor.yml) migrated in a copy and compared with the
    old one value by value, and the data copied.
  - Only then Harbor is stopped. What has changed in the meantime is copied again, the release's own installer runs with the same components as before,
    and the module waits for the migration of the database. In the end the version, the health of all components, the
    number of projects, repositories and users, and some artifacts are compared with before.
  - If a step fails, the old install folder and the old data are put back and Harbor is started and compared with before. The task then fails
    with the reason.
  - The work is done by a process of its own on the host. It goes on if the connection breaks, and a second run of the task watches it to
    its end. After a kill or a reboot, the next run goes on, or goes back.
  - While the task runs, it prints a line of progress every few seconds. On the host, C(journal.log) in RV(journal) can be followed.
requirements:
  - PyYAML on the managed host
extends_documentation_fragment:
  - dockyard.ops._attributes
options:
  path:
    description: The install folder, in which C(harbor.yml) is.
    type: path
    default: /opt/harbor
  state:
    description:
      - With V(upgraded), Harbor has the newest version of the O(archives) afterwards.
      - With V(planned), nothing is changed. RV(plan) says what an upgrade would do and what is in its way.
      - With V(rolled_back), the last upgrade is taken back with the copy that was made before it. What was pushed or changed since is lost.
    type: str
    choices: [upgraded, planned, rolled_back]
    default: upgraded
  archives:
    description:
      - The installer archives of the releases to go to, in any order. More than one where the way leads over versions in between.
      - The version is taken from the archive's name, C(harbor-offline-installer-v2.12.4.tgz) or C(harbor-online-installer-v2.12.4.tgz).
      - Those of versions that are reached already are not looked at.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The archive's path, on the controller or with O(archives[].remote_src=true) on the managed host.
        type: path
      remote_src:
        description: Whether O(archives[].src) is on the managed host.
        type: bool
        default: false
      url:
        description:
          - An address from which the managed host fetches the archive. Proxies are taken from its environment.
          - Its path ends with the archive's name. A query behind it, such as the signature of an object store, is not shown in messages.
        type: str
      checksum:
        description: As C(algorithm:digest) with C(sha256), C(sha512) or the C(md5) that Harbor publishes.
        type: str
      signature:
        description: Path on the managed host of the archive's detached signature (C(.asc), published up to 2.11).
        type: path
      keyring:
        description: Path on the managed host of the keyring with the key that the signature must be of.
        type: path
  admin_username:
    description: A user with administrator's rights, to count what is in Harbor.
    type: str
    default: admin
  admin_password:
    description:
      - Their password.
      - If not given, C(harbor_admin_password) of C(harbor.yml) is tried, which is the password of the very first start only.
    type: str
  backup_path:
    description:
      - The folder in which the copy of the data is made. Default is C(dockyard-backups) in the data volume.
      - On the file system of the data volume the rollback is a rename. On another one the data are copied back.
    type: path
  keep_backup:
    description:
      - Whether the old install folder and the copy of the data are kept after an upgrade, until the next one.
      - Without them there is no O(state=rolled_back).
    type: bool
    default: true
  edited_compose:
    description:
      - What to do if C(docker-compose.yml) was edited by hand. The upgrade makes a new one.
      - C(docker-compose.override.yml) and everything else that is not of the release is carried over.
    type: str
    choices: [refuse, discard]
    default: refuse
  drop_components:
    description: Components in use that a release on the way does not have any more, such as V(notary), V(chartmuseum) or V(clair), and that may end.
    type: list
    elements: str
    default: []
  database_backup_command:
    description:
      - A command on the managed host that saves an external database, as a list of words. It runs while Harbor is stopped.
      - Needed together with O(database_restore_command) where the database is external.
    type: list
    elements: str
    default: []
  database_restore_command:
    description: A command on the managed host that puts an external database back to what O(database_backup_command) has saved.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait until each version is healthy.
      - The upgrade of a large database is a part of that.
    type: int
    default: 1800
  wait:
    description:
      - Whether the task waits until the work is done.
      - Without, the work is started, or looked at if it runs, and RV(running) says whether it still runs.
    type: bool
    default: true
  progress:
    description: Seconds between two lines of progress. With V(0) there are none.
    type: int
    default: 5
  job:
    description:
      - The RV(job) of an earlier result. Only this job is watched or goes on, and no other is begun.
      - Of one that has ended, V(broken) included, the result is returned once more.
    type: str
  journal_from:
    description: The first line of the journal to return in RV(journal_lines), counted from 0.
    type: int
    default: 0
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - module: dockyard.ops.harbor_info
  - name: Upgrading Harbor
    description: Harbor's own guide, which this module follows.
    link: https://goharbor.io/docs/main/administration/upgrade/
"""

EXAMPLES = r"""
---
- name: What would an upgrade to 2.12.4 take, and what is in its way?
  dockyard.ops.harbor_upgrade:
    state: planned
    archives:
      - src: harbor-offline-installer-v2.12.4.tgz

- name: Upgrade Harbor with an archive on the controller
  dockyard.ops.harbor_upgrade:
    archives:
      - src: harbor-offline-installer-v2.12.4.tgz
        checksum: md5:8c2b9c2f6a8e4b0a9d0f8b7a6c5d4e3f
    admin_password: "{{ harbor_admin_password }}"

- name: Over three versions in one run, with archives that are on the host
  dockyard.ops.harbor_upgrade:
    archives:
      - src: /srv/harbor-offline-installer-v2.10.3.tgz
        remote_src: true
      - src: /srv/harbor-offline-installer-v2.12.4.tgz
        remote_src: true
      - src: /srv/harbor-offline-installer-v2.14.1.tgz
        remote_src: true
    admin_password: "{{ harbor_admin_password }}"
    backup_path: /backup/harbor

- name: Take the last upgrade back
  dockyard.ops.harbor_upgrade:
    state: rolled_back
    admin_password: "{{ harbor_admin_password }}"
"""

RETURN = r"""
error_code:
  description: The kind of error. The documentation of the collection has a paragraph about each.
  returned: failure
  type: str
  sample: harbor_upgrade_refused
  version_added: 0.3.0
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
  sample: >-
    Harbor went from 2.8.6 to 2.12.4 over 2.10.3, was down for 63 seconds, and has its 3 projects, 12 repositories and 5 users and the 5
    artifacts that were looked at.
outcome:
  description:
    - One of V(unchanged), V(planned), V(refused), V(running), V(upgraded) and V(rolled_back).
    - V(broken) means that the rollback failed as well. V(interrupted) means that the run was ended from outside. The next run goes on in both cases.
  returned: always
  type: str
  sample: upgraded
version_before:
  description: The version at the beginning.
  returned: when a plan was made or a job is known
  type: str
  sample: 2.8.6
version:
  description: The version that Harbor has now.
  returned: when a plan was made or a job is known
  type: str
  sample: 2.12.4
hops:
  description: The versions on the way, the last of them the target.
  returned: when a plan was made or a job is known
  type: list
  elements: str
  sample: [2.10.3, 2.12.4]
plan:
  description: What the upgrade takes. Sizes in bytes.
  returned: when a plan was made
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
downtime:
  description: Seconds for which Harbor was down.
  returned: when a job is known
  type: float
  sample: 62.7
duration:
  description: Seconds from the beginning of the work to its end.
  returned: when a job has ended
  type: float
  sample: 311.5
backup:
  description: The folder with the copy of the data.
  returned: when a job is known
  type: str
  sample: /data/dockyard-backups/upgrade-20261124T093000-2.8.6-2.12.4
kept_values:
  description: The keys of C(harbor.yml) that the release's own migration would have lost or changed, and that are as before.
  returned: when a job is known
  type: list
  elements: str
  sample: [harbor_admin_password]
repaired_values:
  description:
    - What was repaired in C(harbor.yml), a phrase for each. A section without settings, a C(_version) that is not that of what is installed, and values
      that the release's own migration has added and that are not of the type that the release takes.
  returned: when a job is known
  type: list
  elements: str
  sample: [https.strong_ssl_ciphers (from none to false)]
  version_added: 0.3.0
added_values:
  description: The keys of C(harbor.yml) that the migration has added.
  returned: when a job is known
  type: list
  elements: str
  sample: [https.strong_ssl_ciphers, jobservice.logger_sweeper_duration]
  version_added: 0.3.0
resumed:
  description: What was found of a run that was interrupted, and which way this one went.
  returned: when a job is known
  type: list
  elements: str
  sample: ["The run before was interrupted at: install 2.10.3; it goes on from there."]
rolled_back:
  description: Whether the old version was put back.
  returned: when a job is known
  type: bool
  sample: false
running:
  description: Whether the work is under way. It only is with O(wait=false).
  returned: always
  type: bool
  sample: false
job:
  description: The name of the job.
  returned: when a job is known
  type: str
  sample: 20261124T093000-2.8.6-2.12.4
steps:
  description: The steps that are done.
  returned: when a job is known
  type: list
  elements: str
  sample: [check, fetch 2.12.4, unpack 2.12.4]
journal:
  description: The journal of the job on the host.
  returned: when a job is known
  type: str
  sample: /var/lib/dockyard/harbor/opt-harbor/journal.log
journal_lines:
  description: Its lines from O(journal_from) on.
  returned: when a job is known
  type: list
  elements: str
  sample: ["2026-11-24 09:30:00 1/19 Looking at Harbor 2.8.6"]
progress:
  description: Numbers of the step that is being done.
  returned: when RV(running)
  type: dict
  sample:
    step: copy
    text: Copying the data while Harbor is up
    number: 9
    count: 19
    done: 1288490188
    total: 3650722201
    rate: 220200960
    left: 11
    serving: true
    downtime: 0
diff:
  description: C(harbor.yml) before and after, with placeholders for secrets.
  returned: in diff mode, after an upgrade
  type: dict
  sample:
    before_header: /opt/harbor/harbor.yml (2.8.6)
    after_header: /opt/harbor/harbor.yml (2.12.4)
    before: "_version: 2.8.0\n"
    after: "_version: 2.12.0\n"
"""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.config import document
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.context import Secrets
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.plan import DesiredUpgrade
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.request import (
    Archive,
    Outcome,
    UpgradeRequest,
    execute_request,
)
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, run_module

_ARCHIVE = {
    "src": {"type": "path"},
    "remote_src": {"type": "bool", "default": False},
    "url": {"type": "str"},
    "checksum": {"type": "str"},
    "signature": {"type": "path"},
    "keyring": {"type": "path", "no_log": False},
}


class UpgradeRefused(DockyardError):
    """Say what is in the way of an upgrade, and return its plan."""

    def __init__(self, outcome: Outcome, result: dict[str, Any]) -> None:
        super().__init__("harbor_upgrade_refused", outcome.message, outcome.changed)
        self._result = {name: value for name, value in result.items() if name not in ("msg", "changed")}

    def returned(self) -> dict[str, Any]:
        """Return the results of a run that was refused."""
        return self._result


def run(call: ModuleCall) -> dict[str, Any]:
    if document.YAML_IMPORT_ERROR is not None:
        raise MissingLibrary("PyYAML", document.YAML_IMPORT_ERROR)
    call.require_root("upgrade Harbor")
    outcome = execute_request(_upgrade_request(call.params, call.check_mode))
    try:
        result = _result(call.params, outcome)
    except DockyardError as error:
        error.changed = outcome.changed
        raise
    if outcome.plan is not None:
        for warning in outcome.plan.warnings:
            call.warn(warning)
    if call.diff_mode and outcome.job is not None and outcome.outcome == "upgraded" and outcome.job.configuration:
        before, after = outcome.job.configuration
        result["diff"] = {
            "before_header": f"harbor.yml ({outcome.job.source})",
            "after_header": f"harbor.yml ({outcome.job.target})",
            "before": before,
            "after": after,
        }
    if outcome.failed and outcome.plan is not None:
        raise UpgradeRefused(outcome, result)
    return {**result, "failed": outcome.failed}


def _upgrade_request(params: dict[str, Any], check_mode: bool) -> UpgradeRequest:
    work = f"{os.path.realpath(params['path'])}.dockyard"
    return UpgradeRequest(
        path=os.path.realpath(params["path"]),
        state=params["state"],
        archives=[
            Archive(
                path=archive["src"] or os.path.join(work, "archives", _file_name(archive["url"])),
                url=archive["url"],
                checksum=archive["checksum"],
                signature=archive["signature"],
                keyring=archive["keyring"],
            )
            for archive in params["archives"]
        ],
        secrets=Secrets(params["admin_username"], params["admin_password"]),
        desired=DesiredUpgrade(
            backup_path=params["backup_path"],
            edited_compose=params["edited_compose"],
            drop_components=params["drop_components"],
            database_backup_command=params["database_backup_command"],
            database_restore_command=params["database_restore_command"],
        ),
        keep_backup=params["keep_backup"],
        timeout=params["timeout"],
        wait=params["wait"],
        job=params["job"],
        journal_from=params["journal_from"],
        only_plan=check_mode or params["state"] == "planned",
    )


def _file_name(url: str) -> str:
    """Return the last part of its path; what is behind it signs the address, for instance."""
    return os.path.basename(unquote(urlsplit(url).path))


def _result(params: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "msg": outcome.message,
        "changed": outcome.changed,
        "outcome": outcome.outcome,
        "running": outcome.running,
    }
    if outcome.error_code is not None:
        result["error_code"] = outcome.error_code
    plan, job = outcome.plan, outcome.job
    if plan is not None:
        result.update(
            plan=plan.as_result(),
            version_before=str(plan.source),
            version=str(plan.source),
            hops=[str(version) for version in plan.hops],
        )
    if job is not None:
        store = JobStore(job.path)
        result.update(
            job=job.id,
            version_before=job.source,
            version=job.target if job.outcome == "upgraded" else job.source,
            hops=[hop.version for hop in job.hops],
            downtime=round(job.downtime_now(), 1),
            backup=job.backup,
            kept_values=job.kept_values,
            repaired_values=job.repaired_values,
            added_values=job.added_values,
            resumed=job.resumed,
            rolled_back=job.outcome == "rolled_back",
            steps=job.done,
            journal=store.journal,
            journal_lines=store.journal_lines(params["journal_from"]),
        )
        if job.ended is not None:
            result["duration"] = round(job.ended - job.began, 1)
        if outcome.running:
            result["progress"] = store.progress()
    return result


def main() -> None:
    run_module(
        run,
        error_result={"outcome": "refused", "running": False},
        argument_spec={
            "path": {"type": "path", "default": "/opt/harbor"},
            "state": {"type": "str", "choices": ["upgraded", "planned", "rolled_back"], "default": "upgraded"},
            "archives": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": _ARCHIVE,
                "mutually_exclusive": [("src", "url")],
                "required_one_of": [("src", "url")],
                "required_together": [("signature", "keyring")],
            },
            "admin_username": {"type": "str", "default": "admin"},
            "admin_password": {"type": "str", "no_log": True},
            "backup_path": {"type": "path"},
            "keep_backup": {"type": "bool", "default": True},
            "edited_compose": {"type": "str", "choices": ["refuse", "discard"], "default": "refuse"},
            "drop_components": {"type": "list", "elements": "str", "default": []},
            "database_backup_command": {"type": "list", "elements": "str", "default": []},
            "database_restore_command": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 1800},
            "wait": {"type": "bool", "default": True},
            "progress": {"type": "int", "default": 5},
            "job": {"type": "str"},
            "journal_from": {"type": "int", "default": 0},
        },
    )


if __name__ == "__main__":
    main()
