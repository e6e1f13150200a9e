# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for the keys of daemon.json, good ones and bad ones, from which changes are drawn."""

from __future__ import annotations

import random
from typing import Any

KEYS: dict[str, list[Any]] = {
    "allow-nondistributable-artifacts": [["r.example.com:5000"], ["http://"]],
    "bip": ["10.77.0.1/24", "10.78.0.1/24", "172.17.0.1/16", "10.77.0.0/24", "10.99.0.1/24", "banana", ""],
    "bip6": ["fd00:77::1/64", "10.77.0.1/24", ""],
    "bridge": ["none", "br7", "docker0", ""],
    "cgroup-parent": ["/containers", ""],
    "containerd": ["/run/other.sock"],
    "data-root": ["/srv/docker", "/var/lib/docker", "/var/lib/docker/", "/dev/null/docker", ""],
    "debug": [True, False, "yes"],
    "default-address-pools": [
        [{"base": "10.100.0.0/16", "size": 24}],
        [{"base": "10.100.0.1/16", "size": 24}],
        [{"base": "10.100.0.0/16", "size": 8}],
        [],
    ],
    "default-gateway": ["172.17.0.254", "10.1.0.1", "nope"],
    "default-ipc-mode": ["private", "shareable", "nonsense"],
    "default-network-opts": [{"bridge": {"com.docker.network.driver.mtu": "1400"}}, {"bridge": 5}],
    "default-runtime": ["runc", "nonsense"],
    "default-shm-size": ["64M", "much"],
    "default-ulimits": [{"nofile": {"Name": "nofile", "Hard": 1024, "Soft": 1024}}, {"nofile": 5}],
    "dns": [["192.0.2.53"], ["nope"], []],
    "dns-search": [["example.com"], []],
    "exec-opts": [["native.cgroupdriver=systemd"], ["native.cgroupdriver=nonsense"], ["nope"]],
    "experimental": [True, False],
    "features": [
        {"buildkit": True},
        {"containerd-snapshotter": True},
        {"containerd-snapshotter": False},
        {"cdi": True},
        {"nope": True},
    ],
    "firewall-backend": ["iptables", "nftables", "nonsense", ""],
    "fixed-cidr-v6": ["fd00:78::/64", "2001:db8::/64", "banana", ""],
    "fixed-cidr": ["172.17.128.0/17", "10.77.0.128/25", "banana"],
    "hosts": [["tcp://127.0.0.1:2375"], ["unix:///run/alt.sock"]],
    "http-proxy": ["http://proxy.example.com:3128", ""],
    "icc": [True, False, ""],
    "init": [True, False],
    "insecure-registry": [["r.example.com:5000"]],
    "insecure-registries": [["r.example.com:5000"], ["10.0.0.0/8"], ["http://r:5000"], ["reg:5000/"]],
    "ip": ["127.0.0.1", "0.0.0.0", "nope", ""],  # noqa: S104  # values for a file
    "ip-forward": [True, False],
    "ip-forward-no-drop": [True, False],
    "ip-masq": [True, False],
    "iptables": [True, False],
    "ipv6": [True, False],
    "labels": [["rack=7"], ["a=1", "a=1"], ["a=1", "a=2"], [1]],
    "live-restore": [True, False],
    "log-driver": ["json-file", "local", "journald", "nonsense"],
    "log-format": ["json", "nonsense"],
    "log-level": ["info", "warn", "chatty"],
    "log-opts": [{"max-size": "5m"}, {"max-size": "5m", "max-file": "2"}, {"nope": "1"}, {"max-file": 3}],
    "max-concurrent-downloads": [2, 0, -1, 2.5],
    "metrics-addr": ["127.0.0.1:9323", "nope"],
    "min-api-version": ["1.44", "1.99", "nope"],
    "mtu": [1400, 1500, 0, 40, "1400"],
    "network": [{"mtu": 1400}],
    "no-new-privileges": [True, False],
    "proxies": [{"http-proxy": "http://proxy.example.com:3128"}, {"nope": "1"}],
    "registry-mirrors": [["https://mirror.example.com"], ["https://mirror.example.com/?a=b"], ["banana"], []],
    "runtimes": [{"other": {"path": "/usr/sbin/runc"}}, {"other": {"path": "/nonsense"}}],
    "seccomp-profile": ["/nonsense.json", "builtin"],
    "shutdown-timeout": [15, -1],
    "storage-driver": ["overlay2", "vfs", "overlayfs", "native", "btrfs", "nonsense", ""],
    "storage-opts": [["overlay2.override_kernel_check=true"], ["nope=1"]],
    "swarm-default-advertise-addr": ["127.0.0.1"],
    "tlsverify": [True, False],
    "tlscert": ["/nonsense.pem"],
    "userland-proxy": [True, False],
    "userland-proxy-path": ["/bin/false", "/nonsense"],
    "userns-remap": ["default", "nonsense", ""],
    "nonsense-key": [1],
}


def change(source: random.Random) -> dict[str, Any]:
    """Return the options of a call of docker_daemon."""
    keys = source.sample(sorted(KEYS), source.choice((1, 1, 1, 2, 3)))
    options: dict[str, Any] = {
        "config": {key: source.choice(KEYS[key]) for key in keys},
        "state": source.choices(("merged", "replaced", "absent"), (8, 1, 2))[0],
        "restart": source.choices(("when_idle", "always", "never"), (4, 4, 1))[0],
        "on_running_containers": source.choices(("fail", "proceed"), (1, 3))[0],
        "on_data_move": source.choices(("fail", "proceed"), (9, 1))[0],
        "timeout": 25,
    }
    return options
