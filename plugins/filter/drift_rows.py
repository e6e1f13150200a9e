# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_rows
short_description: What a check of daemon.json has found, one row for each difference
version_added: 0.2.0
description:
  - Takes what M(dockyard.ops.docker_daemon) or M(dockyard.ops.docker_bridge) returned in check mode, with diff and with
    C(restart=never), and makes a list of what differs on that host.
  - A host without a difference has one row that says so.
positional: host, declared
options:
  _input:
    description:
      - The module's result. An empty dictionary, or the result of a skipped task, if nothing is declared for the host.
      - A result with C(failed) or C(unreachable) gives a row with its message.
    type: dict
    required: true
  host:
    description:
      - Name of the host.
    type: str
    required: true
  declared:
    description:
      - The keys that are declared. Only distinguishes what is merely in the file.
      - By default, what the module returned as C(declared). Without that, all of the file counts as declared.
    type: dict
author:
  - The Dockyard authors (@dockyard-ops)
seealso:
  - plugin: dockyard.ops.table
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Compare
  dockyard.ops.docker_daemon:
    config: {debug: true}
    restart: never
  check_mode: true
  diff: true
  register: result

- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ result | dockyard.ops.drift_rows(inventory_hostname) | dockyard.ops.table }}"
"""

RETURN = r"""
_value:
  description:
    - The rows. Each has C(host), C(key), C(declared), C(running) and C(note).
    - C(drift) is V(false) for what is only worth knowing.
    - Secrets are the placeholders that the module shows.
  type: list
  elements: dict
  sample:
    - host: web1
      key: bip
      declared: 10.77.0.1/24
      running: 172.17.0.1/16
      note: a restart is pending
      drift: true
"""

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.plugin_utils.drift import line, of_failure, row

NOT_SET = "(not set)"
NOT_REPORTED = "(not known)"  # the engine does not report it, or does not run
# What is no more than a restart of the whole would say of each key.
NOT_RUNNING = {
    "absent": "no engine is installed",
    "stopped": "the engine is stopped",
    "failed": "the engine is down",
    "other_file": "the engine reads another file",
}


def drift_rows(result: Any, host: str, declared: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    failure = of_failure("drift_rows", result, host)
    if failure:
        return failure
    if not result or result.get("skipped"):
        return [row(host, note="nothing is declared", drift=False)]
    if not result.get("diff"):
        raise AnsibleFilterError("drift_rows needs the module's diff: run it with diff: true.")
    return [
        *_of_engine(host, result),
        *(row(host, "(firewall)", "in force", "lost", line(sentence)) for sentence in result.get("lost_rules") or []),
        *_of_keys(host, result, result.get("declared") if declared is None else declared),
    ] or [row(host, note="as declared", drift=False)]


def _of_engine(host: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    engine = result.get("engine", "running")
    if engine == "running":
        return []
    # Stopped, or not installed yet, is as it is meant to be. One that failed is not.
    return [row(host, "(engine)", "", engine, NOT_RUNNING[engine], drift=engine == "failed")]


def _of_keys(host: str, result: Mapping[str, Any], declared: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    before, after = _config(result["diff"][0]["before"]), _config(result["diff"][0]["after"])
    live = result.get("live") or {}
    if before is None:
        return [row(host, "(file)", note=f"daemon.json is broken: {line(result['diff'][0]['before']).strip('()')}")]
    after = after or {}
    changed, waiting = result.get("changed_keys") or [], result.get("pending_keys") or []
    needed = result.get("action_needed", "none")
    # A pending reload is not in pending_keys, which are those that wait for a restart.
    shown = {
        key
        for key in ([*after] if needed == "reload" else changed if needed == "restart" else [])
        if key in live and _plain(live[key]) != _plain(after.get(key))
    }
    rows = []
    for key in sorted({*changed, *waiting, *shown}):
        notes = []
        named = declared is None or key in declared or key in changed
        if key in changed or not named:
            notes.append(f"daemon.json has {text(before[key])}" if key in before else "not in daemon.json")
        if key in waiting:
            notes.append("needs a restart" if key in changed else "a restart is pending")
        elif key in shown:
            notes.append("needs a reload" if key in changed else "a reload is pending")
        # Where nothing is needed, the engine still has what is declared, and only the file was changed.
        running = after.get(key, NOT_SET) if needed == "none" and result.get("engine") == "running" else NOT_REPORTED
        running = live.get(key, running)
        rows.append(row(host, key, after.get(key, NOT_SET) if named else "(not declared)", running, "; ".join(notes)))
    if not rows and needed in ("reload", "restart"):
        rows.append(row(host, note=f"a {needed} is pending"))
    return rows


def _plain(value: Any) -> Any:
    """As the engine shows it: it adds a slash to mirrors, and has its own order of labels."""
    return sorted(text(item).rstrip("/") for item in value) if isinstance(value, list) else value


def _config(content: str) -> dict[str, Any] | None:
    """Return the file as the module's diff shows it: JSON, nothing if there is none, a remark if it is broken."""
    if not content.strip():
        return {}
    try:
        config = json.loads(content)
    except ValueError:
        return None
    return config if isinstance(config, dict) else None


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"drift_rows": drift_rows}
