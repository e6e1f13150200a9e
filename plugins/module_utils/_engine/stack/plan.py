# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a run is to do: service by service, network by network, config by config."""

from __future__ import annotations

import copy
import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import compare, networks
from .compose import Definition
from .images import Resolver, declared_part, with_tag
from .logins import LABEL, Logins
from .objects import Kind, Objects
from .service_spec import service_spec
from .steps import Action, ContentStep, NetworkStep, Plan, ServiceStep
from .survey import Survey, of_stack

Spec = dict[str, Any]
_HASHED = re.compile(r"_[0-9a-f]{12}$")
KINDS: tuple[Kind, Kind] = ("configs", "secrets")


def build(
    definition: Definition,
    objects: Objects,
    survey: Survey,
    resolver: Resolver | None,
    always: bool,
    logins: Logins,
) -> Plan:
    """Return the plan without what is to be removed.

    resolver: asks for the digests of images; None if they are taken as they are. always: whether it is asked also for
    images that run already. logins: which go along with services.
    """
    plan = Plan(definition.name)
    for network in objects.networks.values():
        if not network.external:
            plan.networks.append(networks.compared(network, survey, definition.name))
    for kind in KINDS:
        existing = getattr(survey, kind)
        for content in objects.contents[kind].values():
            if content.data is not None:
                known = existing.get(content.name)
                action: Action = "none" if known else "created"
                plan.contents.append(ContentStep(kind, content.name, action, content, known["ID"] if known else ""))
    for name in definition.services:
        plan.services.append(_service(definition, objects, name, survey, resolver, always, logins))
    return plan


def _service(
    definition: Definition,
    objects: Objects,
    name: str,
    survey: Survey,
    resolver: Resolver | None,
    always: bool,
    logins: Logins,
) -> ServiceStep:
    try:
        spec = service_spec(definition, objects, name)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DockyardError(
            "stack_value_invalid",
            f"services.{name} has a value of another type than compose has there ({error}); correct it.",
        ) from error
    found = survey.services.get(spec["Name"])
    if found is not None and not of_stack(found, definition.name):
        raise DockyardError(
            "stack_name_taken",
            f"The Swarm has a service {spec['Name']} that is not of the stack {definition.name}; choose another name,"
            " or"
            " remove that service.",
        )
    image = spec["TaskTemplate"]["ContainerSpec"]["Image"]
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = _image(image, found, resolver, always)
    login = logins.mark(image, survey.cluster)
    if login:
        spec["Labels"][LABEL] = login
    if found is not None and spec["Mode"].keys() != found["Spec"]["Mode"].keys():
        now, wanted = (" ".join(mode).lower() for mode in (found["Spec"]["Mode"], spec["Mode"]))
        raise DockyardError(
            "stack_mode_differs",
            f"The service {spec['Name']} is {now}, declared is {wanted}, and a Swarm changes that of no service; remove"
            " the service first, or declare one of another name.",
        )
    names = survey.network_names
    after = compare.comparable(spec, names)
    if found is None:
        return ServiceStep(spec["Name"], "created", image, spec, after=after)
    before = compare.comparable(found["Spec"], names)
    places = compare.differences(after, before)
    # A count that users raise to have the tasks made again is theirs.
    forced = found["Spec"]["TaskTemplate"].get("ForceUpdate")
    if forced:
        spec["TaskTemplate"]["ForceUpdate"] = forced
    return ServiceStep(spec["Name"], "updated" if places else "none", image, spec, found, places, before, after)


def _image(declared: str, found: Spec | None, resolver: Resolver | None, always: bool) -> str:
    """Return an image with its digest: that of the service that runs it, or that of the registry."""
    running = found["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] if found else ""
    same = running == declared or ("@" not in declared and declared_part(running) == with_tag(declared))
    if same and not (always and resolver):
        return str(running)
    resolved = resolver.resolve(declared) if resolver else declared
    # A registry that does not answer is no reason to take the digest away.
    return str(running) if same and "@" not in resolved else resolved


def add_removals(plan: Plan, definition: Definition | None, survey: Survey, prune: bool) -> None:
    """Add what the stack has and the definition does not.

    definition: None if nothing is to be left. prune: whether all of it is to be removed, or only configs and secrets
    that newer ones have taken the place of.
    """
    declared = {step.name for step in plan.services}
    gone = [name for name, item in survey.services.items() if of_stack(item, plan.stack) and name not in declared]
    unused = [
        name
        for name, item in survey.networks.items()
        if of_stack(item, plan.stack) and name not in {step.name for step in plan.networks}
    ]
    if prune:
        plan.services += [_removal(survey.services[name], survey) for name in gone]
        plan.networks += [NetworkStep(name, "removed", found=survey.networks[name]) for name in unused]
    else:
        plan.left += [f"the service {name}" for name in gone] + [f"the network {name}" for name in unused]
    kept = _referred(plan, survey)
    # What newer ones have taken the place of goes with a change; a run that has nothing else to do leaves it.
    changes = plan.changes
    for kind in KINDS:
        known = {step.name for step in plan.contents if step.kind == kind}
        bases = {_HASHED.sub("", name) for name in known}
        for name, item in getattr(survey, kind).items():
            if not of_stack(item, plan.stack) or name in known or (kind, name) in kept:
                continue
            superseded = bool(_HASHED.search(name)) and _HASHED.sub("", name) in bases
            if changes if superseded else prune:
                plan.contents.append(ContentStep(kind, name, "removed", identity=item["ID"]))
            elif not superseded:
                plan.left.append(f"the {kind[:-1]} {name}")
    if definition is not None and plan.left:
        plan.warnings.append(
            f"The stack {plan.stack} has {', '.join(plan.left)}, and the definition does not; they are left alone, set"
            " prune: true to remove them."
        )


def _removal(found: Spec, survey: Survey) -> ServiceStep:
    spec = found["Spec"]
    return ServiceStep(
        spec["Name"], "removed", found=found, before=compare.comparable(spec, survey.network_names), spec={}
    )


def _referred(plan: Plan, survey: Survey) -> set[tuple[str, str]]:
    """Return the configs and secrets of the services as they are, will be, and would be by docker service rollback."""
    steps = {step.name: step for step in plan.services}
    referred = set()
    for name, found in survey.services.items():
        step = steps.get(name)
        if step is not None and step.action == "removed":
            continue
        specs = [found["Spec"]]
        if step is None or step.action == "none":
            specs.append(found.get("PreviousSpec") or {})
        for spec in specs:
            container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
            for kind, key in (("configs", "Config"), ("secrets", "Secret")):
                referred |= {(kind, item[f"{key}Name"]) for item in container.get(f"{key}s") or []}
    return referred


def with_identifiers(spec: Spec, networks_by_name: dict[str, str], contents: dict[tuple[str, str], str]) -> Spec:
    """Return a specification as the engine takes it.

    contents: identifiers by kind and name.
    """
    sent = copy.deepcopy(spec)
    template = sent["TaskTemplate"]
    for attachment in template.get("Networks") or []:
        attachment["Target"] = networks_by_name.get(attachment["Target"], attachment["Target"])
    for kind, key in (("configs", "Config"), ("secrets", "Secret")):
        for item in template["ContainerSpec"].get(f"{key}s") or []:
            item[f"{key}ID"] = contents[(kind, item[f"{key}Name"])]
    return sent
