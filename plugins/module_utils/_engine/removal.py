# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What an engine's removal would take away from under whom, and the deletion of its data.

An engine that does not answer can't say what runs, but the processes do: each container has a shim of containerd, which
outlives the engine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.mounts import read_mounts

from . import naming, service
from .api import EngineApi
from .daemon_config import document
from .running_engine import find_engine

DEFAULT_ROOT = "/var/lib/docker"
CONTAINERD_ROOT = "/var/lib/containerd"
_NAMESPACE = "moby"  # of the engine's containers in containerd
# What engines from 18.09 to 29 make in their root (daemon/daemon.go, graphdriver/driver.go, and hosts of five of them),
# and a script of Debian's package.
_MADE = re.compile(
    r"aufs|btrfs|builder|buildkit|containerd|containers|devicemapper|engine-id|fuse-overlayfs|image|network"
    r"|nuke-graph-directory\.sh"
    r"|overlay2?|plugins|rootfs|runtimes|secrets|swarm|tmp|tmp-old|trust|vfs|volumes|zfs"
)
_MADE_BY_CONTAINERD = re.compile(r"io\.containerd\..+|opt|tmpmounts")


@dataclasses.dataclass(frozen=True)
class Removal:
    """What is known before an engine is removed.

    answers: whether it has said so itself. running: names of the containers that run. lasting: whether they would go on
    without the engine. others: those of other programs on the same containerd. root: where the engine's data is.
    """

    answers: bool
    running: list[str]
    lasting: bool
    others: list[str]
    root: str


def inspect(socket: str = "", remove_data: bool = False) -> Removal:
    """Return what is known about the engine, whether it runs, is stopped, or its packages are gone already.

    socket: the engine's, where a user names it. remove_data: whether its data root has to be known.
    """
    api, unit = _find(socket)
    shims = list(_shims())
    others = [f"{identifier[:12]} of {namespace}" for namespace, identifier in shims if namespace != _NAMESPACE]
    if api is not None:
        info = api.get("/info")
        names = [naming.container_name(listed) for listed in api.get("/containers/json")]
        return Removal(True, sorted(names), bool(info.get("LiveRestoreEnabled")), others, str(info["DockerRootDir"]))
    root = _planned_root(unit, remove_data)
    names = [_name(root, identifier) for namespace, identifier in shims if namespace == _NAMESPACE]
    return Removal(False, sorted(names), True, others, root)


def refuse(removal: Removal, remove_running: bool, containerd: bool) -> None:
    """Raise DockyardError if the removal would stop containers unasked, or leave some that nobody manages.

    remove_running: whether containers may be stopped. containerd: whether containerd goes as well.
    """
    names = ", ".join(removal.running)
    if removal.running and not removal.answers:
        raise DockyardError(
            "removal_unmanaged",
            f"The Docker Engine does not run or does not answer, and its containers {names} run on without it; start it"
            " (systemctl start docker), stop them, and run again.",
        )
    if removal.running and not remove_running:
        raise DockyardError(
            "removal_running",
            f"The Docker Engine still runs the containers {names}; stop them, or set remove_running: true (in the role,"
            " docker_engine_remove_running).",
        )
    if removal.running and removal.lasting:
        raise DockyardError(
            "removal_live_restore",
            f"The Docker Engine has live-restore, so the containers {names} would run on without it; stop them, or set"
            " live-restore to false, and run again.",
        )
    if containerd and removal.others:
        raise DockyardError(
            "removal_containerd_used",
            f"Other programs have containers in this host's containerd ({', '.join(removal.others)}), which would be"
            " removed with the engine; stop them first.",
        )


def delete_data(root: str, containerd: bool, check_mode: bool) -> tuple[list[str], list[str]]:
    """Delete what an engine has made in its root, and return the paths that are deleted, and those that are kept.

    What is mounted below is kept, as is everything that no engine makes: a root may be a disk that others use as well.
    """
    if os.path.realpath(root) == "/":
        raise DockyardError("removal_no_root", "/ is no data root of a Docker Engine; name the folder.")
    deleted: list[str] = []
    kept: list[str] = []
    points = sorted(mount.point for mount in read_mounts())
    for folder, made in ((root, _MADE), *([(CONTAINERD_ROOT, _MADE_BY_CONTAINERD)] if containerd else [])):
        real = os.path.realpath(folder)
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(real)):
                path = os.path.join(real, name)
                if not made.fullmatch(name):
                    kept.append(path)
                elif check_mode or _delete(path, points, kept):
                    deleted.append(path)
    return deleted, kept


def require_gone(removal: Removal) -> None:
    """Raise DockyardError if the data is still in use."""
    if removal.answers or removal.running:
        who = "the Docker Engine" if removal.answers else f"the containers {', '.join(removal.running)}"
        raise DockyardError("removal_data_used", f"{removal.root} is in use by {who}; stop that and run again.")


def _find(socket: str) -> tuple[EngineApi | None, service.Unit | None]:
    try:
        return find_engine(socket)
    except DockyardError:  # it is silent, or another one
        return None, service.inspect_unit(socket=socket) if service.booted_by_systemd() else None


def _shims(proc: str = "/proc") -> Iterator[tuple[str, str]]:
    """Yield the namespace in containerd and the identifier of each container that runs."""
    for entry in sorted(filter(str.isdigit, os.listdir(proc)), key=int):
        try:
            with open(os.path.join(proc, entry, "cmdline"), "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        if os.path.basename(words[0]).startswith("containerd-shim"):
            values = dict(zip(words[1:], words[2:]))
            identifier = values.get("-id") or os.path.basename(values.get("-workdir", ""))
            yield values.get("-namespace", _NAMESPACE), identifier


def _name(root: str, identifier: str) -> str:
    try:
        with open(os.path.join(root, "containers", identifier, "config.v2.json"), encoding="utf-8") as file:
            return str(json.load(file)["Name"]).lstrip("/")
    except (OSError, ValueError, KeyError, TypeError):
        return identifier[:12]


def _planned_root(unit: service.Unit | None, required: bool) -> str:
    """Return the root by the flags and the file of an engine that can't be asked."""
    known = unit if unit is not None and unit.state != "absent" else None
    flagged = known.flag("--data-root", "--graph", "-g") if known else []
    if flagged:
        return flagged[-1]
    path = known.config_file if known else service.DEFAULT_FILE
    try:
        content = atomic_file.read(path)
        config = document.parse(content, path) if content else {}
    except DockyardError as error:
        if not required:
            return DEFAULT_ROOT
        raise DockyardError(
            "removal_root_unknown",
            f"Where the data of the Docker Engine is can't be said, for it does not answer and {path} can't be read:"
            f" {error.message} Correct that file, or delete the data by hand.",
        ) from error
    value = config.get("data-root") or config.get("graph")
    return value if isinstance(value, str) and os.path.isabs(value) else DEFAULT_ROOT


def _delete(path: str, points: list[str], kept: list[str]) -> bool:
    """Delete a file or a folder but for what is mounted in it. Return whether nothing is left of it."""
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            return True
        if path in points:
            kept.append(path)
            return False
        if not any(point.startswith(f"{path}/") for point in points):
            shutil.rmtree(path)
            return True
        gone = [_delete(os.path.join(path, name), points, kept) for name in sorted(os.listdir(path))]
        if all(gone):
            os.rmdir(path)
        return all(gone)
    except OSError as error:
        raise DockyardError(
            "removal_data_left",
            f"{path} can't be deleted ({error}); the rest of the data is as it was left. Look at what holds it, and run"
            " again.",
            changed=True,
        ) from error
