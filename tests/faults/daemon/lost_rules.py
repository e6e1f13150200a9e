# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program takes the engine's firewall rules away: real rules, real packets."""

from __future__ import annotations

from typing import Any

from daemon.host import Host

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
]
SMALL = FAULTS[:1]
