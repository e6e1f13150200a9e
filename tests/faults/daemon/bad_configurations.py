# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations that no engine must be left with, and what the module has to say about each.

Refused ones must leave file and engine untouched; the others are only known to be bad once an engine tries them, and
must be put back.
"""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass
class Bad:
    """config: handed to docker_daemon; file: written by hand before that instead, with config as the wish.

    says: what the message must contain (a regular expression).
    put_back: an engine has to try it; some generations find out before that.
    arrange, tidy: shell commands on the host, before and after.
    options: more of the module's options.
    """

    name: str
    says: str
    config: dict[str, Any] = dataclasses.field(default_factory=lambda: {"debug": True})
    file: bytes | None = None
    put_back: bool = False
    arrange: str = ""
    tidy: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


# They would move the data as well, if an engine could do what they say.
_MOVE: dict[str, Any] = {"on_data_move": "proceed"}
# Another network namespace with which the host has a connection, and no route to it any more.
_OPEN_CONNECTION = """
ip netns add peer
ip link add dockyard-a type veth peer name dockyard-b netns peer
ip address add 10.203.0.1/24 dev dockyard-a
ip link set dockyard-a up
ip -n peer address add 10.203.0.130/24 dev dockyard-b
ip -n peer link set dockyard-b up
python='import socket, time; s = socket.create_server(("10.203.0.130", 22)); c = s.accept(); time.sleep(60)'
timeout 60 ip netns exec peer python3 -c "$python" </dev/null >/dev/null 2>&1 &
python='import socket, time; s = socket.create_connection(("10.203.0.130", 22)); time.sleep(60)'
timeout 30 sh -c 'until ip netns exec peer ss -Htnl | grep -q 10.203.0.130; do sleep 0.1; done'
timeout 60 python3 -c "$python" </dev/null >/dev/null 2>&1 &
timeout 30 sh -c 'until ss -Htn | grep -q 10.203.0.130; do sleep 0.1; done'
ip route del 10.203.0.0/24
"""
_VAULT = """
mkdir -p /etc/systemd/system/docker.service.d
cat > /usr/local/sbin/vault <<'END'
#!/bin/sh
! grep -q warn /etc/docker/daemon.json || { echo the vault says no >&2; exit 7; }
END
chmod 755 /usr/local/sbin/vault
printf '[Service]\\nExecStartPre=/usr/local/sbin/vault\\n' > /etc/systemd/system/docker.service.d/vault.conf
systemctl daemon-reload
"""

SYNTAX = [
    Bad(
        "syntax: comma before the bracket",
        r"daemon\.json, line 2: not valid JSON \(a comma before",
        file=b'{\n "debug": true,\n}\n',
    ),
    Bad("syntax: bracket missing", r"daemon\.json, line \d: not valid JSON", file=b'{"debug": true\n'),
    Bad("syntax: single quotes", r"line 1: not valid JSON \(expecting property name", file=b"{'debug': true}"),
    Bad("syntax: comment", r"line 2: not valid JSON", file=b'{\n// docker0\n"debug": true}'),
    Bad("syntax: a key twice", r"the key debug is in it twice", file=b'{"debug": true, "debug": false}'),
    Bad("syntax: a list", r"this is a JSON list", file=b"[]"),
    Bad("syntax: not UTF-8", r"line 1: this is not UTF-8", file=b'{"labels": ["\xff"]}'),
    Bad("syntax: YAML", r"line 1: not valid JSON", file=b"debug: true\n"),
    Bad("syntax: NaN", r"NaN is no number there", file=b'{"mtu": NaN}'),
]

TYPES = [
    Bad("type: mtu as text", r'mtu must be a whole number, and is the string "large"', {"mtu": "large"}),
    Bad("type: debug as text", r'debug must be true or false, and is the string "perhaps"', {"debug": "perhaps"}),
    Bad("type: icc as number", r"icc must be true or false, and is the number 2", {"icc": 2}),
    Bad("type: dns as text", r'dns must be a list of strings, and is the string "192\.0\.2\.1"', {"dns": "192.0.2.1"}),
    Bad("type: log option as number", r"max-file is the number 3 \(put it in quotes\)", {"log-opts": {"max-file": 3}}),
    Bad("type: labels of numbers", r"labels must be a list of strings, and is one with the number 1", {"labels": [1]}),
    Bad(
        "type: pools as text", r"default-address-pools must be a list of pools", {"default-address-pools": "10.0.0.0/8"}
    ),
    Bad(
        "type: pool without size",
        r"default-address-pools must be a list of pools",
        {"default-address-pools": [{"base": "10.0.0.0/8"}]},
    ),
    Bad("type: half a download", r"max-concurrent-downloads must be a whole number", {"max-concurrent-downloads": 2.5}),
    Bad("type: null", r"config has no value for debug", {"debug": None}),
    Bad("type: bip as list", r"bip must be a string, and is a list", {"bip": ["10.77.0.1/24"]}),
    Bad("type: mirrors of numbers", r"registry-mirrors must be a list of strings", {"registry-mirrors": [5]}),
]

KEYS = [
    Bad(
        "unknown key",
        r"refuses this configuration: .*don't match any configuration option: bridge-ip",
        {"bridge-ip": "10.77.0.1/24"},
    ),
    Bad("unheeded key: the name of a flag", r"write insecure-registries\.", {"insecure-registry": ["r:5000"]}),
    Bad("unheeded key: a dictionary", r"network is no key of daemon\.json", {"network": {"mtu": 1400}}),
    Bad("log options: no size", r'max-size is "10x"', {"log-opts": {"max-size": "10x"}}),
    Bad("unknown key: underscore", r"don't match any configuration option: log_driver", {"log_driver": "json-file"}),
    Bad("value out of its range: log-level", r"refuses this configuration: .*chatty", {"log-level": "chatty"}),
    Bad("value out of its range: downloads", r"refuses this configuration: .*-1", {"max-concurrent-downloads": -1}),
    Bad(
        "flag and file: hosts",
        r"both as a flag and in the configuration file: hosts",
        {"hosts": ["tcp://127.0.0.1:2375"]},
    ),
    Bad(
        "flag and file: containerd",
        r"both as a flag and in the configuration file: containerd",
        {"containerd": "/run/other.sock"},
    ),
    Bad(
        "flag and file: a flag that waits for the next start",
        r"both as a flag .*log-level",
        {"log-level": "warn"},
        # The unit's environment as Debian's packages read it; the engine that runs does not have it yet.
        arrange="echo DOCKER_OPTS=--log-level=info > /etc/default/docker",
        tidy="rm /etc/default/docker",
    ),
]

NETWORK = [
    Bad(
        "bip: the network's own address",
        r"bip 10\.77\.0\.0/24 is the address of the network itself; use one for a host, such as 10\.77\.0\.1/24",
        {"bip": "10.77.0.0/24"},
    ),
    Bad("bip: the broadcast address", r"bip 10\.77\.0\.255/24 is the broadcast address", {"bip": "10.77.0.255/24"}),
    Bad(
        "bip: no prefix length",
        r'bip is "10\.77\.0\.1", and must be an address with a prefix length',
        {"bip": "10.77.0.1"},
    ),
    Bad("bip: banana", r'bip is "banana"', {"bip": "banana"}),
    Bad("bip: prefix length 33", r'bip is "10\.77\.0\.1/33", and that is no address', {"bip": "10.77.0.1/33"}),
    Bad("bip: no room for a container", r"leaves no address for a container", {"bip": "10.77.0.1/31"}),
    Bad("bip: half the internet", r"takes in half the internet", {"bip": "64.0.0.1/2"}),
    Bad("bip: IPv6", r"bip is fd00::1/64, an IPv6 address; that goes into bip6", {"bip": "fd00::1/64"}),
    Bad("bip: loopback", r"is a loopback address", {"bip": "127.5.0.1/24"}),
    Bad("bip: multicast", r"is a multicast address", {"bip": "224.5.0.1/24"}),
    Bad(
        "bip: overlaps a route (VPN)",
        r"overlaps 10\.200\.0\.0/16, to which the host has a route over eth0",
        {"bip": "10.200.5.1/24"},
        arrange="ip route add 10.200.0.0/16 dev eth0",
        tidy="ip route del 10.200.0.0/16",
    ),
    Bad(
        "bip: overlaps a route in another table",
        r"overlaps 10\.201\.7\.0/24, to which",
        {"bip": "10.201.0.1/16"},
        arrange="ip route add 10.201.7.0/24 dev eth0 table 100",
        tidy="ip route del 10.201.7.0/24 table 100",
    ),
    Bad(
        "bip: overlaps a Docker network",
        r"overlaps the Docker network user-defined \(10\.99\.0\.0/24\)",
        {"bip": "10.99.0.129/25"},
    ),
    Bad(
        "bip: takes the name server in",
        r"takes in the host's name server 10\.202\.0\.53",
        {"bip": "10.202.0.1/24"},
        arrange="cp /etc/resolv.conf /root/resolv.conf; echo nameserver 10.202.0.53 >> /etc/resolv.conf",
        tidy="cat /root/resolv.conf > /etc/resolv.conf",
    ),
    # Without a route of its own, like the controller's connection to a host over the default route.
    Bad(
        "bip: takes an open connection in",
        r"takes in 10\.203\.0\.130, to which the host has an open connection",
        {"bip": "10.203.0.129/25"},
        arrange=_OPEN_CONNECTION,
        tidy="ip netns pids peer | xargs -r kill; ip link del dockyard-a; ip netns del peer",
    ),
    Bad(
        "fixed-cidr: outside",
        r"fixed-cidr 10\.78\.0\.0/25 does not lie inside the network of bip",
        {"bip": "10.77.0.1/24", "fixed-cidr": "10.78.0.0/25"},
    ),
    Bad(
        "fixed-cidr: larger than its network",
        r"fixed-cidr 10\.77\.0\.0/16 does not lie inside",
        {"bip": "10.77.0.1/24", "fixed-cidr": "10.77.0.0/16"},
    ),
    Bad(
        "fixed-cidr: outside of docker0 as it is",
        r"does not lie inside the network of docker0",
        {"fixed-cidr": "10.78.0.0/25"},
    ),
    Bad("fixed-cidr-v6: IPv4", r"fixed-cidr-v6 is 10\.77\.0\.0/24, an IPv4 address", {"fixed-cidr-v6": "10.77.0.0/24"}),
    Bad(
        "default-gateway: outside",
        r"default-gateway 10\.78\.0\.1 does not lie inside",
        {"bip": "10.77.0.1/24", "default-gateway": "10.78.0.1"},
    ),
    Bad(
        "default-gateway: with a prefix length",
        r'default-gateway is "10\.77\.0\.9/24"',
        {"bip": "10.77.0.1/24", "default-gateway": "10.77.0.9/24"},
    ),
    Bad(
        "default-gateway: the broadcast address",
        r"is the first or last address",
        {"bip": "10.77.0.1/24", "default-gateway": "10.77.0.255"},
    ),
    Bad("bridge and bip", r"bridge \(none\) and bip exclude each other", {"bridge": "none", "bip": "10.77.0.1/24"}),
    Bad("bridge: no such device", r"bridge is br7, and the host has no such device", {"bridge": "br7"}),
    Bad("icc without iptables", r"icc: false needs iptables", {"icc": False, "iptables": False}),
    Bad(
        "live-restore in a Swarm",
        r"live-restore does not go together with Swarm",
        {"live-restore": True},
        arrange="docker swarm init --advertise-addr eth0 >/dev/null",
        tidy="docker swarm leave --force >/dev/null; docker network rm docker_gwbridge >/dev/null",
    ),
    Bad("mtu: too small", r"mtu is 40, and must lie between 68 and 65535", {"mtu": 40}),
    Bad("mtu: too large", r"mtu is 70000", {"mtu": 70000}),
    Bad(
        "mtu: too small for IPv6",
        r"mtu is 1000, and must lie between 1280 and 65535 with IPv6",
        {"mtu": 1000, "ipv6": True, "fixed-cidr-v6": "fd00:77::/80"},
    ),
    Bad(
        "pools: size shorter than the pool",
        r"can't be cut into networks of size 8",
        {"default-address-pools": [{"base": "10.100.0.0/16", "size": 8}]},
    ),
    Bad(
        "pools: no room for a container",
        r"can't be cut into networks of size 31",
        {"default-address-pools": [{"base": "10.100.0.0/16", "size": 31}]},
    ),
    Bad("pools: banana", r'"banana" is no network', {"default-address-pools": [{"base": "banana", "size": 24}]}),
    Bad(
        "pools: address of a host",
        r"has an address of a host in it; the network is 10\.100\.0\.0/16",
        {"default-address-pools": [{"base": "10.100.0.1/16", "size": 24}]},
    ),
    Bad(
        "pools: two overlap",
        r"overlaps the pool 10\.100\.0\.0/16",
        {"default-address-pools": [{"base": "10.100.0.0/16", "size": 24}, {"base": "10.100.128.0/17", "size": 24}]},
    ),
    Bad(
        "pools: IPv6 alone",
        r"has networks of IPv6 alone, and docker0 needs one of IPv4",
        {"default-address-pools": [{"base": "fd00:77::/48", "size": 64}]},
    ),
    Bad("dns: no address", r'dns: "nope" is no IP address', {"dns": ["nope"]}),
    Bad("ip: no address", r'ip: "nope" is no IP address', {"ip": "nope"}),
    Bad("registry-mirrors: no URL", r'registry-mirrors: "banana" is no URL', {"registry-mirrors": ["banana"]}),
    # With these an engine starts, and then no container does.
    Bad("log-driver: not there", r"log-driver is jounald, which this engine does not have", {"log-driver": "jounald"}),
    Bad("init-path: not there", r"init-path is /no/such, which is not on", {"init": True, "init-path": "/no/such"}),
    Bad(
        "default-ulimits: soft above hard",
        r"nofile has Soft 100 above Hard 10",
        {"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 10, "Soft": 100}}},
    ),
    Bad(
        "default-ulimits: more than the kernel gives",
        r"nofile has Hard 4294967296, and nothing on this host can have more than \d+, so that no container",
        {"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 4294967296, "Soft": 1024}}},
    ),
    Bad(
        "seccomp-profile: cut off",
        r"with that no container would start \(it is not valid JSON",
        {"seccomp-profile": "/root/seccomp.json"},
        arrange="echo '{' > /root/seccomp.json",
        tidy="rm /root/seccomp.json",
    ),
    Bad(
        "insecure-registries: a URL",
        r"insecure-registries: \"http://r:5000\" is a URL",
        {"insecure-registries": ["http://r:5000"]},
    ),
]

# Nobody but the engine itself knows these, some generations only when they start.
UNFORESEEN = [
    Bad(
        "no such storage driver",
        r"driver not supported|not available",
        {"storage-driver": "nonsense"},
        put_back=True,
        options=_MOVE,
    ),
    Bad("no such runtime", r"nonsense", {"default-runtime": "nonsense"}, put_back=True),
    Bad("data-root below a file", r"not a directory", {"data-root": "/dev/null/docker"}, put_back=True, options=_MOVE),
    Bad("no such user to remap", r"nonsense", {"userns-remap": "nonsense"}, put_back=True, options=_MOVE),
    Bad("no such seccomp profile", r"no such file", {"seccomp-profile": "/nonsense.json"}, put_back=True),
    Bad("no such cgroup driver", r"nonsense", {"exec-opts": ["native.cgroupdriver=nonsense"]}, put_back=True),
    # The unit itself refuses a file that dockerd would take: nothing of this is known to the module.
    Bad(
        "refused by a script in the unit",
        r"the vault says no",
        {"log-level": "warn"},
        put_back=True,
        arrange=_VAULT,
        tidy="rm -r /etc/systemd/system/docker.service.d; systemctl daemon-reload",
    ),
]

ALL = [*SYNTAX, *TYPES, *KEYS, *NETWORK, *UNFORESEEN]


def of(small: bool) -> list[Bad]:
    """Return all, or for a small run one of each kind and those that something on the host makes bad.

    What the module by itself finds wrong with the others of a kind is in the unit tests, too.
    """
    if not small:
        return ALL
    kinds: dict[str, Bad] = {}
    for bad in ALL:
        kind = "put back" if bad.put_back else bad.name.partition(":")[0]
        kinds.setdefault(bad.name if bad.arrange else kind, bad)
    return list(kinds.values())
