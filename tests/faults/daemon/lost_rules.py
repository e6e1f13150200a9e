# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program takes the engine's firewall rules away: real rules, real packets."""

from __future__ import annotations

from typing import Any

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]
# Whichever program the host has its rules from.
_FLUSHES = {
    "nft flush ruleset": "nft flush ruleset",
    "iptables -F": "iptables -F && iptables -t nat -F",
}
_PEER = "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' always"


def reach_each_other(host: Host) -> bool:
    return host.run(f"docker exec plain ping -c 1 -W 2 $({_PEER})").returncode == 0


def _says(answer: dict[str, Any], *words: str) -> list[str]:
    said = " ".join(answer.get("lost_rules", []))
    return [f"it does not say '{word}': {answer}" for word in words if word not in said]


def _flushed(host: Host, flush: str) -> Outcome:
    before = host.state()
    declared: dict[str, Any] = {"config": {"icc": False}, "on_running_containers": "proceed"}
    host.daemon(**declared)
    host.must("docker run --detach --init --name web --publish 8080:80 small:1 sleep 100000 >/dev/null")
    broken = ["containers reach each other with icc: false"] if reach_each_other(host) else []
    host.must(flush)
    if not reach_each_other(host):
        raise RuntimeError("the rules are still in force")
    seen = host.daemon(config={"icc": False})
    broken += [f"it says that something changed: {seen}"] if seen.get("changed") or seen.get("failed") else []
    broken += _says(seen, "ICC is off in bridge", "no rule masquerades", "web publishes port 8080/tcp")
    if not any("Another program has removed them" in warning for warning in seen.get("warnings", [])):
        broken.append(f"it does not warn: {seen}")
    refused = host.daemon(config={"icc": False}, on_lost_rules="restart")
    if refused.get("error_code") != "daemon_containers_running":
        broken.append(f"it would stop containers unasked: {refused}")
    restored = host.daemon(on_lost_rules="restart", **declared)
    if restored.get("failed") or restored.get("lost_rules") or "in force again" not in restored.get("msg", ""):
        broken.append(f"it did not bring them back: {restored}")
    if reach_each_other(host):
        broken.append("containers still reach each other")
    again = host.daemon(on_lost_rules="restart", **declared)
    broken += [f"it is not done: {again}"] if again.get("changed") or again.get("lost_rules") else []
    host.must("docker rm --force web >/dev/null")
    host.base()
    return "seen, said, brought back on request", broken + host.healthy(before)


def _gets_out(host: Host) -> bool:
    """Return whether a packet of a container gets to a network beyond this host."""
    return host.run("docker exec plain ping -c 1 -W 2 10.60.0.2").returncode == 0


def _outside(host: Host) -> None:
    """Put something beyond the host, which only what is forwarded reaches."""
    host.must(
        "ip netns add outside; ip link add dockyard-out type veth peer name eth0 netns outside;"
        " ip address add 10.60.0.1/24 dev dockyard-out; ip link set dockyard-out up;"
        " ip -n outside address add 10.60.0.2/24 dev eth0; ip -n outside link set eth0 up"
    )
    if not _gets_out(host):
        raise RuntimeError("nothing gets out before the fault")


def _only_forwarding(host: Host) -> Outcome:
    """Take away what the engine lets pass, and leave its translations: nothing gets out, with the policy DROP."""
    before = host.state()
    _outside(host)
    host.must("docker run --detach --init --name web --publish 8080:80 small:1 sleep 100000 >/dev/null")
    policy = "DROP" if "-P FORWARD DROP" in host.must("iptables -S FORWARD") else "ACCEPT"
    host.must("iptables -F FORWARD; iptables -P FORWARD DROP")
    if _gets_out(host):
        raise RuntimeError("the rules are still in force")
    declared: dict[str, Any] = {"config": BASE, "on_running_containers": "proceed"}
    seen = host.daemon(**declared)
    broken = [f"it says that something changed: {seen}"] if seen.get("changed") or seen.get("failed") else []
    broken += _says(seen, "No rule lets pass what the containers of bridge send out", "no rule lets it pass there")
    restored = host.daemon(on_lost_rules="restart", **declared)
    if restored.get("failed") or restored.get("lost_rules") or not _gets_out(host):
        broken.append(f"it did not bring them back: {restored}")
    host.must(f"docker rm --force web >/dev/null; ip netns delete outside; iptables -P FORWARD {policy}")
    return "seen, said, brought back on request", broken + host.healthy(before)


def _only_translation(host: Host) -> Outcome:
    """Empty the chain of published ports alone."""
    before = host.state()
    host.must("docker run --detach --init --name web --publish 8080:80 small:1 sleep 100000 >/dev/null")
    host.must("iptables -t nat -F DOCKER")
    seen = host.daemon(config=BASE)
    broken = _says(seen, "web publishes port 8080/tcp, and no rule carries it there.")
    host.must("docker rm --force web >/dev/null; systemctl restart docker; docker start plain >/dev/null")
    broken += [f"lost after a restart: {again}" for again in host.daemon(config=BASE).get("lost_rules", [])]
    return "seen, said", broken + [what for what in host.healthy(before) if "engine" not in what]


_OTHERS = {
    # As a firewall of the host has it that knows nothing of containers.
    "site": (
        "nft add table inet site;"
        " nft 'add chain inet site forward { type filter hook forward priority 10; policy drop; }';"
        " nft add rule inet site forward ct state established,related accept",
        "warnings",
        "Nothing gets out of the containers of bridge, user-defined, and nothing to them",
    ),
    # What firewalld has after its start: the engine's bridges are in no zone.
    "firewalld": (
        "nft add table inet firewalld;"
        " nft 'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }';"
        " nft add rule inet firewalld filter_FORWARD ct state { established, related } accept;"
        " nft add rule inet firewalld filter_FORWARD ct status dnat accept;"
        " nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited",
        "lost_rules",
        "firewalld has docker0 of bridge in no zone, and lets nothing pass that its containers send out",
    ),
}


def _another_firewall(host: Host, table: str) -> Outcome:
    """Have another firewall start after the engine, whose later chain rejects what the engine lets pass."""
    before = host.state()
    _outside(host)
    rules, where, says = _OTHERS[table]
    host.must(rules)
    if _gets_out(host):
        raise RuntimeError("the other firewall lets it pass")
    seen = host.daemon(config=BASE)
    said = " ".join(seen.get(where, []))
    broken = [] if says in said and not seen.get("changed") else [f"it does not say '{says}': {seen}"]
    if table == "site":
        broken += [f"these are not the engine's: {seen['lost_rules']}"] if seen.get("lost_rules") else []
    chain = f"{table} {'forward' if table == 'site' else 'filter_FORWARD'}"
    for bridge in ("docker0", "'br-*'"):
        host.must(f"nft insert rule inet {chain} iifname {bridge} accept")
    if not _gets_out(host):
        raise RuntimeError("the other firewall does not let it pass")
    again = host.daemon(config=BASE)
    broken += [f"a false alarm: {again}"] if again.get("lost_rules") or again.get("warnings") else []
    host.must(f"nft delete table inet {table}; ip netns delete outside")
    return "seen, said, and not where it lets them pass", broken + host.healthy(before, same_engine=True)


def _with_live_restore(host: Host) -> Outcome:
    """Restart an engine under running containers, whose rules it writes again."""
    before = host.state()
    host.daemon(config={"live-restore": True})
    host.must(_FLUSHES["iptables -F"])
    started = host.must("docker inspect --format '{{.State.StartedAt}}' plain")
    restored = host.daemon(config={"live-restore": True}, on_lost_rules="restart")
    broken = []
    if restored.get("failed") or restored.get("action_taken") != "restart" or restored.get("lost_rules"):
        broken.append(f"it did not bring them back: {restored}")
    if host.must("docker inspect --format '{{.State.StartedAt}}' plain") != started:
        broken.append("the container was stopped")
    host.base()
    return "brought back under running containers", broken + host.healthy(before)


FAULTS = [
    *(
        (f"rules lost: {name} after icc: false", lambda host, flush=flush: _flushed(host, flush))
        for name, flush in _FLUSHES.items()
    ),
    ("rules lost: with live-restore", _with_live_restore),
    ("rules lost: what lets packets pass, and the policy drops", _only_forwarding),
    ("rules lost: the translation of published ports alone", _only_translation),
    *(
        (
            f"rules lost: to the table {table} of another firewall",
            lambda host, table=table: _another_firewall(host, table),
        )
        for table in _OTHERS
    ),
]
SMALL = FAULTS[:1]
