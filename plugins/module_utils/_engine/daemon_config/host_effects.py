# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""What a change of daemon.json takes from others on the host: default routes, bridges of others, addresses, forwarding.

Refused before anything is changed, or warned of.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Address

from .. import host_switches, left_behind, listeners, naming
from ..networks.rules import DOCKER0
from . import keys
from .document import Config
from .live import running_version, switches_forwarding, writes_rules
from .planned_change import Plan

_FORWARD = "net.ipv4.ip_forward"
_IPV6_OF_NEW = "com.docker.network.enable_ipv6"
# From here on an engine also has the firewall filter inside bridges to do without its proxy.
_FILTERS_WITHOUT_PROXY = (28,)


def refuse_switches(plan: Plan, sound: Config) -> None:
    """Raise DockyardError if the engine would switch something on the host that takes others their network.

    sound: the keys of the target with the right types.
    """
    argv = plan.host.unit.argv
    if switches_forwarding(sound, argv):
        host_switches.refuse_forwarding(list(_with_ipv6(plan, sound)))
    if writes_rules(sound, argv):
        causes = list(_apart(plan, sound))
        own = {DOCKER0, sound.get("bridge") or DOCKER0}
        own.update(filter(None, (naming.bridge_device(network) for network in _networks(plan))))
        six = causes if sound.get("ipv6") or any(map(host_switches.has_ipv6, _networks(plan))) else []
        sets_policy = switches_forwarding(sound, argv) and not sound.get("ip-forward-no-drop")
        host_switches.refuse_bridge_filter({4: causes, 6: six}, own, sets_policy)


def _with_ipv6(plan: Plan, sound: Config) -> Iterator[str]:
    if _counts("ipv6", plan) and (sound.get("ipv6") or "--ipv6" in plan.host.unit.argv):
        yield "ipv6: true"
    if _counts("default-network-opts", plan) and _of_new(sound, _IPV6_OF_NEW) == "true":
        yield f"default-network-opts ({_IPV6_OF_NEW})"
    if _starts(plan):
        yield from (_named(network) for network in _networks(plan) if host_switches.has_ipv6(network))


def _apart(plan: Plan, sound: Config) -> Iterator[str]:
    if _counts("icc", plan) and (sound.get("icc") is False or "--icc=false" in plan.host.unit.argv):
        yield "icc: false"
    if _counts("default-network-opts", plan) and _of_new(sound, naming.ICC) == "false":
        yield f"default-network-opts ({naming.ICC})"
    without_proxy = _counts("userland-proxy", plan) and sound.get("userland-proxy") is False
    if without_proxy and running_version(plan.host.api) >= _FILTERS_WITHOUT_PROXY:
        yield "userland-proxy: false"
    if _starts(plan):
        yield from (_named(network) for network in _networks(plan) if host_switches.is_apart(network))


def _starts(plan: Plan) -> bool:
    return plan.action in ("restart", "start")


def _counts(key: str, plan: Plan) -> bool:
    """Return whether the engine takes a key over: by this change, or by a later start that this one leaves pending."""
    return _starts(plan) or key in plan.changed_keys or key in plan.pending


def _networks(plan: Plan) -> list[Config]:
    """Return the user-defined networks, which an engine makes again when it starts."""
    networks = plan.host.api.get("/networks") if plan.host.api is not None else []
    return [network for network in networks if network["Name"] != "bridge"]


def _named(network: Config) -> str:
    return f"the network {network['Name']}"


def _of_new(config: Config, option: str) -> str:
    """Return what new networks of the driver bridge get as the value of an option."""
    of_bridge = (config.get("default-network-opts") or {}).get("bridge")
    return str(of_bridge.get(option, "")).lower() if isinstance(of_bridge, dict) else ""


def judge_listeners(plan: Plan) -> Iterator[str]:
    """Raise DockyardError for a program that listens on an address that docker0 loses by a restart. Yield warnings."""
    gone = dict(_gone(plan)) if plan.action == "restart" and not plan.unapplied else {}
    # Those of containers are judged with their containers.
    bound = [one for one in listeners.bound_to(gone) if not one.process.startswith("docker-proxy")]
    alone = [one for one in bound if not one.follows]
    if alone:
        taken = " and ".join(sorted({f"{gone[one.address]} takes {one.address}" for one in alone}))
        raise DockyardError(
            "daemon_listener_address_gone",
            f"{taken} from docker0, and {listeners.sentence(alone)}, where nobody would reach it any more; have it"
            " listen on another address, or stop it, first.",
        )
    if bound:
        yield (
            f"docker0 loses an address on which {listeners.sentence(bound)}, as on other addresses of the host; look"
            " whether it takes the new one by itself, or restart it."
        )


def warnings_of_rules(plan: Plan) -> Iterator[str]:
    """Yield what is said of rules and routes that people have for the network that docker0 leaves."""
    gone = {address for address, _key in _gone(plan)} if plan.action == "restart" and not plan.unapplied else set()
    here = [ipaddress.ip_interface(plan.host.live[key]) for key in ("bip", "bip6") if plan.host.live.get(key)]
    found = left_behind.sentence((), [one.network for one in here if one.ip in gone])
    if found:
        yield found


def _gone(plan: Plan) -> Iterator[tuple[Address, str]]:
    """Yield the addresses that docker0 loses, and the key that takes each."""
    target, live = plan.target, plan.host.live
    here = {key: ipaddress.ip_interface(live[key]).ip for key in ("bip", "bip6") if live.get(key)}
    if target.get("bridge", DOCKER0) not in ("", DOCKER0):
        yield from ((address, "bridge") for address in here.values())
        return
    wanted = {"bip": plan.bridge_default or target.get("bip"), "bip6": target.get("bip6")}
    for key, address in here.items():
        prefix = target.get("fixed-cidr-v6") if key == "bip6" else None
        if key == "bip6" and not target.get("ipv6") and "ipv6" in plan.pending:
            yield address, "ipv6"
        elif wanted[key]:
            if ipaddress.ip_interface(str(wanted[key])).ip != address:
                yield address, key
        elif prefix and address not in ipaddress.ip_network(prefix, strict=False):
            yield address, "fixed-cidr-v6"


def warnings_of_boot(plan: Plan, sound: Config) -> Iterator[str]:
    """Yield what containers lose by a key that is switched off, and what shows only after the next boot."""
    for name, key in keys.KEYS.items():
        if key.off_at_boot and sound.get(name) is False and plan.host.loaded.get(name) is not False:
            if name == "ip-forward" and sysctl.at_boot(_FORWARD, "net.ipv4.conf.all.forwarding") == "1":
                continue
            yield f"{name}: {key.off_at_boot}"


def warning_of_no_forwarding(plan: Plan, sound: Config) -> Iterator[str]:
    """Yield that containers have no way out, for an engine that leaves forwarding as it is and a host that has none."""
    off = sound.get("ip-forward") is False and plan.host.engine == "running"
    if off and sysctl.now(_FORWARD) == "0":
        yield (
            f"ip-forward is false, so that the engine leaves forwarding as it is, and it is off ({_FORWARD} = 0):"
            f" containers get no way out, and nobody reaches them from outside but by docker-proxy; set {_FORWARD} = 1"
            " in a file of /etc/sysctl.d, or remove the key, if that is not wanted."
        )
