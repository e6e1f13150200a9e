# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the engine's answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine import inventory, naming

ID = "0123456789ab" + "c" * 52


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ({"Id": ID, "Names": ["/web"]}, "web"),
        ({"Id": ID, "Names": ["/shop/db", "/db"]}, "db"),  # linked to by the container shop
        ({"Id": ID, "Names": []}, "0123456789ab"),
        ({"Id": ID, "Names": None}, "0123456789ab"),
    ],
)
def test_a_container_goes_by_its_own_name(listed: dict[str, Any], name: str) -> None:
    assert naming.container_name(listed) == name


def test_a_container_is_connected_again_as_it_was() -> None:
    shown = {
        "IPAMConfig": {"IPv4Address": "10.1.2.3"},
        "Links": None,
        "Aliases": ["db", "0123456789ab"],
        "GwPriority": 5,
        "MacAddress": "02:42:0a:01:02:03",
    }
    assert inventory.connection(ID, shown) == {
        "IPAMConfig": {"IPv4Address": "10.1.2.3"},
        "GwPriority": 5,
        "Aliases": ["db"],
    }
    assert inventory.connection(ID, {"Aliases": ["0123456789ab"]}) == {}
