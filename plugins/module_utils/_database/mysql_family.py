# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""MySQL and MariaDB: what a folder with their data holds.

MySQL 8.4 and newer keep C(mysql_upgrade_history), MySQL before and MariaDB up to 10.11 C(mysql_upgrade_info), MariaDB
from 11.0 on C(mariadb_upgrade_info). The tablespace C(mysql.ibd) of MySQL 8 and newer has the version of the server
that made it in its first page (FIL_PAGE_SRV_VERSION of fil0types.h), and MariaDB has no such file.

Whether a server was shut down properly, C(ibtmp1) tells: the manuals of both say that the temporary tablespace is
removed by a normal shutdown, and stays after a crash.
"""

from __future__ import annotations

import json
import os

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import version
from .flavour import DataFound, Flavour
from .version import Version

TITLES = {"mysql": "MySQL", "mariadb": "MariaDB"}
_SYSTEM = "ibdata1"
_DICTIONARY = "mysql.ibd"
_HISTORY = "mysql_upgrade_history"
_INFO = "mysql_upgrade_info"
_MARIADB_INFO = "mariadb_upgrade_info"
_TEMPORARY = "ibtmp1"
_SERVER_VERSION_AT = 8  # bytes from the beginning of a page
_UP_TO_DATE = 64  # bytes of an info file that are looked at


class MySqlFamily(Flavour):
    """MySQL and MariaDB."""

    names = ("mysql", "mariadb")

    def read(self, folder: str) -> DataFound | None:
        present = {
            name
            for name in (_SYSTEM, _DICTIONARY, _HISTORY, _INFO, _MARIADB_INFO)
            if os.path.isfile(os.path.join(folder, name))
        }
        if not present:
            return None
        info = _MARIADB_INFO if _MARIADB_INFO in present else _INFO
        said = _first_line(os.path.join(folder, info)) if info in present else ""
        mysql = {_DICTIONARY, _HISTORY} & present
        if mysql and (_MARIADB_INFO in present or "mariadb" in said.lower()):
            raise DockyardError(
                "database_data_unreadable",
                f"{folder} holds files of both MySQL ({', '.join(sorted(mysql))}) and MariaDB ({info}); their data are"
                " not interchangeable, and it is not guessed which it is. Restore a backup of it, or give another"
                " folder.",
            )
        clean = not os.path.exists(os.path.join(folder, _TEMPORARY))
        if mysql:
            found, source = _mysql_version(folder, present, said)
            return DataFound("mysql", TITLES["mysql"], found, source, clean=clean)
        if info in present and "mariadb" not in said.lower() and info == _INFO and said:
            return DataFound("mysql", TITLES["mysql"], version.parse(said), (_INFO,), clean=clean)
        if info in present:
            return DataFound("mariadb", TITLES["mariadb"], version.parse(said), (info,), clean=clean)
        if os.path.isfile(os.path.join(folder, "aria_log_control")):
            # A data folder that nobody has upgraded or initialised by the image's entry point has no info file.
            return DataFound("mariadb", TITLES["mariadb"], (), (_SYSTEM, "aria_log_control"), clean=clean)
        return DataFound("mysql", TITLES["mysql"], (), (_SYSTEM,), clean=clean)


def _mysql_version(folder: str, present: set[str], said: str) -> tuple[Version, tuple[str, ...]]:
    """Return the newest version that a file of MySQL names, and the files that were asked."""
    versions = []
    source = []
    if _HISTORY in present:
        versions.append(_history(os.path.join(folder, _HISTORY)))
        source.append(_HISTORY)
    if said:
        versions.append(version.parse(said))
        source.append(_INFO)
    if not any(versions) and _DICTIONARY in present:
        versions.append(_page_version(os.path.join(folder, _DICTIONARY)))
        source.append(_DICTIONARY)
    return max(versions, default=()), tuple(source)


def _history(path: str) -> Version:
    content = atomic_file.read(path) or b""
    try:
        entries = json.loads(content)["upgrade_history"]
        return max((version.parse(entry["version"]) for entry in entries), default=())
    except (ValueError, KeyError, TypeError) as error:
        raise DockyardError(
            "database_data_unreadable",
            f"{path}, in which MySQL keeps the versions that its data has had, can't be understood ({error}); restore a"
            " backup of it, or give another folder.",
        ) from error


def _page_version(path: str) -> Version:
    """Return the version in the first page of a tablespace: 90701 is 9.7.1."""
    try:
        with atomic_file.open_regular(path) as file:
            file.seek(_SERVER_VERSION_AT)
            number = int.from_bytes(file.read(4), "big")
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error
    return (number // 10000, number // 100 % 100, number % 100) if 80000 <= number < 1000000 else ()


def _first_line(path: str) -> str:
    try:
        with atomic_file.open_regular(path) as file:
            return file.read(_UP_TO_DATE).split(b"\n")[0].strip(b"\0 \r").decode(errors="replace")
    except OSError as error:
        raise atomic_file.explain("read", path, error) from error
