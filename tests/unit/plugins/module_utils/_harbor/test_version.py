# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Harbor, as strings have them."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.version import Version
from hypothesis import given
from hypothesis import strategies as st

V = Version.parse
numbers = st.integers(0, 999)


@pytest.mark.parametrize("text", ["2.8.6", "v2.8.6", "v2.8.6-8a3f1c2d", " v2.8.6\n", "2.8.6-rc1", "v2.8.6+dirty"])
def test_a_version_in_each_form_it_comes_in(text: str) -> None:
    assert V(text) == Version(2, 8, 6)
    assert (str(V(text)), V(text).tag, V(text).series) == ("2.8.6", "v2.8.6", (2, 8))


@pytest.mark.parametrize("text", ["", "2.8", "latest", "2.8.x", "v2", "2.8.6.1", "two", "2.8.6 7", "-2.8.6"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(DockyardError) as problem:
        V(text)
    assert problem.value.message == (f"{text!r} is no version of Harbor; give all three numbers of it, such as 2.12.4.")


@given(numbers, numbers, numbers, numbers, numbers, numbers)
def test_versions_are_in_order_by_number_and_not_by_text(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    assert (Version(a, b, c) < Version(d, e, f)) == ((a, b, c) < (d, e, f))
    assert V(str(Version(a, b, c))) == Version(a, b, c) == V(Version(a, b, c).tag)
