# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line 13: what is left on a client after a registry has moved to another port or name is known, and goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.registry_trusted import registry_trusted

OLD = {"registry": "old.test:5000", "client_directory": "/etc/ssl/registry-clients/old.test"}
NEW = {"registry": "new.test:5001", "client_directory": "/etc/ssl/registry-clients/new.test"}
OTHER = {"registry": "other.test:5000", "client_directory": ""}


def gone(found: dict[str, Any]) -> list[str]:
    return [entry["registry"] for entry in found["gone"]]


def test_a_first_run_knows_of_nothing_old() -> None:
    found = registry_trusted("", {"a": OLD})
    assert found == {"record": {"a": OLD}, "gone": [], "logouts": [], "client_directories": []}


def test_a_move() -> None:
    assert registry_trusted(json.dumps({"a": OLD, "b": OTHER}), {"a": NEW}, users=["root", "ci"]) == {
        "record": {"a": NEW, "b": OTHER},
        "gone": [{"registry": "old.test:5000", "state": "absent"}],
        "logouts": [
            {"registry": "old.test:5000", "user": "root", "state": "absent"},
            {"registry": "old.test:5000", "user": "ci", "state": "absent"},
        ],
        "client_directories": ["/etc/ssl/registry-clients/old.test"],
    }


def test_an_address_that_another_registry_has_taken_over_stays() -> None:
    found = registry_trusted(json.dumps({"a": OLD, "b": OTHER}), {"a": NEW, "b": OLD})
    assert gone(found) == ["other.test:5000"]
    assert found["client_directories"] == []


def test_no_trust_any_more() -> None:
    found = registry_trusted(json.dumps({"a": OLD, "b": OTHER}), {"a": NEW}, "absent")
    assert found["record"] == {"b": OTHER}
    assert gone(found) == ["new.test:5001", "old.test:5000"]
    assert found["client_directories"] == ["/etc/ssl/registry-clients/new.test", "/etc/ssl/registry-clients/old.test"]
    assert gone(registry_trusted("", {"a": OTHER}, "absent")) == ["other.test:5000"]


@pytest.mark.parametrize("record", ["{", "[]", '{"a": {"registry": "old.test:5000"}}', '{"a": 1}'])
def test_a_record_that_can_t_be_read_is_not_repaired(record: str) -> None:
    with pytest.raises(AnsibleFilterError, match="can't be read; look at certs.d for folders"):
        registry_trusted(record, {"a": NEW})
