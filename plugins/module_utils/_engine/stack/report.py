# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a run returns: its sentence, what became of each part of the stack, and the diff."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .compare import shown
from .converge import Verdict
from .steps import ContentStep, NetworkStep, Plan, ServiceStep
from .survey import Survey

_ORDER = ("created", "updated", "replaced", "removed")
_KEPT_OF_NETWORK = ("Driver", "Internal", "Attachable", "EnableIPv6", "IPAM", "Options", "Labels")


def result(
    call: Any, plan: Plan, survey: Survey, verdicts: Mapping[str, Verdict], ignored: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the results of a run with state: present."""
    parts = _parts(plan)
    sentence = _sentence(call, parts) if parts else f"The stack {plan.stack} is as declared."
    if parts and verdicts and all(verdict.state == "converged" for verdict in verdicts.values()):
        sentence += " All services run."
    found = {
        "changed": bool(parts),
        "msg": sentence,
        "swarm": survey.is_swarm,
        "services": {step.name: _service(step, verdicts.get(step.name)) for step in plan.services},
        "networks": {step.name: {"action": step.action} for step in plan.networks},
        "configs": _contents(plan, "configs"),
        "secrets": _contents(plan, "secrets"),
        "ignored_keys": dict(ignored),
        "left": plan.left,
    }
    return _with_diff(call, plan, found)


def removed(call: Any, plan: Plan, volumes: list[str]) -> dict[str, Any]:
    """Return the results of a run with state: absent."""
    parts = _parts(plan)
    if volumes:
        parts.append(f"removed the volumes {', '.join(volumes)}")
    found = {
        "changed": bool(parts),
        "msg": _sentence(call, parts) if parts else f"There is no stack {plan.stack}.",
        "services": {step.name: {"action": step.action} for step in plan.services},
        "networks": {step.name: {"action": step.action} for step in plan.networks},
        "configs": _contents(plan, "configs"),
        "secrets": _contents(plan, "secrets"),
        "volumes": volumes,
    }
    return _with_diff(call, plan, found)


def _sentence(call: Any, parts: list[str]) -> str:
    words = "; ".join(parts)
    return f"Would have {words}." if call.check_mode else f"{words[0].upper()}{words[1:]}."


def _parts(plan: Plan) -> list[str]:
    """Return what is done, as words, by action and kind."""
    kinds: tuple[tuple[str, Iterable[Any]], ...] = (
        ("network", plan.networks),
        ("config", [step for step in plan.contents if step.kind == "configs"]),
        ("secret", [step for step in plan.contents if step.kind == "secrets"]),
        ("service", plan.services),
    )
    parts = []
    for action in _ORDER:
        for kind, steps in kinds:
            names = [_named(step) for step in steps if step.action == action]
            if names:
                parts.append(f"{action} the {kind}{'s' if len(names) > 1 else ''} {', '.join(names)}")
    return parts


def _named(step: Any) -> str:
    places = shown(step.places) if isinstance(step, ServiceStep) else []
    return f"{step.name} ({', '.join(places)})" if places else str(step.name)


def _service(step: ServiceStep, verdict: Verdict | None) -> dict[str, Any]:
    found: dict[str, Any] = {"action": step.action, "differences": shown(step.places)}
    if step.action != "removed":
        found["image"] = step.spec["TaskTemplate"]["ContainerSpec"]["Image"]
    if verdict is not None:
        found.update(running=len(verdict.running), desired=verdict.desired, state=verdict.state)
    return found


def _contents(plan: Plan, kind: str) -> dict[str, Any]:
    return {step.name: {"action": step.action} for step in plan.contents if step.kind == kind}


def _with_diff(call: Any, plan: Plan, found: dict[str, Any]) -> dict[str, Any]:
    if call.diff_mode:
        steps: Iterable[Any] = (*plan.networks, *plan.contents, *plan.services)
        found["diff"] = [_entry(step) for step in steps if step.action != "none"]
    return found


def _entry(step: NetworkStep | ContentStep | ServiceStep) -> dict[str, Any]:
    before: Any = {}
    after: Any = {}
    if isinstance(step, ServiceStep):
        kind, before, after = "service", step.before, step.after
    elif isinstance(step, NetworkStep):
        kind = "network"
        before, after = _network(step.found), _network(step.spec)
    else:
        kind = step.kind[:-1]
        # The name holds the fingerprint of the content.
        before, after = ({"Name": step.name} if step.action == side else {} for side in ("removed", "created"))
    header = f"{kind} {step.name}"
    return {"before_header": header, "after_header": header, "before": _text(before), "after": _text(after)}


def _network(spec: dict[str, Any] | None) -> dict[str, Any]:
    return {key: spec[key] for key in _KEPT_OF_NETWORK if spec and spec.get(key)}


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=4, sort_keys=True) + "\n" if value else ""
