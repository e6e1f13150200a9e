# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a MySQL or MariaDB is to be, what is there, and what has to happen; refusals come before anything is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

from .. import flavours, refusals, server_container
from ..container_definition import DEFINITION_LABEL
from ..docker import Docker, Json
from ..refusals import Declared
from ..server_image import ServerImage
from . import accounts, configuration, image
from .accounts import Database, User
from .definition import Definition
from .instance import CONF, Instance
from .keeper import MySqlKeeper


@dataclasses.dataclass(frozen=True)
class Wish(Declared):
    """What is declared.

    config: options of the server. tls: files of its certificate. options: of the definition, as the module takes them.
    """

    image: str
    users: tuple[User, ...]
    databases: tuple[Database, ...]
    config: dict[str, Any]
    tls: dict[str, str]
    options: dict[str, Any]


@dataclasses.dataclass
class Plan:
    """What has to happen.

    image: None in check mode if the host does not have it yet.
    create, recreate, start: the one of them that the container needs; live: options to set on the running server;
    removed: options that go back to the server's defaults, which takes a restart.
    contents: None if no running server could be asked.
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
    new_data: bool = False
    create: bool = False
    recreate: list[str] = dataclasses.field(default_factory=list)
    start: bool = False
    live: dict[str, str] = dataclasses.field(default_factory=dict)
    removed: list[str] = dataclasses.field(default_factory=list)
    contents: Contents | None = None
    files_differ: bool = False
    give_data: bool = False

    @property
    def image_name(self) -> str:
        return self.wish.image

    @property
    def changed(self) -> bool:
        contents = bool(self.contents and self.contents.changed)
        return bool(self.create or self.recreate or self.start or self.files_differ or self.give_data or contents)


@dataclasses.dataclass
class Contents:
    """What has to happen in the running server.

    databases, grants: statements. users: who is missing.
    rotated: users with another password, and the hashes that let them in now.
    """

    databases: list[str] = dataclasses.field(default_factory=list)
    users: list[User] = dataclasses.field(default_factory=list)
    grants: list[str] = dataclasses.field(default_factory=list)
    rotated: list[tuple[User, list[str]]] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.databases or self.users or self.grants or self.rotated)


def make_plan(wish: Wish, docker: Docker, engine: bool) -> Plan:
    """Return what has to happen. Raise DockyardError for what must not.

    engine: whether an engine answers; without one, everything is to be created.
    """
    accounts.check(wish.users, wish.databases)
    values = configuration.merged(wish.config, wish.flavour, tuple(wish.tls))
    instance = Instance(wish.folder)
    record = instance.record()
    found = image.inspect(docker, wish.image, wish.flavour) if engine else None
    user = found.user if found else (0, 0)
    definition = Definition(
        program=image.SERVERS[wish.flavour],
        user=f"{user[0]}:{user[1]}",
        instance=wish.folder,
        data=instance.data,
        config=instance.config,
        **wish.options,
    )
    container = docker.container(wish.container) if engine else None
    refusals.refuse_foreign(wish, instance, record, container, docker if engine else None)
    data = flavours.recognise(instance.data)
    refusals.refuse_data(wish, data, found, container)
    refusals.refuse_unknown_version(data, record)
    if container is not None and found is not None and container["Image"] != found.id:
        refusals.refuse_version(wish, found, image.inspect(docker, container["Image"], wish.flavour))
    passwords = instance.own_passwords()
    before = instance.files()
    plan = Plan(
        wish=wish,
        instance=instance,
        image=found,
        definition=definition,
        owner=definition.owner(docker.user_base() if engine else (0, 0)),
        values=values,
        files=instance.desired_files(wish.flavour, values, passwords, wish.tls),
        passwords=passwords,
        container=container,
        new_data=data.state in ("missing", "empty"),
    )
    plan.files_differ = before != {name: text.encode() for name, text in plan.files.items()}
    old = configuration.parse(before.get(CONF, b"").decode(errors="replace"))
    if old:
        plan.live = {key: value for key, value in values.items() if old.get(key) != value}
        plan.removed = sorted(set(old) - set(values))
    _plan_container(plan)
    if server_container.is_running(container):
        server = MySqlKeeper(docker, wish.container, instance, wish.flavour).running_server()
        if not server.why_not_up():
            plan.contents = plan_contents(wish, server)
    return plan


def _plan_container(plan: Plan) -> None:
    details = plan.container
    plan.give_data = bool(plan.image) and details is not None and plan.instance.owner_differs(plan.owner)
    if details is None:
        plan.create = True
        return
    if details["Config"]["Labels"].get(DEFINITION_LABEL) != plan.definition.checksum():
        plan.recreate.append("definition")
    if plan.image is not None and details["Image"] != plan.image.id:
        plan.recreate.append("image")
    if not server_container.is_running(details) and not plan.recreate:
        plan.start = True


def plan_contents(wish: Wish, server: Any) -> Contents:
    """Return what has to happen in a running server. server: a server.Server."""
    found = Contents()
    present = server.databases()
    for database in wish.databases:
        name = accounts.identifier(database.name)
        character_set = f" CHARACTER SET {database.encoding}" if database.encoding else ""
        collation = f" COLLATE {database.collation}" if database.collation else ""
        now = present.get(database.name)
        if now is None:
            found.databases.append(f"CREATE DATABASE {name}{character_set}{collation}")
        elif database.encoding not in ("", now.encoding) or database.collation not in ("", now.collation):
            found.databases.append(f"ALTER DATABASE {name}{character_set}{collation}")
    hashes = server.hashes()
    for user in wish.users:
        now_valid = hashes.get((user.name, user.host))
        if now_valid is None:
            found.users.append(user)
        elif not server.passwords.are(now_valid, user):
            found.rotated.append((user, now_valid))
        grants = server.grants(user) if now_valid is not None and user.privileges is not None else {}
        found.grants += accounts.grant_statements(user, grants)
    return found
