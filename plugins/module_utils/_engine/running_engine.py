# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Find the engine that runs on this host, and ask it only if that does not start one."""

from __future__ import annotations

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import service
from .api import EngineApi, find_answering
from .daemon_config import document
from .other_engine import find_other_engine

_ANSWERS_WITHIN = 10  # seconds for an engine that runs
_TIMEOUT = 60  # seconds for one answer: the engine waits for the lock of its firewall, for instance


def find_engine(socket: str = "") -> tuple[EngineApi | None, service.Unit | None]:
    """Return the engine that runs on this host, and its unit. Raise DockyardError for one that does not answer.

    socket: the engine's, where a user names it.

    An engine that does not run is not asked, because its socket would start it.
    """
    unit = service.inspect_unit(socket=socket) if service.booted_by_systemd() else None
    if unit is None or unit.state != "running":
        return _find_without_unit(socket, unit is not None and unit.state != "absent"), unit
    sockets = unit.engine_sockets(configured(unit).get("hosts"))
    api = find_answering(sockets, _ANSWERS_WITHIN, _TIMEOUT)
    if api is None:
        raise service.silent_engine(unit, sockets)
    return api, unit


def _find_without_unit(socket: str, is_there: bool) -> EngineApi | None:
    """Return the engine that answers where docker.service does not run. Raise DockyardError for one that is hidden.

    is_there: whether docker.service is on the host. Then an engine is asked only on the socket that a user names, and
    only if another one runs, because to ask would start that of docker.service.
    """
    other = find_other_engine() if is_there else None
    api = None
    if not is_there:
        api = find_answering([socket or service.DEFAULT_ENGINE_SOCKET], 0, _TIMEOUT)
        other = find_other_engine() if api is None else None
    elif other is not None and socket:
        api = find_answering([socket], 0, _TIMEOUT)
    if api is None and other is not None:
        raise DockyardError(
            "engine_foreign", f"{other.described}; name the socket on which it answers in socket, and run again."
        )
    return api


def configured(unit: service.Unit) -> document.Config:
    """Return the keys of the engine's file; none if it can't be read, as the engine that runs has read another one."""
    content = atomic_file.read(unit.config_file)
    try:
        return document.parse(content, unit.config_file) if content else {}
    except document.InvalidDaemonConfig:
        return {}
