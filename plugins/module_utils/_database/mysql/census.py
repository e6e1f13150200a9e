# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is in a MySQL or MariaDB, counted and described, so that two moments can be compared."""

from __future__ import annotations

import dataclasses
import hashlib
import re

from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import accounts
from .session import Session

_SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')"
_MARK = "dockyard-object"
# Moves on with each row, also with one that was taken back.
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_TABLES = ("BASE TABLE", "SYSTEM VERSIONED")
# What describes an object is in this column of SHOW CREATE.
_COLUMN = {"TABLE": 1, "SEQUENCE": 1, "VIEW": 1, "PROCEDURE": 2, "FUNCTION": 2, "TRIGGER": 2, "EVENT": 3}


@dataclasses.dataclass
class Census:
    """rows: by table. created: a checksum of how each object is created, by kind and name. users: their accounts."""

    rows: dict[str, int]
    created: dict[str, str]
    users: list[str]

    def __str__(self) -> str:
        """Return, for instance, C(1200 rows in 3 tables of 2 databases)."""
        databases = len({name.partition(".")[0] for name in self.rows})
        rows, tables = sum(self.rows.values()), len(self.rows)
        return f"{counted(rows, 'row')} in {counted(tables, 'table')} of {counted(databases, 'database')}"


def take(session: Session) -> Census:
    """Count and describe what is in the server."""
    objects = [(row[0], row[1], row[2]) for row in session.ask(_objects()) if len(row) == 3]
    counted = [(database, name) for kind, database, name in objects if kind in _TABLES]
    rows = {}
    if counted:
        questions = [
            f"SELECT {accounts.quoted(f'{database}.{name}')}, COUNT(*) FROM {_name(database, name)};"
            for database, name in counted
        ]
        rows = {row[0]: int(row[1]) for row in session.ask("\n".join(questions))}
    created = {}
    if objects:
        kinds = [("TABLE" if kind in _TABLES else kind, database, name) for kind, database, name in objects]
        questions = [
            f"SELECT '{_MARK}', {accounts.quoted(f'{kind} {database}.{name}')};\n"
            f"SHOW CREATE {kind} {_name(database, name)};"
            for kind, database, name in kinds
        ]
        what = ""
        for row in session.ask("\n".join(questions)):
            if row[0] == _MARK:
                what = row[1]
            elif what:
                text = row[_COLUMN[what.partition(" ")[0]]]
                created[what] = hashlib.sha256(_COUNTER.sub("", text).encode(errors="replace")).hexdigest()
                what = ""
    own = ", ".join(accounts.quoted(name) for name in (accounts.ADMIN, accounts.HEALTH))
    users = session.ask(
        f"SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE User NOT IN ({own}, 'mariadb.sys',"
        " 'mysql.infoschema', 'mysql.session', 'mysql.sys');"
    )
    return Census(rows, created, sorted(row[0] for row in users))


def missing(before: Census, after: Census) -> list[str]:
    """Return what is there no more or is not as it was, one phrase each. What a client may have added is fine."""
    lost = [
        f"{after.rows.get(name, 0)} of {count} rows of {name}"
        for name, count in before.rows.items()
        if after.rows.get(name, -1) < count
    ]
    lost += [f"{name} as it was created" for name, made in before.created.items() if after.created.get(name) != made]
    lost += [f"the user {name}" for name in before.users if name not in after.users]
    return lost


def _name(database: str, name: str) -> str:
    return f"{accounts.identifier(database)}.{accounts.identifier(name)}"


def _objects() -> str:
    """Return the question for all objects: kind, database and name."""
    return f"""
SELECT TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
 WHERE TABLE_SCHEMA NOT IN {_SYSTEM} AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW', 'SEQUENCE')
UNION ALL SELECT ROUTINE_TYPE, ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.ROUTINES
 WHERE ROUTINE_SCHEMA NOT IN {_SYSTEM} AND ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION')
UNION ALL SELECT 'TRIGGER', TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS
 WHERE TRIGGER_SCHEMA NOT IN {_SYSTEM}
UNION ALL SELECT 'EVENT', EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA NOT IN {_SYSTEM}
ORDER BY 1, 2, 3;"""
