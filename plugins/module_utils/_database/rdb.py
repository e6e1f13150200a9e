# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the first bytes of a snapshot (RDB) of Redis or Valkey, which name the server that wrote it.

The format is that of rdb.c: a magic with the number of the format, then fields of a key and a value until the first
database begins. Redis and Valkey up to 8 begin with REDIS, Valkey from 9 on with VALKEY; C(valkey-ver) and C(redis-ver)
tell them apart.
"""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import version
from .version import Version

_MAGIC = re.compile(rb"(REDIS|VALKEY)(\d{4}|\d{3})")
_FIELD = 0xFA  # RDB_OPCODE_AUX
_BYTES = 4096  # the fields are the first hundred


@dataclasses.dataclass(frozen=True)
class Header:
    """format: number of the RDB format. server: version of what wrote it, () for servers before 4.0."""

    flavour: str
    format: int
    server: Version
    fields: dict[str, str]


def read_header(path: str) -> Header | None:
    """Return the header of a file; None if it is no snapshot, as a plain append-only file is none."""
    try:
        with atomic_file.open_regular(path) as file:
            content = file.read(_BYTES)
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error
    magic = _MAGIC.match(content)
    if magic is None:
        return None
    try:
        fields = _fields(content, magic.end())
    except (IndexError, UnicodeDecodeError) as error:
        raise DockyardError(
            "database_data_unreadable",
            f"{path} begins as a snapshot of {magic[1].decode()} does and goes on as none; it is damaged, or of a newer"
            " version. Restore a backup of it, or give another folder.",
        ) from error
    valkey = magic[1] == b"VALKEY" or "valkey-ver" in fields
    server = version.parse(fields.get("valkey-ver") or fields.get("redis-ver") or "")
    return Header("valkey" if valkey else "redis", int(magic[2]), server, fields)


def _fields(content: bytes, place: int) -> dict[str, str]:
    found = {}
    while content[place] == _FIELD:
        key, place = _string(content, place + 1)
        value, place = _string(content, place)
        found[key] = value
    return found


def _string(content: bytes, place: int) -> tuple[str, int]:
    """Return the string at a place, and the place behind it. A number is written as such."""
    first = content[place]
    kind, low = first >> 6, first & 0x3F
    if kind == 3 and low < 3:  # a number of 1, 2 or 4 bytes
        end = place + 1 + (1 << low)
        return str(int.from_bytes(_cut(content, place + 1, end), "little", signed=True)), end
    if kind == 0:
        begin, length = place + 1, low
    elif kind == 1:
        begin, length = place + 2, low << 8 | content[place + 1]
    elif first == 0x80:
        begin, length = place + 5, int.from_bytes(_cut(content, place + 1, place + 5), "big")
    else:
        raise IndexError(place)  # compressed, which no field is
    return _cut(content, begin, begin + length).decode(), begin + length


def _cut(content: bytes, begin: int, end: int) -> bytes:
    if end > len(content):
        raise IndexError(end)
    return content[begin:end]
