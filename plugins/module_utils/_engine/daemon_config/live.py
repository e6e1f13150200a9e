# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the configuration that a running engine shows, by the names of daemon.json, and compare it with a file."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host import network as host_network
from ansible_collections.dockyard.ops.plugins.module_utils._host.network import Network

from .. import naming
from ..api import EngineApi
from ..networks.rules import DOCKER0, Surroundings
from . import keys
from .compare import same
from .document import Config

_HOST_ADDRESS = "com.docker.network.bridge.host_binding_ipv4"
# If they are empty, the engine shows what it has chosen for them by itself.
_CHOSEN = frozenset({"bip", "bip6", "fixed-cidr", "fixed-cidr-v6"})


def read_live(api: EngineApi) -> Config:
    """Return the values that the engine and docker0 show. A key that they do not show is left out."""
    info = api.get("/info")
    live: Config = {
        "debug": info["Debug"],
        "live-restore": info["LiveRestoreEnabled"],
        "log-driver": info["LoggingDriver"],
        "storage-driver": info["Driver"],
        "data-root": info["DockerRootDir"],
        "default-runtime": info["DefaultRuntime"],
        "labels": sorted(info.get("Labels") or []),  # the engine has them in any order (config.GetConflictFreeLabels)
        "registry-mirrors": (info.get("RegistryConfig") or {}).get("Mirrors") or [],
    }
    pools = _pools(info)
    if pools:
        live["default-address-pools"] = [{"base": str(base), "size": size} for base, size in pools]
    return {**live, **_bridge(api)}


def _pools(info: dict[str, Any]) -> list[tuple[Network, int]]:
    """Return the address pools that an engine shows; none if it does not show what it has.

    After a reload, 28.5 shows "invalid Prefix" for a base with host bits, and goes on with the network that it is in.
    """
    try:
        return [
            (ipaddress.ip_network(pool["Base"], strict=False), pool["Size"])
            for pool in info.get("DefaultAddressPools") or []
        ]
    except ValueError:
        return []


def running_version(api: EngineApi | None) -> tuple[int, ...]:
    """Return the version of the engine that runs, (0,) if it does not report it."""
    version = re.match(r"\d+(\.\d+)*", api.get("/version").get("Version", "") if api else "")
    return tuple(map(int, version[0].split("."))) if version else (0,)


def _bridge(api: EngineApi) -> Config:
    status, network = api.ask("GET", "/networks/bridge")
    if status != 200:  # bridge: none
        return {}
    options = network.get("Options") or {}
    config: Config = {"ipv6": bool(network.get("EnableIPv6"))}
    for key, option in (("icc", naming.ICC), ("ip-masq", naming.MASQUERADE)):
        if option in options:
            config[key] = options[option] == "true"
    mtu = options.get(naming.MTU, "")
    if mtu.isdigit():
        config["mtu"] = int(mtu)
    if options.get(_HOST_ADDRESS):
        config["ip"] = options[_HOST_ADDRESS]
    if options.get(naming.BRIDGE, DOCKER0) != DOCKER0:
        config["bridge"] = options[naming.BRIDGE]
        return config
    for address in host_network.addresses(DOCKER0):
        config.setdefault("bip" if address.version == 4 else "bip6", str(address))
    for ipam in (network.get("IPAM") or {}).get("Config") or []:
        six = ":" in ipam.get("Subnet", "")
        if ipam.get("IPRange"):
            config["fixed-cidr-v6" if six else "fixed-cidr"] = ipam["IPRange"]
        for name, address in (ipam.get("AuxiliaryAddresses") or {}).items():
            if name.startswith("DefaultGateway"):
                config["default-gateway-v6" if six else "default-gateway"] = address
    return config


def remove_stale_ipv6(live: Config) -> None:
    """Take from docker0 the IPv6 address that newer engines leave there when it has no IPv6 any more."""
    if live.get("ipv6") is False and "bip6" in live:
        host_network.remove_address(live.pop("bip6"), DOCKER0)


def keys_not_in_force(config: Config, live: Config, flags: list[str]) -> list[str]:
    """Return the keys that the engine should show with another value, or with its default.

    flags: dockerd's, because what they set can't be distinguished from a key that was not taken over.
    """
    by_flag = keys.set_by_flags(flags)
    effective = _effective(config, flags)
    different = []
    for key, shown in live.items():
        if key in by_flag:
            continue
        if key in effective:
            if not _same(key, effective[key], shown):
                different.append(key)
        elif keys.KEYS[key].held and not _same(key, keys.default(key), shown):
            different.append(key)
    if config.get("bip") and "bip" not in live and not config.get("bridge"):
        different.append("bip")
    if config.get("bridge", "") not in ("", "none", DOCKER0) and "bridge" not in live:
        different.append("bridge")
    return sorted(different)


def writes_rules(config: Config, flags: list[str]) -> bool:
    """Return whether an engine with this configuration writes rules into the host's firewall."""
    return config.get("iptables") is not False and "--iptables=false" not in flags


def switches_forwarding(config: Config, flags: list[str]) -> bool:
    """Return whether an engine with this configuration switches forwarding on; with nftables it only looks."""
    return (
        config.get("ip-forward") is not False
        and "--ip-forward=false" not in flags
        and config.get("firewall-backend") != "nftables"
    )


def _effective(config: Config, flags: list[str]) -> Config:
    """Return a configuration with what the engine makes of it: without iptables nothing is masqueraded."""
    return config if writes_rules(config, flags) else {**config, "ip-masq": False}


def _same(key: str, wanted: Any, shown: Any) -> bool:
    """Return whether the engine shows a value. One that can't be compared, as a user may have written it, is not."""
    if key == "data-root" and isinstance(wanted, str) and wanted:
        # With userns-remap the engine uses a folder of the remapped user in it.
        return os.path.realpath(wanted) in (os.path.realpath(shown), os.path.dirname(os.path.realpath(shown)))
    if key in _CHOSEN and wanted == "":
        return True
    if key == "storage-driver":
        # Under other names with containerd's image store. A driver that is not there keeps the engine from starting.
        return True
    return same(key, wanted, shown)


def confirmed_by(config: Config, live: Config) -> Config:
    """Return those keys of a file of which the engine itself shows that it has them."""
    return {key: value for key, value in config.items() if key in live and _same(key, value, live[key])}


def log_drivers(api: EngineApi) -> list[str]:
    """Return the names of the log drivers that the engine has, with those of its plugins."""
    built_in = (api.get("/info").get("Plugins") or {}).get("Log") or []
    status, plugins = api.ask("GET", "/plugins")
    names = [plugin.get("Name", "") for plugin in plugins or []] if status == 200 else []
    return sorted({*built_in, "none", *names, *(name.partition(":")[0] for name in names)})


def inspect_surroundings(api: EngineApi | None, version: tuple[int, ...] | None, data_root: str) -> Surroundings:
    """Return what the networks of daemon.json have to get along with on this host.

    api: the engine; None if none runs.
    version: of the installed engine.
    data_root: where to look for a Swarm's state if no engine can be asked.
    """
    routes = host_network.read_routes()
    around = Surroundings(
        routes=host_network.routed_networks(routes, without=DOCKER0),
        on_link=host_network.on_link_networks(),
        refusing=host_network.refused_networks(routes),
        addresses=host_network.all_addresses(without=DOCKER0),
        gateways=host_network.gateways(routes, without=DOCKER0),
        name_servers=host_network.name_servers(),
        peers=host_network.peers(),
        links=host_network.links(),
        bridges=host_network.bridges(),
        docker0=host_network.addresses(DOCKER0),
        engine_version=version,
    )
    if api is None:
        state = os.path.join(data_root, "swarm", "docker-state.json")
        around.swarm = os.path.exists(state) and os.path.getsize(state) > 0
        return around
    info = api.get("/info")
    around.swarm = (info.get("Swarm") or {}).get("LocalNodeState", "inactive") != "inactive"
    around.pools = [base for base, _size in _pools(info)]
    for network in api.get("/networks"):
        if network["Name"] == "bridge":
            continue
        for ipam in (network.get("IPAM") or {}).get("Config") or []:
            if ipam.get("Subnet"):
                around.networks.append((network["Name"], ipaddress.ip_network(ipam["Subnet"], strict=False)))
    return around
