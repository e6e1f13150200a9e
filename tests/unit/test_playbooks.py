# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook is for, as ansible-playbook itself says it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
INVENTORY = "[registry_hosts]\nserver\nother\n[registry_clients]\nclient\n"


@pytest.mark.parametrize(
    ("name", "variables", "patterns"),
    [
        ("registry_host", {}, ["registry_hosts", "registry_clients"]),
        # Named are the registries: their clients stay those of the inventory.
        ("registry_host", {"dockyard_hosts": "server"}, ["server", "registry_clients"]),
        ("registry_host", {"dockyard_hosts": "server", "dockyard_client_hosts": "client"}, ["server", "client"]),
        ("registry_clients", {"dockyard_hosts": "client"}, ["client"]),
    ],
)
def test_hosts_of_a_registry_and_of_its_clients(
    tmp_path: Path, name: str, variables: dict[str, str], patterns: list[str]
) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(INVENTORY)
    extra = [word for variable in variables.items() for word in ("-e", "=".join(variable))]
    command = ["ansible-playbook", "-i", str(inventory), "--list-hosts", str(PLAYBOOKS / f"{name}.yml"), *extra]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.findall(r"pattern: \['(.*)'\]", done.stdout) == patterns
