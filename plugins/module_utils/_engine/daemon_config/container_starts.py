# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for values with which an engine starts without a word, and then no container does.

Refused is what no container can start with on this host. What may still come, such as an address or a server that
collects logs, is a warning: it is asked for once, by a connection.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import resource
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, sysctl
from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network

from .. import log_servers
from ..networks.rules import Complaint, Surroundings

Config = dict[str, Any]

_UNLIMITED = -1
_PROC = "/proc"
_CAP_SYS_RESOURCE = 1 << 24
_ALL_USERS = ["0", "0", "4294967295"]  # of a user namespace that is that of the machine


def complaints(config: Config) -> Iterator[Complaint]:
    """Yield every rule that a value breaks. Types are right already."""
    yield from _profile(config)
    yield from _limits(config)


def warnings(config: Config, around: Surroundings) -> Iterator[str]:
    """Yield what no container starts with as long as the host is as it is now."""
    yield from _published_on(config, around)
    yield from _log_server(config)


def _profile(config: Config) -> Iterator[Complaint]:
    """Judge the profile of seccomp, which an engine reads when it starts and understands when a container does."""
    path = config.get("seccomp-profile") or ""
    if not os.path.isabs(path) or not os.path.isfile(path):  # its absence keeps an engine from starting
        return
    try:
        profile = json.loads(atomic_file.read(path) or b"")
        fields = {name.lower(): value for name, value in profile.items()}
        reason = "" if str(fields.get("defaultaction", "")).startswith("SCMP_ACT_") else "it has no defaultAction"
    except ValueError as mistake:
        reason = f"it is not valid JSON: {mistake}"
    except AttributeError:
        reason = "it is no JSON object"
    if reason:
        error = DockyardError(
            "daemon_invalid_profile",
            f"seccomp-profile is {path}, and with that no container would start ({reason}); put the whole profile there"
            " first.",
        )
        yield Complaint(("seccomp-profile",), error)


def _limits(config: Config) -> Iterator[Complaint]:
    for name, limit in sorted(config.get("default-ulimits", {}).items()):
        fields = {key.lower(): value for key, value in limit.items()} if isinstance(limit, dict) else {}
        soft, hard = fields.get("soft"), fields.get("hard")
        if not isinstance(soft, int) or not isinstance(hard, int):
            continue
        reason, most = "", _highest(name)
        if hard != _UNLIMITED and not 0 <= soft <= hard:
            reason = (
                f"has Soft {soft} above Hard {hard}, with which no container would start; raise Hard, or lower Soft"
            )
        elif most is not None and (hard == _UNLIMITED or hard > most):
            shown = "no limit" if hard == _UNLIMITED else f"Hard {hard}"
            reason = (
                f"has {shown}, and nothing on this host can have more than {most}, so that no container would start;"
                " lower it, or raise what the host can have"
            )
        if reason:
            yield Complaint(
                ("default-ulimits",), DockyardError("daemon_invalid_ulimit", f"default-ulimits: {name} {reason}.")
            )


def _highest(name: str) -> int | None:
    """Return the highest hard limit that anything on this host can have, None if there is none or it is not known.

    Where nobody may raise limits, as in containers that are hosts, it is that of the first process.
    """
    kind = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if kind is None:
        return None
    most = [int(found) for found in [sysctl.now("fs.nr_open") if name == "nofile" else None] if found]
    try:
        hard = resource.prlimit(1, kind)[1]
        if hard != resource.RLIM_INFINITY and not _limits_can_be_raised():
            most.append(hard)
    except (OSError, ValueError):  # not to be asked
        pass
    return min(most, default=None)


def _limits_can_be_raised() -> bool:
    """Return whether a process of this host may have the right to raise its own limits.

    In a user namespace it is worth nothing, though a process has it there.
    """
    with open(f"{_PROC}/1/uid_map", encoding="ascii") as file:
        if file.read().split() != _ALL_USERS:
            return False
    with open(f"{_PROC}/1/status", encoding="ascii", errors="replace") as file:
        found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", file.read(), re.MULTILINE)
    return found is None or bool(int(found[1], 16) & _CAP_SYS_RESOURCE)


def _published_on(config: Config, around: Surroundings) -> Iterator[str]:
    value = config.get("ip") or "0.0.0.0"  # noqa: S104  # the default of engines
    own = {interface.ip for interface, _device in around.addresses} | {interface.ip for interface in around.docker0}
    try:
        address = ipaddress.ip_address(value)
    except ValueError:  # refused already
        return
    if not own or host_network.binds(address, own):
        return
    yield (
        f"ip is {value}, an address that the host does not have now. As long as that is so, no container starts that"
        " publishes a port without an address of its own."
    )


def _log_server(config: Config) -> Iterator[str]:
    driver, options = config.get("log-driver"), config.get("log-opts") or {}
    server = log_servers.silent(driver, options)
    if server is not None:
        yield (
            f"log-driver is {driver}, and {server.place} takes no connection now ({server.reason}). As long as that is"
            " so, no container starts that logs by it, which are those that are created from now on."
        )
