# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What is there, what is wanted, and what it takes: reads and checks everything, changes nothing."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pwd
import shutil
import stat

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .. import containers as engine_containers
from .. import service
from ..api import EngineApi
from ..networks import rules
from . import key_types
from . import live as daemon_config_live
from .document import (
    UNCHANGED,
    Broken,
    Config,
    Wish,
    different_keys,
    equal,
    parse,
    render,
    wanted,
)
from .state import Record

# Older engines remove containers that were started with --rm when they restart, also those that live-restore keeps
# running (moby issue 46308).
_KEEPS_REMOVED_AT_STOP = (25,)


@dataclasses.dataclass(frozen=True)
class Order:
    """The module's options."""

    path: str
    wish: Wish
    restart: str
    on_running_containers: str
    backup: bool
    timeout: float


@dataclasses.dataclass
class Found:
    """The host as it is.

    content: the file, None where there is none; current: its keys, None where it is broken.
    engine: "absent", "stopped", "failed", "running", or "other_file" if the engine reads another file than this.
    loaded: what the running engine has taken over, as far as that is known.
    """

    content: bytes | None
    current: Config | None
    broken: Broken | None
    unit: service.Unit
    engine: str
    api: EngineApi | None
    live: Config
    loaded: Config
    containers: list[engine_containers.Container]


@dataclasses.dataclass
class Plan:
    """What is to be done.

    new: the file's new content; the old one where it does not change.
    action: "none", "reload", "restart" or "start".
    pending: keys that the running engine does not have yet; after_reload: those of them that a reload does not bring.
    bridge_default: the address to move docker0 to, because bip is to go away; None where nothing is to be moved.
    unapplied: keys that stay pending after a restart, because containers keep running through it.
    """

    found: Found
    target: Config
    new: bytes | None
    changed_keys: list[str]
    pending: list[str]
    after_reload: list[str]
    needed: str
    action: str
    bridge_default: str | None
    unapplied: list[str]
    warnings: list[str]

    @property
    def writes(self) -> bool:
        return self.new != self.found.content

    @property
    def containers_survive(self) -> bool:
        """Whether containers run on while the engine restarts."""
        return bool(self.found.live.get("live-restore") and self.target.get("live-restore"))

    def pending_after(self, taken: str) -> list[str]:
        """Keys that the engine does not have after that action."""
        if taken in ("restart", "start"):
            return self.unapplied
        return self.after_reload if taken == "reload" else self.pending


def look(path: str, record: Record) -> Found:
    """Reads file and engine. Raises Problem if the file is not one that this collection may replace."""
    _check_place(path)
    content = atomic_file.read(path)
    current: Config | None = None
    broken = None
    try:
        current = parse(content, path) if content is not None else {}
    except Broken as error:
        broken = error
    unit, engine = _look_at_engine(path)
    found = Found(content, current, broken, unit, engine, None, {}, {}, [])
    if engine != "running":
        return found
    api = EngineApi(unit.engine_socket((current or {}).get("hosts")))
    if not api.wait(10):
        # systemd believes that it runs, and it does not answer: as good as failed.
        found.engine = "failed"
        return found
    found.api = api
    found.live = daemon_config_live.read(api)
    found.containers = engine_containers.running(api)
    found.loaded = loaded(found, path, record)
    return found


def _check_place(path: str) -> None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise atomic_file.explain("look at", path, error) from error
    if stat.S_ISLNK(status.st_mode):
        raise Problem(
            f"{path} is a symbolic link to {os.readlink(path)}, which may belong to something else; put a file in its"
            f" place, or give that file as path. {UNCHANGED}"
        )
    if not stat.S_ISREG(status.st_mode):
        raise Problem(f"{path} is no regular file; move it away. {UNCHANGED}")
    if status.st_uid != os.geteuid():
        try:
            owner = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            owner = "nobody that this host knows"
        raise Problem(
            f"{path} belongs to {owner} (uid {status.st_uid}), who could change it at any time; give it to root"
            f" (chown root) if it is to be managed. {UNCHANGED}"
        )


def _look_at_engine(path: str) -> tuple[service.Unit, str]:
    if not service.booted_by_systemd():
        dockerd = shutil.which("dockerd")
        argv = [dockerd] if dockerd else []
        if EngineApi(service.DEFAULT_ENGINE_SOCKET, timeout=5).answers():
            raise Problem(
                "A Docker Engine runs on this host and systemd does not, so that it can't be restarted and proven in"
                f" order; change its file where systemd runs. {UNCHANGED}"
            )
        unit = service.Unit("stopped" if dockerd else "absent", argv, argv)
        return unit, unit.state
    unit = service.look()
    if unit.state != "absent" and os.path.realpath(unit.config_file) != os.path.realpath(path):
        return unit, "other_file"
    return unit, unit.state


def loaded(found: Found, path: str, record: Record) -> Config:
    """What the running engine has taken over: as remembered, or concluded from the times of file and engine."""
    if record.loaded is not None and record.engine == found.unit.run:
        return record.loaded
    if found.content is None:
        # It may have had a file that is gone now. What it shows beyond its defaults is found by looking at it.
        return {}
    if found.current is not None and os.stat(path).st_mtime <= found.unit.started_at:
        return found.current
    # The file is younger than the engine, and nobody knows what stood in it before.
    return daemon_config_live.confirmed(found.current or {}, found.live)


def make(order: Order, found: Found, record: Record) -> Plan:
    """Raises Problem for everything that speaks against the change."""
    target, new = _target(order, found)
    unknown = key_types.check_types(target, found.current or {}, order.path)
    plan = Plan(
        found=found,
        target=target,
        new=new,
        changed_keys=different_keys(found.current or {}, target),
        pending=[],
        after_reload=[],
        needed="none",
        action="none",
        bridge_default=None,
        unapplied=[],
        warnings=[],
    )
    around = None
    if found.engine == "running":
        around = _pending(order, plan)
    elif found.engine == "failed":
        plan.needed = "start"
        plan.action = "none" if order.restart == "never" else "start"
    if plan.writes or plan.pending or found.engine == "failed":
        plan.warnings += _check(plan, unknown, around)
    if plan.action == "restart":
        _guard(order, plan)
    return plan


def _target(order: Order, found: Found) -> tuple[Config, bytes | None]:
    if found.broken is not None:
        if found.engine != "failed" or order.wish.state == "absent":
            raise found.broken
        # The engine is down because of it. Nothing of it can be kept but a copy.
        target = wanted({}, order.wish)
        return target, render(target)
    current = found.current or {}
    target = wanted(current, order.wish)
    if equal(target, current):
        return target, found.content
    return target, render(target)


def _around(found: Found) -> rules.Surroundings:
    root = (found.current or {}).get("data-root")
    return daemon_config_live.surroundings(
        found.api, service.version(found.unit), root if isinstance(root, str) else "/var/lib/docker"
    )


def _pending(order: Order, plan: Plan) -> rules.Surroundings | None:
    """What the running engine lacks, and what would bring it."""
    found, target = plan.found, plan.target
    mismatch = set(daemon_config_live.differing(target, found.live, found.unit.argv[1:]))
    unloaded = set(different_keys(found.loaded, target))
    plan.pending = sorted(mismatch | unloaded)
    around = None
    if _bip_is_to_go(order, found, target):
        around = _around(found)
        pools = {"default-address-pools": target.get("default-address-pools", [])}
        rules.check(pools, around)
        if not _is_default(found.live.get("bip"), target):
            plan.bridge_default = rules.default_bridge_address(target, around)
            # What stays in the file has to go together with docker0 as it will be.
            around.docker0 = [
                ipaddress.ip_interface(plan.bridge_default),
                *(address for address in around.docker0 if address.version == 6),
            ]
            plan.pending = sorted({*plan.pending, "bip"})
    plan.after_reload = [
        key for key in plan.pending if not key_types.by_reload(key, found.loaded, target) or key not in unloaded
    ]
    if plan.after_reload:
        plan.needed = "restart"
        can_reload = len(plan.after_reload) < len(plan.pending)
        plan.action = "restart" if order.restart != "never" else ("reload" if can_reload else "none")
    elif plan.pending:
        plan.needed = plan.action = "reload"
    return around


def _bip_is_to_go(order: Order, found: Found, target: Config) -> bool:
    if target.get("bip") or target.get("bridge") or found.unit.flag("--bip", "--bridge", "-b"):
        return False
    named = order.wish.state == "absent" and "bip" in order.wish.config
    return named or bool((found.current or {}).get("bip")) or bool(found.loaded.get("bip"))


def _is_default(bip: str | None, target: Config) -> bool:
    """Whether docker0 has an address that the engine would give it by itself."""
    if bip is None:
        return False
    address = ipaddress.ip_interface(bip)
    pools = [
        (ipaddress.ip_network(pool["base"]), pool["size"])
        for pool in target.get("default-address-pools") or rules.BUILT_IN_POOLS
    ]
    return any(
        base.version == 4 and address.network.prefixlen == size and address.network.subnet_of(base)  # type: ignore[arg-type]
        for base, size in pools
    )


def _check(plan: Plan, unknown: list[str], around: rules.Surroundings | None) -> list[str]:
    found, target = plan.found, plan.target
    warnings = rules.check(target, around or _around(found))
    complaint = service.validate(found.unit, render(target))
    if complaint:
        raise Problem(f"The Docker Engine of this host refuses this configuration: {complaint}. {UNCHANGED}")
    if unknown and found.engine == "absent":
        warnings.append(
            f"{', '.join(sorted(unknown))}: not known here, and no engine is installed that could be asked; it will not"
            " start if it does not know them either."
        )
    return warnings


def _guard(order: Order, plan: Plan) -> None:
    """Raises Problem where a restart would stop somebody's containers by surprise, or for good."""
    found = plan.found
    of_bridge = sorted(key_types.BRIDGE.intersection(plan.pending))
    if not found.containers:
        return
    names = engine_containers.names(found.containers)
    ask = order.restart == "when_idle" and order.on_running_containers == "fail"
    if plan.containers_survive:
        plan.unapplied = of_bridge
        if of_bridge and ask:
            raise Problem(
                f"The engine has live-restore, and as long as containers run ({names}) it does not take over"
                f" {', '.join(of_bridge)}; stop them first, or give containers a user-defined network instead, which"
                f" needs no restart (or set on_running_containers: proceed to leave this pending). {UNCHANGED}"
            )
        if set(plan.after_reload) <= set(of_bridge):  # a restart would bring nothing
            plan.action = "reload" if len(plan.after_reload) < len(plan.pending) else "none"
        elif daemon_config_live.version(found.api) < _KEEPS_REMOVED_AT_STOP:
            _refuse_removed_at_stop(found)
        return
    if ask:
        verb = "needs" if len(plan.after_reload) == 1 else "need"
        raise Problem(
            f"{', '.join(plan.after_reload)} {verb} a restart of the engine, which would stop the running containers"
            f" {names}; stop them first, set on_running_containers: proceed to have them started again, or give"
            f" containers a user-defined network instead, which needs no restart. {UNCHANGED}"
        )
    _refuse_removed_at_stop(found)


def _refuse_removed_at_stop(found: Found) -> None:
    gone = [container for container in found.containers if container.removed_at_stop]
    if gone:
        raise Problem(
            f"The restart would stop {engine_containers.names(gone)}, started with --rm, and a container like that"
            f" is removed when it stops; stop it yourself first. {UNCHANGED}"
        )
