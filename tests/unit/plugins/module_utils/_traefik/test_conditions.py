# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as Traefik 3 takes them and not: what each is was seen with Traefik 3.6.15 and 3.7.15."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import conditions


@pytest.mark.parametrize(
    "rule",
    [
        "Host(`a.example.com`)",
        'Host("a.example.com")',
        "Host( `a.example.com` ) && PathPrefix(`/`)",
        "Host(`a`) || (Host(`b`) && !PathPrefix(`/x(`))",
        "!(Host(`a`) || Host(`b`)) && Method(`GET`)",
        "Query(`a`, `b`) && Query(`a`)",
        "Header(`X`, `y`) && HeaderRegexp(`X`, `^y$`)",
        "QueryRegexp(`a`, `^b$`) && PathRegexp(`^/v[0-9]+/`) && HostRegexp(`^.+[.]example$`)",
        "ClientIP(`10.0.0.0/8`) && Path(`/a`)",
        "Host(`a`) &&\n  Path(`/`)",
        "((Host(`a`)))",
        "host(`a`) && PATHPREFIX(`/`) && Pathprefix(`/`)",
    ],
)
def test_rules(rule: str) -> None:
    assert not conditions.fault(rule)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("Host(`a`, `b`)", "in which Host has 2 values, and Traefik 3 takes 1"),
        ("Header(`a`)", "in which Header has 1 values, and Traefik 3 takes 2"),
        ("Query(`a`, `b`, `c`)", "in which Query has 3 values, and Traefik 3 takes 1 or 2"),
        ("Host(`a`) & PathPrefix(`/`)", "which is not made of conditions"),
        ("Host(`a`) PathPrefix(`/`)", "which is not made of conditions"),
        ("Host(`a`) &&", "which is not made of conditions"),
        ("Host(a)", "with a, which Traefik does not know"),
        ("Host('a')", "with a, which Traefik does not know"),
        ("Host()", "which is not made of conditions"),
        ("(`Host`)", "which is not made of conditions"),
        ("Headers(`a`, `b`)", "with Headers, which Traefik does not know"),
        ("Host(`a`))", "in which a ( or a ) is missing"),
        ("Host(`a)", "in which a"),
        # Traefik takes it, as a regular expression that is like no name.
        ("HostRegexp(`{sub:[a-z]+}.example.com`)", "in which `{sub:[a-z]+}.example.com` is a pattern of Traefik 2"),
    ],
)
def test_what_is_no_rule(rule: str, why: str) -> None:
    assert conditions.fault(rule).startswith(why)
