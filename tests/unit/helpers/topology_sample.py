# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_topology_info returns of a host with as many containers as asked for, made without a host."""

from __future__ import annotations

from typing import Any

NETWORKS = ("bridge", "backend", "cache", "frontend", "monitoring")
SERVICES = ("web", "api", "worker", "redis", "exporter")


def topology(containers: int = 100, networks: int = len(NETWORKS)) -> dict[str, Any]:
    """Return a topology. Every tenth container is on two networks, and the last few are of the special kinds."""
    names = [*NETWORKS, *(f"team-{number}" for number in range(networks))][:networks]
    made = [container(number, names) for number in range(containers)]
    if containers >= 10:
        special(made)
    return {
        "host": {
            "name": "docker1.example.com",
            "engine": {"version": "28.5.2", "api_version": "1.51", "rootless": False, "firewall_backend": "iptables"},
            "other_engines": ["podman"],
            "bridge_netfilter": {"ipv4": True, "ipv6": None},
            "forwarding": {"ipv4": True, "ipv6": False},
            "uplinks": [
                {"name": "eth0", "index": 2, "mtu": 1500, "addresses": ["192.0.2.10/24"], "default_route": True},
            ],
            "unknown": [{"field": "bridge_netfilter.ipv6", "reason": "The module br_netfilter is not loaded."}],
        },
        "networks": sorted((network(number, name) for number, name in enumerate(names)), key=lambda one: one["name"]),
        "containers": sorted(made, key=lambda one: one["name"]),
        "stray_links": [{"name": "vethdead00", "index": 999, "bridge": "docker0"}],
        "findings": [
            {
                "kind": "icc_not_in_force",
                "severity": "error",
                "network": names[-1],
                "container": None,
                "message": f"{names[-1]} declares ICC off, and no rule drops what its containers send each other.",
            },
            {
                "kind": "stray_veth",
                "severity": "notice",
                "network": None,
                "container": None,
                "message": "vethdead00 belongs to no container.",
            },
            {
                "kind": "no_default_route",
                "severity": "warning",
                "network": None,
                "container": made[0]["name"],
                "message": f"Container {made[0]['name']} has no default route.",
            },
        ],
    }


def network(number: int, name: str) -> dict[str, Any]:
    """Return one network."""
    return {
        "id": f"{number:064x}",
        "name": name,
        "driver": "bridge",
        "scope": "local",
        "internal": number == 2,
        "ipv6": False,
        "attachable": False,
        "bridge": "docker0" if name == "bridge" else f"br-{number:012x}",
        "bridge_index": 3 + number,
        "mtu": 1500,
        "subnets": [
            {"subnet": f"10.{70 + number}.0.0/16", "gateway": f"10.{70 + number}.0.1", "used": 24, "size": 65534}
        ],
        "icc": {"declared": number != 4, "in_force": True, "reason": "no rule drops it" if number == 4 else None},
        "masquerade": {"declared": True, "in_force": True, "rule": f"-s 10.{70 + number}.0.0/16 ! -o br -j MASQUERADE"},
        "ports_used": 24,
        "ports_limit": 1023,
        "labels": {"org.example.team": "shop"},
        "options": {},
        "unknown": [],
    }


def endpoint(number: int, position: int, networks: list[str], which: int) -> dict[str, Any]:
    """Return the endpoint of a container on one network."""
    name = networks[which]
    return {
        "network": name,
        "network_id": f"{which:064x}",
        "interface": f"eth{position}",
        "index": 2 + position,
        "mac": f"02:42:0a:{which:02x}:{number // 256:02x}:{number % 256:02x}",
        "ipv4": f"10.{70 + which}.{(number + 2) // 256}.{(number + 2) % 256}/16",
        "ipv6": None,
        "gateway": f"10.{70 + which}.0.1",
        "ipv6_gateway": None,
        "mtu": 1500,
        "peer": {"name": f"veth{number:04x}{position:03x}", "index": 100 + 2 * number + position},
        "bridge": "docker0" if name == "bridge" else f"br-{which:012x}",
        "dns_names": [f"app-{number:03d}", f"{number:012x}"],
        "counters": {
            "rx_packets": 1000 + number,
            "rx_errors": 0,
            "rx_dropped": 3 if number == 7 else 0,
            "tx_packets": 900,
            "tx_errors": 0,
            "tx_dropped": 0,
        },
    }


def container(number: int, networks: list[str]) -> dict[str, Any]:
    """Return one container."""
    which = number % len(networks)
    name = f"shop-{SERVICES[number % len(SERVICES)]}-{number:03d}"
    endpoints = [endpoint(number, 0, networks, which)]
    if number % 10 == 0 and len(networks) > 1:
        endpoints.append(endpoint(number, 1, networks, (which + 1) % len(networks)))
    published = number % 8 == 0
    return {
        "id": f"{number:064x}",
        "name": name,
        "image": f"registry.example.com:5000/shop/{SERVICES[number % len(SERVICES)]}:1.{number}",
        "state": "running",
        "pid": 4000 + number,
        "network_mode": networks[which],
        "namespace": {"inode": 4026532000 + number, "path": f"/run/docker/netns/{number:012x}", "shared_with": []},
        "isolation": {"mnt": True, "pid": True, "net": True, "ipc": True, "uts": True, "user": False, "cgroup": True},
        "cgroup": {
            "path": f"/system.slice/docker-{number:064x}.scope",
            "version": 2,
            "memory": {"limit": 536870912 if number % 2 else None, "used": 104857600},
            "cpu": {"limit": 1.5 if number % 3 == 0 else None, "used": 12.5},
            "pids": {"limit": 512, "used": 11},
            "io": {"limits": [], "used": []},
        },
        "endpoints": sorted(endpoints, key=lambda one: str(one["network"])),
        "ports": (
            [
                {
                    "protocol": "tcp",
                    "host_ip": "0.0.0.0",
                    "host_port": 8000 + number,
                    "container_port": 80,
                    "rules": [
                        f"-A DOCKER ! -i br-x -p tcp --dport {8000 + number} -j DNAT --to-destination 10.70.0.2:80"
                    ],
                    "proxy_pid": 3000 + number,
                }
            ]
            if published
            else []
        ),
        "listeners": [
            {"protocol": "tcp", "address": "0.0.0.0", "port": 80, "pid": 4000 + number, "process": "nginx"},
            {"protocol": "tcp", "address": "127.0.0.11", "port": 39211, "pid": None, "process": None},
        ],
        "capture": f"nsenter -t {4000 + number} -n tcpdump -ni eth0",
        "unknown": [],
    }


def special(containers: list[dict[str, Any]]) -> None:
    """Make the last four containers one each on the host's network, without network, sharing, and stopped."""
    for one in containers[-4:]:
        one.update(endpoints=[], ports=[], listeners=[])
    host, none, sharing, stopped = containers[-4:]
    host.update(name="node-exporter", network_mode="host", isolation={**host["isolation"], "net": False})
    none.update(name="batch", network_mode="none")
    target = containers[0]["name"]
    sharing.update(name="sidecar", network_mode=f"container:{target}")
    sharing["namespace"] = {**containers[0]["namespace"], "shared_with": [target]}
    containers[0]["namespace"]["shared_with"] = ["sidecar"]
    stopped.update(name="old-import", state="exited", pid=None, capture=None)
    stopped["namespace"] = {"inode": None, "path": None, "shared_with": []}
    stopped["unknown"] = [{"field": "namespace", "reason": "The container does not run."}]
