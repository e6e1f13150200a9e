# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The rules for firewall-backend: nftables, which an engine looks at only when it starts, or after the next boot.

With iptables the engine switches forwarding on by itself; with nftables it does not, and does not start where it is
off (libnetwork, drivers/bridge/setup_ip_forwarding.go of 29). After the change it is still on, until the next boot.
Where it has switched it on, it has set the policy of FORWARD to DROP as well, and leaves that behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import sysctl

from ..networks.rules import Complaint, Surroundings
from ..topology import rules_in_force
from . import keys

Config = dict[str, Any]

_KEY = "firewall-backend"
# The parameters of the kernel: the name that is shown, and others that set the same.
_IPV4 = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
_IPV6 = ("net.ipv6.conf.all.forwarding",)


def complaints(config: Config, around: Surroundings) -> Iterator[Complaint]:
    """Yield every rule that a daemon.json with nftables breaks. Types are right already."""
    if config.get(_KEY) != "nftables" or config.get("iptables") is False:
        return
    if keys.unknown_to(_KEY, around.engine_version):  # which the engine itself says
        return
    if around.swarm and not (config.get("features") or {}).get("swarm-nftables"):
        error = DockyardError(
            "daemon_nftables_in_swarm",
            f"{_KEY}: nftables does not go together with Swarm, and this engine is a member of one, so that it would"
            " not start; leave it at iptables, or leave the Swarm first.",
        )
        yield Complaint((_KEY,), error, by=("features",), at_start=True)
    if config.get("ip-forward") is False:
        return
    yield from _forwarding(_KEY, "IPv4", _IPV4)
    if config.get("ipv6"):
        yield from _forwarding("ipv6", "IPv6", _IPV6)
    yield from _policy_left_behind("ip6" if config.get("ipv6") else "")


def _policy_left_behind(also: str) -> Iterator[Complaint]:
    """Yield the complaint about a policy that only the rules go with, which an engine has with iptables."""
    firewall, _reasons = rules_in_force.in_force()
    for family, program in (("ip", "iptables"), (also, "ip6tables")):
        if firewall and firewall.drops_without_engine(family):
            error = DockyardError(
                "daemon_forward_policy",
                f"{_KEY}: {program} drops what it forwards (-P FORWARD DROP), but for what the engine's rules there let"
                " through. With nftables these are gone and the policy stays, so that no container would have a way out"
                f" and no published port would be reached; set it ({program} -P FORWARD ACCEPT, and where the firewall"
                " of the host sets it), and keep strangers from forwarding by a rule of your own.",
            )
            yield Complaint((_KEY,), error)


def _forwarding(key: str, what: str, names: tuple[str, ...]) -> Iterator[Complaint]:
    remedy = (
        f"set {names[0]} = 1 to last, in a file of /etc/sysctl.d that is in force, or declare ip-forward: false if no"
        " container needs a way out"
    )
    if sysctl.now(names[0]) == "0":
        error = DockyardError(
            "daemon_forwarding_off",
            f"{key}: with nftables, an engine needs {what} forwarding, which it does not switch on by itself and which"
            f" is off on this host, so that it would not start; {remedy}.",
        )
        yield Complaint((key,), error, by=("ip-forward",), at_start=True)
    elif sysctl.at_boot(*names) != "1":
        error = DockyardError(
            "daemon_forwarding_off",
            f"{key}: with nftables, an engine needs {what} forwarding, which it does not switch on by itself. It is on"
            f" now and nothing on this host sets it at boot, so that the engine would not start after the next one;"
            f" {remedy}.",
        )
        yield Complaint((key,), error, by=("ip-forward",))


def warnings(before: Config, after: Config) -> Iterator[str]:
    """Yield what people lose by a change of the backend."""
    if after.get(_KEY) != "nftables" or before.get(_KEY) == "nftables":
        return
    firewall, _reasons = rules_in_force.in_force()
    own = firewall.of_people("DOCKER-USER") if firewall else []
    if own:
        yield (
            f"{_KEY}: with nftables the engine asks no chain DOCKER-USER, which has {len(own)} of your own rules"
            f" ({'; '.join(own[:3])}{'; ...' if len(own) > 3 else ''}); write them for nftables, in a chain of your own"
            " on the hook forward, or they are not in force any more."
        )
