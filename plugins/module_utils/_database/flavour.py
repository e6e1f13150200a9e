# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What every kind of database server has to say about a folder with its data.

A kind of server (MariaDB, Redis, PostgreSQL some day) is one class over Flavour; flavours.py lists them. Nothing is
started and nothing is written: what a folder holds is read from the server's own files.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar

from .version import Version


@dataclasses.dataclass(frozen=True)
class DataFound:
    """What a folder holds.

    flavour, title: of the server, as options name it and as a person does.
    version: of the server that wrote it last; () if its files do not say.
    format: the number of its file format, if it has one.
    source: the files that say so, relative to the folder.
    clean: whether the server was shut down properly; None if its files do not tell.
    """

    flavour: str
    title: str
    version: Version
    source: tuple[str, ...]
    format: int | None = None
    clean: bool | None = None


class Flavour(abc.ABC):
    """A kind of database server: how its data is recognised.

    names: the flavours that it can find, as options name them.
    """

    names: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def read(self, folder: str) -> DataFound | None:
        """Return what a folder holds of this kind; None if nothing.

        Raise DockyardError if there is something of it that can't be understood.
        """
