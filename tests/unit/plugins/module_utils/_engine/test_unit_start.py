# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps docker.service from starting again, with a script as systemctl and files of the test."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any, Callable

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
BUSCTL = """#!/bin/sh
cat {folder}/$6
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
    (tmp_path / "busctl").write_text(BUSCTL.format(folder=tmp_path))
    for name in ("systemctl", "busctl"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(unit_start, "booted_by_systemd", lambda: True)

    def ask(
        *lines: str,
        socket: str = "loaded",
        x: str = "loaded",
        conditions: Sequence[Any] = (),
        asserts: Sequence[Any] = (),
    ) -> str:
        for name, found in (("Conditions", conditions), ("Asserts", asserts)):
            (tmp_path / name).write_text(json.dumps({"type": "a(sbbsi)", "data": found}))
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


def test_a_file_system_that_it_requires_can_not_be_mounted(refused: Callable[..., str]) -> None:
    """RequiresMountsFor= of a disk that is gone, or that fstab names by a label that no disk has."""
    lost = "loaded\n\nId=srv-data.mount\nLoadState=loaded\nActiveState={}\nWhat={}"
    assert (
        "it requires srv-data.mount, which is not mounted and whose device /dev/disk/by-label/gone is not there. Bring"
        in refused(x=lost.format("inactive", "/dev/disk/by-label/gone"))
    )
    # Mounted, or with a device that is there, or with none at all.
    for active, device in (
        ("active", "/dev/disk/by-label/gone"),
        ("inactive", "/dev/null"),
        ("inactive", "server:/srv"),
    ):
        assert refused(x=lost.format(active, device)) == ""


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ([["{}PathIsMountPoint", False, False, "/usr/bin", 1]], "its {}PathIsMountPoint=/usr/bin does not hold"),
        ([["{}PathExists", False, False, "/nowhere", 1]], "its {}PathExists=/nowhere does not hold"),
        ([["{}PathExists", False, True, "/usr", 1]], "its {}PathExists=!/usr does not hold"),
        ([["{}DirectoryNotEmpty", False, False, "/nowhere", 1]], "its {}DirectoryNotEmpty=/nowhere does not hold"),
        ([["{}FileNotEmpty", False, False, "/dev/null", 1]], "its {}FileNotEmpty=/dev/null does not hold"),
        (
            [["{}PathExists", True, False, "/nowhere", 1], ["{}PathExistsGlob", True, False, "/nowhere*", 1]],
            "none of its conditions {}...=| holds",
        ),
        # What holds, or may hold.
        ([["{}PathExists", False, False, "/usr", 1], ["{}PathIsMountPoint", False, False, "/", 1]], ""),
        ([["{}PathExists", False, True, "/nowhere", 1], ["{}FileIsExecutable", False, False, "/bin/sh", 1]], ""),
        ([["{}PathExists", True, False, "/nowhere", 1], ["{}PathIsDirectory", True, False, "/usr", 1]], ""),
        ([["{}PathExists", True, False, "/nowhere", 1], ["{}Virtualization", True, False, "vm", 1]], ""),
        ([["{}Memory", False, False, "1T", -1]], ""),
    ],
)
@pytest.mark.parametrize("kind", ["Condition", "Assert"])
def test_conditions_of_the_unit(refused: Callable[..., str], kind: str, conditions: list[list[Any]], says: str) -> None:
    """They held when the engine was started, and systemd skips its next start if they do not."""
    given = [[name.format(kind), *rest] for name, *rest in conditions]
    said = refused(**{f"{kind.lower()}s": given})
    assert f": {says.format(kind)}. Bring" in said if says else said == ""


def test_without_systemd_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_start, "booted_by_systemd", lambda: False)
    monkeypatch.setenv("PATH", "/nowhere")
    unit_start.refuse()
