# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the wiring of a host: networks, containers, veths, rules, and what is wrong with them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Sequence
from typing import Literal

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Visitor

from .. import api as engine_api
from .. import naming
from . import engine_view, host, namespaces, netns_links, ports, processes, rules_in_force
from .containers import Reader, Seen
from .engine_view import EngineView, Json
from .findings import Findings
from .firewall import Firewall
from .netlink import Link
from .networks import Networks, netfilter
from .processes import Listener, Process
from .visit import Host

Part = Literal["resources", "listeners", "firewall", "findings"]
PARTS: frozenset[Part] = frozenset(("resources", "listeners", "firewall", "findings"))
_SETTLE, _SETTLE_AFTER_START = 1.0, 20.0  # seconds
_RECENT = 30  # seconds
_ID_DIGITS = 12
_ENGINE_PROCESSES = ("docker-proxy", "dockerd")


@dataclasses.dataclass(frozen=True)
class Options:
    """What is wanted.

    parts: beside networks, containers and endpoints.
    containers: names or identifiers; all of them if there are none.
    """

    socket: str
    timeout: float
    parts: frozenset[Part]
    containers: tuple[str, ...] = ()


def survey(options: Options) -> Json:
    """Return the wiring of this host."""
    view = engine_view.read(options.socket, options.timeout)
    unknown = [{"field": field, "reason": view.reason} for field in ("engine", "networks") if view.api is None]
    firewall: Firewall | None = None
    reasons: list[str] = []
    if "firewall" in options.parts:
        firewall, reasons = (None, [view.hidden]) if view.hidden else rules_in_force.in_force(view.process)
        unknown += [{"field": "firewall", "reason": reason} for reason in reasons]
    with Visitor() as visitor, Host(visitor, "listeners" in options.parts, view.namespace, bool(view.hidden)) as home:
        table = processes.scan()
        seen = _containers(view, home, table, options)
        # The list of processes is of before, and a container may have come since.
        _complete(seen, table if view.api is None else processes.scan(), firewall, reasons, options.parts, home)
        links, addresses, routes = home.refresh(), home.addresses(), home.routes()
        filtered = home.do(lambda: [version for version in (4, 6) if netfilter(version)])
        networks = Networks(view, links, addresses, firewall, reasons, filtered).rows()
        stray = _strays(view, home, {one.visit.nsid for one in seen if one.visit is not None})
        uplinks = host.uplinks(view, links, addresses, routes)
        described = host.row(view, table, uplinks, unknown, home)
        found = []
        if "findings" in options.parts:
            found = Findings(
                described,
                networks,
                seen,
                stray,
                firewall,
                host.routed(links, routes),
                _busy(table, home) if "listeners" in options.parts else (),
                netns_links.stale(),
            ).rows()
    return {
        "host": described,
        "networks": networks,
        "containers": [one.row for one in seen],
        "stray_links": stray,
        "findings": found,
    }


def _containers(view: EngineView, home: Host, table: Sequence[Process], options: Options) -> list[Seen]:
    """Return the containers by name."""
    reader = Reader(view, home, "resources" in options.parts)
    found: list[Seen | None] = []
    if view.api is None:
        first: dict[str, int] = {}
        for process in table:
            for container in process.containers[-1:]:
                if not processes.is_of_another(process.pid):
                    first.setdefault(container, process.pid)
        found = [
            reader.read_without_engine(container, first[container])
            for container in sorted(first)
            if _wanted(container, "", options.containers)
        ]
    else:
        _check_names(view, options.containers)
        try:
            found = [
                reader.read(container)
                for container in view.listed
                if _wanted(container, view.name(container), options.containers)
            ]
            if reader.hidden:  # the engine may not have noticed yet that they have ended
                time.sleep(_SETTLE)
                found += [reader.read(container) for container in list(reader.hidden)]
        except engine_api.Unreachable as error:
            raise DockyardError(
                "topology_engine_silent",
                f"The engine stopped answering while its containers were read: {error}; look at journalctl -u"
                " docker.service, and run again.",
            ) from error
    seen = sorted((one for one in found if one is not None), key=lambda one: (one.row["name"] or "", one.row["id"]))
    _mark_shared(view, seen, home.inode, table)
    return seen


def _wanted(container: str, name: str, wanted: Sequence[str]) -> bool:
    return not wanted or name in wanted or any(len(one) >= _ID_DIGITS and container.startswith(one) for one in wanted)


def _check_names(view: EngineView, wanted: Iterable[str]) -> None:
    for one in wanted:
        if not any(_wanted(container, view.name(container), (one,)) for container in view.listed):
            raise DockyardError(
                "topology_container_unknown",
                f"This host has no container {one}; give names or identifiers of those that docker ps --all shows.",
            )


def _mark_shared(view: EngineView, seen: Sequence[Seen], hosts: int, table: Sequence[Process]) -> None:
    """Show containers that are in one namespace as shared, and those that should be and are not.

    A container that has joined another one's network stays in the old namespace when that one starts again.

    hosts: inode of the host's own namespace, which is not one container's.
    table: of processes, some of which may be of another engine's container.
    """
    foreign: dict[int | None, set[str]] = {}
    for process in table:
        if process.foreign is not None:
            engine, container = process.foreign
            foreign.setdefault(process.namespace, set()).add(f"{engine} {container[:_ID_DIGITS]}")
    together: dict[int, list[Seen]] = {}
    for one in seen:
        together.setdefault(one.row["namespace"]["inode"], []).append(one)
    read = {one.row["id"]: one for one in seen}
    for one in seen:
        namespace = one.row["namespace"]
        if namespace["inode"] is None and one.row["pid"] is not None:  # not seen; that is how the engine started them
            namespace["shared_with"] = sorted(view.name(other) for other in view.sharing(one.row["id"]))
        if namespace["inode"] in (None, hosts):
            continue
        names = {_name(other) for other in together[namespace["inode"]] if other is not one}
        names |= {view.name(other) for other in view.sharing(one.row["id"]) if other not in read}
        namespace["shared_with"] = sorted(names) + sorted(foreign.get(namespace["inode"], ()))
        owner = read.get(view.joined(one.row["id"]) or "")
        if owner is not None and owner.row["namespace"]["inode"] not in (None, namespace["inode"]):
            one.row["unknown"].append(
                {
                    "field": "endpoints",
                    "reason": f"{_name(owner)} has started again since this container joined its network, and has"
                    " another one now; start this one again.",
                }
            )


def _name(seen: Seen) -> str:
    return str(seen.row["name"] or seen.row["id"])


def _complete(
    seen: Sequence[Seen],
    table: Sequence[Process],
    firewall: Firewall | None,
    reasons: Sequence[str],
    parts: frozenset[Part],
    home: Host,
) -> None:
    """Fill in ports and listening sockets."""
    proxies = processes.proxies(table)
    listeners = ports.Listeners(table, _sockets(seen, home))
    for one in seen:
        one.row["ports"] = ports.published(one, proxies, firewall)
        if one.row["ports"] and firewall is None and "firewall" in parts:
            one.row["unknown"] += [{"field": "ports.rules", "reason": reason} for reason in reasons[:1]]
        if "listeners" in parts:
            listeners.of(one.row, alone=one.visit is not None and one.row["namespace"]["inode"] != home.inode)


def _sockets(seen: Sequence[Seen], home: Host) -> dict[int, list[Listener]]:
    """Return the listening sockets that have been read already, by namespace."""
    known = {one.visit.inode: one.visit.listeners for one in seen if one.visit is not None}
    known[home.inode] = home.listeners()
    return {inode: sockets for inode, sockets in known.items() if sockets is not None}


def _strays(view: EngineView, home: Host, known: set[int | None]) -> list[Json]:
    """Return the veths on networks' bridges, or to what the engine has left of a container, that belong to none.

    A container that is being started has its veth before it has a process, and before the engine lists it. So the
    suspects are looked at again after a while.

    known: numbers of the namespaces of containers that were read.
    """
    bridges = {naming.bridge_device(network) for network in view.networks} - {None}
    suspects = _suspects(home, bridges, known)
    # On a busy host a start takes many seconds.
    patience = time.monotonic() + (_SETTLE_AFTER_START if suspects and _has_started(view) else 0)
    while suspects:
        time.sleep(_SETTLE)
        home.refresh()
        again = _suspects(home, bridges, set())
        suspects = [link for link in suspects if link in again]
        if time.monotonic() >= patience:
            break
    return sorted(suspects, key=lambda link: str(link["name"]))


def _has_started(view: EngineView) -> bool:
    """Return whether containers have come or gone since they were listed, or shortly before."""
    if view.api is None:
        return False
    try:
        listed = view.api.get("/containers/json", all=1)
    except engine_api.Unreachable:
        return True
    recent = any(time.time() - container["Created"] < _RECENT for container in listed)
    return recent or {container["Id"] for container in listed} != set(view.listed)


def _suspects(home: Host, bridges: set[str | None], known: set[int | None]) -> list[Json]:
    links = home.links
    unknown = [link for link in links.values() if link.kind == "veth" and (link.nsid is None or link.nsid not in known)]
    used, left = _namespaces_by_use(home) if unknown else (set(), set())
    return [
        {"name": link.name, "index": link.index, "bridge": _master(link, links)}
        for link in unknown
        if link.nsid in left or (_master(link, links) in bridges and (link.nsid is None or link.nsid not in used))
    ]


def _master(link: Link, links: dict[int, Link]) -> str | None:
    master = links.get(link.master or 0)
    return None if master is None else master.name


def _namespaces_by_use(home: Host) -> tuple[set[int | None], set[int | None]]:
    """Return the numbers of the namespaces that are in use, and of those that the engine has and nothing uses.

    A namespace is in use if a process is in it, or if another program than the engine has mounted it.
    """
    paths: dict[int, str] = {}
    for process in processes.scan():
        if process.namespace is not None:
            paths.setdefault(process.namespace, f"/proc/{process.pid}/ns/net")
    left = {}
    for inode, where in namespaces.mounted().items():
        others = [path for path in where if not namespaces.is_sandbox(path)]
        if others:
            paths.setdefault(inode, others[0])
        elif inode not in paths:
            left[inode] = where[0]
    return _numbers(home, paths.values()), _numbers(home, left.values())


def _numbers(home: Host, paths: Iterable[str]) -> set[int | None]:
    """Return the numbers by which the host's namespace knows others.

    What was mounted a moment ago may be a plain file now, which the kernel refuses.
    """
    found = set()
    for path in paths:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found.add(home.nsid(descriptor))
            finally:
                os.close(descriptor)
    return found - {None}


def _busy(table: Sequence[Process], home: Host) -> list[tuple[str, str, int, str]]:
    """Return the host's ports that a process other than the engine's own has open, with its name."""
    listeners = ports.Listeners(table, _sockets((), home))
    sockets = listeners.of_namespace(home.inode, os.getpid())
    names = listeners.owners(home.inode, sockets)
    return [
        (socket.protocol.rstrip("6"), socket.address, socket.port, names[socket.inode])
        for socket in sockets
        if names.get(socket.inode, _ENGINE_PROCESSES[0]) not in _ENGINE_PROCESSES
    ]
