# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""How MySQL and MariaDB keep passwords, and the statements that give a user one.

Passwords are in statements as the hash alone that the server itself keeps, so that no log of statements has them.
"""

from __future__ import annotations

import abc
import hashlib
import json
import os
from collections.abc import Mapping, Sequence

from . import caching_sha2
from .accounts import OWN, User, account

_NATIVE = "mysql_native_password"
_CACHING = "caching_sha2_password"


class Passwords(abc.ABC):
    """The passwords of one flavour.

    QUESTION: asks for each user, with name and host first; valid() understands what follows. What is valid are the
    hashes that let a user in: [] for one who gets in, or does not, in another way.
    """

    QUESTION: str

    @abc.abstractmethod
    def valid(self, columns: Sequence[str]) -> list[str]:
        """Return the hashes that let a user in, from the server's own record of the user."""

    @abc.abstractmethod
    def are(self, valid: Sequence[str], user: User) -> bool:
        """Return whether the user's password lets in, and no other one."""

    @abc.abstractmethod
    def own(self, who: str, password: str) -> list[str]:
        """Return the statements by which an account of this collection has its password at each start."""

    @abc.abstractmethod
    def created(self, user: User) -> str:
        """Return the statement that creates a user."""

    @abc.abstractmethod
    def besides(self, user: User, valid: Sequence[str]) -> str:
        """Return the statement that gives a user the password beside those that are valid; "" if it is one of them."""

    @abc.abstractmethod
    def alone(self, user: User, valid: Sequence[str]) -> str:
        """Return the statement after which no other password is valid. valid: of before besides() was done."""

    def own_statements(self, passwords: Mapping[str, str]) -> str:
        """Return what the server does at each start: the accounts of this collection, one statement on a line."""
        lines = []
        for name in sorted(passwords):
            who = account(name, "localhost")
            lines += [*self.own(who, passwords[name]), f"GRANT {OWN[name].format(who)};"]
        return "\n".join(lines) + "\n"


class OfMariaDb(Passwords):
    """Several passwords of one user are several ways to log in."""

    QUESTION = "SELECT User, Host, Priv FROM mysql.global_priv;"

    def valid(self, columns: Sequence[str]) -> list[str]:
        record = json.loads(columns[0])
        found = []
        for way in (way or record for way in record.get("auth_or", [{}])):
            if way.get("plugin", _NATIVE) not in ("", _NATIVE) or record.get("account_locked"):
                return []
            found.append(str(way.get("authentication_string", "")))
        return found

    def are(self, valid: Sequence[str], user: User) -> bool:
        return list(valid) == [native(user.password)]

    def own(self, who: str, password: str) -> list[str]:
        return [
            f"CREATE USER IF NOT EXISTS {who};",
            f"ALTER USER {who} IDENTIFIED BY PASSWORD '{native(password)}' ACCOUNT UNLOCK;",
        ]

    def created(self, user: User) -> str:
        return f"CREATE USER {user.account} IDENTIFIED VIA {_NATIVE} USING '{native(user.password)}'"

    def besides(self, user: User, valid: Sequence[str]) -> str:
        ways = " OR ".join(f"{_NATIVE} USING '{each}'" for each in (native(user.password), *valid))
        return f"ALTER USER {user.account} IDENTIFIED VIA {ways} ACCOUNT UNLOCK"

    def alone(self, user: User, valid: Sequence[str]) -> str:
        return self.besides(user, [])


class OfMySql(Passwords):
    """A user has a password and one that was retained. Hashes are in hexadecimal: their salt is of any letters."""

    QUESTION = (
        "SELECT User, Host, plugin, HEX(authentication_string), account_locked, password_expired,"
        " HEX(JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.additional_password'))) FROM mysql.user;"
    )

    def valid(self, columns: Sequence[str]) -> list[str]:
        plugin, first, locked, expired, second = columns
        if plugin != _CACHING or "Y" in (locked, expired):
            return []
        return [each for each in (first, second) if each not in ("", "NULL")]

    def are(self, valid: Sequence[str], user: User) -> bool:
        return len(valid) == 1 and _is(valid[0], user)

    def own(self, who: str, password: str) -> list[str]:
        # The file must be the same each time that it is rendered.
        way = _way(password, f"{who}{password}".encode())
        return [f"CREATE USER IF NOT EXISTS {who} {way};", f"ALTER USER {who} {way} ACCOUNT UNLOCK;"]

    def created(self, user: User) -> str:
        return f"CREATE USER {user.account} {_way(user.password)}"

    def besides(self, user: User, valid: Sequence[str]) -> str:
        if valid and _is(valid[0], user):
            return ""
        return f"ALTER USER {user.account} {_way(user.password)} RETAIN CURRENT PASSWORD"

    def alone(self, user: User, valid: Sequence[str]) -> str:
        if valid:
            return f"ALTER USER {user.account} DISCARD OLD PASSWORD"
        return f"ALTER USER {user.account} {_way(user.password)} ACCOUNT UNLOCK"


PASSWORDS: dict[str, Passwords] = {"mariadb": OfMariaDb(), "mysql": OfMySql()}


def native(password: str) -> str:
    """Return a password as MariaDB keeps it."""
    inner = hashlib.sha1(password.encode()).digest()
    return "*" + hashlib.sha1(inner).hexdigest().upper()


def _way(password: str, seed: bytes = b"") -> str:
    return f"IDENTIFIED WITH {_CACHING} AS 0x{caching_sha2.hashed(password, seed or os.urandom(32)).hex()}"


def _is(stored: str, user: User) -> bool:
    return caching_sha2.matches(user.password, bytes.fromhex(stored))
