# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Engines that do not understand each other on encrypted networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Versions that encrypt in a way of their own: from the first to the last of each. Source: Docker's notes of releases.
_APART = (((25, 0, 13), (25, 0, 14)), ((28, 2, 2), (28, 2, 2)), ((29, 0, 0), (29, 2, 0)))


def is_encrypted(network: Mapping[str, Any]) -> bool:
    """Return whether a network, as the engine has it or takes it, is an encrypted overlay."""
    value = (network.get("Options") or {}).get("encrypted")
    return network.get("Driver") == "overlay" and value is not None and str(value).lower() != "false"


def warnings(networks: Iterable[tuple[str, Mapping[str, Any]]], engines: Mapping[str, str]) -> list[str]:
    """Return a warning for each encrypted network if the Swarm has engines of both kinds.

    networks: names, and what they are. engines: the versions by the names of the nodes.
    """
    known = {name: version for name, text in engines.items() if (version := _version(text))}
    apart = sorted(name for name, version in known.items() if any(low <= version <= high for low, high in _APART))
    others = sorted(known.keys() - set(apart))
    if not apart or not others:
        return []
    return [
        f"The network {name} is encrypted, and the engines of {_shown(apart, engines)} do not understand those of"
        f" {_shown(others, engines)} on it; bring all to one version from 29.2.1 on."
        for name in sorted(name for name, network in networks if is_encrypted(network))
    ]


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else ()


def _shown(names: list[str], engines: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({engines[name]})" for name in names)
