# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says about each result that the modules can return."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.drift_rows import FilterModule, drift_rows


def result(before: Any, after: Any, **further: Any) -> dict[str, Any]:
    """Of a module in check mode with restart=never; before and after: the file, as a dictionary or as a string."""
    shown = [value if isinstance(value, str) else json.dumps(value) for value in (before, after)]
    return {
        "engine": "running",
        "changed_keys": [],
        "pending_keys": [],
        "action_needed": "none",
        "live": {},
        "diff": [{"before": shown[0], "after": shown[1]}],
        **further,
    }


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    assert row["host"] == "web1"
    return row


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"drift_rows": drift_rows}


def test_nothing_differs() -> None:
    row = only(drift_rows(result({"bip": "10.77.0.1/24"}, {"bip": "10.77.0.1/24"}), "web1"))
    assert (row["note"], row["drift"]) == ("as declared", False)


def test_nothing_declared() -> None:
    row = only(drift_rows({}, "web1"))
    assert (row["note"], row["drift"]) == ("nothing is declared", False)


def test_a_task_that_was_skipped() -> None:
    row = only(drift_rows({"skipped": True, "changed": False}, "web1"))
    assert (row["note"], row["drift"]) == ("nothing is declared", False)


def test_what_is_declared_comes_from_the_module() -> None:
    found = result({"mtu": 1400}, {"mtu": 1400}, pending_keys=["mtu"], action_needed="restart", declared={"icc": True})
    assert only(drift_rows(found, "web1"))["declared"] == "(not declared)"
    assert only(drift_rows(found, "web1", {"mtu": 1400}))["declared"] == 1400


def test_unreachable() -> None:
    row = only(drift_rows({"unreachable": True, "msg": "Task failed: no\nroute"}, "web1"))
    assert (row["note"], row["drift"]) == ("not reachable: no route", True)


def test_refused() -> None:
    row = only(drift_rows({"failed": True, "msg": "bip is banana."}, "web1"))
    assert (row["note"], row["drift"]) == ("refused: bip is banana.", True)


def test_refused_without_a_word() -> None:
    assert only(drift_rows({"failed": True}, "web1"))["note"] == "refused: no reason given"


def test_no_module_can_run() -> None:
    result = {
        "failed": True,
        "msg": "Module result deserialization failed: No start of json char found",
        "module_stderr": "/bin/sh: 1: sudo: not found\n",
    }
    assert only(drift_rows(result, "web1"))["note"] == (
        "refused: /bin/sh: 1: sudo: not found (where Ansible connects as root to a host without sudo, set"
        " ansible_become to false)"
    )


def test_a_module_that_dies_without_a_word_about_sudo() -> None:
    result = {"failed": True, "msg": "No start of json char found", "module_stderr": "Killed\n"}
    assert only(drift_rows(result, "web1"))["note"] == "refused: Killed"


def test_a_restart_is_needed() -> None:
    found = result(
        {"bip": "10.1.0.1/24"},
        {"bip": "10.77.0.1/24"},
        changed_keys=["bip"],
        pending_keys=["bip"],
        action_needed="restart",
        live={"bip": "10.1.0.1/24"},
    )
    assert only(drift_rows(found, "web1")) == {
        "host": "web1",
        "key": "bip",
        "declared": "10.77.0.1/24",
        "running": "10.1.0.1/24",
        "note": "daemon.json has 10.1.0.1/24; needs a restart",
        "drift": True,
    }


def test_a_restart_is_owed() -> None:
    config = {"icc": False}
    found = result(config, config, pending_keys=["icc"], action_needed="restart", live={"icc": True})
    row = only(drift_rows(found, "web1"))
    assert (row["declared"], row["running"], row["note"]) == (False, True, "a restart is pending")


def test_somebody_has_edited_the_file_only() -> None:
    found = result({"icc": True}, {"icc": False}, changed_keys=["icc"], live={"icc": False})
    row = only(drift_rows(found, "web1"))
    assert (row["declared"], row["running"], row["note"]) == (False, False, "daemon.json has true")


def test_a_key_that_the_engine_does_not_tell() -> None:
    edited = result({}, {"log-opts": {"max-size": "1m"}}, changed_keys=["log-opts"])
    assert only(drift_rows(edited, "web1"))["running"] == {"max-size": "1m"}  # nothing is needed: the engine has it
    new = {**edited, "pending_keys": ["log-opts"], "action_needed": "restart"}
    assert only(drift_rows(new, "web1"))["running"] == "(not known)"


def test_a_key_that_is_to_go() -> None:
    found = result({"debug": True}, {}, changed_keys=["debug"], pending_keys=["debug"], action_needed="restart")
    row = only(drift_rows(found, "web1"))
    assert (row["declared"], row["note"]) == ("(not set)", "daemon.json has true; needs a restart")


def test_a_reload_is_needed() -> None:
    found = result({}, {"debug": True}, changed_keys=["debug"], action_needed="reload", live={"debug": False})
    assert only(drift_rows(found, "web1"))["note"] == "not in daemon.json; needs a reload"


def test_a_reload_is_owed() -> None:
    config = {"debug": True}
    found = result(config, config, action_needed="reload", live={"debug": False})
    assert only(drift_rows(found, "web1"))["note"] == "a reload is pending"


def test_a_key_that_only_stands_in_the_file() -> None:
    config = {"debug": True, "icc": False}
    found = result(config, config, action_needed="reload", live={"debug": False, "icc": False})
    row = only(drift_rows(found, "web1", {"icc": False}))
    assert (row["declared"], row["running"]) == ("(not declared)", False)
    assert row["note"] == "daemon.json has true; a reload is pending"


def test_mirrors_as_the_engine_shows_them_are_the_same() -> None:
    config = {"registry-mirrors": ["https://b.example", "https://a.example"], "debug": True}
    live = {"registry-mirrors": ["https://a.example/", "https://b.example/"], "debug": False}
    found = result(config, config, action_needed="reload", live=live)
    assert only(drift_rows(found, "web1"))["key"] == "debug"


@pytest.mark.parametrize("needed", ["reload", "restart"])
def test_owed_for_a_key_that_nobody_can_see(needed: str) -> None:
    found = result({"features": {}}, {"features": {}}, action_needed=needed)
    assert only(drift_rows(found, "web1"))["note"] == f"a {needed} is pending"


@pytest.mark.parametrize(
    "engine, note, drift",
    [
        ("absent", "no engine is installed", False),
        ("stopped", "the engine is stopped", False),
        ("failed", "the engine is down", True),
        ("other_file", "the engine reads another file", False),
    ],
)
def test_no_engine_runs(engine: str, note: str, drift: bool) -> None:
    row = only(drift_rows(result("", "", engine=engine), "web1"))
    assert (row["key"], row["running"], row["note"], row["drift"]) == ("(engine)", engine, note, drift)


def test_a_stopped_engine_has_its_file_compared() -> None:
    rows = drift_rows(result("", {"bip": "10.77.0.1/24"}, engine="stopped", changed_keys=["bip"]), "web1")
    assert [row["key"] for row in rows] == ["(engine)", "bip"]
    assert (rows[1]["running"], rows[1]["note"]) == ("(not known)", "not in daemon.json")


def test_a_broken_file() -> None:
    rows = drift_rows(result("(daemon.json is no JSON: line 3)\n", {"bip": "10.77.0.1/24"}, engine="failed"), "web1")
    assert [row["key"] for row in rows] == ["(engine)", "(file)"]
    assert rows[1]["note"] == "daemon.json is broken: daemon.json is no JSON: line 3"


def test_without_diff() -> None:
    with pytest.raises(AnsibleFilterError, match="needs the module's diff: run it with diff: true"):
        drift_rows({"engine": "running"}, "web1")


def test_no_result() -> None:
    with pytest.raises(AnsibleFilterError, match="takes the result of a module, and not str"):
        drift_rows("text", "web1")


def test_rules_that_the_firewall_has_lost() -> None:
    lost = {
        **result({"icc": False}, {"icc": False}),
        "lost_rules": ["ICC is off in bridge, and its containers\nreach each other."],
    }
    row = only(drift_rows(lost, "web1"))
    assert (row["key"], row["declared"], row["running"], row["drift"]) == ("(firewall)", "in force", "lost", True)
    assert row["note"] == "ICC is off in bridge, and its containers reach each other."
