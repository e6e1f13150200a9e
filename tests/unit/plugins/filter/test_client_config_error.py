# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configurations of a Docker client a login would replace."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.client_config_error import FilterModule, client_config_error


@pytest.mark.parametrize(
    "content", ["", " \n", "{}", '{"auths": {"registry:5000": {"auth": "x"}}}', '{"psFormat": "x"}']
)
def test_a_configuration_that_is_kept(content: str) -> None:
    assert client_config_error(content) == ""


@pytest.mark.parametrize(
    "content, reason",
    [
        ('{"auths": {', "Expecting property name enclosed in double quotes: line 1 column 12 (char 11)"),
        ("banana", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "it does not hold a configuration of the Docker client"),
        ('{"auths": []}', "it does not hold a configuration of the Docker client"),
    ],
)
def test_a_configuration_that_would_be_replaced(content: str, reason: str) -> None:
    assert client_config_error(content) == reason


def test_what_is_no_content() -> None:
    with pytest.raises(AnsibleFilterError, match="client_config_error takes a file's content, and not int."):
        client_config_error(5)


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"client_config_error": client_config_error}
