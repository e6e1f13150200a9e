# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values with which an engine starts and then no container does; imitated is what a host's first process may do."""

from __future__ import annotations

import ipaddress
import pathlib
import resource
import socket
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.daemon_config import container_starts
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

WITH_ALL, WITHOUT_RESOURCE = "000001ffffffffff", "0000003ffeffffff"
OF_MACHINE, OF_USERS = "         0          0 4294967295\n", "         0     100000      65536\n"


def said(config: dict[str, Any]) -> list[str]:
    found = list(container_starts.complaints(config))
    for complaint in found:
        assert_explained(complaint.error)
        assert not complaint.error.changed
    return [complaint.error.message for complaint in found]


def limit(soft: int, hard: int, name: str = "nofile", keys: tuple[str, str] = ("Soft", "Hard")) -> dict[str, Any]:
    return {"default-ulimits": {name: {"Name": name, keys[0]: soft, keys[1]: hard}}}


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "it is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("", "it is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "it is no JSON object"),
        ("{}", "it has no defaultAction"),
    ],
)
def test_a_profile_that_no_container_starts_with(tmp_path: pathlib.Path, content: str, reason: str) -> None:
    path = tmp_path / "seccomp.json"
    path.write_text(content)
    assert said({"seccomp-profile": str(path)}) == [
        f"seccomp-profile is {path}, and with that no container would start ({reason}); put the whole profile there"
        " first."
    ]


def test_a_profile_that_is_one_or_that_the_engine_judges(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "seccomp.json"
    path.write_text('{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}')
    for value in (str(path), "builtin", "unconfined", "", str(tmp_path / "missing.json")):
        assert said({"seccomp-profile": value}) == []


def test_a_limit_whose_soft_value_is_above_the_hard_one() -> None:
    for keys in (("Soft", "Hard"), ("soft", "hard")):  # engines take both
        assert said(limit(100, 10, keys=keys)) == [
            "default-ulimits: nofile has Soft 100 above Hard 10, with which no container would start; raise Hard, or"
            " lower Soft."
        ]
    assert len(said(limit(-1, 10))) == 1
    assert said(limit(10, 10)) == said(limit(10, 10, "nosuch")) == said({"default-ulimits": {"nofile": 5}}) == []


def test_more_files_than_the_kernel_gives_to_anybody() -> None:
    for hard, shown in ((2**40, f"Hard {2**40}"), (-1, "no limit")):
        (message,) = said(limit(100, hard))
        assert message.startswith(f"default-ulimits: nofile has {shown}, and nothing on this host can have more than ")
        assert message.endswith("so that no container would start; lower it, or raise what the host can have.")


@pytest.mark.parametrize(
    "rights, users, hard, taken",
    [
        (WITH_ALL, OF_MACHINE, 65536, True),
        (WITHOUT_RESOURCE, OF_MACHINE, 65536, False),
        (WITHOUT_RESOURCE, OF_MACHINE, 20000, True),
        (WITHOUT_RESOURCE, OF_MACHINE, -1, False),
        (WITH_ALL, OF_USERS, 65536, False),
    ],
)
def test_a_limit_where_nobody_may_raise_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rights: str, users: str, hard: int, taken: bool
) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "status").write_text(f"Name:\tsystemd\nCapBnd:\t{rights}\n")
    (tmp_path / "1" / "uid_map").write_text(users)
    monkeypatch.setattr(container_starts, "_PROC", str(tmp_path))
    monkeypatch.setattr(resource, "prlimit", lambda pid, kind: (1024, 20000))
    monkeypatch.setattr(sysctl, "now", {"fs.nr_open": "1048576"}.get)
    messages = said(limit(1024, hard))
    assert (messages == []) is taken
    if not taken:
        assert "and nothing on this host can have more than 20000, so that" in messages[0]


@pytest.mark.parametrize(
    "value, nonlocal_bind, warned",
    [
        ("10.9.9.9", "0", True),
        ("fd00::9", "0", True),
        ("10.9.9.9", "1", False),  # for an address that moves between hosts
        *((value, "0", False) for value in ("10.1.0.5", "172.17.0.1", "0.0.0.0", "127.0.0.2", "", "nope")),
    ],
)
def test_an_address_that_the_host_does_not_have(
    monkeypatch: pytest.MonkeyPatch, value: str, nonlocal_bind: str, warned: bool
) -> None:
    monkeypatch.setattr(sysctl, "now", lambda name: nonlocal_bind)
    around = Surroundings(
        addresses=[(ipaddress.ip_interface("10.1.0.5/24"), "eth0")],
        docker0=[ipaddress.ip_interface("172.17.0.1/16")],
    )
    expected = (
        f"ip is {value}, an address that the host does not have now. As long as that is so, no container starts that"
        " publishes a port without an address of its own."
    )
    assert list(container_starts.warnings({"ip": value}, around)) == ([expected] if warned else [])
    assert list(container_starts.warnings({"ip": value}, Surroundings())) == []


def test_a_server_of_logs_that_takes_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        there = [
            {"log-driver": "syslog", "log-opts": {"syslog-address": f"tcp://127.0.0.1:{port}"}},
            {"log-driver": "fluentd", "log-opts": {"fluentd-address": f"127.0.0.1:{port}"}},
            {"log-driver": "gelf", "log-opts": {"gelf-address": f"tcp://127.0.0.1:{port}"}},
        ]
        for config in there:
            assert list(container_starts.warnings(config, Surroundings())) == []
    for config in there:
        (warning,) = container_starts.warnings(config, Surroundings())
        assert warning.startswith(f"log-driver is {config['log-driver']}, and 127.0.0.1:{port} takes no connection now")
    gone = {"log-driver": "fluentd", "log-opts": {"fluentd-address": "unix:///nowhere/fluent.sock"}}
    (warning,) = container_starts.warnings(gone, Surroundings())
    assert "and /nowhere/fluent.sock takes no connection now (it is not there). As long" in warning


@pytest.mark.parametrize(
    "config",
    [
        {"log-driver": "json-file"},
        {"log-driver": "syslog"},
        {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://127.0.0.1:9"}},
        {"log-driver": "syslog", "log-opts": {"syslog-address": "tcp://[::1"}},
        {"log-driver": "gelf", "log-opts": {"gelf-address": "udp://127.0.0.1:9"}},
        {"log-driver": "fluentd", "log-opts": {"fluentd-address": "unix:///dev/null"}},
        {"log-driver": "fluentd", "log-opts": {"fluentd-address": "127.0.0.1:9", "fluentd-async": "true"}},
    ],
)
def test_logs_that_need_no_connection(config: dict[str, Any]) -> None:
    assert list(container_starts.warnings(config, Surroundings())) == []
