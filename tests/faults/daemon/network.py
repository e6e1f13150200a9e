# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine remembers, forgets, or does not do when docker0 is changed."""

from __future__ import annotations

import ipaddress
import re

from daemon.host import Host

Outcome = tuple[str, list[str]]
_HALF_WAY = re.compile(
    r"The change of /etc/docker/daemon.json is not complete: Can't write /etc/docker.*\. The next run completes it\.$"
)


def _ping(host: Host) -> bool:
    address = host.must("docker inspect --format '{{.NetworkSettings.IPAddress}}' always")
    return host.run(f"docker exec plain ping -c 1 -W 1 {address}").returncode == 0


def icc(host: Host) -> Outcome:
    """Proven by packets."""
    before = host.state()
    broken = [] if _ping(host) else ["they can't reach each other with icc"]
    off = host.bridge(icc=False, on_running_containers="proceed")
    if off.get("failed") or _ping(host):
        broken.append(f"they reach each other without icc: {off['msg']}")
    on = host.bridge(icc=True, on_running_containers="proceed")
    if on.get("failed") or not _ping(host):
        broken.append(f"they can't reach each other with icc again: {on['msg']}")
    host.bridge(state="absent", on_running_containers="proceed")
    return "no packet passes", broken + host.healthy(before)


def gateway_of_a_container(host: Host) -> Outcome:
    """Declare the fixed address of a connected container as the gateway of its network."""
    host.must(
        "docker network create --subnet 10.51.0.0/24 fixed >/dev/null;"
        " docker run --detach --init --name zfix --network fixed --ip 10.51.0.2 small:1 sleep 100000 >/dev/null"
    )
    network = "docker network inspect --format '{{.Id}} {{.IPAM.Config}} {{.Containers}}' fixed"
    before = host.must(network)
    wanted = [{"name": "fixed", "subnets": [{"subnet": "10.51.0.0/24", "gateway": "10.51.0.2"}]}]
    broken = []
    for check in (True, False):
        answer = host.module("docker_networks", check, networks=wanted, replace_in_use=True)
        says = "10.51.0.2, the fixed address of zfix, would be the gateway of fixed"
        if answer.get("error_code") != "network_refused" or says not in answer["msg"]:
            broken.append(f"it is not refused: {answer}")
    broken += [] if host.must(network) == before else ["the network is not as before"]
    host.must("docker rm --force zfix >/dev/null; docker network rm fixed >/dev/null")
    return "refused", broken


def bip_removed(host: Host) -> Outcome:
    """Docker0 goes back, and other networks and what is attached to them stay."""
    before = host.state()
    host.must("docker run --detach --init --name attached --network user-defined small:1 sleep 100000")
    moved = host.bridge(
        bip="10.77.0.1/24", icc=False, mtu=1400, fixed_cidr="10.77.0.128/25", on_running_containers="proceed"
    )
    broken = [moved["msg"]] if moved.get("failed") or host.state().docker0 != "10.77.0.1/24" else []
    back = host.bridge(state="absent", on_running_containers="proceed")
    again = host.bridge(state="absent")
    if back.get("failed") or again.get("failed") or again["changed"]:
        broken.append(f"{back['msg']} {again['msg']}")
    if "10.99.0." not in host.run("docker exec attached ip -4 address show eth0").stdout:
        broken.append("the user-defined network's container has lost its address")
    host.must("docker rm --force attached")
    return "docker0 has its default back", broken + host.healthy(before)


def ipv6_put_back(host: Host) -> Outcome:
    """Give docker0 IPv6 and take it away, by a removal and by a start that fails: no address may stay."""
    six = "ip -6 -oneline address show docker0 scope global | awk '{print $4}'"
    before = host.state()
    wanted = {"ipv6": True, "fixed-cidr-v6": "fd00:78::/64"}
    given = host.daemon(config=wanted, on_running_containers="proceed")
    broken = [] if "fd00:78::" in host.must(six) else [f"docker0 has no IPv6: {given['msg']}"]
    host.bridge(state="absent", on_running_containers="proceed")
    if host.must(six):
        broken.append(f"after a removal docker0 has {host.must(six)}")
    with host.late_failure() as failing:
        failed = host.daemon(config={**wanted, **failing}, on_running_containers="proceed")
    if not failed.get("rolled_back") or host.must(six):
        broken.append(f"after a start that failed docker0 has {host.must(six) or 'none'}: {failed['msg']}")
    host.base()
    return "docker0 has none afterwards", broken + host.healthy(before)


def fixed_cidr_v6_moved(host: Host) -> Outcome:
    before = host.state()
    six = "ip -6 -oneline address show docker0 scope global | awk '{print $4}'"
    broken = []
    for prefix in ("fd00:78::/64", "fd00:79::/64"):
        answer = host.bridge(ipv6=True, fixed_cidr_v6=prefix, on_running_containers="proceed")
        broken += [answer["msg"]] if answer.get("failed") else []
        if host.must(six) != prefix.replace("::/", "::1/"):
            broken.append(f"with {prefix} docker0 has {host.must(six)}")
    host.bridge(state="absent", on_running_containers="proceed")
    host.base()
    return "moved in one step", broken + host.healthy(before)


_CUT_OFF = """
ip link add cloud type bridge; ip address add 10.88.0.5/32 dev cloud; ip link set cloud up
ip route add 192.0.2.0/24 via 10.89.0.254 dev cloud onlink
ip route add blackhole 10.92.0.0/26
cp /etc/resolv.conf /root/resolv.conf; echo nameserver 10.91.0.53 >> /etc/resolv.conf
"""


def networks_that_cut_off(host: Host) -> Outcome:
    """Declare what takes the host's own address, its gateway, its name server, or what it throws away."""
    host.must(_CUT_OFF)
    before, networks = host.state(), host.must("docker network ls --quiet | sort")
    broken = []
    for subnet, taken in (
        ("10.88.0", "10.88.0.5"),
        ("10.89.0", "10.89.0.254"),
        ("10.91.0", "10.91.0.53"),
        ("10.92.0", "the type blackhole"),
    ):
        answers = [
            host.bridge(bip=f"{subnet}.1/24", restart="always"),
            host.bridge(default_address_pools=[{"base": f"{subnet}.0/24", "size": 26}], restart="always"),
            host.module("docker_networks", False, networks=[{"name": "n", "subnets": [{"subnet": f"{subnet}.0/24"}]}]),
        ]
        broken += [
            f"it says {answer['msg']}" for answer in answers if not answer.get("failed") or taken not in answer["msg"]
        ]
    broken += host.healthy(before, same_engine=True)
    if host.must("docker network ls --quiet | sort") != networks:
        broken.append("there are other networks")
    host.must("ip link delete cloud; ip route del blackhole 10.92.0.0/26; cat /root/resolv.conf > /etc/resolv.conf")
    return "refused, with the address", broken


def bip_removed_by_hand(host: Host) -> Outcome:
    """Take bip out of the file by hand and restart the engine, which keeps the address all the same."""
    before = host.state()
    host.bridge(bip="10.77.0.1/24", on_running_containers="proceed")
    host.must(
        "sed -i '/bip/d; s/},$/}/' /etc/docker/daemon.json; systemctl reset-failed docker; systemctl restart docker"
    )
    kept = host.state().docker0
    broken = [] if kept == "10.77.0.1/24" else [f"the fault is not there: docker0 has {kept}"]
    back = host.bridge(state="absent", on_running_containers="proceed")
    if back.get("failed") or not back["changed"]:
        broken.append(back["msg"])
    host.must("docker start plain")
    host.base()
    now = host.state()
    broken += [] if now.docker0 == before.docker0 else [f"docker0 has {now.docker0}"]
    return "docker0 has its default back", broken


def bip_removed_half_way(host: Host) -> Outcome:
    """On the way to the default address the file is written a second time, and just then that is not to be had."""
    before = host.state()
    host.bridge(bip="10.77.0.1/24", on_running_containers="proceed")
    running = host.start("docker_bridge", state="absent", on_running_containers="proceed")
    # Docker0's default is put into the file in between.
    host.wait_for('grep -E \'"bip": "172[.]\' /etc/docker/daemon.json')
    host.must("mount --bind -o ro /etc/docker /etc/docker")
    half = host.end(running)
    host.must("umount /etc/docker")
    broken = [] if _HALF_WAY.search(half["msg"]) else [f"it says {half['msg']}"]
    whole = host.bridge(state="absent", on_running_containers="proceed")
    again = host.bridge(state="absent")
    if whole.get("failed") or not whole["changed"] or again.get("failed") or again["changed"]:
        broken.append(f"{whole['msg']} {again['msg']}")
    return "said, and completed by the next run", broken + host.healthy(before)


def restarts_in_a_row(host: Host) -> Outcome:
    """Let systemd refuse the fourth start within a minute, with which docker.socket fails."""
    before = host.state()
    broken = []
    for number in range(6):
        answer = host.daemon(config={"dns-search": [f"n{number}.example.com"]}, on_running_containers="proceed")
        broken += [answer["msg"]] if answer.get("action_taken") != "restart" else []
    if host.must("systemctl is-active docker.service docker.socket").split() != ["active", "active"]:
        broken.append("service or socket is not active")
    answer = host.daemon(config={"dns-search": None}, state="absent", on_running_containers="proceed")
    broken += [answer["msg"]] if answer.get("failed") else []
    return "seven restarts in a row", broken + host.healthy(before)


def reload_refused(host: Host) -> Outcome:
    """Let systemctl reload succeed, while the signal never reaches the engine."""
    host.drop_in("ExecReload=\nExecReload=/bin/true")
    before = host.state()
    answer = host.daemon(config={"debug": True})
    broken = host.healthy(before)
    if not answer.get("rolled_back") or "did not take the new file over by a reload" not in answer["msg"]:
        broken.append(f"it says {answer['msg']}")
    host.without_drop_ins()
    return "noticed and put back", broken


def rules_of_people(host: Host) -> Outcome:
    """Have a rule and a route for docker0's network, which a new bip leaves behind: check mode says so."""
    before = host.state()
    network = host.must("docker network inspect bridge --format '{{(index .IPAM.Config 0).Subnet}}'").strip()
    rule = f"INPUT -s {network} -p tcp -m tcp --dport 5432 -j ACCEPT"
    router = str(ipaddress.ip_network(network)[77])
    host.must(f"iptables -A {rule}; ip route add 10.98.0.0/24 via {router}")
    answer = host.bridge(check=True, bip="10.99.3.1/24", on_running_containers="proceed")
    said = " ".join(answer.get("warnings", []))
    wanted = (f"-A {rule}", f"ip route 10.98.0.0/24 via {router} dev docker0")
    broken = [f"it does not name {one}: {answer}" for one in wanted if one not in said]
    host.must(f"iptables -D {rule}; ip route del 10.98.0.0/24")
    quiet = host.bridge(check=True, bip="10.99.3.1/24", on_running_containers="proceed")
    broken += [f"it names what is not there: {quiet}" for one in quiet.get("warnings", []) if "do nothing after" in one]
    return "named", broken + host.healthy(before, same_engine=True)


FAULTS = [
    ("icc off, icc on", icc),
    ("the gateway of a network is the fixed address of a container", gateway_of_a_container),
    ("rules and routes of people for docker0", rules_of_people),
    ("bip removed, which the engine remembers", bip_removed),
    ("ipv6 taken away, and put back after a start that fails", ipv6_put_back),
    ("fixed-cidr-v6 moved", fixed_cidr_v6_moved),
    ("networks that cut the host off", networks_that_cut_off),
    ("bip removed by hand before, and remembered", bip_removed_by_hand),
    ("bip removed, and the disk refuses half way", bip_removed_half_way),
    ("start limit of systemd", restarts_in_a_row),
    ("a reload that does not reach the engine", reload_refused),
]
