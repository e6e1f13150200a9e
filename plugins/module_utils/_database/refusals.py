# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What no module may do to a container, a folder or data that are there; asked before anything is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import flavours, info, version
from .container_definition import INSTANCE_LABEL
from .docker import Docker, Json
from .instance_folder import InstanceFolder
from .server_image import ServerImage


@dataclasses.dataclass(frozen=True)
class Declared:
    """What is declared of any instance.

    container: its name. adopt: whether data that are there may be taken over. copy_hint: how data get from one flavour
    to another. role: the role that has an option for upgrades.
    """

    container: str
    flavour: str
    folder: str
    adopt: bool
    copy_hint: str
    role: str

    @property
    def title(self) -> str:
        return flavours.TITLES[self.flavour]


def refuse_foreign(
    wish: Declared,
    instance: InstanceFolder,
    record: dict[str, Any] | None,
    container: Json | None,
    docker: Docker | None,
) -> None:
    if container is not None and container["Config"]["Labels"].get(INSTANCE_LABEL) != wish.folder:
        owner = container["Config"]["Labels"].get(INSTANCE_LABEL)
        whose = f"is that of the instance in {owner}" if owner else "was not made by this module"
        raise DockyardError(
            "database_container_not_ours",
            f"The container {wish.container} {whose}; give another container_name, or remove that container first.",
        )
    if record is None:
        names = instance.names()
        if names and not (wish.adopt and set(names) <= {"data"}):
            raise DockyardError(
                "database_folder_not_ours",
                f"{wish.folder} is not empty and was not made by this module (it has {', '.join(sorted(names)[:5])});"
                " give another folder, or, for data of an instance that is to be taken over, move them to"
                f" {instance.data} alone and set adopt: true.",
            )
    elif record["flavour"] != wish.flavour:
        raise DockyardError(
            "database_flavour_changes",
            f"{wish.folder} is an instance of {flavours.TITLES[record['flavour']]}, and {wish.title} is declared; a"
            f" flavour is not changed in place. Make an instance of the other flavour beside, and {wish.copy_hint}.",
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
            "database_data_in_use",
            f"The container {', '.join(others)} runs with {instance.data} mounted, and two servers ruin each other's"
            " data; stop it first.",
        )


def refuse_data(wish: Declared, folder: flavours.Folder, found: ServerImage | None, container: Json | None) -> None:
    """Refuse data that this image must not, or can't, begin to work on."""
    if folder.state == "foreign":
        raise DockyardError(
            "database_folder_not_ours",
            f"{folder.path} is not empty and holds no data of {wish.title}; move away what is in it, or give another"
            " folder.",
        )
    data = folder.data
    if data is None:
        return
    if data.flavour != wish.flavour:
        raise DockyardError(
            "database_flavour_changes",
            f"{folder.path} holds data of {data.title} {version.shown(data.version)}, and {wish.title} is declared; a"
            f" flavour is not changed in place. Make an instance of the other flavour beside, and {wish.copy_hint}.",
        )
    if found is None or not data.version:
        return
    if found.version != data.version and not (container is not None and container["Image"] == found.id):
        raise _upgrade_needed(wish, f"{folder.path} holds data of {data.title} {version.shown(data.version)}", found)


def refuse_unknown_version(folder: flavours.Folder, record: dict[str, Any] | None) -> None:
    """Refuse to take over data that do not say which server wrote them: any other would change them for good.

    It is for servers that keep their version in a file beside the data. record: of the instance, if it is one already.
    """
    data = folder.data
    if record is None and data is not None and not data.version:
        example = "10.11.18-MariaDB" if data.flavour == "mariadb" else "5.7.44"
        raise DockyardError(
            "database_version_unknown",
            f"{folder.path} holds data of {data.title}, and no file there says of which version; a server of another"
            " one would change them for good. If it is known which it was, write it to"
            f" {folder.path}/{data.flavour}_upgrade_info, as in {example}; otherwise load a dump into an empty"
            " instance.",
        )


def refuse_version(wish: Declared, found: ServerImage | None, present: ServerImage | None) -> None:
    """Refuse an image of another version than the container has, whose data may not be on the disk yet.

    present: of the container; None if there is none, or it has the same image.
    """
    if found is not None and present is not None and present.version != found.version:
        raise _upgrade_needed(wish, f"{wish.container} is {present.title}", found)


def _upgrade_needed(wish: Declared, what: str, found: ServerImage) -> DockyardError:
    return DockyardError(
        "database_upgrade_needed",
        f"{what}, and the image {found.name} is {found.title}; a version is changed by the module database_upgrade"
        f" (role {wish.role}: {wish.role}_upgrade: true).",
    )
