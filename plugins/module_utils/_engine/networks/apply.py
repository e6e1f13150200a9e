# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Creates, replaces and removes networks through the engine, proves them, and puts everything back if one fails."""

from __future__ import annotations

import dataclasses
import ipaddress
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import default_routes

from .. import api as engine_api
from ..api import EngineApi, Unreachable
from . import interrupted, rules, whole
from .fixed_addresses import reconnected
from .plan import Plan, differences, stale_remedy
from .steps import Step
from .survey import Endpoint, ExistingNetwork, bridge_addresses, inspect_networks, stale_endpoints

_SETTLED_WITHIN = 30  # seconds in which a Swarm creates a network, or removes it
_DETACHED_WITHIN = 5  # seconds in which it ceases to count containers that are disconnected
_STILL_IN_USE = ("active endpoints", "in use by task")


class NetworkUpdate:
    """A change of networks with everything that takes it back.

    warnings: what the engine itself said.
    """

    def __init__(self, api: EngineApi, plan: Plan) -> None:
        self._api = api
        self._plan = plan
        self._undo: list[Callable[[], object]] = []
        self._routes: default_routes.DefaultRoutes = {}
        self.warnings: list[str] = []

    def run(self) -> None:
        """Take all steps. Raise DockyardError if one fails, with everything as before if that is possible."""
        before = _state(self._api)
        self._routes = default_routes.read()
        interrupted.write(
            [
                ExistingNetwork(step.existing.raw, step.endpoints)
                for step in self._plan.steps
                if step.existing and step.endpoints
            ]
        )
        step = self._plan.steps[0]
        try:
            for step in self._plan.steps:
                self._take(step)
                self._prove_routes()
        except (DockyardError, Unreachable) as error:
            raise self._failed(step, error, before) from error
        try:
            interrupted.clear()
        except DockyardError as error:
            error.changed = True
            raise

    def _take(self, step: Step) -> None:
        old = step.existing
        if old is not None:
            # Undone from the last to the first, so that those with fixed addresses get them before others do.
            for endpoint in reversed(_fixed_first(step.endpoints)):
                _disconnect(self._api, old, endpoint)
                self._undo.append(partial(_connect, self._api, old.name, endpoint, endpoint.config))
            _remove(self._api, old)
            self._undo.append(partial(create, self._api, whole.of_existing(old).as_api()))
        if step.action == "remove":
            return
        identity, warning = create(self._api, step.whole.as_api())
        self._undo.append(partial(_remove_named, self._api, step.name))
        if warning:
            self.warnings.append(warning)
        new = _inspect(self._api, identity)
        for endpoint in _fixed_first(step.endpoints):
            _connect(self._api, step.name, endpoint, reconnected(endpoint, step.whole))
            self._undo.append(partial(_disconnect, self._api, new, endpoint))
        self._prove(step, identity)

    def _prove(self, step: Step, identity: str) -> None:
        """Read back from engine and kernel what the network is now."""
        network = _inspect(self._api, identity)
        wanted = step.whole
        found = differences(wanted, network)
        # The managers of a Swarm give a network its driver and subnets by and by.
        deadline = time.monotonic() + _SETTLED_WITHIN
        while found and wanted.of_swarm and time.monotonic() < deadline:
            time.sleep(0.2)
            network = _inspect(self._api, identity)
            found = differences(wanted, network)
        if found:
            raise DockyardError("network_not_proven", f"the engine shows it with other {', '.join(found)}")
        had = step.existing.subnets if step.existing else []
        for subnet in [each for each in network.subnets if each not in had] if wanted.on_host else []:
            reason = next(rules.conflicts(subnet, self._plan.around), None)
            if reason:  # the engine has chosen it from its pools
                raise DockyardError(
                    "network_pool_conflict",
                    f"the engine gave it {subnet}, which {reason}; declare a subnet, or other default-address-pools",
                )
        if network.bridge_has_addresses:
            _prove_bridge(network)
        self._plan.around.networks += [(step.name, subnet) for subnet in network.subnets if not wanted.of_swarm]

    def _prove_routes(self) -> None:
        gone = default_routes.lost(self._routes)
        if gone:
            raise DockyardError(
                "network_default_route_lost", f"the host has lost its default route by it ({'; '.join(gone)})"
            )

    def _failed(self, step: Step, error: DockyardError | Unreachable, before: dict[str, Any]) -> DockyardError:
        reason = str(error).rstrip(".")
        what = {"create": "created", "replace": "replaced", "remove": "removed"}[step.action]
        # A request that was not answered may have been fulfilled.
        changed = bool(self._undo) or isinstance(error, Unreachable) or error.changed
        complaints = self._put_back()
        routes = default_routes.put_back(self._routes)
        complaints += [f"the default route {route} is not back" for route in routes]
        code = error.code if isinstance(error, DockyardError) else "network_change_failed"
        sentence = f"The network {step.name} could not be {what}: {reason}"
        if not changed:
            interrupted.clear()
            return DockyardError(code, f"{sentence}.")
        try:
            same = _state(self._api) == before and not routes
        except Unreachable as silent:
            same = False
            complaints.append(f"the engine does not answer ({silent})")
        if same:
            interrupted.clear()
            return DockyardError(code, f"{sentence}; all networks and their containers are as before.", changed=True)
        rest = f" ({'; '.join(complaints)})" if complaints else ""
        return DockyardError(
            code,
            f"{sentence}; and not everything could be put back{rest}. See docker network ls, and run again: containers"
            " that were taken from a network are connected first.",
            changed=True,
        )

    def _put_back(self) -> list[str]:
        complaints = []
        while self._undo:
            try:
                self._undo.pop()()
            except (DockyardError, Unreachable) as error:
                complaints.append(str(error))
        return complaints


def _prove_bridge(network: ExistingNetwork) -> None:
    shown = [ipaddress.ip_interface(address).ip for address in bridge_addresses(network)]
    for part in network.ipam:
        subnet = ipaddress.ip_network(part["Subnet"], strict=False)
        given = str(part.get("Gateway") or "").partition("/")[0]
        gateway = ipaddress.ip_address(given) if given else None
        if subnet.version == 6 and not network.raw.get("EnableIPv6"):
            continue
        if not any(address in subnet and (gateway is None or address == gateway) for address in shown):
            raise DockyardError(
                "network_not_proven",
                f"its bridge {network.device} has {', '.join(map(str, shown)) or 'no address'} instead of"
                f" {gateway or f'an address in {subnet}'}",
            )


def _state(api: EngineApi) -> dict[str, Any]:
    """Return what has to be the same again after a change that was put back."""
    found = {}
    for network in inspect_networks(api):
        shown = whole.of_existing(network)
        # The ids of an overlay are chosen by the Swarm.
        shown.options.pop(whole.VXLAN_IDS, None)
        # The engine lists subnets in the order in which it has got them, or by their kind.
        subnets = tuple(sorted(shown.subnets, key=lambda subnet: subnet.subnet))
        found[network.name] = (dataclasses.replace(shown, subnets=subnets), network.containers)
    return found


def _fixed_first(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Return those with fixed addresses before those to which the engine could give the same."""
    return sorted(endpoints, key=lambda endpoint: not endpoint.config.get("IPAMConfig"))


def _request(api: EngineApi, method: str, path: str, body: Any, expected: tuple[int, ...], doing: str) -> Any:
    status, answer = api.ask(method, path, body)
    if status not in expected:
        raise DockyardError("network_change_failed", f"the engine can't {doing}: {engine_api.message(answer)}")
    return answer


def create(api: EngineApi, body: dict[str, Any]) -> tuple[str, str]:
    """Create a network. Return its id, and what the engine warns of."""
    answer = _request(api, "POST", "/networks/create", body, (201,), f"create {body['Name']}")
    return str(answer["Id"]), str(answer.get("Warning") or "")


def _remove(api: EngineApi, network: ExistingNetwork) -> None:
    deadline = time.monotonic() + _DETACHED_WITHIN
    while True:
        status, answer = api.ask("DELETE", f"/networks/{network.id}")
        words = engine_api.message(answer)
        if status in (204, 404):
            break
        # A Swarm takes some seconds to notice that containers are disconnected.
        if not any(reason in words for reason in _STILL_IN_USE) or time.monotonic() >= deadline:
            stale = stale_endpoints(api, network) if _STILL_IN_USE[0] in words else []
            remedy = f": {stale_remedy(network.name, stale)}" if stale else ""
            raise DockyardError("network_change_failed", f"the engine can't remove {network.name}: {words}{remedy}")
        time.sleep(0.2)
    deadline = time.monotonic() + _SETTLED_WITHIN
    while api.ask("GET", f"/networks/{network.id}")[0] != 404:
        if time.monotonic() >= deadline:
            raise DockyardError(
                "network_change_failed",
                f"{network.name} is still there after {_SETTLED_WITHIN} seconds",
                changed=True,  # the engine has taken the request, and may fulfil it later
            )
        time.sleep(0.1)


def _remove_named(api: EngineApi, name: str) -> None:
    _remove(api, _inspect(api, name))


def _inspect(api: EngineApi, name: str) -> ExistingNetwork:
    return ExistingNetwork(_request(api, "GET", f"/networks/{name}", None, (200,), f"show {name}"))


def _connect(api: EngineApi, name: str, endpoint: Endpoint, config: dict[str, Any]) -> None:
    body = {"Container": endpoint.container, "EndpointConfig": config}
    # 404: the container is gone, and nothing is to be connected.
    status, answer = api.ask("POST", f"/networks/{name}/connect", body)
    if status != 200 and not (status == 404 and "container" in engine_api.message(answer).lower()):
        raise DockyardError(
            "network_change_failed", f"the engine can't connect {endpoint.name} to {name}: {engine_api.message(answer)}"
        )


def _disconnect(api: EngineApi, network: ExistingNetwork, endpoint: Endpoint) -> None:
    body = {"Container": endpoint.container, "Force": True}
    status, answer = api.ask("POST", f"/networks/{network.id}/disconnect", body)
    words = engine_api.message(answer)
    # One that is about to be started again is in no network at the moment.
    if status not in (200, 404) and "is not connected to" not in words:
        raise DockyardError(
            "network_change_failed", f"the engine can't disconnect {endpoint.name} from {network.name}: {words}"
        )


def disconnected(api: EngineApi) -> list[tuple[ExistingNetwork, list[Endpoint], bool]]:
    """Return what an interrupted run has taken away and not brought back.

    These are the networks as they were, the containers that are missing in each, and whether it is there at all.
    """
    found = []
    for old in interrupted.read():
        current = next((network for network in inspect_networks(api) if network.name == old.name), None)
        connected = {endpoint.container for endpoint in current.endpoints} if current else set()
        missing = [endpoint for endpoint in old.endpoints if endpoint.container not in connected]
        missing = [each for each in missing if api.ask("GET", f"/containers/{each.container}/json")[0] == 200]
        if missing:
            found.append((old, missing, current is not None))
    return found


def resume(api: EngineApi) -> list[str]:
    """Bring back networks and connections that an interrupted run has taken away. Return the names of the networks."""
    brought = []
    for old, missing, is_there in disconnected(api):
        if not is_there:
            create(api, whole.of_existing(old).as_api())
        for endpoint in _fixed_first(missing):
            _reconnect(api, old.name, endpoint)
        brought.append(old.name)
    interrupted.clear()
    return brought


def _reconnect(api: EngineApi, name: str, endpoint: Endpoint) -> None:
    try:
        _connect(api, name, endpoint, endpoint.config)
    except DockyardError:
        # The network may be the new one by now, without the fixed address.
        rest = {key: value for key, value in endpoint.config.items() if key != "IPAMConfig"}
        _connect(api, name, endpoint, rest)
