# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Build what the modules docker_daemon and docker_bridge return, with the sentence that says what happened."""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .. import inventory
from . import document
from .apply import DaemonConfigUpdate
from .options import DaemonOptions
from .planned_change import Action

_DONE = {"reload": "reloaded the engine", "restart": "restarted the engine", "start": "started the engine"}


def build_result(
    options: DaemonOptions,
    update: DaemonConfigUpdate,
    check_mode: bool,
    resumed: str | None,
    placeholders: Placeholders,
) -> dict[str, Any]:
    """Return the result of a call.

    update: has run, unless in check mode.
    resumed: what was left of an interrupted run and is done now.
    """
    plan = update.plan
    taken = plan.action if check_mode else update.taken
    pending = plan.pending_after(taken)
    result: dict[str, Any] = {
        "changed": plan.writes or taken != "none" or resumed is not None,
        "msg": _sentence(options.path, update, taken, pending, check_mode, resumed),
        "path": options.path,
        "declared": document.masked(options.desired.config, placeholders),
        "changed_keys": plan.changed_keys,
        "action_needed": plan.needed,
        "action_taken": taken,
        "restart_pending": bool(pending) or (plan.needed == "start" and taken == "none"),
        "pending_keys": pending,
        "rolled_back": False,
        "containers_restarted": sorted(update.restarted),
        "out_of_sight": _names(plan.out_of_sight),
        "lost_rules": [] if check_mode and taken == "restart" else update.lost_rules,
        "engine": plan.host.engine,
        "live": document.masked(plan.host.live, placeholders),
    }
    if update.backup_file is not None:
        result["backup_file"] = update.backup_file
    return result


def _sentence(
    path: str, update: DaemonConfigUpdate, taken: Action, pending: list[str], check_mode: bool, resumed: str | None
) -> str:
    plan = update.plan
    parts = []
    if plan.writes:
        keys = ", ".join(plan.changed_keys)
        parts.append(
            f"replaced the broken {path}"
            if plan.host.invalid is not None
            else f"changed {keys or 'nothing but the form'} in {path}"
        )
    if taken != "none":
        parts.append(_DONE[taken])
    if not parts:
        done = f"{path} is as declared"
    elif check_mode:
        done = "would have " + " and ".join(parts)
    else:
        done = " and ".join(parts)
    done = done[:1].upper() + done[1:] + _outcome(update, taken, pending, check_mode)
    return f"{resumed} {done}." if resumed else f"{done}."


def _names(hidden: inventory.Inventory | None) -> dict[str, list[str]]:
    """Return the names of what is out of sight, by kind."""
    if hidden is None:
        return {}
    return {
        "containers": sorted(container.name for container in hidden.containers),
        "images": sorted(inventory.image_name(key, tags) for key, tags in hidden.images.items()),
        "volumes": sorted(hidden.volumes),
        "networks": sorted(hidden.networks.values()),
    }


def _outcome(update: DaemonConfigUpdate, taken: Action, pending: list[str], check_mode: bool) -> str:
    plan = update.plan
    outcome = ""
    completed = [key for key in plan.pending if key not in plan.changed_keys and key not in pending]
    if plan.unapplied and pending:
        keys = ", ".join(pending)
        outcome = (
            f", but {keys} will only be taken over by a restart while no container runs, as the engine has live-restore"
        )
    elif pending:
        outcome = f", but {', '.join(pending)} will only be taken over by a restart, which is pending"
    elif taken != "none" and not check_mode:
        earlier = completed and not plan.writes
        outcome = f", which has taken over {', '.join(completed)}" if earlier else ", which has taken it over"
    again = [name for name in update.restarted if name not in update.starting]
    if again:
        outcome += f"; {', '.join(sorted(again))} run again"
    if update.starting:
        outcome += f"; {', '.join(sorted(update.starting))} run, and what their health checks say is still to come"
    if update.started_beside:
        outcome += f"; the engine has also started {', '.join(update.started_beside)}, which did not run before"
    if update.stopped_again:
        outcome += (
            f"; {', '.join(update.stopped_again)}, which the engine had started as well, made room and"
            f" {'is' if len(update.stopped_again) == 1 else 'are'} stopped again"
        )
    if plan.out_of_sight is not None:
        when = "out of sight now" if taken in ("restart", "start") and not check_mode else "out of sight then"
        outcome += f"; {when}: {inventory.counted(plan.out_of_sight)}"
    if plan.lost_rules and taken == "restart":
        outcome += "" if check_mode or update.lost_rules else "; its lost firewall rules are in force again"
    if update.lost_rules and not (check_mode and taken == "restart"):
        outcome += f"; firewall rules of the engine are not in force: {' '.join(update.lost_rules).rstrip('.')}"
    if plan.host.engine == "stopped":
        outcome += "; the engine is stopped and stays so"
    if plan.host.engine == "other_file":
        outcome += f"; the engine reads another file, {plan.host.unit.config_file}"
    if plan.needed == "start" and taken == "none":
        outcome += ", but the engine is down and was not started, as restart is never"
    return outcome
