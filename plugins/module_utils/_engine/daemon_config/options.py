# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Specify the options of docker_daemon and docker_bridge, and turn them into what daemon.json is to hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .document import Config, DesiredConfig, check_values
from .key_types import with_types

State = Literal["merged", "replaced", "absent"]
RestartPolicy = Literal["when_idle", "always", "never"]
OnRunningContainers = Literal["fail", "proceed"]
OnDataMove = Literal["fail", "proceed"]
OnLostRules = Literal["warn", "restart"]

STATE = {"type": "str", "choices": ["merged", "replaced", "absent"], "default": "merged"}
COMMON = {
    "path": {"type": "path", "default": "/etc/docker/daemon.json"},
    "restart": {"type": "str", "choices": ["when_idle", "always", "never"], "default": "when_idle"},
    "on_running_containers": {"type": "str", "choices": ["fail", "proceed"], "default": "fail"},
    "on_data_move": {"type": "str", "choices": ["fail", "proceed"], "default": "fail"},
    "on_lost_rules": {"type": "str", "choices": ["warn", "restart"], "default": "warn"},
    "backup": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "lock_timeout": {"type": "int", "default": 120},
    "socket": {"type": "path", "default": ""},
}
_POOL = {"base": {"type": "str", "required": True}, "size": {"type": "int", "required": True}}
# Raw are flags and numbers, which key_types reads: for Ansible's own types, an empty answer of a survey is an error.
_BRIDGE: dict[str, dict[str, Any]] = {
    "bip": {"type": "str"},
    "bip6": {"type": "str"},
    "fixed_cidr": {"type": "str"},
    "fixed_cidr_v6": {"type": "str"},
    "default_gateway": {"type": "str"},
    "default_gateway_v6": {"type": "str"},
    "mtu": {"type": "raw"},
    "icc": {"type": "raw"},
    "ip_masq": {"type": "raw"},
    "ipv6": {"type": "raw"},
    "default_address_pools": {"type": "list", "elements": "dict", "options": _POOL},
}
BRIDGE = {**_BRIDGE, "state": STATE}
# The options of docker0 and their names in daemon.json.
_BRIDGE_KEYS = {option: option.replace("_", "-") for option in _BRIDGE}


@dataclasses.dataclass(frozen=True)
class DaemonOptions:
    """What a call of one of the modules asks for."""

    path: str
    desired: DesiredConfig
    restart: RestartPolicy
    on_running_containers: OnRunningContainers
    backup: bool
    timeout: float
    lock_timeout: float
    on_data_move: OnDataMove = "fail"
    on_lost_rules: OnLostRules = "warn"
    socket: str = ""

    @classmethod
    def from_params(cls, params: dict[str, Any], desired: DesiredConfig) -> DaemonOptions:
        """Return the options of COMMON, with what is desired."""
        return cls(desired=desired, **{option: params[option] for option in COMMON})


def desired_bridge(bridge: dict[str, Any]) -> DesiredConfig:
    """Return what the options of BRIDGE declare. An empty string is none, unless it names what is to be absent."""
    given = {key: bridge[option] for option, key in _BRIDGE_KEYS.items() if bridge[option] is not None}
    keys = frozenset(_BRIDGE_KEYS.values())
    if bridge["state"] == "absent":
        return DesiredConfig({}, removal=dict.fromkeys(given or sorted(keys)))
    config = with_types({key: value for key, value in given.items() if value != ""})
    return DesiredConfig(config, owned=keys if bridge["state"] == "replaced" else frozenset())


def desired_config(
    config: Config | None, state: State, remove: Sequence[str], bridge: dict[str, Any] | None
) -> DesiredConfig:
    """Return what all options of docker_daemon declare together. Raise DockyardError if they contradict each other.

    config, state: the keys of daemon.json, and what is to become of them.
    remove: keys that the file must not have, whether config has them or not.
    bridge: the options of BRIDGE.
    """
    config = config or {}
    if state == "absent":
        if not config:
            raise DockyardError("daemon_nothing_to_remove", "config names no key to remove; name one.")
        declared = DesiredConfig({}, removal={**config, **dict.fromkeys(remove)})
    else:
        kept = {key: value for key, value in config.items() if key not in remove}
        check_values(kept)
        kept = with_types(kept)
        owned = None if state == "replaced" else frozenset[str]()
        declared = DesiredConfig(kept, removal=dict.fromkeys(remove), owned=owned)
    if bridge is None:
        return declared
    docker0 = desired_bridge(bridge)
    of_bridge = {*docker0.config, *docker0.removal, *(docker0.owned or ())}
    twice = of_bridge.intersection(declared.config) | docker0.config.keys() & declared.removal.keys()
    if twice:
        raise DockyardError(
            "daemon_declared_twice",
            f"bridge decides about {', '.join(sorted(twice))}, and so does config or remove; declare it in one of"
            " them.",
        )
    return DesiredConfig(
        {**declared.config, **docker0.config},
        removal={**declared.removal, **docker0.removal},
        owned=None if declared.owned is None else docker0.owned,
    )
