# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the module redis_server does: plan, change or remove one instance, and say what has come of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import module_common
from ..module_common import definition_lines, diff_entry
from . import acl
from .containers import RedisKeeper
from .deploy import Deployment
from .instance import CONF, USERS, Instance
from .plan import Plan, Wish, make_plan


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module. call: a _module.ModuleCall."""
    return module_common.run(
        call,
        lambda docker, folder: RedisKeeper(docker, call.params["container_name"], Instance(folder)),
        wish,
        make_plan,
        Deployment,
        _diff,
    )


def wish(params: dict[str, Any], folder: str) -> Wish:
    """Return what the module's parameters declare."""
    return Wish(
        container=params["container_name"],
        flavour=params["flavour"],
        folder=folder,
        adopt=params["adopt"],
        copy_hint="copy the keys (redis-cli --rdb, MIGRATE)",
        role="redis",
        image=params["image"],
        users=tuple(_user(user) for user in params["users"]),
        config=params["config"],
        options=module_common.container_options(params),
    )


def _user(declared: dict[str, Any]) -> acl.User:
    password = declared["password"]
    if password is None and declared["password_file"] is not None:
        password = module_common.password_from_file(
            declared["password_file"],
            f"the user {declared['name']}",
            lambda sentence: DockyardError("redis_user_invalid", sentence),
        )
    return acl.User(declared["name"], password, declared["rules"])


def _diff(plan: Plan) -> list[dict[str, str]]:
    record = plan.instance.record()
    before = plan.instance.files()
    old = {"image": record["image"], **record["definition"]} if record and plan.container else {}
    new = {"image": plan.wish.image, **plan.definition.encoded()}
    return [
        diff_entry(plan.wish.container, definition_lines(old), definition_lines(new)),
        diff_entry(CONF, before.get(CONF, b"").decode(errors="replace"), plan.files[CONF]),
        _users_entry(before.get(USERS, b"").decode(errors="replace"), plan.files[USERS]),
    ]


def _users_entry(before: str, after: str) -> dict[str, str]:
    # Both at once, so that equal passwords have equal placeholders.
    mark = "\n\0\n"
    shown_before, _mark, shown_after = acl.shown(f"{before}{mark}{after}").partition(mark)
    return diff_entry(USERS, shown_before, shown_after)
