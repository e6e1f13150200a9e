# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of a stack has found, as rows."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.stack_drift_rows import FilterModule, stack_drift_rows


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"stack_drift_rows": stack_drift_rows}
    with pytest.raises(AnsibleFilterError, match="takes the result of a module, and not list"):
        stack_drift_rows([], "one")


def test_as_declared() -> None:
    result = {"services": {"s_web": {"action": "none"}}, "networks": {"s_default": {"action": "none"}}}
    rows = stack_drift_rows(result, "one", [{"Name": "s_web", "Replicas": "2/2 (max 1 per node)"}])
    assert [(row["note"], row["drift"]) for row in rows] == [("as declared", False)]


def test_differences() -> None:
    result = {
        "services": {
            "s_web": {"action": "updated", "differences": ["Image", "Env"]},
            "s_old": {"action": "removed", "differences": []},
        },
        "networks": {"s_default": {"action": "created"}, "s_other": {"action": "replaced"}},
    }
    rows = stack_drift_rows(result, "one", [{"Name": "s_web", "Replicas": "0/1"}], ["users of the registry"])
    assert all(row["drift"] and row["host"] == "one" for row in rows)
    assert {row["key"]: (row["declared"], row["running"], row["note"]) for row in rows} == {
        "network s_default": ("yes", "no", "is not there"),
        "network s_other": ("yes", "yes", "differs in what it is"),
        "service s_web": ("yes", "yes", "differs in Image, Env"),
        "service s_old": ("no", "yes", "is not declared"),
        "users of the registry": ("", "", "differs"),
        "tasks of s_web": ("1", "0", "not all of them run"),
    }


def test_what_could_not_be_compared() -> None:
    assert stack_drift_rows({"failed": True, "msg": "no\n  Swarm"}, "one")[0]["note"] == "refused: no Swarm"
    assert stack_drift_rows({"unreachable": True}, "one")[0]["note"] == "not reachable: no reason given"
