# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Users and databases of a MySQL or MariaDB as they are declared, and the statements that give privileges."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

ADMIN = "dockyard-admin"
HEALTH = "dockyard-health"
ROOT = ("root", "localhost")
OWN = {ADMIN: "ALL PRIVILEGES ON *.* TO {} WITH GRANT OPTION", HEALTH: "USAGE ON *.* TO {}"}
_PRIVILEGE = re.compile(r"[A-Z][A-Z_ ]*")
_OBJECT = re.compile(r"(\*|[^`.\x00-\x1f]+)\.(\*|[^`.\x00-\x1f]+)")
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<object>\S+\.\S+) TO .*?(?P<option> WITH GRANT OPTION.*)?", re.DOTALL)
_SAME = {"ALL": "ALL PRIVILEGES", "GRANT": "GRANT OPTION"}

Grants = dict[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class User:
    """privileges: by object, for instance C(shop.*); None for a user whose privileges are left as they are."""

    name: str
    host: str
    password: str
    privileges: Grants | None

    @property
    def account(self) -> str:
        return account(self.name, self.host)

    @property
    def shown(self) -> str:
        return f"{self.name}@{self.host}"


@dataclasses.dataclass(frozen=True)
class Database:
    """encoding, collation: "" for the server's own."""

    name: str
    encoding: str = ""
    collation: str = ""


def quoted(text: str) -> str:
    """Return a string as SQL has it, in a session of any sql_mode."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def account(name: str, host: str) -> str:
    return f"{quoted(name)}@{quoted(host)}"


def client_file(name: str, password: str, socket: str) -> str:
    """Return the option file with which a client logs in. socket: "" for one that comes by TCP."""
    way = f"protocol = socket\nsocket = {socket}" if socket else "protocol = tcp\nhost = 127.0.0.1"
    user, secret = (re.sub(r'(["\\])', r"\\\1", text) for text in (name, password))
    return f'[client]\nuser = "{user}"\npassword = "{secret}"\n{way}\n'


# --- what is declared


def parse_privileges(declared: Mapping[str, Any], who: str) -> Grants:
    """Return the privileges that are declared. Raise DockyardError for what is none."""
    found = {}
    for target, words in declared.items():
        if not _OBJECT.fullmatch(str(target)):
            raise refuse(
                f"The user {who} has privileges on '{target}'; write the object as database.table, with * for all."
            )
        names = words if isinstance(words, (list, tuple)) else str(words).split(",")
        privileges = [" ".join(str(name).upper().split()) for name in names]
        wrong = next((name for name in privileges if not _PRIVILEGE.fullmatch(name)), None)
        if wrong is not None:
            raise refuse(f"'{wrong}' of the user {who} is no privilege; write for instance SELECT,INSERT or ALL.")
        found[str(target)] = frozenset(_SAME.get(name, name) for name in privileges) - {"USAGE"}
    return {target: names for target, names in found.items() if names}


def check(users: Sequence[User], databases: Sequence[Database]) -> None:
    """Raise DockyardError if a user or a database can't be as declared."""
    seen = set()
    for user in users:
        if not user.name or re.search(r"[\x00-\x1f]", user.name + user.host) or not user.host:
            raise refuse(f"The user '{user.shown}' has an empty name or host, or a control character; choose another.")
        if user.name in OWN:
            raise refuse(f"The user {user.name} belongs to this collection; choose another name.")
        if (user.name, user.host) in seen:
            raise refuse(f"The user {user.shown} is listed twice; list each user once.")
        seen.add((user.name, user.host))
        if not user.password or re.search(r"[\x00-\x1f]", user.password):
            raise refuse(f"The password of the user {user.shown} is empty or has a control character; give another.")
    for database in databases:
        if not re.fullmatch(r"[^/\\.\x00-\x1f]{1,64}", database.name) or database.name.endswith(" "):
            raise refuse(f"'{database.name}' is no name of a database; choose another.")
        wrong = next((w for w in (database.encoding, database.collation) if not re.fullmatch(r"[a-z0-9_]*", w)), None)
        if wrong is not None:
            raise refuse(f"'{wrong}' of the database {database.name} is no character set or collation; correct it.")


def refuse(sentence: str) -> DockyardError:
    """Return the error of a user or database that can't be as declared."""
    return DockyardError("mysql_user_invalid", sentence)


# --- what is there


def parse_grants(lines: Iterable[str]) -> Grants:
    """Return the privileges that SHOW GRANTS names."""
    found: dict[str, set[str]] = {}
    for line in lines:
        match = _GRANT.fullmatch(line)
        if match is None:
            continue
        target = match["object"].replace("`", "").replace("\\_", "_").replace("\\%", "%")
        names = found.setdefault(target, set())
        names |= {name.strip() for name in match["what"].split(",")} - {"USAGE"}
        if match["option"] and "GRANT OPTION" in match["option"]:
            names.add("GRANT OPTION")
    return {target: frozenset(names) for target, names in found.items() if names}


def grant_statements(user: User, present: Grants) -> list[str]:
    """Return the statements that lead from the privileges that are there to the declared ones."""
    if user.privileges is None:
        return []
    statements = []
    for target in sorted({*present, *user.privileges}):
        wanted, now = user.privileges.get(target, frozenset()), present.get(target, frozenset())
        place = _place(target)
        surplus = now - wanted
        # With ALL there all single ones are; what else is to be there is granted after.
        statements += [f"REVOKE {', '.join(sorted(surplus))} ON {place} FROM {user.account}"] if surplus else []
        missing = wanted - now if not surplus or "ALL PRIVILEGES" not in surplus else wanted
        plain = sorted(missing - {"GRANT OPTION"})
        if missing:
            option = " WITH GRANT OPTION" if "GRANT OPTION" in missing else ""
            statements.append(f"GRANT {', '.join(plain) or 'USAGE'} ON {place} TO {user.account}{option}")
    return statements


def holders_of_all(present: Mapping[str, Grants]) -> list[tuple[str, str]]:
    """Return who has all privileges on the server or on a database: the account, as SQL has it, and the object."""
    return [
        (who, target)
        for who, grants in present.items()
        for target, names in grants.items()
        if "ALL PRIVILEGES" in names and target.endswith(".*")
    ]


def all_again(holders: Iterable[Sequence[str]], present: Mapping[str, Grants]) -> list[str]:
    """Return the statements after which whoever had all privileges has also those that a newer version has more."""
    now = holders_of_all(present)
    return [
        f"GRANT ALL PRIVILEGES ON {_place(target)} TO {who};"
        for who, target in holders
        if who in present and (who, target) not in now
    ]


def _place(target: str) -> str:
    database, table = target.split(".", 1)
    if database == "*":
        return "*.*"
    if table == "*":
        # Otherwise they stand for any letter.
        escaped = database.replace("_", "\\_").replace("%", "\\%")
        return f"{identifier(escaped)}.*"
    return f"{identifier(database)}.{identifier(table)}"
