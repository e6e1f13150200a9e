# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The keys of daemon.json, one row each: all that is known of a key is here, and nowhere else.

Sources: the engine's own code, tags v20.10.24 to v28.5.2 and 29 (daemon/config, daemon/reload.go, cmd/dockerd), and
reloads of engines 20.10, 26.1 and 28.5, with one and the same result in all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, Literal

Kind = Literal[
    "a string",
    "true or false",
    "a whole number",
    "a list of strings",
    "a dictionary",
    "a dictionary of strings",
    "a list of pools (base and size)",
    "a size such as 64M",
]
# How two values compare, see compare.py. For all of them an empty value means the default.
Comparison = Literal[
    "exact", "set", "distinct", "mirrors", "addresses", "address", "interface", "network", "pools", "path", "size"
]
# What a running engine needs to take the key over: "reset" also falls back to the default on a reload without the key.
Effect = Literal["restart", "reload", "reset"]

STRING: Kind = "a string"
FLAG: Kind = "true or false"
NUMBER: Kind = "a whole number"
STRINGS: Kind = "a list of strings"
DICTIONARY: Kind = "a dictionary"
OPTIONS: Kind = "a dictionary of strings"
POOLS: Kind = "a list of pools (base and size)"
SIZE: Kind = "a size such as 64M"

Version = tuple[int, ...]
OLDEST: Version = (20, 10)
NEWEST = 29  # the last major release of which all keys are here


@dataclasses.dataclass(frozen=True)
class Depends:
    """The default of a key for which no single value can be named: it depends on the host or on the release."""


DEPENDS = Depends()


@dataclasses.dataclass(frozen=True)
class Key:
    """What is known of one key.

    default: what the engine does without the key.
    compared: how two values compare.
    effect: what it takes to take effect. Where that can be read back is live.read_live's business.
    since, until: the first release that knows the key, and the first that does not any more.
    moves_data: whether the engine looks elsewhere for its containers, images, volumes or networks afterwards.
    strands: whether it changes docker0, which an engine with live-restore leaves as it is while containers run.
    flag: dockerd's flag for it, if that has another name.
    held: whether an engine that shows another value than the default is behind a file without the key.
    off_at_boot: what is lost by the value false, which shows only after the next boot.
    parts_by_restart, parts_that_move_data: of a dictionary of which the rest takes a reload and moves nothing.
    """

    kind: Kind
    default: Any = None
    compared: Comparison = "exact"
    effect: Effect = "restart"
    since: Version = OLDEST
    until: Version | None = None
    moves_data: bool = False
    strands: bool = False
    flag: str = ""
    held: bool = False
    off_at_boot: str = ""
    parts_by_restart: frozenset[str] = frozenset()
    parts_that_move_data: frozenset[str] = frozenset()


def _docker0(kind: Kind, default: Any = "", compared: Comparison = "exact", **more: Any) -> Key:
    """Return a key of the default bridge."""
    return Key(kind, default, compared, strands=True, **more)


KEYS: dict[str, Key] = {
    # --- docker0 and networks
    "bip": _docker0(STRING, compared="interface"),
    "bip6": _docker0(STRING, compared="interface", since=(28,)),
    "bridge": _docker0(STRING),
    "default-gateway": _docker0(STRING, compared="address"),
    "default-gateway-v6": _docker0(STRING, compared="address"),
    "fixed-cidr": _docker0(STRING, compared="network"),
    "fixed-cidr-v6": _docker0(STRING, compared="network"),
    "icc": _docker0(FLAG, True, held=True),
    "ip": _docker0(STRING, "0.0.0.0", compared="address"),
    "ip-masq": _docker0(FLAG, True, held=True),
    "ipv6": _docker0(FLAG, False),
    "mtu": _docker0(NUMBER, 1500, held=True),
    "allow-direct-routing": Key(FLAG, False, since=(28, 2)),
    "bridge-accept-fwmark": Key(STRING, "", since=(29,)),
    "default-address-pools": Key(POOLS, (), "pools", flag="default-address-pool"),
    "default-network-opts": Key(DICTIONARY, {}, since=(24,), flag="default-network-opt"),
    "dns": Key(STRINGS, (), "addresses"),
    "dns-opts": Key(STRINGS, (), "distinct", flag="dns-opt"),
    "dns-search": Key(STRINGS, (), "distinct"),
    "firewall-backend": Key(STRING, "", since=(29,)),
    "host-gateway-ip": Key(STRING, "", "address"),
    "host-gateway-ips": Key(STRINGS, (), "addresses", since=(28,)),
    "ip-forward": Key(
        FLAG,
        True,
        off_at_boot="without it the engine leaves forwarding as it is, which nothing on this host switches on at boot:"
        " it is on until then, and after the next boot containers get no way out, and published ports only by"
        " docker-proxy; set net.ipv4.ip_forward = 1 in a file of /etc/sysctl.d, if that is not wanted.",
    ),
    "ip-forward-no-drop": Key(FLAG, False, since=(28,)),
    "ip6tables": Key(FLAG, DEPENDS),
    "iptables": Key(
        FLAG,
        True,
        off_at_boot="without it containers get no way out and published ports only by docker-proxy, unless you write"
        " the rules for that yourself; the rules that the engine has written stay until the next boot, so that it shows"
        " only then.",
    ),
    "network-control-plane-mtu": Key(NUMBER, 1500),
    "network-diagnostic-port": Key(NUMBER, 0, effect="reload"),
    "userland-proxy": Key(FLAG, True),
    "userland-proxy-path": Key(STRING, DEPENDS, "path"),
    # --- where the engine keeps its data, and how
    "data-root": Key(STRING, "/var/lib/docker", "path", moves_data=True),
    "graph": Key(STRING, "", "path", until=(24,), moves_data=True),
    "storage-driver": Key(STRING, DEPENDS, moves_data=True),
    "storage-opts": Key(STRINGS, (), "distinct", flag="storage-opt"),
    "userns-remap": Key(STRING, "", moves_data=True),
    "containerd": Key(STRING, DEPENDS, "path", moves_data=True),
    "containerd-namespace": Key(STRING, "moby", moves_data=True),
    "containerd-plugin-namespace": Key(STRING, "plugins.moby", moves_data=True),
    "containerd-plugins-namespace": Key(STRING, "plugins.moby", moves_data=True),
    "features": Key(
        DICTIONARY,
        {},
        effect="reload",
        flag="feature",
        parts_by_restart=frozenset(
            ["cdi", "containerd-migration", "containerd-snapshotter", "embedded-containerd", "swarm-nftables"]
        ),
        parts_that_move_data=frozenset(["containerd-migration", "containerd-snapshotter", "embedded-containerd"]),
    ),
    # --- registries
    "allow-nondistributable-artifacts": Key(STRINGS, (), "set"),
    "insecure-registries": Key(STRINGS, (), "set", effect="reload", flag="insecure-registry"),
    "max-concurrent-downloads": Key(NUMBER, 3, effect="reset"),
    "max-concurrent-uploads": Key(NUMBER, 5, effect="reset"),
    "max-download-attempts": Key(NUMBER, 5, effect="reset"),
    "registry-mirrors": Key(STRINGS, (), "mirrors", effect="reload", flag="registry-mirror"),
    # --- logs
    "debug": Key(FLAG, False, effect="reload", held=True),
    "log-driver": Key(STRING, "json-file"),
    "log-format": Key(STRING, "text", since=(25,)),
    "log-level": Key(STRING, "info"),
    "log-opts": Key(OPTIONS, {}, flag="log-opt"),
    "raw-logs": Key(FLAG, False),
    # --- containers
    "apparmor-profile": Key(STRING, "", since=(29,)),
    "authorization-plugins": Key(STRINGS, (), "distinct", flag="authorization-plugin"),
    "builder": Key(DICTIONARY, {}),
    "cdi-spec-dirs": Key(STRINGS, DEPENDS, "distinct", since=(25,), flag="cdi-spec-dir"),
    "cgroup-parent": Key(STRING, ""),
    "cpu-rt-period": Key(NUMBER, 0),
    "cpu-rt-runtime": Key(NUMBER, 0),
    "default-cgroupns-mode": Key(STRING, DEPENDS),
    "default-init": Key(STRING, "docker-init"),
    "default-ipc-mode": Key(STRING, "private", effect="reload"),
    "default-runtime": Key(STRING, "runc", effect="reload"),
    "default-shm-size": Key(SIZE, 64 << 20, "size", effect="reload"),
    "default-stop-timeout": Key(NUMBER, 10, effect="reload", since=(29,)),
    "default-ulimits": Key(DICTIONARY, {}, flag="default-ulimit"),
    "exec-opts": Key(STRINGS, (), "set", flag="exec-opt"),
    "init": Key(FLAG, False),
    "init-path": Key(STRING, "", "path"),
    "no-new-privileges": Key(FLAG, False),
    "nri-opts": Key(DICTIONARY, {}, effect="reset", since=(29,)),
    "oom-score-adjust": Key(NUMBER, DEPENDS, until=(26,)),
    "runtimes": Key(DICTIONARY, {}, effect="reload", flag="add-runtime"),
    "seccomp-profile": Key(STRING, DEPENDS, "path"),
    "selinux-enabled": Key(FLAG, False),
    # --- the engine itself
    "api-cors-header": Key(STRING, "", until=(29,)),
    "cluster-advertise": Key(STRING, "", until=(24,)),
    "cluster-store": Key(STRING, "", until=(24,)),
    "cluster-store-opts": Key(OPTIONS, {}, until=(24,), flag="cluster-store-opt"),
    "cri-containerd": Key(FLAG, False),
    "deprecated-key-path": Key(STRING, DEPENDS, "path"),
    "exec-root": Key(STRING, "/var/run/docker", "path"),
    "experimental": Key(FLAG, False),
    "extension-config": Key(DICTIONARY, {}, since=(29,)),
    "extension-dirs": Key(STRINGS, (), "distinct", since=(29,), flag="extension-dir"),
    "group": Key(STRING, "docker"),
    "hosts": Key(STRINGS, DEPENDS, "set", flag="host"),
    "http-proxy": Key(STRING, "", since=(23,)),
    "https-proxy": Key(STRING, "", since=(23,)),
    "labels": Key(STRINGS, (), "set", effect="reload", flag="label"),
    "live-restore": Key(FLAG, False, effect="reload", held=True),
    "metrics-addr": Key(STRING, ""),
    "min-api-version": Key(STRING, DEPENDS, since=(29,)),
    "no-proxy": Key(STRING, "", since=(23,)),
    "node-generic-resources": Key(STRINGS, (), "distinct", flag="node-generic-resource"),
    "pidfile": Key(STRING, "/var/run/docker.pid", "path"),
    "proxies": Key(DICTIONARY, {}, since=(23,)),
    "rootless": Key(FLAG, DEPENDS),
    "shutdown-timeout": Key(NUMBER, 15, effect="reload"),
    "swarm-default-advertise-addr": Key(STRING, ""),
    "swarm-raft-election-tick": Key(NUMBER, 0),
    "swarm-raft-heartbeat-tick": Key(NUMBER, 0),
    "tls": Key(FLAG, DEPENDS),
    "tlscacert": Key(STRING, DEPENDS, "path"),
    "tlscert": Key(STRING, DEPENDS, "path"),
    "tlskey": Key(STRING, DEPENDS, "path"),
    "tlsverify": Key(FLAG, DEPENDS),
}
_BY_FLAG = {key.flag or name: name for name, key in KEYS.items()}
_SHORT = {"D": "debug", "G": "group", "H": "hosts", "b": "bridge", "l": "log-level", "s": "storage-driver"}

DOCKER0 = frozenset(name for name, key in KEYS.items() if key.strands)


def default(name: str) -> Any:
    """Return what the engine does without a key: DEPENDS if that is not one and the same on every host."""
    return KEYS[name].default if name in KEYS else DEPENDS


def moves_data(name: str, before: Any, after: Any) -> bool:
    """Return whether the change of a key from one value to another moves the engine's data out of sight."""
    key = KEYS.get(name)
    if key is None:
        return False
    return key.moves_data or bool(_changed_parts(before, after) & key.parts_that_move_data)


def _changed_parts(before: Any, after: Any) -> set[str]:
    one, other = (value if isinstance(value, dict) else {} for value in (before, after))
    return {part for part in one.keys() | other.keys() if one.get(part) != other.get(part)}


def by_reload(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether a running engine takes a key's change over by a reload."""
    key = KEYS.get(name)
    if key is None or key.effect == "restart":
        return False
    if name not in new:
        return key.effect == "reset"
    before, after = old.get(name), new[name]
    if _changed_parts(before, after) & key.parts_by_restart:
        return False
    # What is taken out of a dictionary stays in the engine, like a key that is taken out of the file.
    return not (isinstance(before, dict) and isinstance(after, dict) and before.keys() - after.keys())


def unknown_to(name: str, version: Version | None) -> bool:
    """Return whether an engine of that version is known not to take a key."""
    key = KEYS.get(name)
    if key is None or version is None:
        return False
    return version < key.since or (key.until is not None and version >= key.until)


def named_like_a_flag(name: str) -> str | None:
    """Return the key that is meant by the name of its flag, None for another name. No engine heeds it in the file."""
    return _BY_FLAG.get(name) if name not in KEYS else None


def without_flags(words: list[str], names: Collection[str]) -> list[str]:
    """Return the words of a command line of dockerd without the flags that set these keys, and their values."""
    left: list[str] = []
    skip = False
    for position, word in enumerate(words):
        if skip:
            skip = False
        elif set_by_flags([word]) & set(names):
            following = words[position + 1 : position + 2]
            attached = "=" in word or (not word.startswith("--") and len(word) > 2)
            skip = not attached and bool(following) and not following[0].startswith("-")
        else:
            left.append(word)
    return left


def set_by_flags(words: list[str]) -> set[str]:
    """Return the names of the keys that flags of dockerd set."""
    names = set()
    for word in words:
        if word.startswith("--"):
            flag = word[2:].partition("=")[0]
            names.add(_BY_FLAG.get(flag, flag))
        elif word.startswith("-") and word[1:2] in _SHORT:
            names.add(_SHORT[word[1]])
    return names
