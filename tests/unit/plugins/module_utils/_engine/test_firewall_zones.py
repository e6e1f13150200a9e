# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges in zones of firewalld, with a script as firewall-cmd that prints what 1.3 and 2.3 do."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import firewall_zones

ZONES = "docker\n  interfaces: br-own docker0\ntrusted\n  interfaces: br-app\n  sources: 10.0.0.0/8\npublic (default)\n"


def firewall_cmd(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "firewall-cmd").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "firewall-cmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_bridges_of_another_zone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firewall_cmd(tmp_path, monkeypatch, f"printf '{ZONES}'")
    found = firewall_zones.bound_elsewhere(["docker0", "br-app", "br-own", "br-new"])
    assert found == {"br-app": "trusted"}
    assert (
        firewall_zones.sentence({**found, "docker0": "home"})
        == "br-app in the zone trusted and docker0 in the zone home"
    )
    assert firewall_zones.remedy(found) == (
        "firewall-cmd --zone=docker --change-interface=br-app, and firewall-cmd --permanent --zone=trusted"
        " --remove-interface=br-app"
    )
    assert firewall_zones.bound_elsewhere([]) == {}


def test_a_firewalld_that_does_not_run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firewall_cmd(tmp_path, monkeypatch, f"printf '{ZONES}'; echo FirewallD is not running >&2; exit 252")
    assert firewall_zones.bound_elsewhere(["br-app"]) == {}
    monkeypatch.setenv("PATH", "/nowhere")
    assert firewall_zones.bound_elsewhere(["br-app"]) == {}


@pytest.mark.parametrize(
    ("version", "writes_rules", "internal", "binds"),
    [
        ((20, 10), True, False, True),
        ((20, 10), True, True, False),
        ((20, 10), False, False, False),
        ((26, 1), True, True, True),
        ((28, 5), False, False, False),
        ((29, 9), False, False, True),
        ((29, 9), False, True, True),
    ],
)
def test_which_engines_bind_a_bridge(version: tuple[int, ...], writes_rules: bool, internal: bool, binds: bool) -> None:
    assert firewall_zones.is_bound(version, writes_rules, internal) is binds
