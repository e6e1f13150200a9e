# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as aligned lines."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.table import FilterModule, table


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"table": table}


def test_columns_are_aligned() -> None:
    rows = [{"host": "web1", "key": "bip"}, {"host": "web12", "key": "icc"}]
    assert table(rows) == ["host   key", "web1   bip", "web12  icc"]


def test_columns_can_be_chosen_and_values_missing() -> None:
    assert table([{"a": 1, "b": 2}, {"b": 3}], ["b", "a"]) == ["b  a", "2  1", "3"]


def test_values_that_are_not_text() -> None:
    assert table([{"a": {"y": [1], "x": None}, "b": True}]) == [
        "a                      b",
        '{"x": null, "y": [1]}  true',
    ]


def test_no_value_tears_the_table() -> None:
    assert table([{"a": "one\n two"}]) == ["a", "one two"]


def test_long_values_are_cut_but_the_last() -> None:
    assert table([{"a": "x" * 12, "b": "y" * 12}], width=10) == ["a           b", "xxxxxxx...  yyyyyyyyyyyy"]


def test_nothing_to_show() -> None:
    assert table([]) == [""]
    assert table([], ["a", "b"]) == ["a  b"]


@pytest.mark.parametrize("rows, kind", [("text", "str"), ({"a": 1}, "dict"), (5, "int")])
def test_no_list(rows: Any, kind: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"table takes a list of dictionaries, and not {kind}"):
        table(rows)


def test_a_list_of_something_else() -> None:
    with pytest.raises(AnsibleFilterError, match="one of them is str"):
        table(["a"])
