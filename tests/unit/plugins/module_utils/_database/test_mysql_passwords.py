# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords as MySQL and MariaDB keep them, and the statements that give a user one. None has a password in it."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql import caching_sha2
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql.accounts import ADMIN, HEALTH, User
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql.passwords import PASSWORDS

MARIADB, MYSQL = PASSWORDS["mariadb"], PASSWORDS["mysql"]
USER = User("a'b", "%", "hunter2", None)
NATIVE = "*58815970BE77B3720276F63DB198B1FA42E5CC02"
# As a server has stored it: with a salt of letters that Python would not draw.
SALT = bytes(range(1, 21))


def stored(password: str) -> str:
    return caching_sha2.hashed(password, b"seed").hex().upper()


def test_sha256_crypt_is_that_of_openssl() -> None:
    assert caching_sha2._crypt(b"Hello world!", b"saltstring", 5000) == b"5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"


@pytest.mark.parametrize(("password", "expected"), [("hunter2", True), ("hunter3", False), ("", False)])
def test_what_mysql_stores_is_recognised(password: str, expected: bool) -> None:
    entry = b"$A$005$" + SALT + caching_sha2._crypt(b"hunter2", SALT, 5000)
    assert caching_sha2.matches(password, entry) is expected
    assert caching_sha2.matches(password, caching_sha2.hashed("hunter2", b"x")) is expected
    assert not caching_sha2.matches(password, b"THISISACOMBINATIONOFINVALIDSALTANDPASSWORD")


def test_mariadb_has_several_ways_to_log_in() -> None:
    statement = MARIADB.besides(USER, ["*OLD"])
    assert statement.startswith("ALTER USER 'a''b'@'%' ")
    assert f"USING '{NATIVE}' OR mysql_native_password USING '*OLD'" in statement
    assert MARIADB.alone(USER, ["*OLD"]).count("USING") == 1
    assert MARIADB.are([NATIVE], USER) and not MARIADB.are([NATIVE, "*OLD"], USER) and not MARIADB.are([], USER)


@pytest.mark.parametrize(
    ("entry", "hashes"),
    [
        ('{"plugin": "mysql_native_password", "authentication_string": "*A"}', ["*A"]),
        (
            '{"plugin": "mysql_native_password", "authentication_string": "*A",'
            ' "auth_or": [{}, {"plugin": "mysql_native_password", "authentication_string": "*B"}]}',
            ["*A", "*B"],
        ),
        ('{"plugin": "unix_socket"}', []),
        ('{"plugin": "mysql_native_password", "authentication_string": "*A", "account_locked": true}', []),
    ],
)
def test_hashes_of_mariadb(entry: str, hashes: list[str]) -> None:
    assert MARIADB.valid([entry]) == hashes


@pytest.mark.parametrize(
    ("columns", "hashes"),
    [
        (["caching_sha2_password", "AA", "N", "N", "NULL"], ["AA"]),
        (["caching_sha2_password", "AA", "N", "N", "BB"], ["AA", "BB"]),
        (["caching_sha2_password", "AA", "Y", "N", "NULL"], []),
        # Root of new data, whose password nobody knows.
        (["caching_sha2_password", "AA", "N", "Y", "NULL"], []),
        (["mysql_native_password", "AA", "N", "N", "NULL"], []),
    ],
)
def test_hashes_of_mysql(columns: list[str], hashes: list[str]) -> None:
    assert MYSQL.valid(columns) == hashes


def test_mysql_retains_the_old_password_and_discards_it() -> None:
    new, old = stored("hunter2"), stored("old")
    assert MYSQL.are([new], USER) and not MYSQL.are([new, old], USER) and not MYSQL.are([old], USER)
    assert MYSQL.besides(USER, [old]).endswith(" RETAIN CURRENT PASSWORD")
    # An interrupted run has done it already; once more would retain the new one in place of the old one.
    assert MYSQL.besides(USER, [new, old]) == ""
    assert MYSQL.alone(USER, [old]) == "ALTER USER 'a''b'@'%' DISCARD OLD PASSWORD"
    assert "IDENTIFIED WITH caching_sha2_password AS 0x2441" in MYSQL.alone(USER, [])


@pytest.mark.parametrize("flavour", ["mariadb", "mysql"])
def test_no_password_is_in_a_statement(flavour: str) -> None:
    passwords = PASSWORDS[flavour]
    own = passwords.own_statements({ADMIN: "hunter2", HEALTH: "hunter2"})
    assert own == passwords.own_statements({ADMIN: "hunter2", HEALTH: "hunter2"})
    assert [line.split()[0] for line in own.splitlines()] == ["CREATE", "ALTER", "GRANT"] * 2
    for statement in (own, passwords.created(USER), passwords.besides(USER, ["AA"]), passwords.alone(USER, [])):
        assert "hunter2" not in statement
