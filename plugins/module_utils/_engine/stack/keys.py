# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The keys of a compose file: what a Swarm takes, what it ignores, and what is refused because it would be lost.

Source: docker/cli, cli/compose/types and cli/compose/schema; the command warns of ignored keys at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

IGNORED = frozenset(
    {
        "annotations", "attach", "blkio_config", "build", "cgroup", "cgroup_parent", "container_name", "cpu_shares",
        "depends_on", "develop", "device_cgroup_rules", "devices", "domainname", "expose", "external_links",
        "group_add", "ipc", "links", "mac_address", "network_mode", "oom_kill_disable", "oom_score_adj", "pid",
        "platform", "privileged", "profiles", "pull_policy", "restart", "runtime", "security_opt", "shm_size",
        "storage_opt", "userns_mode", "uts",
    }
)  # fmt: skip
# The same of a service's networks, where a Swarm chooses addresses by itself.
_IGNORED_OF_NETWORKS = frozenset(
    {"gw_priority", "interface_name", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "priority"}
)
# What is refused, as it would change what runs, and what to write for it.
INSTEAD = {
    "cpus": "write deploy.resources.limits.cpus in its place",
    "cpuset": "remove it",
    "extends": "write the whole service in its place",
    "mem_limit": "write deploy.resources.limits.memory in its place",
    "mem_reservation": "write deploy.resources.reservations.memory in its place",
    "memswap_limit": "write deploy.resources.limits.memory in its place",
    "pids_limit": "write deploy.resources.limits.pids in its place",
    "scale": "write deploy.replicas in its place",
    "volume_driver": "write the driver of a volume in its place",
    "volumes_from": "write the volumes of that service in its place",
}
_SERVICE = frozenset(
    {
        "cap_add", "cap_drop", "command", "configs", "deploy", "dns", "dns_opt", "dns_search", "entrypoint", "env_file",
        "environment", "extra_hosts", "healthcheck", "hostname", "image", "init", "labels", "logging", "networks",
        "ports", "read_only", "secrets", "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty",
        "ulimits", "user", "volumes", "working_dir",
    }
)  # fmt: skip
_UPDATE = frozenset({"delay", "failure_action", "max_failure_ratio", "monitor", "order", "parallelism"})
# Of the dictionaries inside of a service, by their paths; a star is any key, and an item of a list.
_INSIDE = {
    "deploy": frozenset(
        {
            "endpoint_mode", "labels", "mode", "placement", "replicas", "resources", "restart_policy",
            "rollback_config", "update_config",
        }
    ),
    "deploy.placement": frozenset({"constraints", "max_replicas_per_node", "preferences"}),
    "deploy.placement.preferences.*": frozenset({"spread"}),
    "deploy.resources": frozenset({"limits", "reservations"}),
    "deploy.resources.limits": frozenset({"cpus", "memory", "pids"}),
    "deploy.resources.reservations": frozenset({"cpus", "generic_resources", "memory"}),
    "deploy.restart_policy": frozenset({"condition", "delay", "max_attempts", "window"}),
    "deploy.rollback_config": _UPDATE,
    "deploy.update_config": _UPDATE,
    "healthcheck": frozenset({"disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"}),
    "logging": frozenset({"driver", "options"}),
    "networks.*": _IGNORED_OF_NETWORKS | {"aliases", "driver_opts"},
    "ports.*": frozenset({"app_protocol", "mode", "name", "protocol", "published", "target"}),
    "configs.*": frozenset({"gid", "mode", "source", "target", "uid"}),
    "secrets.*": frozenset({"gid", "mode", "source", "target", "uid"}),
    "ulimits.*": frozenset({"hard", "soft"}),
    "volumes.*": frozenset({"bind", "consistency", "read_only", "source", "target", "tmpfs", "type", "volume"}),
    "volumes.*.bind": frozenset({"create_host_path", "propagation", "selinux"}),
    "volumes.*.tmpfs": frozenset({"mode", "size"}),
    "volumes.*.volume": frozenset({"nocopy"}),
}  # fmt: skip
_CONTENT = frozenset({"content", "environment", "external", "file", "labels", "name", "template_driver"})
TOP = {
    "networks": frozenset(
        {
            "attachable", "driver", "driver_opts", "enable_ipv6", "external", "internal", "ipam", "labels", "name",
        }
    ),
    "volumes": frozenset({"driver", "driver_opts", "external", "labels", "name"}),
    "configs": _CONTENT,
    "secrets": _CONTENT,
}  # fmt: skip
_INSIDE_NETWORK = {
    "ipam": frozenset({"config", "driver"}),
    "ipam.config.*": frozenset({"gateway", "ip_range", "subnet"}),
}


_LISTS = ("configs", "ports", "secrets", "volumes")


def dictionary(place: str, value: Any) -> dict[str, Any]:
    """Return a value that must be a dictionary."""
    if not isinstance(value, dict):
        raise DockyardError("stack_value_invalid", f"{place} is not a dictionary; correct it.")
    return value


def check_top(content: dict[str, Any]) -> None:
    """Raise DockyardError for a key of the definition, or of what is not a service, that is not known."""
    _check("The definition", content, frozenset({"version", "name", "services", *TOP}))
    for section, known in TOP.items():
        for key, item in dictionary(section, content.get(section) or {}).items():
            entry = dictionary(f"{section}.{key}", {} if item is None else item)
            _check(f"{section}.{key}", entry, known)
            if section == "networks":
                _check_inside(f"{section}.{key}", entry, _INSIDE_NETWORK)


def check_service(place: str, service: dict[str, Any]) -> list[str]:
    """Return the keys that a Swarm ignores. Raise DockyardError for those that can't be left out, or are not known."""
    for key, instead in INSTEAD.items():
        if key in service:
            raise DockyardError("stack_key_refused", f"{place}.{key} has no effect in a Swarm; {instead}.")
    _check(place, service, _SERVICE | IGNORED)
    for key in _LISTS:
        if not isinstance(service.get(key) or [], list):
            raise DockyardError("stack_value_invalid", f"{place}.{key} is not a list; correct it.")
    _check_inside(place, service, _INSIDE)
    networks = [
        f"{where.removeprefix(f'{place}.')}.{key}"
        for where, found in _at(service, ["networks", "*"], place)
        for key in (found if isinstance(found, dict) else ())
        if key in _IGNORED_OF_NETWORKS
    ]
    return sorted([*(key for key in service if key in IGNORED), *networks])


def _check_inside(place: str, value: dict[str, Any], tables: Mapping[str, frozenset[str]]) -> None:
    for path, known in tables.items():
        for where, found in _at(value, path.split("."), place):
            if isinstance(found, dict):
                _check(where, found, known)
            elif found is not None and "*" not in path:
                raise DockyardError("stack_value_invalid", f"{where} is not a dictionary; correct it.")


def _at(value: Any, path: list[str], place: str) -> list[tuple[str, Any]]:
    """Return the values at a path with their places."""
    if not path:
        return [(place, value)]
    if path[0] != "*":
        inner = value.get(path[0]) if isinstance(value, dict) else None
        return [] if inner is None else _at(inner, path[1:], f"{place}.{path[0]}")
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in named for found in _at(inner, path[1:], f"{place}.{key}")]


def _check(place: str, found: dict[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(str(key) for key in found if key not in known and not str(key).startswith("x-"))
    if unknown:
        raise DockyardError(
            "stack_key_unknown",
            f"{place} has {', '.join(unknown)}, which {'is' if len(unknown) == 1 else 'are'} not known; correct or"
            " remove"
            " it.",
        )
