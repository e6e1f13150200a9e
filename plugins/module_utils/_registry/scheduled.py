# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a timer of systemd has done with a registry, and the record of how it ended.

This is the program that its unit starts: no Ansible is on the host, and what is done is what the modules do.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from typing import Any, Callable

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.state_dir import StateDir
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._pki import x509

from . import backup, garbage, options, pruning, renewal, retention
from .api import Registry
from .container import Container
from .turns import in_turn

SETTINGS = "settings.json"
WORKS = ("backup", "garbage_collection", "retention", "renewal")


def folder(container_name: str) -> StateDir:
    """Return the folder of a registry's timers: program, settings, and how each last run ended."""
    return StateDir("registry-timers", container_name)


def outcome_file(work: str) -> str:
    return f"{work}.last.json"


def main(arguments: list[str]) -> int:
    """Do one work, as the arguments say: the registry's container and the work. Return the exit status."""
    container_name, work = arguments
    return 0 if run(folder(container_name), work) else 1


def run(state: StateDir, work: str) -> bool:
    """Do it, say how it ended on standard output, and record that. Return whether it succeeded."""
    begun = x509.now()
    succeeded = False
    try:
        settings = state.read_record(SETTINGS)
        if settings is None:
            raise DockyardError(
                "registry_timer_no_settings",
                f"There is no {state.file(SETTINGS)}; run the role dockyard.ops.registry.",
            )
        message = _WORKS[work](settings, settings[work])
        succeeded = True
    except DockyardError as error:
        message = error.message
    except Exception as error:  # a defect, which is not to be noticed by nobody
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}"
    _say(message)
    record = {
        "begun": x509.format_time(begun),
        "ended": x509.format_time(x509.now()),
        "succeeded": succeeded,
        "message": message,
    }
    with contextlib.suppress(DockyardError):  # a full disk: the journal has it
        atomic_file.write(state.file(outcome_file(work)), json.dumps(record).encode(), mode=0o600)
    return succeeded


def _say(sentence: str) -> None:
    """Write it to standard output, which is the journal of the unit."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _connect(settings: dict[str, Any]) -> Registry:
    given = dict(settings["connection"])
    path = given.pop("password_path", None)
    if path:
        content = atomic_file.read(path)
        if content is None:
            raise DockyardError(
                "registry_timer_no_password", f"There is no {path}; run the role dockyard.ops.registry."
            )
        given["password"] = content.decode(errors="replace").rstrip("\n")
    return options.connect(given)


def _connect_if_named(settings: dict[str, Any]) -> Registry | None:
    return _connect(settings) if settings["connection"].get("registry") else None


def _frozen(settings: dict[str, Any], work: dict[str, Any], do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    # The works of one registry wait for one another.
    container = Container(settings["container_name"])
    result = in_turn(container, settings["start_timeout"], do, patience=work["time_limit"])
    for warning in result.get("warnings", []):
        _say(f"Warning: {warning}")
    return result


def _back_up(settings: dict[str, Any], work: dict[str, Any]) -> str:
    request = backup.Request(
        Container(settings["container_name"]),
        settings["instance_directory"],
        work["folders"],
        work["window_folders"],
        work["backup_directory"],
        work["keep"],
        work["time_limit"],
        settings["start_timeout"],
        _connect_if_named(settings),
    )
    result = _frozen(settings, work, lambda: backup.back_up(request, False))
    return (
        f"{result['archive']} was written, {result['bytes']} bytes; uploads were refused for"
        f" {counted(result['window_seconds'], 'second')}."
    )


def _collect_garbage(settings: dict[str, Any], work: dict[str, Any]) -> str:
    request = garbage.Request(
        Container(settings["container_name"]),
        _connect_if_named(settings),
        work["delete_untagged"],
        work["time_limit"],
        settings["start_timeout"],
    )
    result = _frozen(settings, work, lambda: garbage.Collection(request).run(False))
    freed = (result["bytes_before"] or 0) - (result["bytes_after"] or 0)
    return (
        f"Of {result['blobs_marked'] + result['blobs_eligible']} blobs, {result['blobs_eligible']} were deleted, and"
        f" {freed} bytes freed; uploads were refused for {counted(result['window_seconds'], 'second')}."
    )


def _retain(settings: dict[str, Any], work: dict[str, Any]) -> str:
    policy = retention.policy_of(work["rules"], work["protected_tags"])
    registry = _connect(settings)
    registry.ping()
    registry.limit(work["time_limit"])
    outcome = pruning.Pruning(registry, policy, x509.now(), False).run()
    return " ".join([pruning.sentence(outcome, False), *pruning.doubts(outcome, registry.name)])


def _renew(settings: dict[str, Any], work: dict[str, Any]) -> str:
    request = renewal.Request(
        Container(settings["container_name"]),
        settings["instance_directory"],
        work["ca_directory"],
        work["hostname"],
        work["certificate_days"],
        work["renew_days_before"],
        settings["start_timeout"],
        _connect(settings),
    )
    config = os.path.join(settings["instance_directory"], "config")
    with atomic_file.locked(settings["instance_directory"]), atomic_file.locked(config):
        return str(renewal.renew(request, x509.now())["message"])


_WORKS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    "backup": _back_up,
    "garbage_collection": _collect_garbage,
    "retention": _retain,
    "renewal": _renew,
}
