# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Remove a stack, and say what is left if that ends in the middle."""

from __future__ import annotations

import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..api import EngineApi, Unreachable
from . import deploy
from .failure import StackError
from .steps import Plan
from .survey import of_label, refused

_INTERVAL = 0.3


def volumes(api: EngineApi, stack: str) -> list[str]:
    """Return the volumes of a stack on this host."""
    found = api.get("/volumes", filters=of_label(stack)).get("Volumes") or []
    return sorted(volume["Name"] for volume in found)


def run(api: EngineApi, plan: Plan, names: list[str], seconds: float) -> None:
    """Remove a stack and wait until it is gone. names: of volumes that are removed too."""
    try:
        deploy.remove(api, plan, seconds)
        for name in names:
            _remove_volume(api, name, seconds)
    except (DockyardError, Unreachable) as error:
        raise StackError(
            error,
            f"The stack {plan.stack} could not be removed as a whole: {str(error).rstrip('.')}; run again to remove the"
            " rest.",
            True,
            {},
        ) from error


def _remove_volume(api: EngineApi, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        status, answer = api.ask("DELETE", f"/volumes/{name}")
        if status in (204, 404):
            return
        if time.monotonic() > deadline:
            raise DockyardError(
                "stack_refused_by_engine", f"The Docker Engine did not remove the volume {name}: {refused(answer)}"
            )
        time.sleep(_INTERVAL)
