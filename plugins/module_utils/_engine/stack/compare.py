# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Compare a declared service with the one that runs, without the defaults that the engine adds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

# Zero, or false, is something else than nothing for them.
_ZERO_COUNTS = frozenset({"Init", "Replicas", "Parallelism", "MaxAttempts", "MaxConcurrent", "TotalCompletions"})
# The order of these does not count.
_UNORDERED: dict[str, Callable[[Any], Any]] = {
    "Env": str,
    "Constraints": str,
    "Hosts": str,
    "CapabilityAdd": str,
    "CapabilityDrop": str,
    "Aliases": str,
    "Mounts": lambda item: item["Target"],
    "Secrets": lambda item: item["File"]["Name"],
    "Configs": lambda item: item["File"]["Name"],
    "Ulimits": lambda item: item["Name"],
    "Networks": lambda item: item["Target"],
    "Ports": lambda item: (item["TargetPort"], item.get("Protocol", "tcp"), item.get("PublishedPort", 0)),
}
# What the engine fills in by itself, or what changes without a change of the declaration.
_OF_ENGINE = frozenset({"ForceUpdate", "Runtime", "Platforms", "SecretID", "ConfigID"})
# docker/swarmkit api/defaults, for services that were made with them written out.
_DEFAULTS = {
    "Isolation": "default",
    "PublishMode": "ingress",
    "Protocol": "tcp",
    "FailureAction": "pause",
    "Order": "stop-first",
    "Condition": "any",
    "StopGracePeriod": 10_000_000_000,
    "Monitor": 5_000_000_000,
    "Window": 0,
}
_RESTART_DELAY = 5_000_000_000


def comparable(spec: Mapping[str, Any], network_names: Mapping[str, str]) -> dict[str, Any]:
    """Return a specification without what does not count: defaults, orders, what the engine adds.

    network_names: by their identifiers, which the engine puts in the place of names.
    """
    found: dict[str, Any] = _cleaned(dict(spec), network_names) or {}
    template = found.setdefault("TaskTemplate", {})
    # Old engines have them beside the tasks.
    template.setdefault("Networks", found.pop("Networks", []))
    found.setdefault("EndpointSpec", {}).setdefault("Mode", "vip")
    if not found["EndpointSpec"].get("Ports"):
        found["EndpointSpec"].pop("Ports", None)
    policy = template.get("RestartPolicy") or {}
    if policy.get("Delay") == _RESTART_DELAY:
        del policy["Delay"]
    if policy.get("MaxAttempts") == 0:
        del policy["MaxAttempts"]
    if not policy:
        template.pop("RestartPolicy", None)
    for name in ("UpdateConfig", "RollbackConfig"):
        if found.get(name) == {"Parallelism": 1}:
            del found[name]
    return found


def _cleaned(value: Any, network_names: Mapping[str, str], key: str = "") -> Any:
    """Return a value without what says nothing; None if nothing is left."""
    if isinstance(value, dict):
        cleaned = {
            name: inner
            for name, item in value.items()
            if name not in _OF_ENGINE and (inner := _cleaned(item, network_names, name)) is not None
        }
        if key in ("Global", "GlobalJob"):
            return {}
        return {name: item for name, item in cleaned.items() if _DEFAULTS.get(name) != item} or (
            {} if key in ("Labels", "Mode", "ContainerSpec") else None
        )
    if isinstance(value, list):
        items = [inner for item in value if (inner := _cleaned(item, network_names)) is not None]
        if key in _UNORDERED:
            items = sorted(items, key=_UNORDERED[key])
        return items or None
    if key == "Target" and value in network_names:
        return network_names[value]
    if value is None or value == "" or (not value and key not in _ZERO_COUNTS):
        return None
    return value


def same_task(spec: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Return whether a task was made from a service's template as it is now.

    A Swarm leaves a task alone if only where it may run, or when it is restarted, has changed.
    """
    return bool(_of_task(spec) == _of_task(template))


def _of_task(spec: Mapping[str, Any]) -> Any:
    kept = {key: item for key, item in spec.items() if key not in ("Placement", "RestartPolicy", "ForceUpdate")}
    return _cleaned(kept, {}), spec.get("ForceUpdate") or 0


def differences(declared: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the places in which two comparable specifications differ, such as C(Mode.Replicated)."""
    return sorted(_places(declared, found, ""))


def _places(one: Any, other: Any, place: str) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            difference
            for key in one.keys() | other.keys()
            for difference in _places(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
        ]
    return [] if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) else [place]


_SHORT = (
    ("TaskTemplate.ContainerSpec.", ""),
    ("TaskTemplate.", ""),
    ("Mode.Replicated.Replicas", "Replicas"),
    ("EndpointSpec.", ""),
)


def shown(places: list[str]) -> list[str]:
    """Return places as people know them, such as C(Image) and C(Replicas)."""
    names = []
    for place in places:
        # The image as it was declared says the same once more.
        if place == "Labels.com.docker.stack.image":
            continue
        for prefix, instead in _SHORT:
            if place.startswith(prefix):
                place = instead + place[len(prefix) :]  # noqa: PLW2901
                break
        names.append(place)
    return list(dict.fromkeys(names))
