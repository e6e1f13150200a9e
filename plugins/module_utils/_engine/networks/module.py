# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The module docker_networks: order of the steps, results, diff."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..api import EngineApi, Unreachable
from ..daemon_config import state
from ..running_engine import find_engine
from . import apply, desired, interrupted, whole
from .desired import DesiredNetwork
from .plan import Plan, build_plan
from .survey import ExistingNetwork, Survey, bridge_addresses, inspect_host, inspect_networks

_SUBNET = {
    "subnet": {"type": "str", "required": True},
    "gateway": {"type": "str"},
    "ip_range": {"type": "str"},
    "aux_addresses": {"type": "dict"},
}
# Raw are flags and numbers, as for docker0: for Ansible's own types, an empty answer of a survey is an error.
_NETWORK = {
    "name": {"type": "str", "required": True},
    "driver": {"type": "str"},
    "subnets": {"type": "list", "elements": "dict", "options": _SUBNET},
    "icc": {"type": "raw"},
    "internal": {"type": "raw"},
    "attachable": {"type": "raw"},
    "ipv6": {"type": "raw"},
    "mtu": {"type": "raw"},
    "driver_options": {"type": "dict"},
    "labels": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "networks": {"type": "list", "elements": "dict", "required": True, "options": _NETWORK},
    "replace_in_use": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 120},
    "socket": {"type": "path", "default": ""},
}
_WORDS = {"create": "created", "replace": "replaced", "remove": "removed"}


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module.

    call: a _module.ModuleCall.
    """
    call.require_root("change the networks of the Docker Engine")
    networks = desired.parse(call.params["networks"])
    with contextlib.nullcontext() if call.check_mode else state.locked(call.params["lock_timeout"]):
        resumed = [] if call.check_mode else _resume(call.params["socket"])
        try:
            return _run(call, networks, resumed)
        except DockyardError as error:
            error.changed = error.changed or bool(resumed)
            raise
        except Unreachable as error:
            raise DockyardError(
                "network_no_answer",
                f"The Docker Engine ceased to answer while it was asked ({error}); see its log, and run again.",
                changed=bool(resumed),
            ) from error


def _resume(socket: str) -> list[str]:
    if not interrupted.read():
        return []
    api, _unit = find_engine(socket)
    try:
        return apply.resume(api) if api else []
    except (DockyardError, Unreachable) as error:
        names = ", ".join(network.name for network in interrupted.read())
        raise DockyardError(
            "network_interrupted",
            f"An earlier run was interrupted while it replaced {names}, and that can't be taken back: {error}; connect"
            f" the containers that {interrupted.path()} names, remove that file, and run again.",
            changed=True,
        ) from error


def _run(call: Any, networks: list[DesiredNetwork], resumed: list[str]) -> dict[str, Any]:
    survey = inspect_host(call.params["socket"])
    if call.check_mode and survey.api:
        resumed = _as_if_resumed(survey, survey.api)
    plan = build_plan(networks, survey, call.params["replace_in_use"])
    if survey.api is None:
        _judge_without_engine(call, survey, plan)
    for warning in plan.warnings:
        call.warn(warning)
    if plan.steps and survey.api and not call.check_mode:
        update = apply.NetworkUpdate(survey.api, plan)
        update.run()
        for warning in update.warnings:
            call.warn(warning)
        try:
            result = _result(call, networks, survey, plan, resumed)
        except Unreachable as error:
            raise DockyardError(
                "network_no_answer",
                f"All networks were changed and proven, and then the Docker Engine ceased to answer ({error}); see its"
                " log, and run again.",
                changed=True,
            ) from error
    else:
        result = _result(call, networks, survey, plan, resumed)
    if call.diff_mode:
        header = "networks of the Docker Engine"
        result["diff"] = {"before_header": header, "after_header": header, **_diff(networks, survey, plan)}
    return result


def _judge_without_engine(call: Any, survey: Survey, plan: Plan) -> None:
    if not plan.steps:
        return
    reason = "is not there" if survey.engine == "absent" else "does not run"
    if not call.check_mode:
        raise DockyardError(
            "network_no_engine",
            f"The Docker Engine of this host {reason}, and it is what creates networks; start it and run again.",
        )
    call.warn(f"The Docker Engine of this host {reason}, so its networks are not known; they are taken for missing.")


def _as_if_resumed(survey: Survey, api: EngineApi) -> list[str]:
    """Put into the survey what a run outside of check mode would first bring back. Return the names of the networks."""
    resumed = []
    for old, missing, _is_there in apply.disconnected(api):
        current = survey.named(old.name)
        if current is None:
            survey.networks.append(old)
        else:
            current.endpoints += missing
        resumed.append(old.name)
    return resumed


def _result(
    call: Any, networks: list[DesiredNetwork], survey: Survey, plan: Plan, resumed: list[str]
) -> dict[str, Any]:
    done = {action: [step.name for step in plan.steps if step.action == action] for action in _WORDS}
    parts = [f"{_WORDS[action]} {', '.join(names)}" for action, names in done.items() if names]
    if resumed:
        parts.insert(0, f"connected again what an interrupted run had left of {', '.join(resumed)}")
    sentence = " and ".join(parts)
    if call.check_mode and sentence:
        sentence = f"would have {sentence}"
    return {
        "changed": bool(parts),
        "msg": f"{sentence[0].upper()}{sentence[1:]}." if sentence else "All networks are as declared.",
        "engine": survey.engine,
        **{_WORDS[action]: names for action, names in done.items()},
        "differences": {step.name: step.differences for step in plan.steps if step.differences},
        "containers": {
            step.name: sorted(each.name for each in step.endpoints) for step in plan.steps if step.endpoints
        },
        "networks": _live(survey.api, networks),
    }


def _live(api: EngineApi | None, networks: list[DesiredNetwork]) -> dict[str, Any]:
    """Return the declared networks as the engine and the kernel show them now."""
    names = {network.name for network in networks}
    return {
        network.name: _shown(network) for network in (inspect_networks(api) if api else []) if network.name in names
    }


def _shown(network: ExistingNetwork) -> dict[str, Any]:
    return {
        "id": network.id,
        "driver": network.driver,
        "subnets": [
            {
                "subnet": part.get("Subnet", ""),
                "gateway": part.get("Gateway") or "",
                "ip_range": part.get("IPRange") or "",
                "aux_addresses": part.get("AuxiliaryAddresses") or {},
            }
            for part in network.ipam
        ],
        "internal": bool(network.raw.get("Internal")),
        "attachable": bool(network.raw.get("Attachable")),
        "ipv6": bool(network.raw.get("EnableIPv6")),
        "options": network.options,
        "labels": network.labels,
        "device": network.device,
        "addresses": bridge_addresses(network),
        "containers": network.containers,
    }


def _diff(networks: list[DesiredNetwork], survey: Survey, plan: Plan) -> dict[str, str]:
    """Return the declared networks before and after, as a whole: what is not declared is kept, and shown as well."""
    before: dict[str, Any] = {}
    for network in networks:
        existing = survey.named(network.name)
        before[network.name] = _shown_in_diff(whole.of_existing(existing)) if existing else {}
    after = dict(before)
    for step in plan.steps:
        after[step.name] = {} if step.action == "remove" else _shown_in_diff(step.whole)
    return {
        "before": json.dumps({name: value for name, value in before.items() if value}, indent=4, sort_keys=True) + "\n",
        "after": json.dumps({name: value for name, value in after.items() if value}, indent=4, sort_keys=True) + "\n",
    }


def _shown_in_diff(network: DesiredNetwork) -> dict[str, Any]:
    body = network.as_api()
    ipam = {
        key: value for key, value in body.get("IPAM", {}).items() if value and (key, value) != ("Driver", "default")
    }
    shown = {**body, "IPAM": ipam}
    return {key: value for key, value in shown.items() if key not in ("Name", "CheckDuplicate") and value != {}}
