# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is remembered on the host while networks in use are replaced, so that the run after a killed one knows it."""

from __future__ import annotations

import dataclasses

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, state_dir

from .survey import Endpoint, ExistingNetwork

_RECORD = "interrupted"


def _folder() -> state_dir.StateDir:
    return state_dir.StateDir("docker_networks")


def path() -> str:
    """Return the path of the record."""
    return _folder().file(_RECORD)


def write(networks: list[ExistingNetwork]) -> None:
    """Remember networks and the containers that are connected to them."""
    if not networks:
        return
    found = [
        {"raw": network.raw, "endpoints": [dataclasses.asdict(endpoint) for endpoint in network.endpoints]}
        for network in networks
    ]
    _folder().create()
    _folder().write_record(_RECORD, {"networks": found})


def read() -> list[ExistingNetwork]:
    """Return what an interrupted run has remembered. A record that can't be read counts as none."""
    try:
        record = _folder().read_record(_RECORD)
        return [
            ExistingNetwork(each["raw"], [Endpoint(**endpoint) for endpoint in each["endpoints"]])
            for each in (record["networks"] if record else [])
        ]
    except (ValueError, KeyError, TypeError):
        return []


def clear() -> None:
    """Forget it."""
    atomic_file.remove(path())
