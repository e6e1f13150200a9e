# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholders tell equal secrets from different ones, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders


def is_secret(name: str) -> bool:
    return "password" in name


def test_equal_secrets_are_equal_and_different_ones_differ() -> None:
    placeholders = Placeholders()
    assert [placeholders.of(secret) for secret in ("a", "b", "a")] == ["(secret 1)", "(secret 2)", "(secret 1)"]


def test_nothing_of_a_secret_shows() -> None:
    assert Placeholders().of("Harbor12345") == Placeholders().of("hunter2")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://alice:pass@proxy:3128", "http://alice:(secret 1)@proxy:3128"),
        ("http://alice:p/a@s@proxy:3128", "http://alice:(secret 1)@proxy:3128"),
        ("alice:pass@proxy", "alice:(secret 1)@proxy"),
        ("http://proxy:3128/path", "http://proxy:3128/path"),
        ("registry.example.com:5000", "registry.example.com:5000"),
    ],
)
def test_passwords_in_urls(value: str, expected: str) -> None:
    assert Placeholders().in_url(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "x", "port": 5}, {"password": "(secret 1)", "port": 5}),
        ({"password": {"value": "x", "other": 7}}, {"password": {"value": "(secret 1)", "other": "(secret 2)"}}),
        (
            {"list": [{"password": "x"}, "http://a:x@b"]},
            {"list": [{"password": "(secret 1)"}, "http://a:(secret 1)@b"]},
        ),
        ({"password": ""}, {"password": ""}),
        ({"password": None, "password_file": True}, {"password": None, "password_file": True}),
    ],
)
def test_values_of_a_configuration(value: Any, expected: Any) -> None:
    assert Placeholders().in_value("", value, is_secret) == expected
