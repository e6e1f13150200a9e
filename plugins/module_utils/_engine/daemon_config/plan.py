# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Plan a change: what daemon.json will hold, what the engine needs for it, and whatever speaks against it.

Changes nothing.
"""

from __future__ import annotations

import ipaddress

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .. import naming, rivals, service
from ..container_needs import gone_for_start
from ..containers import joined_names
from ..networks import rules
from ..swarm_tasks import services_not_restarted
from ..topology import lost_rules
from . import firewall_backend, host_effects, keys, restart_obstacles
from .compare import same, unlike
from .data_location import moves
from .data_protection import protect_data
from .document import Config, different_keys, equal, new_config, only_newer_engines_read, render, without
from .host_state import HostState
from .judge import Found, ask_engine, brought_in_vain, check_rules, check_types, check_unheeded
from .live import keys_not_in_force, log_drivers, running_version, writes_rules
from .options import DaemonOptions
from .planned_change import Plan

# Older engines remove containers that were started with --rm when they restart, also those that live-restore keeps
# running (moby issue 46308).
_KEEPS_REMOVED_AT_STOP = (25,)
_READS_BYTE_ORDER_MARK = (23,)


def build_plan(options: DaemonOptions, host: HostState) -> Plan:
    """Return the plan of a change. Raise DockyardError for everything that speaks against it."""
    if host.engine == "silent":
        raise service.silent_engine(host.unit, host.sockets)
    warnings: list[str] = []
    target, new = _target(options, host, warnings)
    found = Found.on(host, target, options.desired, options.path)
    version = service.installed_version(host.unit)
    sound, unknown = check_types(target, found, version is not None)
    warnings += check_unheeded(target, unknown, found, version)
    plan = Plan(host, target, new, changed_keys=different_keys(host.current or {}, target), warnings=warnings)
    surroundings = None
    if host.engine == "running":
        surroundings = _find_pending(options, plan, sound)
    elif host.engine == "failed":
        plan.needed = "start"
        plan.action = "none" if options.restart == "never" else "start"
    if (plan.writes or plan.needed != "none") and host.unit.outdated:
        raise DockyardError(
            "engine_unit_outdated",
            "The unit docker.service has changed on the disk and systemd has not read it yet, so that the next boot"
            " starts the engine with other flags than those that can be checked now; run systemctl daemon-reload, and"
            " run again.",
        )
    if plan.writes or plan.pending or host.engine == "failed":
        around = surroundings or host.surroundings()
        plan.warnings += check_rules(
            sound, around, found, plan.action in ("restart", "start"), keys.set_by_flags(host.unit.argv)
        )
        _refuse_unknown_log_driver(plan, sound)
        plan.warnings += firewall_backend.warnings(host.loaded, sound)
        plan.warnings += host_effects.warnings_of_boot(plan, sound)
        plan.warnings += _warn_of_old_logs(plan)
        ask_engine(host.unit, target, found)
        plan.warnings += _warn_of_unknown(host, unknown)
    if host.engine == "running" and host.api is not None and writes_rules(host.loaded, host.unit.argv):
        in_force = lost_rules.find(host.api)
        plan.lost_rules = in_force.lost
        plan.warnings += in_force.foreign
        _restore_rules(options, plan)
    plan.warnings += host_effects.warning_of_no_forwarding(plan, sound)
    if plan.writes or plan.needed != "none":
        host_effects.refuse_switches(plan, sound)
    protect_data(options, plan)
    _refuse_without_bridge(plan)
    if plan.action == "restart":
        _protect_containers(options, plan)
        plan.warnings += host_effects.judge_listeners(plan)
        plan.warnings += host_effects.warnings_of_rules(plan)
    if plan.action in ("restart", "start"):
        restart_obstacles.refuse(plan, sound)
    if plan.action == "restart" and host.api is not None:
        plan.warnings += _warn_of_started(rivals.started_by_engine(host.api))
    return plan


def _target(options: DaemonOptions, host: HostState, warnings: list[str]) -> tuple[Config, bytes | None]:
    """Return keys and content of the new file. Add to the warnings what was read past a mistake."""
    desired = options.desired
    current = host.current or {}
    if host.invalid is not None:
        if host.engine == "running" or (desired.owned is not None and host.engine != "failed") or desired.only_removes:
            raise host.invalid
        if desired.owned is not None:  # the engine is down because of it
            if host.readable is None:
                raise host.invalid.unreadable()
            current = host.readable
            warnings.append(f"{host.invalid.reason}; what else is in the file was read and kept.")
    target = new_config(current, desired)
    in_vain = brought_in_vain(host, target, desired)
    if in_vain:
        target = without(target, dict.fromkeys(in_vain))
        warnings.append(
            f"{', '.join(in_vain)} came into {options.path} by an earlier run, no engine has started with it since, and"
            " it is not declared any more: removed."
        )
    if host.invalid is None and equal(target, current) and not _is_for_newer_engines(host):
        return target, host.content
    return target, render(target)


def _is_for_newer_engines(host: HostState) -> bool:
    """Return whether the file has a form with which the installed engine does not start."""
    if host.content is None or not only_newer_engines_read(host.content):
        return False
    version = service.installed_version(host.unit)
    return version is None or version < _READS_BYTE_ORDER_MARK


def _find_pending(options: DaemonOptions, plan: Plan, sound: Config) -> rules.Surroundings | None:
    """Find what the running engine lacks, and what would bring it. Return the surroundings if they were inspected.

    sound: the keys of the target with the right types.
    """
    host, target = plan.host, plan.target
    mismatch = set(keys_not_in_force(target, host.live, host.unit.argv[1:]))
    # What the engine shows just as it is declared, it has, wherever it comes from.
    unloaded = {
        key
        for key in unlike(host.loaded, target)
        if not (key in target and key in host.live and same(key, target[key], host.live[key]))
    }
    if host.location is not None:
        plan.moves = moves(host.location, host.loaded, target, host.unit, running_version(host.api))
    moving = {move.key.partition(".")[0] for move in plan.moves} & (target.keys() | unloaded)
    plan.pending = sorted(mismatch | unloaded | moving)
    surroundings = None
    if _bip_is_to_go(options, host, target):
        surroundings = host.surroundings()
        pools = {"default-address-pools": sound.get("default-address-pools", [])}
        for complaint in rules.complaints(pools, surroundings):
            if not complaint.taken:
                raise complaint.error
        if not _is_default(host.live.get("bip"), pools):
            plan.bridge_default = rules.default_bridge_address(pools, surroundings)
            # What stays in the file has to go together with docker0 as it will be.
            surroundings.docker0 = [
                ipaddress.ip_interface(plan.bridge_default),
                *(address for address in surroundings.docker0 if address.version == 6),
            ]
            plan.pending = sorted({*plan.pending, "bip"})
    plan.after_reload = [
        key
        for key in plan.pending
        if key in moving or key not in unloaded or not keys.by_reload(key, host.loaded, target)
    ]
    if plan.after_reload:
        plan.needed = "restart"
        can_reload = len(plan.after_reload) < len(plan.pending)
        plan.action = "restart" if options.restart != "never" else ("reload" if can_reload else "none")
    elif plan.pending:
        plan.needed = plan.action = "reload"
    return surroundings


def _restore_rules(options: DaemonOptions, plan: Plan) -> None:
    """Have an engine write the rules again that it has lost, which it does when it starts."""
    if not plan.lost_rules or plan.action == "restart":
        return
    if options.on_lost_rules == "restart":
        plan.needed = "restart"
        plan.action = plan.action if options.restart == "never" else "restart"
    else:
        plan.warnings.append(
            f"Rules that the engine has written are not in force: {' '.join(plan.lost_rules)} Another program has"
            " removed them, or has started since; the engine writes them again when it starts (on_lost_rules: restart)."
        )


def _bip_is_to_go(options: DaemonOptions, host: HostState, target: Config) -> bool:
    if target.get("bip") or target.get("bridge") or host.unit.flag("--bip", "--bridge", "-b"):
        return False
    return "bip" in options.desired.removal or bool((host.current or {}).get("bip")) or bool(host.loaded.get("bip"))


def _is_default(bip: str | None, target: Config) -> bool:
    """Return whether docker0 has an address that the engine would give it by itself."""
    if bip is None:
        return False
    address = ipaddress.ip_interface(bip)
    pools = [
        (ipaddress.ip_network(pool["base"], strict=False), pool["size"])
        for pool in target.get("default-address-pools") or rules.BUILT_IN_POOLS
    ]
    return any(
        base.version == 4 and address.network.prefixlen == size and address.network.subnet_of(base)  # type: ignore[arg-type]
        for base, size in pools
    )


def _warn_of_unknown(host: HostState, unknown: list[str]) -> list[str]:
    if not unknown or host.engine != "absent":
        return []
    return [
        f"{', '.join(sorted(unknown))}: not known here, and no engine is installed that could be asked; it will not"
        " start if it does not know them either."
    ]


def _refuse_unknown_log_driver(plan: Plan, sound: Config) -> None:
    """Raise DockyardError for a driver with which an engine starts if it has no log-opts, and then no container."""
    driver, api = sound.get("log-driver"), plan.host.api
    if not driver or api is None or "log-driver" not in {*plan.pending, *plan.changed_keys}:
        return
    known = log_drivers(api)
    if driver not in known:
        raise DockyardError(
            "daemon_log_driver_missing",
            f"log-driver is {driver}, which this engine does not have ({', '.join(known)}), so that no container could"
            " be created; correct it, or install the plugin first.",
        )


def _warn_of_old_logs(plan: Plan) -> list[str]:
    """Return a warning of containers that keep how they log: the engine has written that down when it created them."""
    of_logs = [key for key in ("log-driver", "log-opts") if key in plan.pending]
    if not of_logs or not plan.host.containers:
        return []
    return [
        f"{' and '.join(of_logs)} {'is' if len(of_logs) == 1 else 'are'} for containers that are created from now on;"
        f" {joined_names(plan.host.containers)} log as before until they are created again."
    ]


def _warn_of_started(names: list[str]) -> list[str]:
    if not names:
        return []
    are, have, them = ("is", "has", "it") if len(names) == 1 else ("are", "have", "them")
    return [
        f"{', '.join(names)} {are} stopped and {have} the restart policy always, so that the engine starts {them} when"
        f" it starts; docker update --restart=unless-stopped keeps {them} stopped."
    ]


def _protect_containers(options: DaemonOptions, plan: Plan) -> None:
    """Raise DockyardError if a restart would stop running containers by surprise, or for good."""
    host = plan.host
    of_bridge = sorted(keys.DOCKER0.intersection(plan.pending))
    restores = bool(plan.lost_rules) and options.on_lost_rules == "restart"
    if not host.containers:
        return
    if any("bip" in key for key in of_bridge):
        _refuse_published_there(plan)
    names = joined_names(host.containers)
    ask = options.restart == "when_idle" and options.on_running_containers == "fail"
    if plan.containers_survive:
        plan.unapplied = of_bridge
        if of_bridge and ask:
            raise DockyardError(
                "daemon_containers_running",
                f"The engine has live-restore, and as long as containers run ({names}) it does not take over"
                f" {', '.join(of_bridge)}; stop them first, or give containers a user-defined network instead, which"
                " needs no restart (or set on_running_containers: proceed to leave this pending).",
            )
        if set(plan.after_reload) <= set(of_bridge) and not restores:  # a restart would bring nothing
            plan.action = "reload" if len(plan.after_reload) < len(plan.pending) else "none"
        elif running_version(host.api) < _KEEPS_REMOVED_AT_STOP:
            _refuse_removed_at_stop(host)
        return
    if ask:
        subject = ", ".join(plan.after_reload) or "What the firewall has lost of the engine's rules"
        verb = "need" if len(plan.after_reload) > 1 else "needs"
        raise DockyardError(
            "daemon_containers_running",
            f"{subject} {verb} a restart of the engine, which would stop the running containers"
            f" {names}; stop them first, {_other_ways(plan)}.",
        )
    _refuse_removed_at_stop(host)
    _refuse_that_cant_start(plan)
    _refuse_tasks_that_end(plan)


def _other_ways(plan: Plan) -> str:
    """Return what can be done if containers may not be stopped."""
    proceed = "set on_running_containers: proceed to have them started again"
    if plan.after_reload and keys.DOCKER0.issuperset(plan.after_reload):
        return f"{proceed}, or give containers a user-defined network instead, which needs no restart"
    return f"or {proceed}"


def _refuse_published_there(plan: Plan) -> None:
    """Raise DockyardError for a container that publishes on an address that docker0 has now and then no longer."""
    host = plan.host
    wanted = {"bip": plan.bridge_default or plan.target.get("bip"), "bip6": plan.target.get("bip6")}
    for key, value in wanted.items():
        now = host.live.get(key)
        if not value or not now or ipaddress.ip_interface(value).ip == ipaddress.ip_interface(now).ip:
            continue
        address = str(ipaddress.ip_interface(now).ip)
        there = [container for container in host.containers if address in container.published_on]
        if there:
            raise DockyardError(
                "daemon_published_address_gone",
                f"{key} takes the address {address} from docker0, and {joined_names(there)} can't run without it, as"
                " ports are published there; publish them on another address first.",
            )


def _refuse_that_cant_start(plan: Plan) -> None:
    """Raise DockyardError for running containers that lack something that the next start of them needs."""
    host = plan.host
    if host.api is None:
        return
    lacking = []
    for container in sorted(host.containers, key=lambda container: container.name):
        gone = [] if container.of_swarm else gone_for_start(host.api, container, plan.target.get("runtimes") or {})
        if gone:
            lacking.append(f"{container.name} needs {', '.join(gone)}")
    if lacking:
        raise DockyardError(
            "daemon_containers_cant_start",
            "The restart would stop containers that can't be started again, as something that they need is gone"
            f" ({'; '.join(lacking)}); bring it back, or stop the containers first.",
        )


def _refuse_tasks_that_end(plan: Plan) -> None:
    """Raise DockyardError for tasks of a Swarm that end with the engine and are not started again."""
    api = plan.host.api
    if api is None or not any(container.of_swarm for container in plan.host.containers):
        return
    ending = services_not_restarted(api)
    if ending is None:
        plan.warnings.append(
            "Tasks of Swarm services run here, and only a manager knows whether Swarm starts them again: those of a"
            " service with the restart condition none end for good."
        )
    elif ending:
        raise DockyardError(
            "daemon_tasks_end",
            f"The restart would end the tasks of {', '.join(ending)} on this node for good, as Swarm does not start"
            " them again (restart condition none); give the services another condition (docker service update"
            " --restart-condition), or remove them first.",
        )


def _refuse_without_bridge(plan: Plan) -> None:
    """Raise DockyardError if docker0 is to go away under containers that know no other network."""
    host = plan.host
    if plan.target.get("bridge") != "none" or host.loaded.get("bridge") == "none" or host.api is None:
        return
    users = sorted(
        naming.container_name(listed)
        for listed in host.api.get("/containers/json", all="true")
        if "bridge" in ((listed.get("NetworkSettings") or {}).get("Networks") or {})
    )
    if users:
        raise DockyardError(
            "daemon_bridge_in_use",
            f"bridge: none takes docker0 away, and {', '.join(users)} {'has' if len(users) == 1 else 'have'} no other"
            " network for the next start; create these containers again on a user-defined network first.",
        )


def _refuse_removed_at_stop(host: HostState) -> None:
    gone = [container for container in host.containers if container.removed_at_stop]
    if gone:
        raise DockyardError(
            "daemon_containers_removed_at_stop",
            f"The restart would stop {joined_names(gone)}, started with --rm, and a container like that is removed when"
            " it stops; stop it yourself first.",
        )
