# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""List the containers that run, and start those again that a restart of the engine has stopped."""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
from collections.abc import Sequence
from typing import Any

from . import api as engine_api
from . import dependents, inventory, naming, rivals

# Seconds without a start in between after which a container counts as running, and how long that takes if it has been
# started more than once.
_SETTLE = 3.0
_SETTLE_AFTER_MORE_STARTS = 10.0  # as the engine itself judges it for restart policies
_MOST_STARTS = 3
_STOPS_WITHIN = 300  # seconds for one container; the engine kills it when its own stop timeout is over
# After such a failure the engine drops the container's place in the network, and the next start succeeds without it.
_KEPT_TASK = re.compile(r"stale containerd task.*no such file|id already in use")
_NETWORK_ERROR = re.compile(
    r"external connectivity|assign requested address|port is already allocated|address already in use"
    r"|failed to set up container networking(?!.*non.running)",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Container:
    """A container that runs or is paused.

    started: when, in the engine's words. health: what its health check says; None without one.
    unstable: starts again and again, so that nobody can say whether it runs.
    published_on: the host's addresses on which it publishes ports, as declared.
    """

    id: str
    name: str
    paused: bool = False
    removed_at_stop: bool = False  # started with --rm
    of_swarm: bool = False
    started: str = ""
    health: str | None = None
    unstable: bool = False
    published_on: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class BroughtBack:
    """What has come of containers that ran before.

    complaints: one for each that stays down. gone: of these, the names of those that are not there any more.
    running: the names of those found running. starting: of these, those whose health check has not finished yet.
    started_beside: names of those that did not run before, and that run since the engine has started.
    stopped_again: names of those that the engine had started as well and that were stopped, as they had what another
    one needs.
    """

    complaints: list[str] = dataclasses.field(default_factory=list)
    gone: list[str] = dataclasses.field(default_factory=list)
    running: list[str] = dataclasses.field(default_factory=list)
    starting: list[str] = dataclasses.field(default_factory=list)
    started_beside: list[str] = dataclasses.field(default_factory=list)
    stopped_again: list[str] = dataclasses.field(default_factory=list)


def running(api: engine_api.EngineApi) -> list[Container]:
    """Return the containers that run or are paused, the oldest first."""
    listed: list[dict[str, Any]] = sorted(api.get("/containers/json"), key=lambda container: container["Created"])
    containers = []
    for container in listed:
        status, details = api.ask("GET", f"/containers/{container['Id']}/json")
        if status == 404:  # has ended in the meantime
            continue
        published = {one.address for one in inventory.declared_publications(details) if one.address}
        containers.append(
            Container(
                id=container["Id"],
                name=naming.container_name(container),
                paused=container["State"] == "paused",
                removed_at_stop=bool(details["HostConfig"].get("AutoRemove")),
                of_swarm=naming.SWARM_TASK in (container.get("Labels") or {}),
                started=details["State"].get("StartedAt", ""),
                health=inventory.health(details["State"]),
                unstable=_starts_again_and_again(details),
                published_on=sorted(published),
            )
        )
    return containers


def _remedy(reason: str, details: dict[str, Any]) -> str:
    """Return what to do about a reason for which a container does not start, as its continuation.

    A container whose runtime has lost its program ends, and containerd keeps its task, as only that program deletes it
    (seen on 20.10 to 29). Once it is there again, the container starts.
    """
    if not _KEPT_TASK.search(reason):
        return ""
    runtime = (details.get("HostConfig") or {}).get("Runtime") or "its own"
    return (
        "; containerd keeps what is left of its last run until the program of the runtime with which it ran"
        f" ({runtime}) is where it was: put it, or a link to another one, back there until the container has started"
    )


def _starts_again_and_again(details: dict[str, Any]) -> bool:
    state = details["State"]
    if state["Restarting"]:
        return True
    started = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", state.get("StartedAt", ""))
    if not details.get("RestartCount") or not started:
        return False
    since = datetime.datetime.fromisoformat(f"{started[0]}+00:00").timestamp()
    return time.time() - since < _SETTLE_AFTER_MORE_STARTS


def joined_names(containers: Sequence[Container]) -> str:
    """Return the names of containers in order, as a part of a sentence."""
    return ", ".join(sorted(container.name for container in containers))


def bring_back(
    api: engine_api.EngineApi, before: Sequence[Container], timeout: float, had: inventory.Inventory | None = None
) -> BroughtBack:
    """Start those that do not run again, and wait until they have settled.

    Several rounds, because a container may need another one (--network container:NAME, links). One that starts again
    and again, or that its health check finds unhealthy where it was healthy before, does not run.

    had: all that the engine had; None if that is not known.
    """
    deadline = time.monotonic() + timeout
    ran = {container.id for container in before}
    known = had.containers if had else []
    room = _Room(api, {one.id: one.name for one in known if not one.runs and one.id not in ran})
    watches = [_Watch(api, container, room) for container in before if not container.of_swarm]
    room.watches = watches
    while True:
        for watch in watches:
            watch.look()
        late = time.monotonic() >= deadline
        if all(watch.done or (late and (watch.complaint or not watch.settling)) for watch in watches):
            break
        time.sleep(0.25)
    demanded = [watch for watch in watches if watch.gone or not watch.container.unstable]
    return BroughtBack(
        complaints=[watch.complaint for watch in demanded if watch.complaint],
        gone=sorted(watch.container.name for watch in watches if watch.gone),
        running=sorted(watch.container.name for watch in demanded if not watch.complaint),
        starting=sorted(watch.container.name for watch in demanded if not watch.complaint and watch.starting),
        started_beside=room.started_beside(),
        stopped_again=sorted(room.stopped_again),
    )


class _Room:
    """What an engine has started by itself, and what of it has to make room for a container that ran.

    others: names, by identifiers, of those that did not run before.
    """

    def __init__(self, api: engine_api.EngineApi, others: dict[str, str]) -> None:
        self.watches: list[_Watch] = []
        self.stopped_again: set[str] = set()
        self._api = engine_api.EngineApi(api.path, _STOPS_WITHIN)
        self._others = others
        self._stopped: set[str] = set()

    def make_for(self, details: dict[str, Any]) -> None:
        """Stop those that have the address or a port of this container. Those that ran are started again after it."""
        for key in rivals.find_rivals(self._api, details):
            watch = next((watch for watch in self.watches if watch.id == key), None)
            if key in self._stopped or (watch is None and key not in self._others):
                continue
            self._stopped.add(key)
            self._api.ask("POST", f"/containers/{key}/stop")
            if watch is None:
                self.stopped_again.add(self._others[key])
            else:
                watch.start_over()

    def started_beside(self) -> list[str]:
        """Return the names of those that did not run before and do now."""
        if not self._others:
            return []
        return sorted(self._others[one["Id"]] for one in self._api.get("/containers/json") if one["Id"] in self._others)


class _Watch:
    """One container that is started again.

    complaint: why it does not run. done: nothing more is to be expected. settling: runs, and not for long enough yet.
    starting: runs, and its health check has not finished.
    """

    def __init__(self, api: engine_api.EngineApi, container: Container, room: _Room) -> None:
        self.api = api
        self.container = container
        self.room = room
        self.complaint: str | None = None
        self.done = self.settling = self.starting = self.gone = False
        self.id = container.id
        self._starts = 0  # by this module; _restarted: also by the engine
        self._ended: str | None = None  # after such a start, and how
        self._restarted = False
        self._last_start: tuple[Any, ...] = ()
        self._since = 0.0

    def start_over(self) -> None:
        """Take up one again that was stopped to make room for another one."""
        self.done = self._restarted = False
        self._last_start = ()

    def look(self) -> None:
        """Ask for the container, and start it if it is down."""
        if self.done:
            return
        try:
            self._look()
        except engine_api.Unreachable as error:
            self.settling = False
            self.complaint = f"{self.container.name} can't be asked for ({error})"

    def _look(self) -> None:
        name = self.container.name
        self.settling = False
        details = self._details()
        self.gone = details is None
        if details is None:
            self.complaint = f"{name} is gone"
            self.done = not dependents.units_on_their_way()  # one of them may create it again
            return
        state = details["State"]
        if not state["Running"] and not state["Restarting"]:
            if self._starts == _MOST_STARTS:
                self._end(f"{name} ended again with {state['ExitCode']}")
                return
            if self._starts:
                self._ended = f"{name} ended again with {state['ExitCode']}"
            self.room.make_for(details)
            status, answer = self.api.ask("POST", f"/containers/{self.id}/start")
            if status not in (204, 304):
                reason = engine_api.message(answer)
                self.complaint = f"{name} does not start ({reason}{_remedy(reason, details)})"
                self.done = bool(_NETWORK_ERROR.search(reason))
                return
            self._starts += 1
            details = self.api.get(f"/containers/{self.id}/json")
            state = details["State"]
        if not state["Running"] or state["Restarting"]:
            self.complaint = f"{name} ended again with {state['ExitCode']}"
            self.done = self.container.unstable
            return
        if self.container.paused and not state["Paused"]:
            self.api.ask("POST", f"/containers/{self.id}/pause")
        self._judge(details)

    def _details(self) -> dict[str, Any] | None:
        for key in (self.id, self.container.name):  # by its name if it was created again
            status, details = self.api.ask("GET", f"/containers/{key}/json")
            if status == 200:
                self.id = details.get("Id", key)
                return dict(details)
            if status != 404:
                raise engine_api.Unreachable(f"{status}: {engine_api.message(details)}")
        return None

    def _judge(self, details: dict[str, Any]) -> None:
        """Say whether one that runs has run for long enough, and is healthy."""
        state = details["State"]
        this_start = (state.get("StartedAt", ""), details.get("RestartCount", 0))
        if this_start != self._last_start:
            starts_again = bool(self._last_start)
            self._last_start, self._since = this_start, time.monotonic()
            if starts_again:
                self._restarted = True
        survived = bool(self.container.started) and state.get("StartedAt") == self.container.started
        restless = self._restarted or self._starts > 1
        needed = _SETTLE_AFTER_MORE_STARTS if restless else _SETTLE
        if not survived and not self.container.unstable and time.monotonic() - self._since < needed:
            self.settling = True
            self.complaint = (self._ended or f"{self.container.name} starts again and again") if restless else None
            return
        self.complaint = None
        health = inventory.health(state) if self.container.health == "healthy" else None
        self.starting = health == "starting"
        if health == "unhealthy":
            self.complaint = f"{self.container.name} runs, and its health check says that it is unhealthy"
        self.done = not self.starting

    def _end(self, complaint: str) -> None:
        self.complaint, self.done = complaint, True


def reattach(api: engine_api.EngineApi, before: inventory.Inventory) -> list[str]:
    """Connect containers again with the networks that they had. Return the names of those that were connected.

    An engine that could not set up a container's network drops its place there, and starts it without from then on.
    """
    connected = []
    for container in before.containers:
        status, details = api.ask("GET", f"/containers/{container.id}/json")
        if status != 200 or container.of_swarm:
            continue
        now = inventory.described(details)
        for network in container.networks.keys() - now.networks.keys():
            body = {"Container": container.id, "EndpointConfig": container.endpoints.get(network, {})}
            # A container that does not run remembers what it is connected by, and docker0's network gets another
            # identifier at each start. So it is its name, and the identifier only where two have that name.
            for key in filter(None, (network, container.network_ids.get(network))):
                status, _answer = api.ask("POST", f"/networks/{key}/connect", body)
                if status == 200:
                    connected.append(container.name)
                    break
    return sorted(set(connected))
