# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that stop with the engine, with a script as systemctl."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import dependents

# Each unit's state is in a file of its name; what is started is active from then on, but for "broken".
SYSTEMCTL = """#!/bin/sh
cd {folder}
case "$1" in
show) printf 'RequiredBy=app.service old.service\nRequisiteOf=\nBoundBy=broken.service\nConsistsOf=docker.socket\n' ;;
is-active) cat "$2" ;;
start) echo "$3" >> started; [ "$3" = broken.service ] || echo active > "$3" ;;
list-jobs) cat jobs ;;
list-units) cat activating ;;
esac
"""


@pytest.fixture
def states(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(folder=tmp_path))
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(dependents, "booted_by_systemd", lambda: True)
    for unit, state in (("app", "active"), ("old", "inactive"), ("broken", "active")):
        (tmp_path / f"{unit}.service").write_text(f"{state}\n")
    (tmp_path / "jobs").write_text("No jobs running.\n")
    (tmp_path / "activating").write_text("")
    return tmp_path


def test_those_that_run_before_are_brought_back(states: pathlib.Path) -> None:
    assert dependents.running_dependents() == ["app.service", "broken.service"]
    for unit in ("app", "broken"):
        (states / f"{unit}.service").write_text("failed\n")
    assert dependents.bring_dependents_back(["app.service"], 5) == []
    assert dependents.bring_dependents_back(["app.service", "broken.service"], 0.3) == [
        "the unit broken.service, which depends on the engine, does not run"
    ]
    assert (states / "started").read_text().split() == ["app.service", "broken.service"]


def test_one_that_runs_is_left_alone(states: pathlib.Path) -> None:
    assert dependents.bring_dependents_back(["app.service"], 5) == []
    assert not (states / "started").exists()


def test_what_is_on_its_way(states: pathlib.Path) -> None:
    assert not dependents.units_on_their_way()
    (states / "activating").write_text("app.service loaded activating start-pre start\n")
    assert dependents.units_on_their_way()
    (states / "activating").write_text("")
    (states / "jobs").write_text("123 app.service start waiting\n")
    assert dependents.units_on_their_way()
