# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Harbor's data on the host: its parts, their sizes, and the database in it. Reads only."""

from __future__ import annotations

import os
import re
import stat
import struct
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._host.atomic_file import explain, read

from . import releases
from .version import Version

# What an upgrade can change in the data volume; the registry's blobs it does not touch. The second line is of 1.x.
PARTS = ("database", "secret", "ca_download", "redis", "job_logs", "chart_storage")
OLD_PARTS = ("clair-db", "notary-db", "psc", "config", "cert", "secretkey")
REGISTRY = "registry"
_OTHERS = ("trivy-adapter",)
# The begin of PostgreSQL's global/pg_control, which is the same in all its majors: the cluster's identifier, the
# version of the file, that of the catalog, and what the server was doing when it wrote it last.
_CONTROL = struct.Struct("=QIIi")
_CONTROL_VERSIONS = range(900, 3000)
_STATES = (
    *("starting up", "shut down", "shut down in recovery", "shutting down", "in crash recovery"),
    *("in archive recovery", "in production"),
)
SHUT_DOWN = "shut down"
IN_PRODUCTION = "in production"
UNKNOWN_STATE = "unknown"


@dataclass(frozen=True)
class Database:
    """The database of Harbor's own, or if there is an external one, only that.

    major: of PostgreSQL, as the file PG_VERSION says; None if external, not there, or MariaDB (before 1.6).
    folder: where its files are; bytes: what they occupy.
    others: further databases beside it, as an interrupted upgrade of PostgreSQL leaves them.
    """

    external: bool
    major: str | None
    folder: str | None
    bytes: int
    others: list[str] = field(default_factory=list)


def find_databases(data_volume: str) -> dict[str, str]:
    """Return the databases in a data volume: major of PostgreSQL to folder, the newest first."""
    top = os.path.join(data_volume, "database")
    try:
        folders = [top, *(os.path.join(top, name) for name in os.listdir(top) if re.fullmatch(r"pg\d+", name))]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise explain("read", top, error) from error
    found = {}
    for folder in folders:
        major = (read(os.path.join(folder, "PG_VERSION")) or b"").decode("ascii", "replace").strip()
        if re.fullmatch(r"\d+(\.\d+)?", major):
            found[major] = folder
    return dict(sorted(found.items(), key=lambda item: float(item[0]), reverse=True))


def database_major(data_volume: str, version: Version | None = None) -> str | None:
    """Return the major of the database that this version uses there.

    Without a version, or if it has none, the newest.
    """
    found = find_databases(data_volume)
    own = releases.databases(version) if version else None
    return own.leaves if own and own.leaves in found else next(iter(found), None)


def server_state(folder: str) -> str:
    """Return what the server of a database did last, in PostgreSQL's words; "unknown" if that can't be read.

    Anything but "shut down" in a database without a server means that it was killed.
    """
    content = read(os.path.join(folder, "global", "pg_control")) or b""
    if len(content) < _CONTROL.size:
        return UNKNOWN_STATE
    _identifier, version, _catalog, state = _CONTROL.unpack(content[: _CONTROL.size])
    known = version in _CONTROL_VERSIONS and 0 <= state < len(_STATES)
    return _STATES[state] if known else UNKNOWN_STATE


def find_database(data_volume: str, version: Version, *, external: bool) -> Database:
    if external:
        return Database(True, None, None, 0)
    found = find_databases(data_volume)
    major = database_major(data_volume, version)
    if major is not None:
        folder = found.pop(major)
        return Database(False, major, folder, _used(folder), list(found.values()))
    folder = os.path.join(data_volume, "database")
    return Database(False, None, folder if os.path.isdir(folder) else None, _used(folder))


def database_bytes(data_volume: str) -> int:
    """Return what the database occupies, with all that is beside it in its folder."""
    return _used(os.path.join(data_volume, "database"))


def measure_parts(data_volume: str, measure_registry: bool) -> dict[str, int]:
    wanted = (*PARTS, *OLD_PARTS, *_OTHERS, *((REGISTRY,) if measure_registry else ()))
    paths = {name: os.path.join(data_volume, name) for name in wanted}
    return {name: _used(path) for name, path in paths.items() if os.path.exists(path)}


def _used(path: str) -> int:
    """Return the bytes that a folder or file occupies on its disk; hard links count once, what vanishes not at all."""
    total, seen, waiting = 0, set(), [path]
    while waiting:
        here = waiting.pop()
        try:
            status = os.lstat(here)
            if stat.S_ISDIR(status.st_mode):
                waiting += [os.path.join(here, name) for name in os.listdir(here)]
            elif status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise explain("read", here, error) from error
        total += status.st_blocks * 512
    return total


def parts_to_keep(data_volume: str, version: Version) -> list[str]:
    """Return the names of what an upgrade can change in the data volume and that exists.

    All are folders but secretkey.
    """
    wanted = (*PARTS, *(OLD_PARTS if version.major < 2 else ()))
    return [name for name in wanted if os.path.exists(os.path.join(data_volume, name))]
