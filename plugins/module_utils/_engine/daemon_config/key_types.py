# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Know the keys of daemon.json: their types, and which of them an engine takes over by a reload.

Sources: the reference of dockerd (docs.docker.com/reference/cli/dockerd/) for engines 20.10 to 29, and reloads of
three engine generations (20.10, 26.1, 28.5), one and the same result in all of them.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .document import Config, equal, is_secret

STRING = "a string"
FLAG = "true or false"
NUMBER = "a whole number"
STRINGS = "a list of strings"
DICTIONARY = "a dictionary"
OPTIONS = "a dictionary of strings"
POOLS = "a list of pools (base and size)"
SIZE = "a size such as 64M"

_BY_KIND = {
    STRING: """api-cors-header bip bip6 bridge bridge-accept-fwmark cgroup-parent cluster-advertise cluster-store
        containerd
        containerd-namespace containerd-plugin-namespace containerd-plugins-namespace data-root default-cgroupns-mode
        default-gateway default-gateway-v6 default-init default-ipc-mode default-runtime deprecated-key-path exec-root
        firewall-backend fixed-cidr fixed-cidr-v6 graph group host-gateway-ip http-proxy https-proxy init-path ip
        log-driver log-format log-level metrics-addr min-api-version no-proxy pidfile seccomp-profile storage-driver
        swarm-default-advertise-addr tlscacert tlscert tlskey userland-proxy-path userns-remap""",
    FLAG: """allow-direct-routing cri-containerd debug experimental icc init ip-forward ip-forward-no-drop ip-masq
        ip6tables iptables ipv6 live-restore no-new-privileges raw-logs rootless selinux-enabled tls tlsverify
        userland-proxy""",
    NUMBER: """max-concurrent-downloads max-concurrent-uploads max-download-attempts mtu network-control-plane-mtu
        network-diagnostic-port oom-score-adjust shutdown-timeout cpu-rt-period cpu-rt-runtime""",
    STRINGS: """allow-nondistributable-artifacts authorization-plugins cdi-spec-dirs dns dns-opts dns-search exec-opts
        host-gateway-ips hosts insecure-registries labels node-generic-resources registry-mirrors storage-opts""",
    DICTIONARY: """builder default-network-opts default-ulimits features proxies runtimes""",
    OPTIONS: """cluster-store-opts log-opts""",
    POOLS: """default-address-pools""",
    SIZE: """default-shm-size""",
}
KINDS = {key: kind for kind, keys in _BY_KIND.items() for key in keys.split()}

# Applied on SIGHUP. Everything else is silently ignored until the next start.
RELOADABLE = frozenset(
    [
        *("debug", "default-ipc-mode", "default-runtime", "default-shm-size", "features", "insecure-registries"),
        *("labels", "live-restore", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"),
        *("network-diagnostic-port", "registry-mirrors", "runtimes", "shutdown-timeout"),
    ]
)
# Only these fall back to their default when they are removed and the engine is reloaded.
RESET_BY_RELOAD = frozenset({"max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"})

# The default bridge, docker0. An engine with live-restore and running containers does not make it again when
# it restarts, and so ignores changes of these (daemon_unix.go, initNetworkController).
BRIDGE = frozenset(
    [
        *("bip", "bip6", "bridge", "default-gateway", "default-gateway-v6", "fixed-cidr", "fixed-cidr-v6"),
        *("icc", "ip", "ip-masq", "ipv6", "mtu"),
    ]
)


def by_reload(key: str, old: Config, new: Config) -> bool:
    """Return whether a running engine takes this key's change over by a reload."""
    if key not in new:
        return key in RESET_BY_RELOAD
    if key not in RELOADABLE:
        return False
    before, after = old.get(key), new[key]
    # What is taken out of a dictionary stays in the engine, like a key that is taken out of the file.
    return not (isinstance(before, dict) and isinstance(after, dict) and before.keys() - after.keys())


def check_types(config: Config, before: Config, path: str) -> list[str]:
    """Raise DockyardError for a key with a value that no engine takes. Return the keys that are not known here.

    before: what the file holds now; keys that stay as they are were not provided, and are named as the file's.
    """
    unknown = []
    for key, value in config.items():
        place = f"{path}: " if key in before and equal(before[key], value) else ""
        if key not in KINDS:
            unknown.append(key)
            continue
        complaint = _complaint(key, KINDS[key], value)
        if complaint:
            raise DockyardError(
                "daemon_wrong_type", f"{place}{key} must be {KINDS[key]}, and is {complaint}; change it."
            )
    return unknown


def _complaint(key: str, kind: str, value: Any) -> str | None:
    """Return what the value is instead, None if it is of this kind."""
    if kind == STRING and isinstance(value, str):
        return None
    if kind == FLAG and isinstance(value, bool):
        return None
    if kind == NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return None
    if kind == SIZE and isinstance(value, (str, int)) and not isinstance(value, bool):
        return None
    if kind == STRINGS and isinstance(value, list):
        return next((f"one with {_described(key, item)} in it" for item in value if not isinstance(item, str)), None)
    if kind == DICTIONARY and isinstance(value, dict):
        return None
    if kind == OPTIONS and isinstance(value, dict):
        wrong = ((name, item) for name, item in value.items() if not isinstance(item, str))
        return next((f"one where {name} is {_described(name, item)} (put it in quotes)" for name, item in wrong), None)
    if kind == POOLS and isinstance(value, list):
        return next((f"one with {_described(key, item)} in it" for item in value if not _is_pool(item)), None)
    if kind == OPTIONS and isinstance(value, str):
        return "a string"  # It may be meant as one of the options that hold a secret.
    return _described(key, value)


def _is_pool(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"base", "size"}
        and isinstance(item["base"], str)
        and isinstance(item["size"], int)
        and not isinstance(item["size"], bool)
    )


def _described(key: str, value: Any) -> str:
    """Return a value of that key for a message: secrets are replaced, as it would go to a log."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        shown = Placeholders().in_value(key, value, is_secret)
        return f'the string "{shown}"' if isinstance(value, str) else f"the number {shown}"
    if isinstance(value, list):
        return "a list"
    return f"a dictionary ({', '.join(sorted(map(str, value)))})" if isinstance(value, dict) else "null"
