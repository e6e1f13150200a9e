# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall backend nftables of engine 29; older engines do not know the key, and refuse it."""

from __future__ import annotations

from typing import Any

from daemon.host import Host
from daemon.lost_rules import reach_each_other

Outcome = tuple[str, list[str]]
_NFTABLES = {"firewall-backend": "nftables"}
_SYSCTL = "/etc/sysctl.d/90-dockyard-faults.conf"
_BACKEND = "docker info --format '{{if .FirewallBackend}}{{.FirewallBackend.Driver}}{{end}}'"


def _refused(answer: dict[str, Any], code: str) -> list[str]:
    return [] if answer.get("error_code") == code else [f"it is not refused as {code}: {answer}"]


def forwarding_by_docker_alone(host: Host) -> Outcome:
    """Change a host on which only the engine has switched forwarding on: it would hold until the next boot."""
    before = host.state()
    answer = host.daemon(config=_NFTABLES, on_running_containers="proceed")
    code = "daemon_forwarding_off" if host.suite == "engine29" else "daemon_refused_by_engine"
    return "refused", _refused(answer, code) + host.healthy(before, same_engine=True)


def policy_of_iptables(host: Host) -> Outcome:
    """Change a host whose FORWARD drops, as the engine sets it; with nftables no rule would let containers through."""
    host.must(f"echo 'net.ipv4.ip_forward = 1' > {_SYSCTL}; iptables -P FORWARD DROP")
    before = host.state()
    broken = _refused(host.daemon(config=_NFTABLES, on_running_containers="proceed"), "daemon_forward_policy")
    broken += host.healthy(before, same_engine=True)
    host.must(f"rm {_SYSCTL}; iptables -P FORWARD ACCEPT")
    return "refused", broken


def to_nftables_and_back(host: Host) -> Outcome:
    """Change a host that forwards at each boot, see people's rules named and IPv6 refused, and take it back."""
    before = host.state()
    host.must(f"echo 'net.ipv4.ip_forward = 1' > {_SYSCTL}; iptables -I DOCKER-USER -s 10.66.0.0/16 -j DROP")
    answer = host.daemon(config=_NFTABLES, on_running_containers="proceed")
    broken = [answer["msg"]] if answer.get("failed") else []
    if not any("which has 1 of your own rules" in warning for warning in answer.get("warnings", [])):
        broken.append(f"it does not name the rule in DOCKER-USER: {answer}")
    if "nftables" not in host.must(_BACKEND):
        broken.append(f"the engine has {host.must(_BACKEND)}")
    if answer.get("lost_rules"):
        broken.append(f"it misses rules that are there: {answer['lost_rules']}")
    changed = host.state()
    host.must("sysctl --quiet --write net.ipv6.conf.all.forwarding=0")
    for module, options in ((host.daemon, {"config": {"ipv6": True}}), (host.bridge, {"ipv6": True})):
        broken += _refused(module(on_running_containers="proceed", **options), "daemon_forwarding_off")
    broken += host.healthy(changed, same_engine=True)
    back = host.daemon(config=_NFTABLES, state="absent", on_running_containers="proceed")
    broken += [back["msg"]] if back.get("failed") else []
    host.must(f"rm {_SYSCTL}; iptables -D DOCKER-USER -s 10.66.0.0/16 -j DROP 2>/dev/null || true")
    host.base()
    return "changed, and taken back", broken + host.healthy(before)


def rules_lost(host: Host) -> Outcome:
    """Have another program take the tables of this backend away, which are not those of the other one."""
    before = host.state()
    host.must(f"echo 'net.ipv4.ip_forward = 1' > {_SYSCTL}")
    declared: dict[str, Any] = {"config": {**_NFTABLES, "icc": False}, "on_running_containers": "proceed"}
    changed = host.daemon(**declared)
    broken = [changed["msg"]] if changed.get("failed") or changed.get("lost_rules") else []
    broken += ["containers reach each other with icc: false"] if reach_each_other(host) else []
    host.must("nft flush ruleset")
    if not reach_each_other(host):
        raise RuntimeError("the rules are still in force")
    seen = host.daemon(config=declared["config"])
    said = " ".join(seen.get("lost_rules", []))
    if seen.get("changed") or seen.get("failed") or "ICC is off in bridge" not in said:
        broken.append(f"it does not say what is lost: {seen}")
    restored = host.daemon(on_lost_rules="restart", **declared)
    if restored.get("failed") or restored.get("lost_rules") or reach_each_other(host):
        broken.append(f"it did not bring them back: {restored}")
    # The chain of published ports alone; all others stay.
    host.must("docker run --detach --init --name web --publish 8080:80 small:1 sleep 100000 >/dev/null")
    whole = host.daemon(config=declared["config"])
    broken += [f"a false alarm: {whole['lost_rules']}"] if whole.get("lost_rules") else []
    host.must("nft flush chain ip docker-bridges nat-prerouting-and-output")
    seen = host.daemon(config=declared["config"])
    if seen.get("lost_rules") != ["web publishes port 8080/tcp, and no rule carries it there."]:
        broken.append(f"it does not say that just the port is lost: {seen}")
    host.must("docker rm --force web >/dev/null")
    host.daemon(config=_NFTABLES, state="absent", on_running_containers="proceed")
    host.must(f"rm {_SYSCTL}")
    host.base()
    return "seen, said, brought back on request", broken + host.healthy(before)


def in_a_swarm(host: Host) -> Outcome:
    host.must(f"echo 'net.ipv4.ip_forward = 1' > {_SYSCTL}; docker swarm init --advertise-addr eth0 >/dev/null")
    before = host.state()
    broken = _refused(host.daemon(config=_NFTABLES, on_running_containers="proceed"), "daemon_nftables_in_swarm")
    broken += host.healthy(before, same_engine=True)
    host.must(f"rm {_SYSCTL}; docker swarm leave --force >/dev/null; docker network rm docker_gwbridge >/dev/null")
    return "refused", broken


def keys_of_29(host: Host) -> Outcome:
    """Keys that came with it: what can be reloaded, and an API that the host's own program does not speak."""
    before = host.state()
    reloaded = host.daemon(config={"default-stop-timeout": 7, "nri-opts": {"enable": False}})
    broken = [] if reloaded.get("action_taken") == "reload" else [f"a reload ends with {reloaded['msg']}"]
    broken += _refused(host.daemon(config={"min-api-version": "1.99"}, restart="always"), "daemon_client_too_old")
    warned = host.daemon(check=True, config={"features": {"nope": True}})
    if not any("nope is not known here" in warning for warning in warned.get("warnings", [])):
        broken.append(f"no warning of a feature that nobody knows: {warned}")
    after = host.state()
    if (after.engine, after.containers) != (before.engine, before.containers):
        broken.append(f"engine or containers are not the same: {after}")
    host.base()
    return "reloaded, refused, warned of", broken


FAULTS = [("nftables: forwarding that only the engine has switched on", forwarding_by_docker_alone)]
# Of engines that have the backend.
FAULTS_29 = [
    *FAULTS,
    ("nftables: with a policy of iptables that drops", policy_of_iptables),
    ("nftables: with forwarding to last, then IPv6 without", to_nftables_and_back),
    ("nftables: rules lost after icc: false", rules_lost),
    ("nftables: in a Swarm", in_a_swarm),
    ("keys of engine 29", keys_of_29),
]
