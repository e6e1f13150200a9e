# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's name and password as Docker's configuration keeps them."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login


@pytest.mark.parametrize(
    "stored, login",
    [(b"ci:a:b\xc3\xa9", Login("ci", "a:b\u00e9")), (b"ci:", Login("ci", "")), (b"ci:pw\0\0", Login("ci", "pw"))],
)
def test_what_docker_reads(stored: bytes, login: Login) -> None:
    assert Login.of_basic(base64.b64encode(stored).decode()) == login


def test_what_was_made_here_is_read_back() -> None:
    login = Login("käthe", "päss:wörd")
    assert Login.of_basic(login.basic.partition(" ")[2]) == login


@pytest.mark.parametrize("stored", ["%", 5, None, "Y2k=", "OnB3", "/zpw"])
def test_what_docker_does_not_read(stored: object) -> None:
    with pytest.raises(ValueError):
        Login.of_basic(stored)
