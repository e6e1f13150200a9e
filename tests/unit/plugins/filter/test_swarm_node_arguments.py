# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node differs from what is declared."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.swarm_node_arguments import FilterModule, swarm_node_arguments

SPEC = {"Role": "worker", "Availability": "active", "Labels": {"zone": "a", "old": "1"}}


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"swarm_node_arguments": swarm_node_arguments}


@pytest.mark.parametrize(
    ("role", "labels", "availability", "expected"),
    [
        ("worker", {}, "", []),
        ("worker", {"zone": "a"}, "active", []),
        ("worker", {"old": 1}, "", []),
        ("manager", None, "", ["--role", "manager"]),
        (
            "worker",
            {"zone": "b", "new": True, "old": None, "none": None},
            "pause",
            ["--label-add", "new=true", "--label-rm", "old", "--label-add", "zone=b", "--availability", "pause"],
        ),
    ],
)
def test_what_differs(role: str, labels: Any, availability: str, expected: list[str]) -> None:
    assert swarm_node_arguments(SPEC, role, labels, availability) == expected


def test_a_node_that_is_drained_for_a_change_goes_back_by_another_way() -> None:
    drained = {"Role": "worker", "Availability": "drain", "Labels": {"dockyard.ops.availability": "active"}}
    assert swarm_node_arguments(drained, "worker", {}, "active") == []


def test_a_node_without_labels() -> None:
    assert swarm_node_arguments({"Role": "worker", "Labels": None}, "worker", {"a": "b"}) == ["--label-add", "a=b"]


@pytest.mark.parametrize("wrong", [None, [], {}, "worker"])
def test_what_is_no_node(wrong: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="takes the Spec of a node"):
        swarm_node_arguments(wrong, "worker")
