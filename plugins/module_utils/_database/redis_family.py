# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Redis and Valkey: what a folder with their data holds."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import rdb
from .flavour import DataFound, Flavour

SNAPSHOT = "dump.rdb"
APPEND_FOLDER = "appendonlydir"
MANIFEST = f"{APPEND_FOLDER}/appendonly.aof.manifest"
_OLD_APPEND_FILE = "appendonly.aof"  # up to 6.2
TITLES = {"redis": "Redis", "valkey": "Valkey"}
_PLAIN = re.compile(rb"\*\d+\r\n\$\d+\r\n")


@dataclasses.dataclass(frozen=True)
class AppendOnly:
    """The append-only file as its manifest names its parts. base: the snapshot that it begins with, if it has one."""

    base: str | None
    parts: tuple[str, ...]


def append_only(folder: str) -> AppendOnly | None:
    """Return the append-only file of a data folder; None if it has none."""
    content = atomic_file.read(os.path.join(folder, MANIFEST))
    if content is None:
        return None
    base, parts = None, []
    for line in content.decode(errors="replace").splitlines():
        words = shlex.split(line, comments=True)
        entry = dict(zip(words[::2], words[1::2]))
        if not words:
            continue
        if "file" not in entry or entry.get("type") not in ("b", "i", "h") or "/" in entry["file"]:
            raise DockyardError(
                "database_data_unreadable",
                f"{os.path.join(folder, MANIFEST)} has the line '{line[:100]}', which is none of a manifest; restore a"
                " backup of it, or give another folder.",
            )
        path = f"{APPEND_FOLDER}/{entry['file']}"
        parts.append(path)
        base = path if entry["type"] == "b" else base
    return AppendOnly(base, tuple(parts))


class RedisFamily(Flavour):
    """Redis and Valkey.

    Of several files the newest version counts: no older server reads them all.
    """

    names = ("redis", "valkey")

    def read(self, folder: str) -> DataFound | None:
        headers = []
        plain = []
        for name in self._candidates(folder):
            path = os.path.join(folder, name)
            if not os.path.lexists(path):
                continue
            header = rdb.read_header(path)
            if header is not None:
                headers.append((header, name))
            elif name == SNAPSHOT or not _plain_commands(path):
                raise DockyardError(
                    "database_data_unreadable",
                    f"{path} has the name of a file of Redis and begins as none does; it is damaged or something else."
                    " Restore a backup of it, or give another folder.",
                )
            else:
                plain.append(name)
        if not headers:
            return DataFound("redis", TITLES["redis"], (), tuple(plain)) if plain else None
        newest = max(headers, key=lambda each: (each[0].server, each[0].format))[0]
        # One of Valkey's in the folder is enough: Valkey reads those that Redis wrote before, and Redis reads no
        # Valkey 9.
        flavour = "valkey" if any(header.flavour == "valkey" for header, _name in headers) else "redis"
        if flavour != newest.flavour:
            newest = max((header for header, _name in headers if header.flavour == flavour), key=lambda one: one.server)
        return DataFound(
            flavour=flavour,
            title=TITLES[flavour],
            version=newest.server,
            source=tuple(name for _header, name in headers),
            format=max(header.format for header, _name in headers),
        )

    @staticmethod
    def _candidates(folder: str) -> list[str]:
        found = append_only(folder)
        return [*([found.base] if found and found.base else []), SNAPSHOT, _OLD_APPEND_FILE]


def _plain_commands(path: str) -> bool:
    """Return whether a file holds commands as clients send them, or nothing yet."""
    with open(path, "rb") as file:
        begin = file.read(32)
    return not begin or _PLAIN.match(begin) is not None
