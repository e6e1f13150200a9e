#!/usr/bin/python
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_htpasswd
short_description: Manage the users of a container registry
version_added: 0.1.0
description:
  - Brings a registry's C(htpasswd) file to a whole list of users in one call. Docker Distribution reads this file
    for its C(htpasswd) authentication, and so do web servers in front of one.
  - Hashes are bcrypt, written as C($2y$), because a registry refuses every other scheme without saying so.
    An entry with another scheme or another cost is repaired.
  - The file is replaced in one step, and a running registry reads it at once, without a restart. Comments, blank
    lines and the entries of users that are not in the list are preserved.
  - A file that the registry couldn't read is reported with the number of the line, and left as it is.
extends_documentation_fragment:
  - ansible.builtin.files
  - dockyard.ops._attributes
  - dockyard.ops._attributes.files
options:
  path:
    description:
      - The file. Its folder must exist. A symbolic link is followed.
      - For a registry in a container, mount the folder. With the file itself mounted, the container keeps the old file
        for as long as it runs.
    type: path
    required: true
  users:
    description:
      - The users. One that is listed twice must be the same both times.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The user's name. It can't contain a colon or a control character, begin with C(#), or begin or end with
            white space, and is at most 255 bytes long.
        type: str
        required: true
      password:
        description:
          - The password, at most 72 bytes long in UTF-8 and without control characters.
          - Required if O(users[].state=present).
        type: str
      state:
        description:
          - Whether the user is to be in the file.
        type: str
        choices:
          - present
          - absent
        default: present
  purge:
    description:
      - Whether to remove the users that are not in O(users).
      - A list without any present user is then refused, because it would lock all users out.
    type: bool
    default: false
  cost:
    description:
      - The cost of the hashes. Each step doubles the time that one takes to compute.
      - The registry computes one on every request, and does not remember the result. So the cost is latency for users
        and load for the host. On two cores, a registry answered one client 367 requests per second at cost 5, 61 at
        cost 8, 14 at cost 10 and 4 at cost 12, and one request took 2, 16, 62 and 247 milliseconds. A push of 11 layers
        took 0.3 seconds at cost 5 and 8 to 10 seconds at cost 12.
      - V(5) is right for long generated passwords, V(8) for those that people make up. Above V(10) the module warns.
    type: int
    default: 8
  update_password:
    description:
      - With V(always), an entry that does not have this password, scheme and cost gets a new hash.
      - With V(on_create), passwords are only set for users that are not in the file yet, and existing entries stay as
        they are. If such an entry is not bcrypt, so that a registry refuses this user, the module warns.
    type: str
    choices:
      - always
      - on_create
    default: always
  backup:
    description:
      - Whether to keep a copy of the old file beside it when the file changes.
    type: bool
    default: false
  lock_timeout:
    description:
      - Seconds to wait for another run of this collection that is changing a file in the same folder.
    type: int
    default: 30
  mode:
    description:
      - The permissions of the file, as for M(ansible.builtin.file).
      - If not given, a new file gets V('0600'), which a registry in a container can read because it runs as root, and
        an existing file keeps what it has.
  unsafe_writes:
    description:
      - Has no effect. This module always replaces the file in one step.
requirements:
  - C(bcrypt), or C(passlib) with it (its maintained distribution is C(libpass)), on the managed host. Debian has
    C(python3-bcrypt) and C(python3-passlib).
notes:
  - Verifying and hashing use all cores that the module's process may use.
  - If a name is on several lines, the registry takes the last one. Of a user in O(users) only that one is kept.
  - Two runs of this collection exclude each other. A program that takes no lock, such as C(htpasswd -B), is noticed if
    it writes to the file before it is replaced, and its change is kept.
seealso:
  - module: community.general.htpasswd
    description: One user per task, for web servers, with other schemes.
  - name: Registry configuration
    description: The C(htpasswd) authentication of Docker Distribution.
    link: https://distribution.github.io/distribution/about/configuration/#htpasswd
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Let exactly these users in
  dockyard.ops.registry_htpasswd:
    path: /srv/registry/auth/htpasswd
    users:
      - name: alice
        password: "{{ registry_password_of_alice }}"
      - name: bob
        password: "{{ registry_password_of_bob }}"
    purge: true
    backup: true

- name: Add an account for machines, whose password is long and generated
  dockyard.ops.registry_htpasswd:
    path: /srv/registry/auth/htpasswd
    users:
      - name: ci
        password: "{{ registry_password_of_ci }}"
    cost: 5

- name: Give a new colleague a first password, and take a former one's access away
  dockyard.ops.registry_htpasswd:
    path: /srv/registry/auth/htpasswd
    users:
      - name: carol
        password: "{{ registry_first_password_of_carol }}"
      - name: dave
        state: absent
    update_password: on_create
"""

RETURN = r"""
msg:
  description: What was done, or would have been done in check mode, in one sentence.
  returned: always
  type: str
  sample: Added alice and changed bob in /srv/registry/auth/htpasswd.
path:
  description: The file.
  returned: success
  type: str
  sample: /srv/registry/auth/htpasswd
users_added:
  description: Names of the users that were added.
  returned: success
  type: list
  elements: str
  sample:
    - alice
users_updated:
  description: The users whose entry was changed, and why.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The user's name.
      type: str
      sample: bob
    reason:
      description: >-
        V(password) if it was another one, V(scheme) if the hash was not a C($2y$) bcrypt hash, V(cost) if its cost was
        another one, V(duplicate) if only further lines of the same user were removed.
      type: str
      sample: scheme
  sample:
    - name: bob
      reason: scheme
users_removed:
  description: Names of the users that were removed.
  returned: success
  type: list
  elements: str
  sample:
    - dave
backup_file:
  description: The copy of the old file.
  returned: changed and O(backup=true), and there was a file
  type: str
  sample: /srv/registry/auth/htpasswd.4711.2026-11-20@09:30:00~
diff:
  description: >-
    The users before and after, with scheme and cost of their hashes and a placeholder for each hash; never a hash or a
    password. Equal hashes have equal placeholders. If owner, group or mode change, they follow as a second entry.
  returned: in diff mode
  type: list
  elements: dict
  sample:
    - before_header: /srv/registry/auth/htpasswd
      after_header: /srv/registry/auth/htpasswd
      before: ""
      after: |
        alice: bcrypt cost 8 (secret 1)
"""

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._module import MissingLibrary, ModuleCall, run_module
from ansible_collections.dockyard.ops.plugins.module_utils._registry.htpasswd import Plan, User
from ansible_collections.dockyard.ops.plugins.module_utils._registry.htpasswd_update import DesiredUsers, Update
from ansible_collections.dockyard.ops.plugins.module_utils._registry.password_hash import MissingBcrypt


def run(call: ModuleCall) -> dict[str, Any]:
    """Bring the file to the list of users."""
    params = call.params
    if not 4 <= params["cost"] <= 31:
        raise DockyardError(
            "htpasswd_cost_invalid",
            f"cost is {params['cost']}, and bcrypt has costs from 4 to 31; choose one of them and run again.",
        )
    path = params["path"]
    attributes = call.file_attributes(path)
    desired = DesiredUsers(
        path=path,
        users=[User(user["name"], user["password"] or "", user["state"] == "present") for user in params["users"]],
        purge=params["purge"],
        cost=params["cost"],
        always=params["update_password"] == "always",
        backup=params["backup"],
        lock_timeout=params["lock_timeout"],
    )
    try:
        outcome = Update(desired, call.check_mode, attributes.set_on).run()
    except MissingBcrypt as error:
        raise MissingLibrary("bcrypt", str(error)) from error
    for warning in outcome.warnings:
        call.warn(warning)

    changed = outcome.plan.changes_something
    if outcome.existed or (changed and not call.check_mode):
        changed = attributes.set_in_place(changed)
    result: dict[str, Any] = {
        "changed": changed,
        "msg": _sentence(outcome.plan, path, changed, call.check_mode),
        "path": path,
        "users_added": outcome.plan.added,
        "users_updated": [change._asdict() for change in outcome.plan.updated],
        "users_removed": outcome.plan.removed,
    }
    if outcome.backup_file is not None:
        result["backup_file"] = outcome.backup_file
    if call.diff_mode:
        result["diff"] = attributes.diffs(outcome.before, outcome.after)
    return result


def _sentence(plan: Plan, path: str, changed: bool, check_mode: bool) -> str:
    """Return what happened to the file in one sentence."""
    parts = [("added", plan.added), ("changed", [change.name for change in plan.updated]), ("removed", plan.removed)]
    steps = [f"{verb} {', '.join(names)}" for verb, names in parts if names]
    if plan.unmarked:
        steps.append("taken away the byte order mark, which was a part of the first name")
    done = " and ".join(steps)
    if not done:
        done = "changed the lines or attributes" if changed else ""
    if not done:
        return f"The users in {path} are as declared."
    return f"Would have {done} in {path}." if check_mode else f"{done[0].upper()}{done[1:]} in {path}."


def main() -> None:
    run_module(
        run,
        argument_spec={
            "path": {"type": "path", "required": True},
            "users": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                },
                "required_if": [("state", "present", ["password"])],
            },
            "purge": {"type": "bool", "default": False},
            "cost": {"type": "int", "default": 8},
            "update_password": {
                "type": "str",
                "choices": ["always", "on_create"],
                "default": "always",
                "no_log": False,
            },
            "backup": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 30},
        },
        add_file_common_args=True,
    )


if __name__ == "__main__":
    main()
