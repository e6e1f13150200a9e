# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""All kinds of database servers that are known, and what a folder holds of any of them."""

from __future__ import annotations

import dataclasses
import os
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import mysql_family, redis_family
from .flavour import DataFound, Flavour
from .mysql_family import MySqlFamily
from .redis_family import RedisFamily

FAMILIES: tuple[Flavour, ...] = (MySqlFamily(), RedisFamily())
TITLES = {**mysql_family.TITLES, **redis_family.TITLES}
NAMES = tuple(name for family in FAMILIES for name in family.names)

# What a folder may have that is no content: of a file system's own, and of an unfinished write of a file.
_NO_CONTENT = ("lost+found",)


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder, and the data in it. data is None unless the state is V(database)."""

    path: str
    state: Literal["missing", "empty", "database", "foreign"]
    data: DataFound | None = None


def recognise(path: str) -> Folder:
    """Return what is in a folder. Raise DockyardError for data that can't be understood."""
    try:
        names = [name for name in os.listdir(path) if name not in _NO_CONTENT]
    except FileNotFoundError:
        return Folder(path, "missing")
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error
    found = [data for data in (family.read(path) for family in FAMILIES) if data is not None]
    if len(found) > 1:
        raise DockyardError(
            "database_data_unreadable",
            f"{path} holds data of {' and '.join(data.title for data in found)}; a server has a folder of its own. Move"
            " away what does not belong there.",
        )
    if found:
        return Folder(path, "database", found[0])
    return Folder(path, "foreign" if names else "empty")
