# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Inspect the host: its daemon.json, its engine, and what the engine has of the file. Changes nothing."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import stat
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

from .. import service
from ..api import EngineApi, find_answering
from ..containers import Container, running
from ..networks.rules import Surroundings
from ..other_engine import find_other_engine, refuse_stranger
from .data_location import Location, location_of
from .document import Config, InvalidDaemonConfig, equal, parse, read_past_mistakes
from .live import confirmed_by, inspect_surroundings, read_live
from .state import SavedState

EngineState = Literal["absent", "stopped", "failed", "running", "silent", "other_file"]

_ANSWERS_WITHIN = 10  # seconds for an engine that runs


@dataclasses.dataclass
class HostState:
    """The host before a change.

    content: the file, None if there is none; current: its keys, None if it is invalid.
    brought: keys in the file that earlier runs have written and that no engine has taken over since.
    readable: what can be read past the mistake of an invalid file, None if that is not certain.
    engine: C(other_file) if the engine reads another file than this; C(silent) if it runs and does not answer.
    sockets: those on which it was asked.
    loaded: what the running engine has taken over, as far as that is known; of another one what it had at its last
        start.
    location: where the running engine has its data.
    """

    content: bytes | None
    current: Config | None
    invalid: InvalidDaemonConfig | None
    unit: service.Unit
    engine: EngineState
    sockets: list[str] = dataclasses.field(default_factory=list)
    api: EngineApi | None = None
    live: Config = dataclasses.field(default_factory=dict)
    loaded: Config = dataclasses.field(default_factory=dict)
    containers: list[Container] = dataclasses.field(default_factory=list)
    brought: frozenset[str] = frozenset()
    readable: Config | None = None
    location: Location | None = None

    def surroundings(self) -> Surroundings:
        """Return what the networks of daemon.json have to get along with on this host."""
        root = (self.current or {}).get("data-root")
        return inspect_surroundings(
            self.api, service.installed_version(self.unit), root if isinstance(root, str) else "/var/lib/docker"
        )


def inspect_host(path: str, saved: SavedState, socket: str = "") -> HostState:
    """Return the state of file and engine. Raise DockyardError if the file is not one to replace.

    socket: the engine's, where a user names it.
    """
    _check_place(path)
    content = atomic_file.read(path)
    current: Config | None = None
    invalid = None
    try:
        current = parse(content, path) if content is not None else {}
    except InvalidDaemonConfig as error:
        invalid = error
    unit, engine = _inspect_engine(path, socket)
    if engine == "stopped" and saved.down:
        engine = "failed"
    host = HostState(content, current, invalid, unit, engine)
    host.brought = frozenset(
        key for key, value in saved.brought.items() if current and key in current and equal(current[key], value)
    )
    if invalid is not None:
        host.readable = read_past_mistakes(content or b"", path)
    if engine != "running":
        host.loaded = saved.loaded if saved.loaded is not None else current or host.readable or {}
        return host
    host.sockets = unit.engine_sockets((current or {}).get("hosts"))
    api = find_answering(host.sockets, _ANSWERS_WITHIN)
    if api is None:
        host.engine = "silent"
        return host
    host.api = api
    host.live = read_live(api)
    host.location = location_of(api.get("/info"))
    host.containers = running(api)
    host.loaded = _loaded(host, path, saved)
    return host


def _check_folder(folder: str) -> None:
    """Raise DockyardError if a folder is not there and could not be made."""
    while folder and not os.path.isdir(folder):
        if os.path.islink(folder):
            raise DockyardError(
                "daemon_file_unsafe",
                f"{folder} is a symbolic link to {os.readlink(folder)}, which is no folder; make that folder, or remove"
                " the link.",
            )
        if os.path.lexists(folder):
            raise DockyardError("daemon_file_unsafe", f"{folder} is no folder; move it away.")
        folder = os.path.dirname(folder)


def _check_place(path: str) -> None:
    _check_folder(os.path.dirname(path))
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise atomic_file.explain("inspect", path, error) from error
    if stat.S_ISLNK(status.st_mode):
        raise DockyardError(
            "daemon_file_unsafe",
            f"{path} is a symbolic link to {os.readlink(path)}, which may belong to something else; put a file in its"
            " place, or give that file as path.",
        )
    if os.path.realpath(path) in {mount.point for mount in read_mounts()}:
        raise DockyardError(
            "daemon_file_unsafe",
            f"{path} is a mount of its own, and can't be replaced in one step; mount its folder, or take the mount"
            " away.",
        )
    if not stat.S_ISREG(status.st_mode):
        raise DockyardError("daemon_file_unsafe", f"{path} is no regular file; move it away.")
    if status.st_uid != os.geteuid():
        try:
            owner = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            owner = "nobody that this host knows"
        raise DockyardError(
            "daemon_file_unsafe",
            f"{path} belongs to {owner} (uid {status.st_uid}), who could change it at any time; give it to root"
            " (chown root) if it is to be managed.",
        )


def _inspect_engine(path: str, socket: str) -> tuple[service.Unit, EngineState]:
    if not service.booted_by_systemd():
        dockerd = shutil.which("dockerd")
        argv = [dockerd] if dockerd else []
        if EngineApi(service.DEFAULT_ENGINE_SOCKET, timeout=5).answers():
            raise DockyardError(
                "engine_no_systemd",
                "A Docker Engine runs on this host and systemd does not, so that it can't be restarted and proven in"
                " order; change its file on a host that is run by systemd.",
            )
        unit = service.Unit("stopped" if dockerd else "absent", argv, argv)
        return unit, unit.state
    unit = service.inspect_unit(socket=socket)
    other = find_other_engine() if unit.state != "running" else None
    if other is not None:
        raise other.refusal(path)
    if unit.state == "absent":
        refuse_stranger(path, service.DEFAULT_ENGINE_SOCKET)
    if unit.state != "absent" and os.path.realpath(unit.config_file) != os.path.realpath(path):
        return unit, "other_file"
    return unit, unit.state


def _loaded(host: HostState, path: str, saved: SavedState) -> Config:
    """Return what the running engine has taken over: as saved, or concluded from the times of file and engine."""
    if saved.loaded is not None and saved.engine == host.unit.run:
        return saved.loaded
    if host.content is None:
        # It may have had a file that is gone now. What it shows beyond its defaults is found by inspecting it.
        return {}
    if host.current is not None and atomic_file.changed_at(path) <= host.unit.started_at:
        return host.current
    # The file is younger than the engine, and what it held before is not known.
    return confirmed_by(host.current or {}, host.live)
