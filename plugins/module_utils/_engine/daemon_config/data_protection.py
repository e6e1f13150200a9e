# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Refuse changes after which an engine would not see its containers, images, volumes and networks any more.

Not refused where there is nothing to lose: no engine is installed, or it has none of these.
"""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import inventory, service
from ..containers import joined_names
from .compare import unlike
from .data_location import Move, moves_on_disk
from .options import DaemonOptions
from .planned_change import Plan


def protect_data(options: DaemonOptions, plan: Plan) -> None:
    """Raise DockyardError if the data would be out of sight, unless that is wanted. Note in the plan what it is."""
    host = plan.host
    if host.engine == "running":
        move, hidden = _of_running_engine(plan)
    elif host.engine in ("stopped", "failed"):
        move, hidden = _on_disk(plan)
    else:
        return
    if move is None or hidden is None:
        return
    plan.out_of_sight = hidden
    if options.on_data_move == "fail":
        raise DockyardError("daemon_data_moves", _refusal(options, plan, move, hidden))
    running = [container for container in host.containers if not container.of_swarm]
    if plan.action == "restart" and plan.containers_survive and running:
        raise DockyardError(
            "daemon_data_moves_under_containers",
            f"{move.key} moves the engine's data, and with live-restore the processes of {joined_names(running)} would"
            " run on, while the engine knows none of these containers; stop them first.",
        )


def _of_running_engine(plan: Plan) -> tuple[Move | None, inventory.Inventory | None]:
    host = plan.host
    if not plan.moves or host.api is None:
        return None, None
    move = plan.moves[0]
    if not plan.writes and plan.action != "restart" and not _in_file(plan, move):
        return None, None  # something else than this file moves it, and not now
    hidden = next((one for one in plan.moves if one.everything), move).hides(inventory.take(host.api))
    return (None, None) if hidden.empty else (move, hidden)


def _on_disk(plan: Plan) -> tuple[Move | None, inventory.Inventory | None]:
    host = plan.host
    if not plan.writes and plan.action != "start":
        return None, None
    if not unlike(host.loaded, plan.target):
        return None, None
    version = service.installed_version(host.unit) or (0,)
    for move, hidden in moves_on_disk(host.loaded, plan.target, host.unit, version):
        if not hidden.empty:
            plan.moves.append(move)
            return move, hidden
    return None, None


def _in_file(plan: Plan, move: Move) -> bool:
    return move.key.partition(".")[0] in {*plan.target, *plan.pending}


def _refusal(options: DaemonOptions, plan: Plan, move: Move, hidden: inventory.Inventory) -> str:
    key = move.key.partition(".")[0]
    copied = "An engine copies nothing: move the data yourself"
    if key in plan.changed_keys:
        return (
            f"{move.key} has the engine look for its data in {move.then} and no longer in {move.now}, and these would"
            f" be out of sight: {inventory.counted(hidden)}. {copied}, or set on_data_move: proceed if that is wanted."
        )
    origin = f", by an earlier edit of {options.path}," if _in_file(plan, move) else ""
    return (
        f"{move.key}{origin} at the next restart has the engine look for its data in {move.then} and no longer in"
        f" {move.now}, and these would be out of sight: {inventory.counted(hidden)}. Take that back first (the engine"
        " has not done it yet), or set on_data_move: proceed if it is wanted."
    )
