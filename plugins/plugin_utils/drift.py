# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Rows of a drift report, one for each difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def row(
    host: str, key: str = "", declared: Any = "", running: Any = "", note: str = "", drift: bool = True
) -> dict[str, Any]:
    return {"host": host, "key": key, "declared": declared, "running": running, "note": note, "drift": drift}


def line(text: Any) -> str:
    """As one line: a report has one for each difference."""
    return " ".join(str(text or "no reason given").removeprefix("Task failed: ").split())


def reason(result: Mapping[str, Any]) -> str:
    """Return why a module gave no answer.

    What could not run at all, as where sudo is missing, has left its words on standard error, and Ansible's message is
    about what it could not read of them.
    """
    words = line(result.get("module_stderr") or result.get("msg"))
    if result.get("module_stderr") and "sudo" in words:
        words += " (where Ansible connects as root to a host without sudo, set ansible_become to false)"
    return words


def of_failure(name: str, result: Any, host: str) -> list[dict[str, Any]]:
    """Return the row for a module that has no answer; nothing if it has one.

    name: the filter that takes the module's result.
    """
    if not isinstance(result, Mapping):
        raise AnsibleFilterError(f"{name} takes the result of a module, and not {type(result).__name__}.")
    if result.get("unreachable"):
        return [row(host, note=f"not reachable: {reason(result)}")]
    if result.get("failed"):
        return [row(host, note=f"refused: {reason(result)}")]
    return []
