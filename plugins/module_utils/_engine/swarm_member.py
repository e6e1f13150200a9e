# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Make a host a member of a Swarm, or let it leave, and prove it."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import network
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from .api import EngineApi, Unreachable, message
from .networks.rules import overlap
from .running_engine import find_engine
from .stack import encryption
from .stack import survey as surveys

PORT = 2377
_INTERVAL = 0.5
# An engine that joins asks the manager for some 20 seconds before it answers.
_ANSWERS_WITHIN = 90
# What an engine takes for overlay networks where nothing is declared, and what the first of them, ingress, gets.
_DEFAULT_POOL = "10.0.0.0/8"
_DEFAULT_SUBNET_SIZE = 24
OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "join": {"type": "list", "elements": "str", "default": []},
    "token": {"type": "str", "no_log": True},
    "manager_id": {"type": "str", "default": ""},
    "advertise_address": {"type": "str", "default": ""},
    "data_path_address": {"type": "str", "default": ""},
    "address_pools": {"type": "list", "elements": "str", "default": []},
    "subnet_size": {"type": "int", "default": _DEFAULT_SUBNET_SIZE},
    "force": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "socket": {"type": "path", "default": ""},
}


def run(call: Any) -> dict[str, Any]:
    """Run a call of the module.

    call: a _module.ModuleCall.
    """
    call.require_root("change a host's membership in a Swarm")
    params = call.params
    pools = _pools(params)
    api, _unit = find_engine(params["socket"])
    if api is None:
        if not call.check_mode and params["state"] == "present":
            raise DockyardError(
                "swarm_no_engine", "The Docker Engine of this host does not run; start it and run again."
            )
        before: dict[str, Any] = {}
    else:
        api = EngineApi(api.path, _ANSWERS_WITHIN)
        before = _info(api)
    if params["state"] == "absent":
        return _leave(call, api, before)
    for warning in _check_host(before, pools, params["subnet_size"]):
        call.warn(warning)
    swarm = before.get("Swarm") or {}
    for warning in _check_encrypted(api, swarm):
        call.warn(warning)
    if state(swarm) != "inactive":
        _require_same(swarm, params["manager_id"])
        return _result(call, swarm, swarm, "The host is a member of the Swarm.")
    if params["join"] and not params["token"]:
        raise DockyardError("swarm_token_missing", "join needs a token; give the one of docker swarm join-token.")
    if call.check_mode or api is None:
        return _result(call, swarm, None, f"Would have {'joined the' if params['join'] else 'made a'} Swarm.")
    after = _enter(api, params, [str(pool) for pool in pools])
    return _result(call, swarm, after, "Joined the Swarm." if params["join"] else "Made a Swarm.")


def state(swarm: dict[str, Any]) -> str:
    """Return the state of a host's node, as the engine names it."""
    return str(swarm.get("LocalNodeState") or "inactive")


def _pools(params: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for text in params["address_pools"]:
        try:
            pool = ipaddress.ip_network(text)
        except ValueError as error:
            raise DockyardError(
                "swarm_pool_invalid", f"address_pools has {text}, which is no network ({error}); correct it."
            ) from error
        if params["subnet_size"] < pool.prefixlen or params["subnet_size"] > 29:
            raise DockyardError(
                "swarm_pool_invalid",
                f"subnet_size is {params['subnet_size']}, and the pool {pool} has no networks of that size; give one"
                f" from {pool.prefixlen} to 29.",
            )
        for other in found:
            if overlap(pool, other):
                raise DockyardError(
                    "swarm_pool_invalid", f"address_pools has {other} and {pool}, which overlap; correct them."
                )
        found.append(pool)
    return found


def _info(api: EngineApi) -> dict[str, Any]:
    try:
        return dict(api.get("/info"))
    except Unreachable as error:
        raise DockyardError(
            "swarm_no_answer", f"The Docker Engine did not answer a question ({error}); see its log, and run again."
        ) from error


def _check_host(info: dict[str, Any], pools: list[Any], size: int) -> Iterator[str]:
    """Yield warnings. Raise DockyardError for what keeps a host from being a member."""
    if info.get("LiveRestoreEnabled"):
        raise DockyardError(
            "swarm_live_restore",
            "The Docker Engine has live-restore, with which no engine is a member of a Swarm; remove that key from"
            " daemon.json.",
        )
    if "nftables" in str((info.get("FirewallBackend") or {}).get("Driver") or ""):
        raise DockyardError(
            "swarm_nftables",
            "The Docker Engine writes its firewall rules by nftables, with which it takes no part in a Swarm; set"
            " firewall-backend to iptables.",
        )
    if state(info.get("Swarm") or {}) != "inactive":
        return  # its own overlay networks have routes by now
    routed = network.routed_networks(network.read_routes(), without="")
    for pool in pools:
        for taken, device in routed:
            if overlap(pool, taken):
                raise DockyardError(
                    "swarm_pool_taken",
                    f"The pool {pool} overlaps {taken}, to which this host has a route (device {device}); containers"
                    " could not reach it. Choose another one in address_pools.",
                )
    if not pools:
        yield from _judge_default(routed, size)


def _check_encrypted(api: EngineApi | None, swarm: dict[str, Any]) -> list[str]:
    """Return warnings of a manager about engines that do not understand each other on encrypted networks."""
    if api is None or not swarm.get("ControlAvailable"):
        return []
    try:
        nodes, networks = api.get("/nodes"), api.get("/networks", filters={"driver": ["overlay"]})
    except Unreachable:
        # Without a majority of its managers a Swarm lists no nodes. Nothing is known of engines then.
        return []
    return encryption.warnings([(network["Name"], network) for network in networks], surveys.engines(nodes))


def _judge_default(routed: list[tuple[Any, str]], size: int) -> Iterator[str]:
    whole = ipaddress.ip_network(_DEFAULT_POOL)
    first = ipaddress.ip_network(f"{whole.network_address}/{max(size, whole.prefixlen)}")
    for taken, device in routed:
        if overlap(first, taken):
            raise DockyardError(
                "swarm_pool_taken",
                f"The Swarm's network ingress would get {first}, which overlaps {taken}, to which this host has a route"
                f" (device {device}). Choose another pool in address_pools.",
            )
        if overlap(whole, taken):
            yield (
                f"Overlay networks get their addresses from {whole}, and this host has a route to {taken} (device"
                f" {device}); give address_pools, so that none of them takes these."
            )


def _require_same(swarm: dict[str, Any], manager_id: str) -> None:
    if state(swarm) != "active":
        remedy = (
            "unlock it with docker swarm unlock" if state(swarm) == "locked" else "let it leave with docker swarm leave"
        )
        raise DockyardError(
            "swarm_not_active",
            f"The host's place in its Swarm is {state(swarm)}{_reason(swarm)}; {remedy}, and run again.",
        )
    known = {str(swarm.get("NodeID"))} | {str(peer.get("NodeID")) for peer in swarm.get("RemoteManagers") or []}
    if manager_id and manager_id not in known:
        raise DockyardError(
            "swarm_other",
            f"The host is a member of a Swarm that does not have the manager {manager_id}; let it leave with docker"
            " swarm leave, and run again.",
        )


def _reason(swarm: dict[str, Any]) -> str:
    return f" ({swarm['Error']})" if swarm.get("Error") else ""


def _enter(api: EngineApi, params: dict[str, Any], pools: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"ListenAddr": f"0.0.0.0:{PORT}", "AdvertiseAddr": params["advertise_address"]}
    if params["data_path_address"]:
        body["DataPathAddr"] = params["data_path_address"]
    if params["join"]:
        path, doing = "/swarm/join", "join the Swarm"
        body.update(RemoteAddrs=[_with_port(manager) for manager in params["join"]], JoinToken=params["token"])
    else:
        path, doing = "/swarm/init", "make a Swarm"
        body.update(DefaultAddrPool=pools, SubnetSize=params["subnet_size"], Spec={})
    try:
        status, answer = api.ask("POST", path, body)
        reason = "" if status == 200 else message(answer).strip().rstrip(".")
        deadline = time.monotonic() + params["timeout"]
        while not reason:
            swarm = _info(api).get("Swarm") or {}
            if state(swarm) == "active" and (params["join"] or swarm.get("ControlAvailable")):
                return swarm
            if time.monotonic() > deadline:
                reason = f"after {counted(params['timeout'], 'second')} it is {state(swarm)}{_reason(swarm)}"
            time.sleep(_INTERVAL)
    except (Unreachable, DockyardError) as error:
        reason = str(error)
    raise _put_back(api, doing, reason)


def _put_back(api: EngineApi, doing: str, reason: str) -> DockyardError:
    """Return the error after the host is what it was: in no Swarm."""
    try:
        api.ask("POST", "/swarm/leave", force="true")
        left = state(_info(api).get("Swarm") or {})
    except (Unreachable, DockyardError) as error:
        left = f"not known ({error})"
    if left == "inactive":
        return DockyardError(
            "swarm_refused", f"The Docker Engine could not {doing} ({reason}); correct that, and run again."
        )
    return DockyardError(
        "swarm_refused",
        f"The Docker Engine could not {doing} ({reason}), and its place in a Swarm is {left}; let it leave with docker"
        " swarm leave --force.",
        changed=True,
    )


def _with_port(manager: str) -> str:
    try:
        address = ipaddress.ip_address(manager)
    except ValueError:
        return manager if ":" in manager else f"{manager}:{PORT}"
    return f"[{address}]:{PORT}" if address.version == 6 else f"{address}:{PORT}"


def _leave(call: Any, api: EngineApi | None, info: dict[str, Any]) -> dict[str, Any]:
    swarm = info.get("Swarm") or {}
    if api is None or state(swarm) == "inactive":
        return _result(call, swarm, swarm, "The host is in no Swarm.")
    if swarm.get("ControlAvailable") and not call.params["force"]:
        alone = int(swarm.get("Managers") or 0) <= 1
        raise DockyardError(
            "swarm_leaves_managers",
            "The host is "
            + (
                "the only manager of its Swarm, which ends with it, all services, configs and secrets included; set"
                " force: true, if that is meant."
                if alone
                else "a manager of its Swarm, and the others would wait for it; demote it first with docker node"
                " demote."
            ),
        )
    if call.check_mode:
        return _result(call, swarm, {}, "Would have left the Swarm.")
    try:
        status, answer = api.ask("POST", "/swarm/leave", force=str(call.params["force"]).lower())
        reason = "" if status == 200 else message(answer).strip().rstrip(".")
        after = _info(api).get("Swarm") or {}
    except Unreachable as error:
        raise DockyardError(
            "swarm_no_answer",
            f"The Docker Engine ceased to answer ({error}); see its log, and run again.",
            changed=True,
        ) from error
    if reason or state(after) != "inactive":
        raise DockyardError(
            "swarm_refused",
            f"The Docker Engine could not leave the Swarm ({reason or state(after)}); see its log.",
            changed=state(after) == "inactive",
        )
    return _result(call, swarm, after, "Left the Swarm.")


def _result(call: Any, before: dict[str, Any], after: dict[str, Any] | None, text: str) -> dict[str, Any]:
    """Return what the module returns.

    after: None for a member that there will be.
    """
    was, member = state(before) != "inactive", after is None or state(after) != "inactive"
    return {
        "changed": was != member,
        "msg": text,
        "member": member,
        "manager": bool((after or {}).get("ControlAvailable")),
        "node_id": str((after or {}).get("NodeID") or ""),
        "diff": {
            "before_header": "membership in a Swarm",
            "after_header": "membership in a Swarm",
            "before": f"{state(before)}\n",
            "after": f"{'active' if member else 'inactive'}\n" if was != member else f"{state(before)}\n",
        },
    }
