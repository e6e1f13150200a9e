# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A harbor.yml with what its migration is known to damage: found before the stop, and right afterwards."""

from __future__ import annotations

from typing import Any, Callable

import yaml

from harbor.host import BEYOND, PASSWORD, PATH, TARGET, Host

Fault = Callable[[Host], "tuple[str, list[str]]"]

# Values that a template without quotes cuts, turns into something else, or stumbles over; and what it drops.
DAMAGED: dict[str, Any] = {
    "proxy.no_proxy": "127.0.0.1,localhost #not a comment",
    "proxy.http_proxy": "no",
    "proxy.https_proxy": "0123",
    "log.local.rotate_size": "1e3",
    "jobservice.logger_sweeper_duration": 3,
    "core.quota_update_provider": "@at",
    "notification.webhook_job_http_client_timeout": 7,
    "storage_service.filesystem.note": "p: q",
    "an_own_key.that_nobody_knows": "'quoted' \"twice\"",
    "an_own_list": ["yes", "null", "1.10", "{curly}"],
}


def kept(host: Host) -> tuple[str, list[str]]:
    config = yaml.safe_load(host.must(f"cat {PATH}/harbor.yml"))
    for name, value in DAMAGED.items():
        _put(config, name.split("."), value)
    host.write(yaml.safe_dump(config, sort_keys=False), f"{PATH}/harbor.yml")
    plan = host.upgrade(host.archive(TARGET), host.archive(BEYOND), check=True)
    found = plan.get("plan", {}).get("fragile_values", [])
    answer = host.upgrade(host.archive(TARGET), host.archive(BEYOND))
    broken = host.lost(BEYOND)
    if answer.get("failed"):
        broken.append(f"it failed: {answer.get('msg')}")
    after = yaml.safe_load(host.must(f"cat {PATH}/harbor.yml"))
    for path, value in _leaves(config):
        now = _get(after, path)
        if path != ["_version"] and now != value:
            broken.append(f"{'.'.join(path)} was {value!r} and is {now!r}")
    for path_in_file in ("proxy.no_proxy", "proxy.http_proxy", "proxy.https_proxy", "core.quota_update_provider"):
        if path_in_file not in found:
            broken.append(f"the plan does not name {path_in_file}, only {', '.join(found)}")
    if PASSWORD in str(answer.get("diff", "")):
        broken.append("the diff shows a password")
    return f"{len(answer.get('kept_values', []))} values kept", broken


def _put(config: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(config.get(key), dict):
            config[key] = {}
        config = config[key]
    config[path[-1]] = value


def _get(config: Any, path: list[str]) -> Any:
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[list[str], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    return [(list(path), value)]


FAULTS: list[tuple[str, Fault]] = [("harbor.yml with values that its migration damages", kept)]
