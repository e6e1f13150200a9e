# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running container lacks for its next start. The engine is imitated; real ones are in tests/faults."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import socket
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import container_needs
from ansible_collections.dockyard.ops.plugins.module_utils._engine.containers import Container
from ansible_collections.dockyard.ops.plugins.module_utils._host import network, sysctl


class Api:
    """Stand-in for an engine that describes one container."""

    def __init__(self, bound: tuple[str, str] = ("", ""), **host_config: Any) -> None:
        source, destination = bound
        mounts = [{"Type": "bind", "Source": source, "Destination": destination}]
        self._details = {"HostConfig": host_config, "Mounts": mounts, "State": {"Pid": os.getpid()}}

    def ask(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        return (200, self._details) if path == "/containers/1/json" else (404, {})


def lacking(*published_on: str, **host_config: Any) -> list[str]:
    container = Container("1", "one", published_on=list(published_on))
    return container_needs.gone_for_start(Api(**host_config), container, {})  # type: ignore[arg-type]


def test_nothing(tmp_path: pathlib.Path) -> None:
    assert lacking() == []
    assert lacking(bound=(str(tmp_path), "/nowhere"), LogConfig={"Type": "json-file"}) == []


def test_a_path_and_a_network_that_are_gone() -> None:
    assert lacking(bound=("/nowhere/conf", "/conf"), NetworkMode="front") == ["/nowhere/conf", "the network front"]


def test_sources_that_can_not_be_mounted_again(tmp_path: pathlib.Path) -> None:
    """By the mounts of this process, of which /proc is one."""
    (tmp_path / "file").write_text("")
    (tmp_path / "current").symlink_to("release-1")
    assert lacking(bound=(str(tmp_path / "file"), "/proc")) == [f"{tmp_path}/file, which is no folder any more"]
    link = f"{tmp_path}/current, a link to release-1, which is not there"
    for below in ("current", "current/conf/app"):
        assert lacking(bound=(str(tmp_path / below), "/proc")) == [link]
    # One that the engine would make, empty, and one where nothing is mounted any more.
    assert lacking(bound=(str(tmp_path / "new"), "/proc")) == [f"{tmp_path}/new"]
    assert lacking(bound=(str(tmp_path), "/proc")) == [f"{tmp_path}, which is on another file system now"]
    # One that is as it was, and those of which it is not known what they were.
    (tmp_path / "release-1").mkdir()
    assert lacking(bound=("/proc", "/proc")) == lacking(bound=(str(tmp_path / "current"), "/nowhere")) == []
    assert lacking(bound=(str(tmp_path / "file"), "/nowhere")) == []


@pytest.mark.parametrize("nonlocal_bind", ["0", "1"])
def test_an_address_that_no_device_has(monkeypatch: pytest.MonkeyPatch, nonlocal_bind: str) -> None:
    here = [(ipaddress.ip_interface("192.0.2.1/24"), "eth0")]
    monkeypatch.setattr(network, "all_addresses", lambda: here)
    monkeypatch.setattr(sysctl, "now", lambda name: nonlocal_bind)
    found = lacking("192.0.2.1", "192.0.2.200", "127.0.0.7", "0.0.0.0", "::", "fe80::1")  # noqa: S104  # what is tested
    expected = ["the address 192.0.2.200, which no device of the host has"]
    assert found == (expected if nonlocal_bind == "0" else [])


def test_a_log_server_that_takes_no_connection(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        log = {"Type": "syslog", "Config": {"syslog-address": f"tcp://{place}"}}
        assert lacking(LogConfig=log) == []
    expected = f"the log server {place}, which takes no connection for syslog ([Errno 111] Connection refused)"
    assert lacking(LogConfig=log) == [expected]
    of_splunk = {"splunk-url": f"http://{place}"}
    assert lacking(LogConfig={"Type": "splunk", "Config": of_splunk}) == [expected.replace("for syslog", "for splunk")]
    assert lacking(LogConfig={"Type": "splunk", "Config": {**of_splunk, "splunk-verify-connection": "false"}}) == []
    gone = {"Type": "fluentd", "Config": {"fluentd-address": f"unix://{tmp_path}/fluent.sock"}}
    assert lacking(LogConfig=gone) == [
        f"the log server {tmp_path}/fluent.sock, which takes no connection for fluentd (it is not there)"
    ]
    (tmp_path / "fluent.sock").write_text("")
    assert lacking(LogConfig=gone) == []
