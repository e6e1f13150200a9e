# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of what is known about docker.service, on what systemd and dockerd really say.

The rest is in the integration targets, on real units.
"""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import service
from ansible_collections.dockyard.ops.plugins.module_utils._engine.service import Unit

DEBIAN = ["/usr/sbin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"]


@pytest.mark.parametrize(
    "argv, names, values",
    [
        (DEBIAN, ("--host", "-H"), ["fd://"]),
        (DEBIAN, ("--containerd",), ["/run/containerd/containerd.sock"]),
        (DEBIAN, ("--config-file",), []),
        ([*DEBIAN, "--host=tcp://127.0.0.1:2375"], ("--host", "-H"), ["fd://", "tcp://127.0.0.1:2375"]),
        ([*DEBIAN, "--host", "unix:///run/x.sock"], ("--host",), ["unix:///run/x.sock"]),
        ([*DEBIAN, "--label=a=b"], ("--label",), ["a=b"]),
        ([*DEBIAN, "--bip"], ("--bip",), [""]),
        ([*DEBIAN, "--hosts=x"], ("--host",), []),
        ([*DEBIAN, "-Hunix:///run/x.sock"], ("--host", "-H"), ["fd://", "unix:///run/x.sock"]),
        ([*DEBIAN, "-H=unix:///run/x.sock"], ("--host", "-H"), ["fd://", "unix:///run/x.sock"]),
        ([*DEBIAN, "-bnone"], ("--bip", "--bridge", "-b"), ["none"]),
        ([], ("--host",), []),
    ],
)
def test_flags(argv: list[str], names: tuple[str, ...], values: list[str]) -> None:
    assert Unit("running", argv).flag(*names) == values


@pytest.mark.parametrize(
    "flags, file",
    [
        ([], "/etc/docker/daemon.json"),
        (["--config-file=/srv/docker/daemon.json"], "/srv/docker/daemon.json"),
        (["--config-file", "/srv/docker/daemon.json"], "/srv/docker/daemon.json"),
        (["--config-file=/a.json", "--config-file=/b.json"], "/b.json"),
    ],
)
def test_the_file_that_the_engine_reads(flags: list[str], file: str) -> None:
    assert Unit("running", [*DEBIAN, *flags]).config_file == file


@pytest.mark.parametrize(
    "flags, in_file, paths",
    [
        ([], None, []),
        ([], [], []),
        (["-H", "unix:///run/other.sock"], [], ["/run/other.sock"]),
        (["-Hunix:///run/other.sock"], [], ["/run/other.sock"]),
        (["--host=tcp://127.0.0.1:2375"], ["unix:///run/file.sock"], ["/run/file.sock"]),
        ([], ["tcp://127.0.0.1:2375", "unix:///run/file.sock"], ["/run/file.sock"]),
        (["--host=unix:///run/a", "-H=unix:///run/b"], ["unix:///run/c"], ["/run/a", "/run/b", "/run/c"]),
        (["-H", "unix://"], ["unix:///run/a", "unix:///run/a"], ["/var/run/docker.sock", "/run/a"]),
        ([], ["fd://"], []),
        # Whatever a user has written into the file by hand
        ([], [5, None, "unix:///run/file.sock"], ["/run/file.sock"]),
        ([], "unix:///run/file.sock", []),
        ([], {"unix:///run/file.sock": 1}, []),
    ],
)
def test_the_sockets_on_which_it_may_listen(
    flags: list[str], in_file: object, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_sockets_of_systemd", lambda: [])
    default = [] if "/var/run/docker.sock" in paths else ["/var/run/docker.sock"]
    assert Unit("running", [*DEBIAN, *flags]).engine_sockets(in_file) == [*paths, *default]


def test_sockets_of_systemd_come_before_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho 'Listen=/run/a b.sock (Stream)'\necho 'Listen=127.0.0.1:2375 (Stream)'\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(service, "booted_by_systemd", lambda: True)
    unit = Unit("running", [*DEBIAN, "-H", "unix:///run/x"])
    assert unit.engine_sockets(None) == ["/run/x", "/run/a b.sock", "/var/run/docker.sock"]


# As `systemctl show docker.service` prints it, of a process that is {age} seconds old whenever it is asked
STARTING = """#!{python} -IS
import time
print("LoadState=loaded", "ActiveState=activating", "MainPID={pid}", sep="\\n")
print(f"ExecMainStartTimestampMonotonic={{int((time.clock_gettime(time.CLOCK_MONOTONIC) - {age}) * 1e6)}}")
"""


@pytest.mark.parametrize("age, state", [(60, "running"), (0.1, "failed")])
def test_one_process_that_starts_for_long_is_no_engine_that_is_down(
    age: float, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(STARTING.format(python=sys.executable, pid=os.getpid(), age=age))
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    unit = service.inspect_unit(settle=1)
    assert unit.state == state
    assert (unit.run.pid if unit.run else None) == (os.getpid() if state == "running" else None)


def test_a_command_that_does_not_end_has_failed() -> None:
    done = service.run_program(["sleep", "20", "1"], timeout=0.2)
    assert (done.returncode, done.stderr) == (124, "sleep 20 1 did not end within 0.2 seconds")


def exec_start(argv: str) -> str:
    """As `systemctl show` of systemd 252 to 262 prints it."""
    return (
        f"{{ path={argv.split()[0]} ; argv[]={argv} ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ;"
        " code=(null) ; status=0/0 }"
    )


@pytest.mark.parametrize(
    "argv, environment, expected",
    [
        ("/usr/bin/dockerd -H fd://", "", ["/usr/bin/dockerd", "-H", "fd://"]),
        (
            "/usr/sbin/dockerd -H fd:// $DOCKER_OPTS",
            "DOCKER_OPTS=\"--debug --label 'a b'\" OTHER=x",
            ["/usr/sbin/dockerd", "-H", "fd://", "--debug", "--label", "a b"],
        ),
        ("/usr/sbin/dockerd -H fd:// $DOCKER_OPTS", "", ["/usr/sbin/dockerd", "-H", "fd://"]),
        # In braces, a variable is one word whatever it holds, and may be a part of one.
        (
            "/usr/bin/dockerd --data-root=${ROOT}/docker ${EMPTY} ${TWO}",
            'ROOT=/srv "TWO=a b"',
            ["/usr/bin/dockerd", "--data-root=/srv/docker", "", "a b"],
        ),
        # systemd takes a quote that is not closed as it is.
        ("/usr/bin/dockerd $OPTS", "OPTS=--label=it's", ["/usr/bin/dockerd", "--label=it's"]),
    ],
)
def test_what_the_next_start_has(argv: str, environment: str, expected: list[str]) -> None:
    assert service._planned_argv({"ExecStart": exec_start(argv), "Environment": environment}) == expected


def test_what_the_next_start_has_from_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "first").write_text(
        "# DOCKER_OPTS=--nothing\n\n DOCKER_OPTS = '--debug'\nROOT=\"/srv\"\n; X=1\nbroken\n"
    )
    (tmp_path / "second").write_text("DOCKER_OPTS=--debug --icc=false\n")
    properties = {
        "ExecStart": exec_start("/usr/sbin/dockerd --data-root=${ROOT} $DOCKER_OPTS"),
        "Environment": "DOCKER_OPTS=--raw-logs ROOT=/none",
        "EnvironmentFiles": f"{tmp_path}/first (ignore_errors=yes)\n{tmp_path}/missing (ignore_errors=yes)",
    }
    dockerd = ["/usr/sbin/dockerd", "--data-root=/srv"]
    assert service._planned_argv(properties) == [*dockerd, "--debug"]
    properties["EnvironmentFiles"] += f"\n{tmp_path}/second (ignore_errors=no)"
    assert service._planned_argv(properties) == [*dockerd, "--debug", "--icc=false"]
    assert service._environment_file(str(tmp_path / "first")) == {"DOCKER_OPTS": "--debug", "ROOT": "/srv"}


def test_words_with_spaces_are_those_that_systemd_has_split() -> None:
    properties = {"ExecStart": exec_start("/usr/sbin/dockerd --label rack=row 7 $OPTS"), "Environment": "OPTS=--debug"}
    words = ["/usr/sbin/dockerd", "--label", "rack=row 7", "$OPTS"]
    assert service._planned_argv(properties, words) == [*words[:3], "--debug"]


def test_a_unit_without_a_command_has_no_arguments() -> None:
    assert service._planned_argv({}) == []
    assert service._planned_argv({}, ["/usr/sbin/dockerd"]) == []
    assert service._planned_argv({"ExecStart": ""}) == []


@pytest.mark.parametrize(
    "flags, left",
    [
        (["--config-file=/a", "-D"], ["-D"]),
        (["--config-file", "/a", "-D"], ["-D"]),
        (["-D", "--config-file", "/a"], ["-D"]),
        (["-H", "fd://"], ["-H", "fd://"]),
    ],
)
def test_a_file_is_judged_in_place_of_that_of_the_unit(flags: list[str], left: list[str]) -> None:
    assert service._without_config_file(flags) == left


def test_without_a_dockerd_nothing_can_be_asked() -> None:
    for planned in ([], ["/nowhere/dockerd"]):
        assert service.validate(Unit("absent", [], planned=planned), b"{}") is None
    assert service.installed_version(Unit("absent", [])) is None
