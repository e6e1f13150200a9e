# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a Redis is to be, what is there, and what has to happen; refusals come before anything is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import flavours, info, redis_family, version
from ..docker import Docker, Json
from . import acl, configuration, containers, image
from .definition import DEFINITION_LABEL, INSTANCE_LABEL, Definition
from .image import ServerImage
from .instance import CONF, USERS, Instance
from .server import program

# What the server shows of itself, and has to show as it was declared.
PROVEN = ("appendonly", "save", "maxmemory", "maxmemory-policy")


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is declared. container: its name; config: directives; definition options as the module takes them."""

    container: str
    flavour: str
    image: str
    folder: str
    users: tuple[acl.User, ...]
    config: dict[str, Any]
    adopt: bool
    options: dict[str, Any]

    @property
    def title(self) -> str:
        return redis_family.TITLES[self.flavour]


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
    _refuse_foreign(wish, instance, record, container, docker if engine else None)
    data = flavours.recognise(instance.data)
    _refuse_data(wish, data, found, container)
    _refuse_version(wish, docker, found, container)
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
    if not containers.is_running(details) and not plan.recreate:
        plan.start = True


def _refuse_foreign(
    wish: Wish, instance: Instance, record: dict[str, Any] | None, container: Json | None, docker: Docker | None
) -> None:
    if container is not None and container["Config"]["Labels"].get(INSTANCE_LABEL) != wish.folder:
        owner = container["Config"]["Labels"].get(INSTANCE_LABEL)
        whose = f"is that of the instance in {owner}" if owner else "was not made by this module"
        raise DockyardError(
            "redis_container_not_ours",
            f"The container {wish.container} {whose}; give another container_name, or remove that container first.",
        )
    if record is None:
        names = instance.names()
        if names and not (wish.adopt and set(names) <= {"data"}):
            raise DockyardError(
                "redis_folder_not_ours",
                f"{wish.folder} is not empty and was not made by this module (it has {', '.join(sorted(names)[:5])});"
                " give another folder, or, for data of an instance that is to be taken over, move them to"
                f" {instance.data} alone and set adopt: true.",
            )
    elif record["flavour"] != wish.flavour:
        raise DockyardError(
            "redis_flavour_changes",
            f"{wish.folder} is an instance of {redis_family.TITLES[record['flavour']]}, and {wish.title} is declared; a"
            " flavour is not changed in place. Make an instance of the other flavour beside, and copy the keys"
            " (redis-cli --rdb, MIGRATE).",
        )
    if docker is None:
        return
    others = [
        user.name
        for user in info.users_of(instance.data, docker.containers())
        if user.at_work and user.name != wish.container
    ]
    if others:
        raise DockyardError(
            "redis_data_in_use",
            f"The container {', '.join(others)} runs with {instance.data} mounted, and two servers ruin each other's"
            " data; stop it first.",
        )


def _refuse_data(wish: Wish, folder: flavours.Folder, found: ServerImage | None, container: Json | None) -> None:
    """Refuse data that this image must not, or can't, begin to work on."""
    if folder.state == "foreign":
        raise DockyardError(
            "redis_folder_not_ours",
            f"{folder.path} is not empty and holds no data of {wish.title}; move away what is in it, or give another"
            " folder.",
        )
    data = folder.data
    if data is None:
        return
    if data.flavour != wish.flavour:
        raise DockyardError(
            "redis_flavour_changes",
            f"{folder.path} holds data of {data.title} {version.shown(data.version)}, and {wish.title} is declared; a"
            " flavour is not changed in place. Make an instance of the other flavour beside, and copy the keys.",
        )
    if found is None or not data.version:
        return
    if found.version != data.version and not (container is not None and container["Image"] == found.id):
        raise _upgrade_needed(f"{folder.path} holds data of {data.title} {version.shown(data.version)}", found)


def _refuse_version(wish: Wish, docker: Docker, found: ServerImage | None, container: Json | None) -> None:
    """Refuse an image of another version than the container has, whose data may not be on the disk yet."""
    if found is None or container is None or container["Image"] == found.id:
        return
    present = image.inspect(docker, container["Image"], wish.flavour)
    if present is not None and present.version != found.version:
        raise _upgrade_needed(f"{wish.container} is {present.title}", found)


def _upgrade_needed(what: str, found: ServerImage) -> DockyardError:
    return DockyardError(
        "redis_upgrade_needed",
        f"{what}, and the image {found.name} is {found.title}; a version is changed by the module database_upgrade"
        " (role redis: redis_upgrade: true).",
    )
