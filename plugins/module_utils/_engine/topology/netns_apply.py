# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Bring the links in /run/netns to what is wanted: one for each chosen container, none that is stale."""

from __future__ import annotations

import dataclasses
import os
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import api as engine_api
from . import engine_view, netns_links, processes
from .engine_view import EngineView, Json
from .netns_links import NetnsLink

State = Literal["present", "absent"]
_TRIES = 5


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is wanted.

    containers: names or identifiers. everything: all containers that run, but not those in the network of the host.
    prune: whether stale links are removed as well.
    """

    socket: str
    timeout: float
    state: State
    containers: tuple[str, ...]
    everything: bool
    prune: bool


@dataclasses.dataclass
class Target:
    """A container that gets a link. descriptor: an open file of its namespace."""

    name: str
    container: str
    inode: int
    descriptor: int


def apply(wanted: Wanted, check_mode: bool) -> Json:
    """Bring the links to what is wanted. Return what a module returns."""
    netns_links.check_record()
    before = netns_links.links()
    changes = _Changes({link.name: link for link in before}, check_mode)
    try:
        if wanted.state == "present":
            view = _engine(wanted)
            chosen = _chosen(wanted, view)
            _check_present(wanted, view, chosen, changes.links)
        else:
            names = _to_remove(wanted, changes.links)
        if wanted.prune:
            _prune(changes)
        if wanted.state == "present":
            _present(wanted, view, chosen, changes)
        else:
            for name in names:
                if name in changes.links:
                    changes.remove(name)
    except DockyardError as error:
        error.changed = error.changed or bool(changes.done)
        raise
    except OSError as error:
        raise DockyardError(
            "netns_link_failed",
            f"{error.filename or netns_links.FOLDER} can't be changed: {error.strerror}; look at findmnt"
            f" {netns_links.FOLDER}.",
            changed=bool(changes.done),
        ) from error
    return changes.result({link.name: link for link in before})


class _Changes:
    """The links, and what is done with them. In check mode nothing is done."""

    def __init__(self, links: dict[str, NetnsLink], check_mode: bool) -> None:
        self.links = links
        self._check_mode = check_mode
        self.done: list[str] = []

    def remove(self, name: str) -> None:
        """Remove a link."""
        if not self._check_mode:
            netns_links.remove(self.links[name])
        del self.links[name]
        self.done.append(name)

    def make(self, target: Target) -> None:
        """Make a link."""
        if target.name in self.links:
            self.remove(target.name)
        if not self._check_mode:
            self.done.append(target.name)
            netns_links.make(target.name, target.container, target.descriptor)
        self.done.append(target.name)
        self.links[target.name] = NetnsLink(target.name, "namespace", target.inode, target.container)

    def result(self, before: dict[str, NetnsLink]) -> Json:
        """Return what was there, what is there, and which links have changed."""
        old, new = _shown(before), _shown(self.links)
        return {
            "changed": old != new or bool(self.done),
            "links": [
                {"name": link.name, "path": link.path, "container": link.container or None, "inode": link.inode}
                for link in self.links.values()
                if link.container
            ],
            "made": sorted(name for name in new if new[name] != old.get(name)),
            "removed": sorted(name for name in old if name not in new),
            "diff": {
                "before_header": netns_links.FOLDER,
                "after_header": netns_links.FOLDER,
                "before": "".join(f"{line}\n" for line in old.values()),
                "after": "".join(f"{line}\n" for line in new.values()),
            },
        }


def _shown(links: dict[str, NetnsLink]) -> dict[str, str]:
    """Return one line for each link."""
    shown = {}
    for name, link in sorted(links.items()):
        what = f"net:[{link.inode}]" if link.kind == "namespace" else f"({link.kind})"
        shown[name] = f"{name} {what} {link.container[:12]}".rstrip()
    return shown


def _prune(changes: _Changes) -> None:
    used = netns_links.used_namespaces()
    for name in [name for name, link in changes.links.items() if netns_links.reason(link, used)]:
        changes.remove(name)


def _check_present(wanted: Wanted, view: EngineView, chosen: list[str], links: dict[str, NetnsLink]) -> None:
    """Raise DockyardError for the first container that can't have a link, before anything is changed."""
    for container in chosen:
        target = _open(view, container, skip=wanted.everything)
        if target is not None:
            os.close(target.descriptor)
            _fits(links.get(target.name), target)


def _present(wanted: Wanted, view: EngineView, chosen: list[str], changes: _Changes) -> None:
    for container in chosen:
        for attempt in range(_TRIES):
            target = _open(view, container, skip=wanted.everything)
            if target is None:
                break
            try:
                if _fits(changes.links.get(target.name), target):
                    break
                changes.make(target)
            finally:
                os.close(target.descriptor)
            # It may have started again since it was opened, and has another namespace then.
            again = _open(view, container, skip=True)
            if again is not None:
                os.close(again.descriptor)
            if again is None or again.inode == target.inode:
                break
            if attempt == _TRIES - 1:
                raise DockyardError(
                    "netns_container_restarts",
                    f"{target.name} starts over and over, so that a link to its network is stale at once; look at"
                    f" docker logs {target.name}.",
                )


def _fits(link: NetnsLink | None, target: Target) -> bool:
    """Return whether a link is what it should be. Raise DockyardError if another program has made it."""
    if link is None:
        return False
    if link.inode == target.inode:
        return True
    _refuse_of_others(link, ", or rename the container")
    return False


def _refuse_of_others(link: NetnsLink, otherwise: str = "") -> None:
    """Raise DockyardError for an entry that this module has not made. otherwise: what else can be done."""
    if link.kind == "other":
        raise DockyardError(
            "netns_link_of_others",
            f"{link.path} is no link to a namespace, and nothing that this module has made; move it away{otherwise}.",
        )
    if link.kind == "namespace" and not link.container:
        raise DockyardError(
            "netns_link_of_others",
            f"{link.path} leads to a namespace for which this module has not made it; remove it with ip netns delete"
            f" {link.name}{otherwise}.",
        )


def _to_remove(wanted: Wanted, links: dict[str, NetnsLink]) -> list[str]:
    """Return the names of the links that go. Raise DockyardError for the first that another program has made."""
    if wanted.everything:
        return [name for name, link in links.items() if link.container]
    names = []
    for container in wanted.containers:
        for name, link in links.items():
            if name == container or (link.container and link.container.startswith(container) and len(container) >= 12):
                _refuse_of_others(link)
                names.append(name)
    return list(dict.fromkeys(names))


def _engine(wanted: Wanted) -> EngineView:
    view = engine_view.read(wanted.socket, wanted.timeout)
    if view.api is None:
        raise DockyardError("netns_engine_silent", view.reason)
    return view


def _chosen(wanted: Wanted, view: EngineView) -> list[str]:
    """Return the identifiers of the containers that get a link."""
    if wanted.everything:
        return sorted(view.listed, key=view.name)
    found = []
    for name in wanted.containers:
        matching = [one for one in view.listed if view.name(one) == name or (len(name) >= 12 and one.startswith(name))]
        if not matching:
            raise DockyardError(
                "netns_container_unknown",
                f"This host has no container {name}; give names or identifiers of those that docker ps shows.",
            )
        found.append(matching[0])
    return found


def _open(view: EngineView, container: str, skip: bool) -> Target | None:
    """Return a container with its namespace open; None if it does not run and that is fine.

    skip: whether containers that do not run, or in the network of the host, are left out, and not refused.
    """
    try:
        for _try in range(_TRIES):
            details = view.inspect(container)
            state = (details or {}).get("State") or {}
            if details is None or not state.get("Pid"):
                if skip:
                    return None
                raise DockyardError(
                    "netns_container_stopped",
                    f"{view.name(container)} does not run, and has no network that a link could lead to; start it.",
                )
            started = processes.is_container(state["Pid"], container)
            if started is None:
                continue
            try:
                descriptor = os.open(f"/proc/{state['Pid']}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            inode = os.fstat(descriptor).st_ino
            if processes.is_container(state["Pid"], container) != started:
                os.close(descriptor)
                continue
            if inode == os.stat("/proc/self/ns/net").st_ino:
                os.close(descriptor)
                if skip:
                    return None
                raise DockyardError(
                    "netns_host_network",
                    f"{view.name(container)} uses the network of the host itself; look at it without ip netns exec.",
                )
            return Target(view.name(container), container, inode, descriptor)
    except engine_api.Unreachable as error:
        reason = engine_view.reason(view.socket, str(error))
        raise DockyardError("netns_engine_silent", reason) from error
    if skip:
        return None
    raise DockyardError(
        "netns_container_restarts",
        f"{view.name(container)} starts over and over, so that a link to its network is stale at once; look at"
        f" docker logs {view.name(container)}.",
    )
