# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration, users and container of a Redis as they are declared, and as they are written."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._database.redis import acl, configuration, definition
from ansible_collections.dockyard.ops.plugins.module_utils._database.redis.server import _same
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

OWN = {acl.ADMIN: "a", acl.HEALTH: "h"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"appendonly": True}, "appendonly yes"),
        ({"AppendOnly": "true"}, "appendonly yes"),
        ({"appendonly": "no"}, "appendonly no"),
        ({"save": ""}, 'save ""'),
        ({"save": [3600, 1]}, "save 3600 1"),
        ({"maxmemory": "256mb"}, "maxmemory 256mb"),
        ({"maxclients": 100}, "maxclients 100"),
        ({"proc-title-template": '{title} "x"'}, 'proc-title-template "{title}" "\\"x\\""'),
        ({}, "save 3600 1 300 100 60 10000"),
        ({}, "protected-mode no"),
        ({}, 'logfile ""'),
    ],
)
def test_directives(given: dict[str, Any], written: str) -> None:
    values = configuration.merged(given)
    content = configuration.render(values)
    assert written in content.splitlines()
    assert configuration.parse(content) == values


@pytest.mark.parametrize(
    "given",
    [
        {"dir": "/tmp"},
        {"Port": 1},
        {"requirepass": "x"},
        {"include": "/etc/passwd"},
        {"replicaof": "a 1"},
        {"save": None},
        {"save": {"a": 1}},
        {"save": "60 1\nrequirepass x"},
        {"a b": "c"},
    ],
)
def test_directives_that_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(DockyardError) as caught:
        configuration.merged(given)
    assert caught.value.code == "redis_config_invalid"
    assert_explained(caught.value)


def test_the_default_user_is_always_written() -> None:
    nobody = acl.render([], OWN)
    assert f"user {acl.DEFAULT} on nopass ~* &* +@all" in nobody.splitlines()
    restricted = acl.render([acl.User("report", "secret", "~jobs:* +@read")], OWN)
    assert f"user {acl.DEFAULT} off resetpass resetkeys resetchannels -@all" in restricted.splitlines()
    assert f"user report on resetpass #{acl.hashed('secret')} ~jobs:* +@read" in restricted.splitlines()
    assert "secret" not in restricted
    declared = acl.render([acl.User("default", None, "~* +@all")], OWN)
    assert "user default off resetpass ~* +@all" in declared.splitlines()


def test_an_old_password_stays_valid_until_the_new_one_is_proven() -> None:
    before = acl.render([acl.User("a", "old", "+@all"), acl.User("b", "same", "+@all")], OWN)
    users = [acl.User("a", "new", "+@all"), acl.User("b", "same", "+@all"), acl.User("c", "fresh", "+@all")]
    kept = acl.rotated(before, users)
    assert kept == {"a": [acl.hashed("old")]}
    between = acl.hashes_of(acl.render(users, OWN, kept))
    assert between["a"] == [acl.hashed("new"), acl.hashed("old")]
    assert between["b"] == [acl.hashed("same")]
    assert acl.hashes_of(acl.render(users, OWN))["a"] == [acl.hashed("new")]


def test_a_diff_shows_no_hash() -> None:
    shown = acl.shown(acl.render([acl.User("a", "x", ""), acl.User("b", "x", "")], OWN))
    assert acl.hashed("x") not in shown
    assert shown.count("(password 3)") == 2


@pytest.mark.parametrize(
    "users",
    [
        [acl.User("", "x", "")],
        [acl.User("a b", "x", "")],
        [acl.User(acl.ADMIN, "x", "")],
        [acl.User("a", "x", ""), acl.User("a", "y", "")],
        [acl.User("a", "x", "+@all >hunter2")],
        [acl.User("a", "x", "nopass")],
        [acl.User("a", "x", "RESET")],
        [acl.User("a", "x", "+get\nuser b on nopass +@all")],
        [acl.User("a", "", "+@all")],
    ],
)
def test_users_that_are_refused(users: list[acl.User]) -> None:
    with pytest.raises(DockyardError) as caught:
        acl.check(users)
    assert caught.value.code == "redis_user_invalid"
    assert "hunter2" not in caught.value.message
    assert_explained(caught.value)


PLAIN = definition.Definition("redis-server", "999:999", "/srv/r", "/srv/r/data", "/srv/r/config", "127.0.0.1", 6379)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["--publish", "127.0.0.1:6379:6379/tcp"]),
        ({"address": "fd00::1"}, ["--publish", "[fd00::1]:6379:6379/tcp"]),
        ({"cpus": "1.5"}, ["--cpus", "1.5"]),
        ({"memory": "1g"}, ["--memory", "1g"]),
        ({"networks": ("a", "b")}, ["--network", "a"]),
        ({"log_options": (("max-size", "1m"),)}, ["--log-opt", "max-size=1m"]),
        ({"labels": (("a", "b"),)}, ["--label", "a=b"]),
        ({"restart_policy": "always"}, ["--restart", "always"]),
        ({"stop_timeout": 7}, ["--stop-timeout", "7"]),
    ],
)
def test_arguments_of_the_container(changes: dict[str, Any], words: list[str]) -> None:
    changed = dataclasses.replace(PLAIN, **changes)
    arguments = changed.arguments("r", "redis:8")
    assert words in [arguments[place : place + 2] for place in range(len(arguments))]
    assert arguments[-3:] == ["redis:8", "redis-server", "/etc/dockyard/redis.conf"]
    assert (changed.checksum() != PLAIN.checksum()) == bool(changes)
    assert definition.Definition.decoded(changed.encoded()) == changed


def test_no_port_is_published_if_none_is_wanted() -> None:
    closed = dataclasses.replace(PLAIN, port=0, address="0.0.0.0")
    assert "--publish" not in closed.arguments("r", "redis:8") and closed.on_loopback
    assert dataclasses.replace(PLAIN, start_timeout=1).checksum() == PLAIN.checksum()
    assert [
        dataclasses.replace(PLAIN, address=text).on_loopback for text in ("127.0.0.9", "::1", "::", "10.0.0.1")
    ] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("answer", "status"),
    [("OK\n12", 0), ("OK\n0", 0), ("OK\nLOADING Redis is loading", 1), ("WRONGPASS\nNOAUTH", 1), ("", 1)],
)
def test_health_is_a_number_of_keys(tmp_path: Any, answer: str, status: int) -> None:
    # The client is a stand-in that answers as redis-cli prints answers; the script is the real one.
    (tmp_path / "client").write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\nprintf '%s\\n' '{answer}'\n")
    (tmp_path / "client").chmod(0o755)
    (tmp_path / "health").write_text("secret\n")
    script = definition.health_script(f"{tmp_path}/client", "probe").replace(
        "/etc/dockyard/health", f"{tmp_path}/health"
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert (tmp_path / "asked").read_text().split() == ["AUTH", "probe", "secret", "DBSIZE"]


@pytest.mark.parametrize(
    ("wanted", "now", "same"),
    [("20mb", "20971520", True), ("1k", "1000", True), ("yes", "YES", True), ("1gb", "1", False), ("", "", True)],
)
def test_amounts_are_compared_by_what_they_are(wanted: str, now: str, same: bool) -> None:
    assert _same(wanted, now) is same
