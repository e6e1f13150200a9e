# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps docker.service from starting again, with a script as systemctl and files of the test."""

from __future__ import annotations

import pathlib
from typing import Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import unit_start
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.tests.unit.helpers.error_page import assert_explained

# As systemd 252 and 257 print it.
SYSTEMCTL = """#!/bin/sh
cd {folder}
[ "$3" = -- ] || exit 1
case "$4" in
docker.service) cat unit ;;
*) cat required ;;
esac
"""
PROGRAM = "{{ path={path} ; argv[]={path} -H fd:// ; ignore_errors={ignored} ; start_time=[n/a] ; pid=0 ; status=0/0 }}"
REQUIRED = (
    "Id=sysinit.target\nLoadState=loaded\n\nId=docker.socket\nLoadState={socket}\n\nId=x.service\nLoadState={x}\n"
)


def program(path: object, ignored: str = "no") -> str:
    return PROGRAM.format(path=path, ignored=ignored)


@pytest.fixture
def refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what is said of a unit with these properties; an empty string for one that starts."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(folder=tmp_path))
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(unit_start, "booted_by_systemd", lambda: True)

    def ask(*lines: str, socket: str = "loaded", x: str = "loaded") -> str:
        base = ["WorkingDirectory=", "Requires=sysinit.target docker.socket", "BindsTo=x.service"]
        (tmp_path / "unit").write_text("\n".join([*base, *lines]) + "\n")
        (tmp_path / "required").write_text(REQUIRED.format(socket=socket, x=x))
        try:
            unit_start.refuse()
        except DockyardError as error:
            assert_explained(error)
            assert error.code == "engine_unit_cant_start"
            return error.message
        return ""

    return ask


def test_one_that_starts(refused: Callable[..., str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.env").write_text("")
    assert (
        refused(
            f"ExecStart={program('/bin/sh')}",
            f"ExecStartPre={program('/nowhere', 'yes')}",
            "EnvironmentFiles=/nowhere/docker (ignore_errors=yes)",
            f"EnvironmentFiles={tmp_path}/*.env (ignore_errors=no)",
            "WorkingDirectory=!/nowhere",
        )
        == ""
    )
    # There the paths are those of another root.
    assert refused(f"ExecStart={program('/nowhere')}", f"RootDirectory={tmp_path}") == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "EnvironmentFiles=/nowhere/docker (ignore_errors=no)",
            "it reads the environment file /nowhere/docker, which is not there",
        ),
        ("WorkingDirectory=/nowhere", "it works in the folder /nowhere, which is not there"),
        (
            f"ExecStart={program('/nowhere/dockerd')}",
            "its ExecStart is the program /nowhere/dockerd, which is not there or can't be run",
        ),
        (
            f"ExecStartPost={program('/etc/passwd')}",
            "its ExecStartPost is the program /etc/passwd, which is not there or can't be run",
        ),
    ],
)
def test_what_it_names_is_gone(refused: Callable[..., str], line: str, says: str) -> None:
    assert refused(line) == (
        f"docker.service could not be started again, whatever its configuration is: {says}. Bring that back, or correct"
        " the unit (systemctl edit docker.service), and run again."
    )


def test_what_it_requires_is_unusable(refused: Callable[..., str]) -> None:
    said = refused(f"ExecStart={program('/bin/sh')}", socket="masked", x="not-found")
    assert "it requires docker.socket, which is masked; it requires x.service, which is not there. Bring" in said


def test_without_systemd_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_start, "booted_by_systemd", lambda: False)
    monkeypatch.setenv("PATH", "/nowhere")
    unit_start.refuse()
