# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rulesets as nft prints them as JSON, in short."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import nft
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.firewall import Chain

Json = dict[str, Any]


def chain(name: str, hook: str = "", policy: str = "accept", prio: int = 0) -> Json:
    """Return a chain. hook: where packets come to it by themselves."""
    base = {"type": "filter", "hook": hook, "prio": prio, "policy": policy} if hook else {}
    return {"chain": {"name": name, "handle": 1, **base}}


def match(kind: str, key: str, value: Any, operator: str = "==") -> Json:
    """Return a condition. kind: meta, ct, or the protocol of a field of the packet."""
    left = {kind: {"key": key}} if kind in ("meta", "ct") else {"payload": {"protocol": kind, "field": key}}
    return {"match": {"op": operator, "left": left, "right": value}}


def rule(where: str, *expressions: Json | str) -> Json:
    """Return a rule of a chain. A word stands for a verdict."""
    found = [{one: None} if isinstance(one, str) else one for one in expressions]
    return {"rule": {"chain": where, "handle": 2, "expr": found}}


def parsed(table: str, *entries: Json, family: str = "inet") -> list[Chain]:
    """Return the chains of a table."""
    listed = [{kind: {"family": family, "table": table, **value}} for entry in entries for kind, value in entry.items()]
    return nft.parse(json.dumps({"nftables": listed}))
