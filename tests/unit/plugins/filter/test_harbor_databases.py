# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which databases a version of Harbor takes over."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.harbor_databases import FilterModule, harbor_databases


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"harbor_databases": harbor_databases}


@pytest.mark.parametrize(
    "version, takes, leaves",
    [("1.5.4", [], ""), ("1.10.17", ["9.6"], "9.6"), ("2.8.6", ["13"], "13"), ("2.15.2", ["15", "18"], "18")],
)
def test_versions(version: str, takes: list[str], leaves: str) -> None:
    assert harbor_databases(version) == {"takes": takes, "leaves": leaves}


@pytest.mark.parametrize("version, message", [("2.8", "'2.8' is no version of Harbor"), (2.8, "and not float")])
def test_no_version(version: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        harbor_databases(version)
