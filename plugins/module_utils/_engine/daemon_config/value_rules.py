# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for single values of daemon.json that an engine looks at only when it starts, generation by generation.

Sources: daemon/pkg/registry/config.go and the storage drivers, tags v20.10.24 to v28.5.2 and 29; each was tried on
engines 20.10, 26.1, 28.5 and 29. Of the host it is only asked whether a program or a file is there.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import urllib.parse
from collections.abc import Collection, Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from ..networks.rules import DOCKER0, Complaint

Config = dict[str, Any]
Version = tuple[int, ...]

_MIRRORS_WITH_PATH_SINCE = (25,)
_KERNEL_CHECK_UNTIL = (24,)  # overlay2.override_kernel_check is no option of the storage driver any more
_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:\d+)?")


_IPV6_POOL_FIRST_SINCE = (26,)  # 20.10 gives docker0 a network of the first pool, of whichever version it is
# Since which release a storage driver is no longer there.
_DRIVERS_UNTIL = {"aufs": (24,), "overlay": (24,), "devicemapper": (25,)}
# Options of the drivers that write files by themselves, which these do not take.
_FILE_OPTIONS = ("max-file", "max-size")
# Of all releases (moby, daemon).
_FEATURES = frozenset(
    [
        "buildkit",
        "cdi",
        "containerd-migration",
        "containerd-snapshotter",
        "embedded-containerd",
        "swarm-nftables",
        "time-namespaces",
        "windows-dns-proxy",
    ]
)
_LOG_SIZE = re.compile(r"-1|\d+(\.\d+)?\s?([kmgtp]i?)?b?", re.IGNORECASE)
_OTHER_LOG_DRIVERS = ("awslogs", "fluentd", "gcplogs", "gelf", "journald", "none", "splunk", "syslog")


def complaints(config: Config, version: Version | None, by_flag: Collection[str] = frozenset()) -> Iterator[Complaint]:
    """Yield every rule that a value breaks. Types are right already.

    version: of the installed engine; None if not known.
    by_flag: the keys that flags of dockerd set.
    """
    for key, values in (("dns", config.get("dns", [])), ("ip", [config["ip"]] if config.get("ip") else [])):
        for value in values:
            if not _is_address(value):
                yield _invalid(key, f'{key}: "{value}" is no IP address; change it.')
    for value in config.get("registry-mirrors", []):
        yield from _mirror(value, version)
    for value in config.get("insecure-registries", []):
        yield from _insecure(value)
    yield from _storage(config, version)
    yield from _log_options(config)
    yield from _runtime(config, by_flag)
    yield from _init(config)
    yield from _tls_files(config)
    yield from _api_version(config)
    if not {"bip", "bridge"}.intersection(by_flag) and not config.get("bip"):
        yield from _pools_of_docker0(config, version)


def warnings(config: Config) -> Iterator[str]:
    """Yield what an engine takes without a word and does not heed."""
    unknown = sorted(set(config.get("features") or {}) - _FEATURES)
    if unknown:
        yield (
            f"features: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known here, and an engine takes"
            " any name without a word; look whether it is spelled right."
        )
    local = [value for value in config.get("dns", []) if _is_address(value) and ipaddress.ip_address(value).is_loopback]
    if local:
        yield (
            f"dns: {', '.join(local)} is a loopback address, under which a container on docker0 reaches itself and no"
            " name server; give the address of a server that it can reach."
        )


def _invalid(key: str, message: str, taken: bool = False) -> Complaint:
    return Complaint((key,), DockyardError("daemon_invalid_address", message), taken)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _shown(value: str) -> str:
    """Return a value for a message, without the password that a URL may hold."""
    return Placeholders().in_url(value)


def _mirror(value: str, version: Version | None) -> Iterator[Complaint]:
    key = "registry-mirrors"
    try:
        url = urllib.parse.urlsplit(value)
    except ValueError:  # brackets that are not closed
        url = urllib.parse.urlsplit("")
    if not url.netloc or not re.match(r"https?://[^/\s]", value):
        yield _invalid(key, f'{key}: "{_shown(value)}" is no URL; write it like https://mirror.example.com.')
        return
    if url.username is not None:
        yield _invalid(
            key, f"{key}: the mirror at {url.hostname} has a user name in its URL, and no engine takes that."
        )
    elif url.query or url.fragment:
        yield _invalid(key, f'{key}: "{_shown(value)}" has a query or a fragment, and no engine takes that; remove it.')
    elif url.path not in ("", "/") and version is not None and version < _MIRRORS_WITH_PATH_SINCE:
        yield _invalid(
            key, f'{key}: "{_shown(value)}" has a path, and an engine before 25 does not start with it; remove it.'
        )


def _insecure(value: str) -> Iterator[Complaint]:
    key = "insecure-registries"
    scheme, separator, rest = value.partition("://")
    if separator:
        # Every engine takes a scheme away. What is left has to be a host or a network all the same.
        message = (
            f'{key}: "{_shown(value)}" is a URL, and must be host:port or a network; remove what is before the host.'
        )
        yield _invalid(key, message, taken=scheme.lower() in ("http", "https") and _is_registry(rest))
    elif not _is_registry(value):
        yield _invalid(
            key,
            f'{key}: "{_shown(value)}" is no host:port and no network, and no engine starts with it; write it like'
            " reg:5000.",
        )


def _is_registry(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        host, _colon, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            return _is_address(host[1:-1]) and port.isdigit() and int(port) <= 65535
        if not _HOST.fullmatch(text):
            return False
        return not host or int(port) <= 65535
    return True


def _pools_of_docker0(config: Config, version: Version | None) -> Iterator[Complaint]:
    """Judge the pools out of which an engine takes the network of a docker0 that is given no address."""
    pools = config.get("default-address-pools") or []
    if not pools or config.get("bridge", DOCKER0) not in ("", DOCKER0):
        return
    of_ipv6 = [":" in pool["base"] for pool in pools]
    key = "default-address-pools"
    reason = ""
    if all(of_ipv6):
        reason = f"{key} has networks of IPv6 alone, and docker0 needs one of IPv4"
    elif of_ipv6[0] and version is not None and version < _IPV6_POOL_FIRST_SINCE:
        reason = f"{key} begins with a network of IPv6, which this engine would give docker0 in place of one of IPv4"
    if reason:
        error = DockyardError(
            "bridge_pool_without_ipv4",
            f"{reason}, so that it would not start; put a pool of IPv4 first, or declare bip.",
        )
        yield Complaint((key,), error, at_start=True, by=("bip", "bridge"))


def _storage(config: Config, version: Version | None) -> Iterator[Complaint]:
    if version is None:
        return
    driver = config.get("storage-driver", "")
    until = _DRIVERS_UNTIL.get(driver)
    if until is not None and version >= until:
        error = DockyardError(
            "daemon_invalid_storage_option",
            f"storage-driver: engines from {until[0]} on do not have {driver}, and do not start with it; use overlay2.",
        )
        yield Complaint(("storage-driver",), error)
    if version < _KERNEL_CHECK_UNTIL:
        return
    for option in config.get("storage-opts", []):
        if option.split("=")[0].strip().lower() == "overlay2.override_kernel_check":
            error = DockyardError(
                "daemon_invalid_storage_option",
                "storage-opts: overlay2.override_kernel_check is no option of engines from 24 on, and they do not start"
                " with it; remove it, as it has had no effect for years.",
            )
            yield Complaint(("storage-opts",), error)


def _log_options(config: Config) -> Iterator[Complaint]:
    driver = config.get("log-driver")
    wrong = [option for option in _FILE_OPTIONS if option in config.get("log-opts", {})]
    if driver in _OTHER_LOG_DRIVERS and wrong:
        error = DockyardError(
            "daemon_invalid_log_option",
            f"log-opts: {' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} for json-file and local, and an"
            f" engine with log-driver: {driver} does not start with {'it' if len(wrong) == 1 else 'them'}; remove"
            f" {'it' if len(wrong) == 1 else 'them'}.",
        )
        yield Complaint(("log-driver", "log-opts"), error)
    if driver in (None, "", "json-file", "local"):
        yield from _log_files(config.get("log-opts", {}))


def _log_files(options: Config) -> Iterator[Complaint]:
    """Yield what engines from 29 on start with, and no container then does."""
    size, count = options.get("max-size", "1m"), options.get("max-file", "1")
    wrong = [] if _LOG_SIZE.fullmatch(size.strip()) else [f'max-size is "{size}", and must be a size such as 10m']
    if not (count.strip().isdigit() and int(count) > 0):
        wrong.append(f'max-file is "{count}", and must be a number from 1 on')
    for reason in wrong:
        error = DockyardError(
            "daemon_invalid_log_option", f"log-opts: {reason}; with it no container would start. Correct it."
        )
        yield Complaint(("log-opts",), error, by=("log-driver",))


def _runtime(config: Config, by_flag: Collection[str]) -> Iterator[Complaint]:
    name = config.get("default-runtime") or "runc"
    runtimes = config.get("runtimes", {})
    if name == "runc" or "." in name or "/" in name:  # a shim of containerd, by its name or its path
        return
    if name not in runtimes:
        if "runtimes" not in by_flag:
            error = DockyardError(
                "daemon_runtime_missing",
                f"default-runtime is {name}, which runtimes does not name, and no engine takes that; add it there.",
            )
            yield Complaint(("default-runtime",), error, by=("runtimes",))
        return
    path = runtimes[name].get("path") if isinstance(runtimes[name], dict) else None
    if isinstance(path, str) and path and shutil.which(path) is None:
        error = DockyardError(
            "daemon_runtime_missing",
            f"default-runtime is {name}, and its program {path} is not on the host, so that no container would start;"
            " install it first.",
        )
        yield Complaint(("default-runtime", "runtimes"), error)


def _init(config: Config) -> Iterator[Complaint]:
    path = config.get("init-path")
    if path and shutil.which(path) is None:
        error = DockyardError(
            "daemon_runtime_missing",
            f"init-path is {path}, which is not on the host, so that no container with an init would start; install it"
            " first.",
        )
        yield Complaint(("init-path",), error)


def _tls_files(config: Config) -> Iterator[Complaint]:
    names = ["tlscert", "tlskey", *(["tlscacert"] if config.get("tlsverify") else [])]
    for key in names if config.get("tls") or config.get("tlsverify") else []:
        path = config.get(key)
        if path and not os.path.exists(path):
            error = DockyardError(
                "daemon_tls_file_missing",
                f"{key} is {path}, which is not on the host, and no engine starts without it; put it there first.",
            )
            yield Complaint((key,), error)


def _api_version(config: Config) -> Iterator[Complaint]:
    key, wanted = "min-api-version", config.get("min-api-version")
    if not wanted or not re.fullmatch(r"\d+\.\d+", wanted):  # the engine says what is wrong with it
        return
    speaks = _spoken_by_client()
    if speaks and tuple(map(int, wanted.split("."))) > tuple(map(int, speaks.split("."))):
        error = DockyardError(
            "daemon_client_too_old",
            f"{key} is {wanted}, and the docker program of this host speaks {speaks} at most, so that the engine would"
            " refuse it; update the program first, or lower the version.",
        )
        yield Complaint((key,), error, taken=True)


def _spoken_by_client() -> str:
    """Return the newest API version that the docker program of the host speaks, an empty string if it has none."""
    if shutil.which("docker") is None:
        return ""
    try:
        done = commands.run(["docker", "version", "--format", "{{.Client.DefaultAPIVersion}}"], timeout=20)
    except DockyardError:
        return ""
    match = re.match(r"\d+\.\d+$", done.stdout.strip())
    return match[0] if match else ""
