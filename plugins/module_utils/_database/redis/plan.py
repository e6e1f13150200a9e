# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a Redis is to be, what is there, and what has to happen; refusals come before anything is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import flavours, redis_family, refusals, server_container
from ..container_definition import DEFINITION_LABEL
from ..docker import Docker, Json
from ..refusals import Declared
from ..server_image import ServerImage
from . import acl, configuration, image
from .definition import Definition
from .instance import CONF, USERS, Instance
from .server import program

# What the server shows of itself, and has to show as it was declared.
PROVEN = ("appendonly", "save", "maxmemory", "maxmemory-policy")


@dataclasses.dataclass(frozen=True)
class Wish(Declared):
    """What is declared. config: directives; definition options as the module takes them."""

    image: str
    users: tuple[acl.User, ...]
    config: dict[str, Any]
    options: dict[str, Any]


@dataclasses.dataclass
class Plan:
    """What has to happen.

    image: None in check mode if the host does not have it yet.
    create, recreate, restart, start: the one of them that the container needs; live: directives to set on the running
    server; removed: directives that go back to the server's defaults, which takes a restart.
    rotated: hashes of passwords that stay valid until the new ones are proven.
    append_only_before: how the data that are there were written; None if there are none.
    """

    wish: Wish
    instance: Instance
    image: ServerImage | None
    definition: Definition
    owner: tuple[int, int]
    values: configuration.Values
    files: dict[str, str]
    passwords: dict[str, str]
    container: Json | None
    create: bool = False
    recreate: list[str] = dataclasses.field(default_factory=list)
    start: bool = False
    live: dict[str, str] = dataclasses.field(default_factory=dict)
    removed: list[str] = dataclasses.field(default_factory=list)
    users_differ: bool = False
    rotated: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    files_differ: bool = False
    give_data: bool = False
    append_only_before: bool | None = None

    @property
    def image_name(self) -> str:
        return self.wish.image

    @property
    def changed(self) -> bool:
        return bool(
            self.create or self.recreate or self.start or self.files_differ or self.give_data or self.users_differ
        )


def make_plan(wish: Wish, docker: Docker, engine: bool) -> Plan:
    """Return what has to happen. Raise DockyardError for what must not.

    engine: whether an engine answers; without one, everything is to be created.
    """
    acl.check(wish.users)
    values = configuration.merged(wish.config)
    instance = Instance(wish.folder)
    record = instance.record()
    found = image.inspect(docker, wish.image, wish.flavour) if engine else None
    user = found.user if found else (0, 0)
    base = docker.user_base() if engine else (0, 0)
    definition = Definition(
        program=program(wish.flavour),
        user=f"{user[0]}:{user[1]}",
        instance=wish.folder,
        data=instance.data,
        config=instance.config,
        **wish.options,
    )
    if not wish.users and not definition.on_loopback:
        raise DockyardError(
            "redis_open",
            f"{wish.container} is to publish its port on {definition.address} and has no user, so that everybody who"
            " reaches that address could read and delete all; give users with passwords, or the address 127.0.0.1.",
        )
    container = docker.container(wish.container) if engine else None
    refusals.refuse_foreign(wish, instance, record, container, docker if engine else None)
    data = flavours.recognise(instance.data)
    refusals.refuse_data(wish, data, found, container)
    if container is not None and found is not None and container["Image"] != found.id:
        refusals.refuse_version(wish, found, image.inspect(docker, container["Image"], wish.flavour))
    passwords = instance.own_passwords()
    before = instance.files()
    users_before = before.get(USERS, b"").decode(errors="replace")
    content = acl.render(wish.users, passwords)
    plan = Plan(
        wish=wish,
        instance=instance,
        image=found,
        definition=definition,
        owner=(base[0] + user[0], base[1] + user[1]),
        values=values,
        files=instance.desired_files(wish.flavour, values, content, passwords[acl.HEALTH]),
        passwords=passwords,
        container=container,
    )
    plan.files_differ = before != {name: text.encode() for name, text in plan.files.items()}
    plan.users_differ = users_before != content
    plan.rotated = acl.rotated(users_before, wish.users)
    _plan_configuration(plan, before.get(CONF, b"").decode(errors="replace"), data)
    _plan_container(plan, found)
    return plan


def _plan_configuration(plan: Plan, before: str, data: flavours.Folder) -> None:
    """Plan what changes in the configuration, and how the data that are there have to be read."""
    old = configuration.parse(before)
    if old:
        plan.live = {key: value for key, value in plan.values.items() if old.get(key) != value}
        plan.removed = sorted(set(old) - set(plan.values))
        # Also if there is nothing on the disk yet: what is in memory is written at the stop, in the way of before.
        plan.append_only_before = configuration.is_on(old, "appendonly")
    elif data.state == "database":
        # Adopted data have no configuration of ours. The server itself would take the append-only file if it is told to
        # use one, and else the snapshot.
        plan.append_only_before = redis_family.append_only(plan.instance.data) is not None


def _plan_container(plan: Plan, found: ServerImage | None) -> None:
    details = plan.container
    plan.give_data = bool(found) and details is not None and plan.instance.owner_differs(plan.owner)
    if details is None:
        plan.create = True
        return
    if details["Config"]["Labels"].get(DEFINITION_LABEL) != plan.definition.checksum():
        plan.recreate.append("definition")
    if found is not None and details["Image"] != found.id:
        plan.recreate.append("image")
    if not server_container.is_running(details) and not plan.recreate:
        plan.start = True
