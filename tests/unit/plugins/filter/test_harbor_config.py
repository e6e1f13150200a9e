# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration of Harbor, merged with what is desired."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.harbor_config import FilterModule, harbor_config

TEMPLATE = {
    "hostname": "reg.mydomain.com",
    "http": {"port": 80},
    "https": {"port": 443},
    "log": {"local": {"rotate": 50}},
}


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"harbor_config": harbor_config}


def test_what_is_desired_is_merged_and_nulls_take_away() -> None:
    desired = {"https": None, "http": {"port": 8080}, "log": {"level": "info"}, "proxy": {"no_proxy": ["a"]}}
    merged = harbor_config(TEMPLATE, desired)
    assert merged == {
        "hostname": "reg.mydomain.com",
        "http": {"port": 8080},
        "log": {"local": {"rotate": 50}, "level": "info"},
        "proxy": {"no_proxy": ["a"]},
    }
    assert list(merged) == ["hostname", "http", "log", "proxy"]
    assert TEMPLATE["https"] == {"port": 443}


def test_merging_again_changes_nothing() -> None:
    desired = {"https": None, "hostname": "harbor.test"}
    once = harbor_config(TEMPLATE, desired)
    assert harbor_config(once, desired) == once


@pytest.mark.parametrize("present, desired, kind", [("text", {}, "str"), ({}, None, "NoneType"), ({}, [1], "list")])
def test_no_dictionary(present: Any, desired: Any, kind: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"harbor_config takes two dictionaries, and not {kind}"):
        harbor_config(present, desired)
