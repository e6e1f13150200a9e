# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the upgrades of a Harbor are recorded: for the role the same folder as for the module."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.harbor_record import FilterModule, harbor_record
from ansible_collections.dockyard.ops.plugins.module_utils._harbor.upgrade.job_store import JobStore


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"harbor_record": harbor_record}


# What systemd-escape writes differently is among them.
@pytest.mark.parametrize("path", ["/opt/harbor", "/srv/a-b", "/srv/a/b", "/srv/harbor+1", "/srv/my harbor", "/.harbor"])
def test_it_is_the_folder_of_the_module(path: str) -> None:
    assert harbor_record(path) == JobStore(path).path


@pytest.mark.parametrize("path", ["opt/harbor", "", None])
def test_no_absolute_path(path: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="takes an absolute path"):
        harbor_record(path)
