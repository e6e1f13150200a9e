# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the module mysql_server does: plan, change or remove one instance, and say what has come of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .. import module_common
from ..module_common import definition_lines, diff_entry
from . import accounts
from .deploy import Deployment
from .instance import CONF, Instance
from .keeper import MySqlKeeper
from .plan import Plan, Wish, make_plan


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module. call: a _module.ModuleCall."""
    return module_common.run(
        call,
        lambda docker, folder: MySqlKeeper(
            docker, call.params["container_name"], Instance(folder), call.params["flavour"]
        ),
        wish,
        make_plan,
        Deployment,
        _diff,
    )


def wish(params: dict[str, Any], folder: str) -> Wish:
    """Return what the module's parameters declare."""
    users = [_user(user) for user in params["users"]]
    if params["root_password"] is not None or params["root_password_file"] is not None:
        name, host = accounts.ROOT
        secret = {"password": params["root_password"], "password_file": params["root_password_file"]}
        users.append(_user({"name": name, "host": host, "privileges": None, **secret}))
    return Wish(
        container=params["container_name"],
        flavour=params["flavour"],
        folder=folder,
        adopt=params["adopt"],
        copy_hint="dump the databases and load them there",
        role="mysql",
        image=params["image"],
        users=tuple(users),
        databases=tuple(
            accounts.Database(each["name"], each["encoding"] or "", each["collation"] or "")
            for each in params["databases"]
        ),
        config=params["config"],
        tls=_tls(params),
        options=module_common.container_options(params),
    )


def _tls(params: dict[str, Any]) -> dict[str, str]:
    """Return the files of the server's certificate, as the container has them."""
    found = {}
    for option, file in (
        ("tls_ca_file", "ca.crt"),
        ("tls_certificate_file", "server.crt"),
        ("tls_key_file", "server.key"),
    ):
        path = params[option]
        if path is None:
            continue
        content = atomic_file.read(path)
        if content is None:
            raise DockyardError(
                "mysql_certificate_missing", f"{path}, given as {option}, does not exist on this host; write it first."
            )
        found[file] = content.decode(errors="replace")
    return found


def _user(declared: dict[str, Any]) -> accounts.User:
    name, host, password = declared["name"], declared["host"], declared["password"]
    if password is None and declared["password_file"] is not None:
        password = module_common.password_from_file(
            declared["password_file"], f"the user {name}@{host}", accounts.refuse
        )
    privileges = declared["privileges"]
    return accounts.User(
        name,
        host,
        password or "",
        None if privileges is None else accounts.parse_privileges(privileges, f"{name}@{host}"),
    )


def _diff(plan: Plan) -> list[dict[str, str]]:
    record = plan.instance.record()
    before = plan.instance.files().get(CONF, b"").decode(errors="replace")
    old = {"image": record["image"], **record["definition"]} if record and plan.container else {}
    new = {"image": plan.wish.image, **plan.definition.encoded()}
    contents = plan.contents
    changes = [] if contents is None else [*contents.databases, *contents.grants]
    if contents is not None:
        changes += [f"the user {user.shown} gets another password" for user, _valid in contents.rotated]
        changes += [f"the user {user.shown} is created" for user in contents.users]
    return [
        diff_entry(plan.wish.container, definition_lines(old), definition_lines(new)),
        diff_entry(CONF, before, plan.files[CONF]),
        diff_entry("users and databases", "", "".join(f"{each}\n" for each in changes)),
    ]
