# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What the modules docker_daemon and docker_bridge return, and the sentence that says what happened."""

from __future__ import annotations

from typing import Any

from . import document
from .apply import Carrier
from .plan import Order, Plan


def result(order: Order, plan: Plan, carrier: Carrier, check_mode: bool, finished: str | None) -> dict[str, Any]:
    """carrier: has run, unless in check mode; finished: what was left of an earlier run and is done now."""
    taken = plan.action if check_mode else carrier.taken
    pending = plan.pending_after(taken)
    answer: dict[str, Any] = {
        "changed": plan.writes or taken != "none" or finished is not None,
        "msg": _sentence(order, plan, carrier, taken, pending, check_mode, finished),
        "path": order.path,
        "changed_keys": plan.changed_keys,
        "action_needed": plan.needed,
        "action_taken": taken,
        "restart_pending": bool(pending) or (plan.needed == "start" and taken == "none"),
        "pending_keys": pending,
        "rolled_back": False,
        "containers_restarted": sorted(carrier.restarted),
        "engine": plan.found.engine,
        "live": document.masked(plan.found.live),
    }
    if carrier.backup_file is not None:
        answer["backup_file"] = carrier.backup_file
    return answer


_DONE = {"reload": "reloaded the engine", "restart": "restarted the engine", "start": "started the engine"}


def _sentence(
    order: Order, plan: Plan, carrier: Carrier, taken: str, pending: list[str], check_mode: bool, finished: str | None
) -> str:
    parts = []
    if plan.writes:
        keys = ", ".join(plan.changed_keys)
        broken = plan.found.broken is not None
        parts.append(
            f"replaced the broken {order.path}"
            if broken
            else f"changed {keys or 'nothing but the form'} in {order.path}"
        )
    if taken != "none":
        parts.append(_DONE[taken])
    if not parts:
        text = f"{order.path} is as wanted"
    elif check_mode:
        text = "would have " + " and ".join(parts)
    else:
        text = " and ".join(parts)
    text = text[:1].upper() + text[1:]
    text += _outcome(plan, carrier, taken, pending, check_mode)
    return f"{finished} {text}." if finished else f"{text}."


def _outcome(plan: Plan, carrier: Carrier, taken: str, pending: list[str], check_mode: bool) -> str:
    text = ""
    owed = [key for key in plan.pending if key not in plan.changed_keys and key not in pending]
    if plan.unapplied and pending:
        keys = ", ".join(pending)
        text = (
            f", but {keys} will only be taken over by a restart while no container runs, as the engine has live-restore"
        )
    elif pending:
        text = f", but {', '.join(pending)} will only be taken over by a restart, which is owed"
    elif taken != "none" and not check_mode:
        text = f", which has taken over {', '.join(owed)}" if owed and not plan.writes else ", which has taken it over"
    if carrier.restarted:
        text += f"; {', '.join(sorted(carrier.restarted))} run again"
    if plan.found.engine == "stopped" and plan.writes:
        text += "; the engine is stopped and stays so"
    if plan.found.engine == "other_file":
        text += f"; the engine reads another file, {plan.found.unit.config_file}"
    if plan.needed == "start" and taken == "none":
        text += ", but the engine is down and was not started, as restart is never"
    return text
