# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The module swarm_stack: order of the steps, results, diff."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import state_dir

from ..api import EngineApi, Unreachable
from ..running_engine import find_engine
from . import checks, compose, encryption, images, logins, removal, report
from . import plan as planning
from . import survey as surveys
from .compose import Definition
from .converge import Verdict
from .deploy import Deployment, Settings
from .logins import Logins
from .objects import Objects
from .steps import Plan
from .survey import Survey

_LOGIN = {
    "registry": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "compose": {"type": "dict"},
    "compose_content": {"type": "str"},
    "compose_file": {"type": "path"},
    "variables": {"type": "dict", "default": {}},
    "prune": {"type": "bool", "default": False},
    "remove_volumes": {"type": "bool", "default": False},
    "resolve_image": {"type": "str", "choices": ["changed", "always", "never"], "default": "changed"},
    "logins": {"type": "list", "elements": "dict", "default": [], "options": _LOGIN},
    "login_config": {"type": "path", "default": "~/.docker/config.json"},
    "wait": {"type": "bool", "default": True},
    "wait_between": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 300},
    "settle": {"type": "int", "default": 5},
    "attempts": {"type": "int", "default": 3},
    "on_failure": {"type": "str", "choices": ["put_back", "keep"], "default": "put_back"},
    "lock_timeout": {"type": "int", "default": 120},
    "socket": {"type": "path", "default": ""},
}
SOURCES = ("compose", "compose_content", "compose_file")


def needs_yaml(params: dict[str, Any]) -> bool:
    """Return whether a call reads YAML on the host."""
    return params["state"] == "present" and params["compose"] is None


def secrets(params: dict[str, Any]) -> list[str]:
    """Return the secrets inside of the parameters that are shown: contents of C(secrets), and what they come from."""
    content = params.get("compose")
    if not isinstance(content, dict):
        # Which of its parts are secrets is known only after it is read, and this must not fail.
        return [params["compose_content"]] if "content:" in (params.get("compose_content") or "") else []
    declared = content.get("secrets")
    entries = [item for item in declared.values() if isinstance(item, dict)] if isinstance(declared, dict) else []
    variables = params.get("variables") or {}
    found = [entry.get("content") for entry in entries]
    found += [variables.get(entry.get("environment")) for entry in entries if isinstance(entry.get("environment"), str)]
    return [str(value) for value in found if value]


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module.

    call: a _module.ModuleCall.
    """
    call.require_root("change a stack of the Swarm")
    compose.check_name(call.params["name"])
    definition = _definition(call) if call.params["state"] == "present" else None
    folder = state_dir.StateDir("swarm_stack")
    with contextlib.nullcontext() if call.check_mode else folder.locked(call.params["lock_timeout"]):
        try:
            return _run(call, definition)
        except Unreachable as error:
            raise DockyardError(
                "stack_no_answer", f"The Docker Engine did not answer a question ({error}); see its log, and run again."
            ) from error


def _definition(call: Any) -> Definition:
    name = call.params["name"]
    variables = {key: str(value) for key, value in call.params["variables"].items()}
    if call.params["compose_file"] is not None:
        definition = compose.read_file(name, call.params["compose_file"], variables)
    elif call.params["compose_content"] is not None:
        definition = compose.read_text(name, call.params["compose_content"], variables)
    else:
        definition = compose.parse(name, call.params["compose"], variables=variables)
    call.hide(
        value
        for entry in definition.secrets.values()
        for value in (entry.get("content"), variables.get(str(entry.get("environment"))))
        if value and isinstance(value, str)
    )
    return definition


def _run(call: Any, definition: Definition | None) -> dict[str, Any]:
    api, _unit = find_engine(call.params["socket"])
    survey = surveys.take(api, may_be_none=call.check_mode or definition is None)
    if definition is None:
        return _remove(call, api, survey)
    if not survey.is_swarm:
        call.warn(
            "The Docker Engine of this host is in no Swarm, so what the stack has is not known; it is taken for new."
        )
    known = logins.collect(call.params["logins"], call.params["login_config"])
    plan = _plan(call, definition, api if survey.is_swarm else None, survey, known)
    for warning in plan.warnings:
        call.warn(warning)
    verdicts: dict[str, Verdict] = {}
    if api and survey.is_swarm and not call.check_mode:
        deployment = Deployment(api, plan, survey, known, _settings(call))
        verdicts = deployment.run()
        for warning in deployment.warnings:
            call.warn(warning)
    return report.result(call, plan, survey, verdicts, definition.ignored)


def _plan(call: Any, definition: Definition, api: EngineApi | None, survey: Survey, known: Logins) -> Plan:
    """Return the plan after everything is validated."""
    objects = Objects(definition, survey.cluster)
    if survey.is_swarm:
        checks.require_external(objects, survey)
    mode = call.params["resolve_image"]
    resolver = images.Resolver(api, known) if api and mode != "never" else None
    plan = planning.build(definition, objects, survey, resolver, mode == "always", known)
    planning.add_removals(plan, definition, survey, call.params["prune"])
    checks.require_free_ports(plan, survey)
    checks.require_free_subnets(plan, survey)
    checks.require_unused_networks(plan, survey)
    plan.warnings[:0] = checks.warnings(definition, known) + (resolver.warnings if resolver else [])
    used = {step.name: step.spec or {} for step in plan.networks if step.action != "removed"}
    external = {each.name: survey.networks.get(each.name) or {} for each in objects.networks.values() if each.external}
    plan.warnings += checks.warnings_of_listeners(plan, survey)
    plan.warnings += encryption.warnings([*used.items(), *external.items()], survey.engines)
    return plan


def _settings(call: Any) -> Settings:
    return Settings(
        wait=call.params["wait"],
        timeout=call.params["timeout"],
        settle=call.params["settle"],
        attempts=call.params["attempts"],
        one_by_one=call.params["wait_between"] and call.params["wait"],
        put_back=call.params["on_failure"] == "put_back",
    )


def _remove(call: Any, api: EngineApi | None, survey: Survey) -> dict[str, Any]:
    plan = Plan(call.params["name"])
    planning.add_removals(plan, None, survey, True)
    checks.require_unused_networks(plan, survey)
    volumes = removal.volumes(api, plan.stack) if api and survey.is_swarm and call.params["remove_volumes"] else []
    if volumes and len(survey.nodes) > 1:
        call.warn(
            f"Volumes of the stack {plan.stack} on other nodes are left there; an engine removes only those of its own"
            " host."
        )
    if api and survey.is_swarm and not call.check_mode and (plan.changes or volumes):
        removal.run(api, plan, volumes, call.params["timeout"])
    return report.removed(call, plan, volumes)
