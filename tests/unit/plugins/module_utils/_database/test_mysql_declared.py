# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration, users and container of a MariaDB as they are declared, as they are written, and as they are found."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.mysql import (
    accounts,
    census,
    configuration,
    definition,
    server,
)
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"max_connections": 100}, "max_connections = 100"),
        ({"Max-Connections": "100"}, "max_connections = 100"),
        ({"slow_query_log": True}, "slow_query_log = ON"),
        ({"slow_query_log": "false"}, "slow_query_log = OFF"),
        ({"sql_mode": ["ANSI_QUOTES", "NO_ZERO_DATE"]}, "sql_mode = ANSI_QUOTES,NO_ZERO_DATE"),
        ({"init_connect": "SET @a = 'b' # \\"}, "init_connect = \"SET @a = 'b' # \\\\\""),
        ({}, "collation_server = utf8mb4_general_ci"),
        ({"collation_server": "utf8mb4_bin"}, "collation_server = utf8mb4_bin"),
        ({}, "init_file = /etc/dockyard/accounts.sql"),
    ],
)
def test_options(given: dict[str, Any], written: str) -> None:
    values = configuration.merged(given, "mariadb")
    content = configuration.render(values)
    assert written in content.splitlines()
    assert configuration.parse(content) == values


def test_certificate_is_named_if_there_is_one() -> None:
    assert "ssl_cert" not in configuration.merged({}, "mariadb")
    values = configuration.merged({}, "mariadb", ("server.crt", "server.key"))
    assert values["ssl_cert"] == "/etc/dockyard/server.crt" and "ssl_ca" not in values
    secured = configuration.merged({"require_secure_transport": True}, "mariadb", ("server.crt", "server.key"))
    assert secured["require_secure_transport"] == "ON"


@pytest.mark.parametrize(
    "given",
    [
        {"datadir": "/tmp"},
        {"Bind-Address": "0.0.0.0"},
        {"loose_init_file": "/x"},
        {"skip-grant-tables": True},
        {"ssl_cert": "/x"},
        {"user": "root"},
        {"wsrep_on": True},
        {"sql_mode": None},
        {"sql_mode": {"a": 1}},
        {"sql_mode": 'A"B'},
        {"sql_mode": "A\nskip_grant_tables"},
        {"a b": "c"},
        {"require_secure_transport": True},
        {"loose-require-secure-transport": "on"},
    ],
)
def test_options_that_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(DockyardError) as caught:
        configuration.merged(given, "mariadb")
    assert caught.value.code == "mysql_config_invalid"
    assert_explained(caught.value)


@pytest.mark.parametrize(
    ("wanted", "now", "differs"),
    [
        ("16M", "16777216", False),
        ("16M", "16777217", True),
        ("ON", "1", False),
        ("OFF", "ON", True),
        ("0.5", "0.500000", False),
        ("0.5", "0.6", True),
        ("utf8mb4", "UTF8MB4", False),
        # The server shows it sorted and completed.
        ("NO_ZERO_DATE,ANSI", "REAL_AS_FLOAT,NO_ZERO_DATE,ANSI", False),
    ],
)
def test_values_in_force(wanted: str, now: str, differs: bool) -> None:
    assert configuration.differs(wanted, now) is differs


@pytest.mark.parametrize(("value", "literal"), [("16M", "16777216"), ("ON", "ON"), ("a'b\\", "'a''b\\\\'")])
def test_values_in_statements(value: str, literal: str) -> None:
    assert configuration.literal(value) == literal


def test_grants_that_are_there() -> None:
    found = accounts.parse_grants(
        [
            "GRANT PROCESS ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*A'",
            "GRANT SELECT, INSERT ON `sh\\_op`.* TO `a`@`%` WITH GRANT OPTION",
            "GRANT ALL PRIVILEGES ON `shop`.`t` TO `a`@`%`",
            "GRANT USAGE ON `x`.* TO `a`@`%`",
            "SET DEFAULT ROLE NONE FOR `a`@`%`",
        ]
    )
    assert found == {
        "*.*": {"PROCESS"},
        "sh_op.*": {"SELECT", "INSERT", "GRANT OPTION"},
        "shop.t": {"ALL PRIVILEGES"},
    }


@pytest.mark.parametrize(
    ("wanted", "present", "statements"),
    [
        ({"shop.*": "ALL"}, {}, ["GRANT ALL PRIVILEGES ON `shop`.* TO 'a'@'%'"]),
        ({"shop.*": "all"}, {"shop.*": {"ALL PRIVILEGES"}}, []),
        ({"sh_op.*": "select,grant"}, {}, ["GRANT SELECT ON `sh\\_op`.* TO 'a'@'%' WITH GRANT OPTION"]),
        ({"sh_op.t": ["SELECT"]}, {}, ["GRANT SELECT ON `sh_op`.`t` TO 'a'@'%'"]),
        (
            {"*.*": "PROCESS"},
            {"*.*": {"SUPER"}},
            ["REVOKE SUPER ON *.* FROM 'a'@'%'", "GRANT PROCESS ON *.* TO 'a'@'%'"],
        ),
        (
            {"shop.*": "SELECT"},
            {"shop.*": {"ALL PRIVILEGES"}},
            ["REVOKE ALL PRIVILEGES ON `shop`.* FROM 'a'@'%'", "GRANT SELECT ON `shop`.* TO 'a'@'%'"],
        ),
        ({}, {"shop.*": {"SELECT"}}, ["REVOKE SELECT ON `shop`.* FROM 'a'@'%'"]),
    ],
)
def test_statements_of_privileges(wanted: dict[str, Any], present: dict[str, set[str]], statements: list[str]) -> None:
    user = accounts.User("a", "%", "x", accounts.parse_privileges(wanted, "a@%"))
    assert accounts.grant_statements(user, {key: frozenset(names) for key, names in present.items()}) == statements
    assert accounts.grant_statements(accounts.User("a", "%", "x", None), {}) == []


@pytest.mark.parametrize(
    "users",
    [
        [accounts.User("", "%", "x", None)],
        [accounts.User("a", "", "x", None)],
        [accounts.User(accounts.ADMIN, "%", "x", None)],
        [accounts.User("a", "%", "x", None), accounts.User("a", "%", "y", None)],
        [accounts.User("a", "%", "", None)],
        [accounts.User("a", "%", "hunter2\n", None)],
    ],
)
def test_users_that_are_refused(users: list[accounts.User]) -> None:
    with pytest.raises(DockyardError) as caught:
        accounts.check(users, [])
    assert "hunter2" not in caught.value.message
    assert_explained(caught.value)


@pytest.mark.parametrize(
    "database", [accounts.Database("a/b"), accounts.Database(""), accounts.Database("a", "latin1;")]
)
def test_databases_that_are_refused(database: accounts.Database) -> None:
    with pytest.raises(DockyardError) as caught:
        accounts.check([], [database])
    assert_explained(caught.value)


@pytest.mark.parametrize(
    "privileges", [{"shop": "ALL"}, {"shop.*": "SELECT; DROP"}, {"a`b.*": "ALL"}, {"shop.*": "SELECT (a)"}]
)
def test_privileges_that_are_refused(privileges: dict[str, str]) -> None:
    with pytest.raises(DockyardError) as caught:
        accounts.parse_privileges(privileges, "a@%")
    assert_explained(caught.value)


PLAIN = definition.Definition("mariadbd", "999:999", "/srv/m", "/srv/m/data", "/srv/m/config", "127.0.0.1", 3306)


def test_arguments_of_the_container() -> None:
    words = PLAIN.arguments("m", "mariadb:11")
    assert words[-4:] == ["--entrypoint", "mariadbd", "mariadb:11", "--defaults-file=/etc/dockyard/my.cnf"]
    assert "127.0.0.1:3306:3306/tcp" in words
    assert definition.Definition.decoded(PLAIN.encoded()) == PLAIN
    # What makes new data, and what judges a configuration, has neither the data nor a network.
    for others in (
        PLAIN.install_arguments("i", "mariadb:11", "/srv/m/data.new"),
        PLAIN.check_arguments("c", "mariadb:11", "/x"),
    ):
        assert others[others.index("--network") + 1] == "none"
        assert not any("source=/srv/m/data," in word for word in others)


BEFORE = census.Census({"shop.t": 10, "shop.u": 1}, {"TABLE shop.t": "a", "VIEW shop.v": "b"}, ["a@%"])


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        (BEFORE, []),
        (
            census.Census(
                {"shop.t": 11, "shop.u": 1, "shop.w": 1}, {**BEFORE.created, "TABLE shop.w": "c"}, ["a@%", "b@%"]
            ),
            [],
        ),
        (census.Census({"shop.t": 9, "shop.u": 1}, BEFORE.created, ["a@%"]), ["9 of 10 rows of shop.t"]),
        (
            census.Census(BEFORE.rows, {**BEFORE.created, "VIEW shop.v": "x"}, []),
            ["VIEW shop.v as it was created", "the user a@%"],
        ),
    ],
)
def test_what_is_missing(after: census.Census, lost: list[str]) -> None:
    assert census.missing(BEFORE, after) == lost
    assert str(BEFORE) == "11 rows in 2 tables of 1 database"


def test_last_words_are_the_errors() -> None:
    log = """2026-11-29 22:00:00 0 [Note] Starting MariaDB
2026-11-29 22:00:01 0 [ERROR] mariadbd: unknown variable 'foo=1'
2026-11-29 22:00:01 0 [ERROR] Aborting
"""
    assert server.last_words(log) == "[ERROR] mariadbd: unknown variable 'foo=1'"
    assert server.last_words("one\ntwo\n") == "one; two"


def test_who_had_all_privileges_has_those_of_a_newer_version_too() -> None:
    everything = frozenset({"ALL PRIVILEGES"})
    before: dict[str, accounts.Grants] = {
        "'a'@'%'": {"*.*": everything},
        "'b'@'%'": {"shop_1.*": everything | {"GRANT OPTION"}, "shop.t": everything},
        "'c'@'%'": {"*.*": frozenset({"SELECT"}), "shop.*": everything},
        "'gone'@'%'": {"*.*": everything},
        "'role'": {"shop.*": everything},
    }
    holders = accounts.holders_of_all(before)
    # A table may be gone that a privilege is still there for, so that it could not be granted again.
    assert ("'b'@'%'", "shop.t") not in holders and len(holders) == 5
    assert accounts.all_again(holders, before) == []
    fewer = frozenset({"SELECT", "INSERT"})
    after: dict[str, accounts.Grants] = {
        "'a'@'%'": {"*.*": fewer},
        "'b'@'%'": {"shop_1.*": fewer | {"GRANT OPTION"}},
        "'c'@'%'": {"*.*": frozenset({"SELECT"}), "shop.*": everything},
        "'role'": {"shop.*": fewer},
    }
    # From a record of an upgrade that was interrupted, pairs are lists.
    assert accounts.all_again([list(pair) for pair in holders], after) == [
        "GRANT ALL PRIVILEGES ON *.* TO 'a'@'%';",
        "GRANT ALL PRIVILEGES ON `shop\\_1`.* TO 'b'@'%';",
        "GRANT ALL PRIVILEGES ON `shop`.* TO 'role';",
    ]
