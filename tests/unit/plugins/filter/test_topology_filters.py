# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters of a network report take, and that each of them is known to Ansible."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter import (
    topology_graphviz,
    topology_html,
    topology_markdown,
    topology_mermaid,
    topology_report,
)
from ansible_collections.dockyard.ops.tests.unit.helpers import topology_sample

TOPOLOGY = topology_sample.topology(12)
RESULT = {"changed": False, "topology": TOPOLOGY}
REPORT = topology_report.topology_report(RESULT, "docker1.example.com", "2026-11-28")
MAKERS = {
    "topology_graphviz": (topology_graphviz, topology_graphviz.topology_graphviz, "digraph"),
    "topology_mermaid": (topology_mermaid, topology_mermaid.topology_mermaid, "flowchart LR"),
    "topology_markdown": (topology_markdown, topology_markdown.topology_markdown, "# Network of docker1.example.com"),
    "topology_html": (topology_html, topology_html.topology_html, "<!DOCTYPE html>"),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [TOPOLOGY, RESULT, REPORT])
def test_all_take_a_topology_a_result_and_a_report(name: str, value: Any) -> None:
    module, make, begin = MAKERS[name]
    assert module.FilterModule().filters() == {name: make}
    assert make(value).startswith(begin)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [None, "text", {}, {"failed": True, "msg": "No engine."}])
def test_without_a_topology(name: str, value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name}.*there is no topology in this"):
        MAKERS[name][1](value)


def test_pages_of_all_hosts() -> None:
    assert "<title>Ours</title>" in topology_html.topology_html([REPORT], title="Ours")
    assert topology_markdown.topology_markdown([REPORT], title="Ours").startswith("# Ours")


def test_the_report() -> None:
    assert topology_report.FilterModule().filters() == {"topology_report": topology_report.topology_report}
    assert REPORT["record"] == {key: REPORT[key] for key in ("host", "date", "error", "topology")}
    assert REPORT["result"] == {
        "host": "docker1.example.com",
        "date": "2026-11-28",
        "error": None,
        "networks": 5,
        "containers": 12,
        "findings": {"error": 1, "warning": 1, "notice": 1},
        "changes": None,
    }
    with pytest.raises(AnsibleFilterError, match="topology_report takes the result of a module, and not str"):
        topology_report.topology_report("text", "docker1", "now")


def test_the_report_to_compare_with_is_read_from_its_file() -> None:
    written = json.dumps(REPORT["record"])
    same = topology_report.topology_report(RESULT, "docker1.example.com", "2026-12-01", baseline=written)
    assert (same["changes"], same["compared_with"]) == ([], "2026-11-28")
    fewer = json.loads(written)
    gone = fewer["topology"]["containers"].pop()["name"]
    changed = topology_report.topology_report(RESULT, "docker1.example.com", "2026-12-01", baseline=json.dumps(fewer))
    assert any(gone in change["message"] for change in changed["changes"])
    # Of a host that could not be read there is nothing to compare with.
    unread = json.dumps({"host": "docker1", "date": "2026-11-01", "error": "not reachable", "topology": None})
    for baseline in ("", "{}", None, unread):
        report = topology_report.topology_report(RESULT, "docker1.example.com", "2026-12-01", baseline=baseline)
        assert (report["changes"], report["compared_with"]) == (None, None)


@pytest.mark.parametrize("damaged", ["{broken", "[1]", '{"a": 1}', '{"topology": [1]}', '{"topology": {"a": 1}}'])
def test_a_damaged_report_to_compare_with(damaged: str) -> None:
    with pytest.raises(
        AnsibleFilterError, match=r"^The earlier report of this host can't be compared with \(.*\); give"
    ):
        topology_report.topology_report(RESULT, "docker1.example.com", "2026-12-01", baseline=damaged)
