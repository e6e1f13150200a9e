# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine switches on the host beside its own bridges, and what that would take from others."""

from __future__ import annotations

import pathlib
from typing import Any

from daemon.host import Host

Outcome = tuple[str, list[str]]

_ADVERTISE = pathlib.Path(__file__).with_name("advertise.py")
_FORWARDING = "net.ipv6.conf.all.forwarding"
# A router in a namespace of its own; the host's kernel learns its default route from a router advertisement.
_ROUTER = f"""
sysctl --quiet --write {_FORWARDING}=0 net.ipv6.conf.default.forwarding=0
ip netns add router
ip link add wan0 type veth peer name lan0 netns router
sysctl --quiet --write net.ipv6.conf.wan0.disable_ipv6=0 net.ipv6.conf.wan0.accept_ra=1
ip link set wan0 up; ip -n router link set lan0 up
timeout 60 sh -c '
    until ip -6 route show default dev wan0 | grep -q "proto ra"; do
        ip netns exec router python3 /root/advertise.py lan0 2>/dev/null || true; sleep 0.5
    done'
"""
_LEARNED = "ip -6 route show default dev wan0"
_NO_ROUTER = f"ip link delete wan0; ip netns delete router; sysctl --quiet --write {_FORWARDING}=0"
# Guests as a hypervisor has them, beside an engine that lets nothing pass which it does not know.
_GUESTS = """
ip link add br-vm type bridge; ip link set br-vm up
for guest in 1 2; do
    ip netns add guest$guest
    ip link add vm$guest type veth peer name eth0 netns guest$guest
    ip link set vm$guest master br-vm up
    ip -n guest$guest address add 10.50.0.$guest/24 dev eth0
    ip -n guest$guest link set eth0 up
done
sysctl --quiet --write net.bridge.bridge-nf-call-iptables=0
iptables --policy FORWARD DROP
"""
_REACH = "ip netns exec guest1 ping -c 1 -W 2 10.50.0.2 >/dev/null"
_NO_GUESTS = "ip netns delete guest1; ip netns delete guest2; ip link delete br-vm"
_LISTENER = "systemd-run --quiet --unit listener python3 -m http.server --bind {address} 5432"
_LISTENS = "timeout 30 sh -c 'until ss -tln | grep -q {address}:5432; do sleep 0.1; done'"


def _networks(host: Host, check: bool = False, **network: Any) -> dict[str, Any]:
    return host.module("docker_networks", check, networks=[{"name": "beside", **network}])


def _refused(answers: list[dict[str, Any]], code: str, named: str) -> list[str]:
    return [
        f"it is not refused as {code} with {named}: {answer.get('msg')}"
        for answer in answers
        if answer.get("error_code") != code or named not in answer["msg"]
    ]


def learned_route(host: Host) -> Outcome:
    """Have the engine forward IPv6 on a host whose default route was learned by its kernel, by all that does so."""
    host.write(_ADVERTISE.read_bytes(), "/root/advertise.py")
    host.must(_ROUTER)
    before = host.state()
    six: dict[str, Any] = {"ipv6": True, "subnets": [{"subnet": "fd00:88::/64"}, {"subnet": "10.88.0.0/24"}]}
    answers = [
        answer
        for check in (True, False)
        for answer in (
            host.bridge(check, ipv6=True, fixed_cidr_v6="fd00:77::/64", restart="always"),
            host.daemon(check, config={"ipv6": True, "fixed-cidr-v6": "fd00:77::/64"}, restart="never"),
            _networks(host, check, **six),
        )
    ]
    broken = _refused(answers, "engine_ipv6_forwarding", "net.ipv6.conf.wan0.accept_ra = 2")
    broken += host.healthy(before, same_engine=True)
    if "proto ra" not in host.must(_LEARNED) or host.must(f"sysctl --values {_FORWARDING}") != "0":
        broken.append("the default route is gone, or forwarding is on")
    host.must("sysctl --quiet --write net.ipv6.conf.wan0.accept_ra=2")
    done = _networks(host, **six)
    if done.get("failed") or host.must(f"sysctl --values {_FORWARDING}") != "1":
        broken.append(f"with accept_ra = 2 it ends with {done['msg']}")
    if "proto ra" not in host.must(_LEARNED):
        broken.append("with accept_ra = 2 the default route is gone")
    host.must(f"docker network rm beside >/dev/null; {_NO_ROUTER}")
    return "refused, and done with accept_ra = 2", broken


def guests_of_a_bridge(host: Host) -> Outcome:
    """Have the engine's firewall filter inside all bridges, on a host with a bridge of virtual machines."""
    host.must(_GUESTS)
    before = host.state()
    answers = [
        answer
        for check in (True, False)
        for answer in (host.bridge(check, icc=False, restart="always"), _networks(host, check, icc=False))
    ]
    broken = _refused(answers, "engine_bridge_filter", "iptables -I FORWARD -i br-vm -o br-vm -j ACCEPT")
    broken += host.healthy(before, same_engine=True)
    if host.run(_REACH).returncode != 0:
        broken.append("the guests do not reach each other any more")
    host.must("iptables -I FORWARD -i br-vm -o br-vm -j ACCEPT")
    done = _networks(host, icc=False)
    if done.get("failed") or host.must("sysctl --values net.bridge.bridge-nf-call-iptables") != "1":
        broken.append(f"with a rule it ends with {done['msg']}")
    if host.run(_REACH).returncode != 0:
        broken.append("with a rule the guests do not reach each other")
    host.must(f"docker network rm beside >/dev/null; iptables -D FORWARD -i br-vm -o br-vm -j ACCEPT; {_NO_GUESTS}")
    return "refused, and done with a rule", broken


def listeners(host: Host) -> Outcome:
    """Take the address of docker0, or of a network, from a program of the host that listens there."""
    host.must("docker network create --subnet 10.66.0.0/24 beside >/dev/null")
    before = host.state()
    broken = []
    for address, answer in (
        (before.docker0.partition("/")[0], lambda check: host.bridge(check, bip="10.77.0.1/24", restart="always")),
        ("10.66.0.1", lambda check: _networks(host, check, subnets=[{"subnet": "10.67.0.0/24"}])),
        ("10.66.0.1", lambda check: _networks(host, check, state="absent")),
    ):
        host.must(f"{_LISTENER.format(address=address)}; {_LISTENS.format(address=address)}")
        answers = [answer(check) for check in (True, False)]
        refusals = [one for one in answers if str(one.get("error_code")).endswith("_listener_address_gone")]
        if len(refusals) < len(answers) or not all(
            f"listens on {address} port 5432/tcp" in one["msg"] and "python3 (process" in one["msg"] for one in refusals
        ):
            broken.append(f"it ends with {[one['msg'] for one in answers]}")
        host.must("systemctl stop listener")
    broken += host.healthy(before, same_engine=True)
    removed = _networks(host, state="absent")
    if removed.get("failed"):
        broken.append(f"without a program it ends with {removed['msg']}")
    return "refused, with program and port", broken


def route_lost(host: Host) -> Outcome:
    """Have something take the host's default route away while the engine starts with another file."""
    before, route = host.state(), host.must("ip -4 route show default")
    host.drop_in("ExecStartPost=-ip route del default")
    answer = host.bridge(mtu=1400, on_running_containers="proceed")
    broken = [] if answer.get("rolled_back") and "lost its default route" in answer["msg"] else [answer["msg"]]
    if host.must("ip -4 route show default") != route:
        broken.append(f"the default route is {host.run('ip route show default').stdout or 'gone'}")
    host.without_drop_ins()
    return "rolled back, with the route", broken + host.healthy(before)


FAULTS = [
    ("host: a default route that its kernel has learned, and IPv6", learned_route),
    ("host: a bridge of virtual machines, and icc: false", guests_of_a_bridge),
    ("host: a program listens on an address that goes", listeners),
    ("host: the default route is lost during the restart", route_lost),
]
