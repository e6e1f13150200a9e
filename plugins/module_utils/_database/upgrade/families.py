# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What an upgrade has to know of each family of servers, by flavour."""

from __future__ import annotations

import dataclasses
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..docker import Docker
from ..instance_folder import InstanceFolder
from ..keeper import Keeper
from ..mysql import image as mysql_image
from ..mysql.instance import Instance as MySqlInstance
from ..mysql.keeper import MySqlKeeper
from ..mysql.upgrade import MySqlKind
from ..redis import image as redis_image
from ..redis.containers import RedisKeeper
from ..redis.instance import Instance as RedisInstance
from ..redis.upgrade import RedisKind
from ..server_image import ServerImage
from .container_kind import ContainerKind
from .job import Job


@dataclasses.dataclass(frozen=True)
class Family:
    """inspect: what is in an image. how_to_copy: how data get from one flavour to another. counted: key of a census."""

    flavours: tuple[str, ...]
    module: str
    inspect: Callable[[Docker, str, str], ServerImage | None]
    keeper: Callable[[Docker, str, InstanceFolder, str], Keeper]
    kind: Callable[[Docker, Job], ContainerKind]
    how_to_copy: str


FAMILIES = (
    Family(
        ("redis", "valkey"),
        "redis_server",
        redis_image.inspect,
        lambda docker, name, folder, _flavour: RedisKeeper(docker, name, RedisInstance(folder.folder)),
        RedisKind,
        "copy the keys",
    ),
    Family(
        ("mariadb", "mysql"),
        "mysql_server",
        mysql_image.inspect,
        lambda docker, name, folder, flavour: MySqlKeeper(docker, name, MySqlInstance(folder.folder), flavour),
        MySqlKind,
        "dump the databases and load them there",
    ),
)


def family_of(flavour: str, title: str) -> Family:
    """Return the family of a flavour. Raise DockyardError for one that is not upgraded here."""
    for family in FAMILIES:
        if flavour in family.flavours:
            return family
    raise DockyardError(
        "database_upgrade_refused",
        f"The record is of an upgrade of {title}, which this version of the collection does not do.",
    )
