# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure on a test host what docker_topology_info does in its process, and what reading the same costs by itself.

Prints JSON: seconds of processor time of both, with that of the programs that they start (the best of some tries),
and the number of containers. Time on the wall is that of whatever else the machine does.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import socket
import struct
import subprocess
from typing import Callable

from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.survey import PARTS, Options, survey
from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import set_network_namespace

SOCKET = "/var/run/docker.sock"
TRIES = 5
DUMPS = (18, 22, 26)  # links, addresses, routes
KINDS = ("mnt", "pid", "net", "ipc", "uts", "user", "cgroup")
SOCKETS = ((2, 6, 10), (10, 6, 10), (2, 17, 7), (10, 17, 7))  # family, protocol, state
CGROUP = ("memory.max", "memory.current", "cpu.max", "cpu.stat", "pids.max", "pids.current", "io.max", "io.stat")


def ask(path: str) -> bytes:
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request("GET", path)
    content = connection.getresponse().read()
    connection.close()
    return content


def read(path: str) -> None:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.read()


def link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def dump(netlink: socket.socket, request: bytes) -> None:
    netlink.send(request)
    while b"\x03\x00\x02\x00" not in netlink.recv(1 << 17)[-16:]:  # until NLMSG_DONE
        pass


def sweep() -> None:
    """Read every process, as it is read before and after the containers."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        read(f"/proc/{entry}/comm")
        link(f"/proc/{entry}/ns/net")
        read(f"/proc/{entry}/cgroup")


def plain() -> None:
    """Read everything, and make nothing of it but what is needed to go on."""
    for path in ("/version", "/info"):
        ask(path)
    for network in json.loads(ask("/networks")):
        ask(f"/networks/{network['Id']}")
    for program in ("iptables-save", "ip6tables-save"):
        subprocess.run([program], capture_output=True, check=False)
    subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, check=False)
    sweep()
    for container in json.loads(ask("/containers/json?all=1")):
        details = json.loads(ask(f"/containers/{container['Id']}/json"))
        pid = details["State"]["Pid"]
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        visit(descriptor)
        os.close(descriptor)
        for _time in range(2):
            read(f"/proc/{pid}/stat")
            read(f"/proc/{pid}/cgroup")
        for kind in KINDS:
            link(f"/proc/{pid}/ns/{kind}")
        for descriptor_name in os.listdir(f"/proc/{pid}/fd"):
            link(f"/proc/{pid}/fd/{descriptor_name}")
        for file in CGROUP:
            read(f"/sys/fs/cgroup/system.slice/docker-{container['Id']}.scope/{file}")
    sweep()


def visit(descriptor: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        netlink, diag = pool.submit(enter, descriptor).result()
    for kind in DUMPS:
        dump(netlink, struct.pack("=IHHII16x", 32, kind, 0x301, 1, 0))
    for family, protocol, state in SOCKETS:
        dump(diag, struct.pack("=IHHIIBBBxI48x", 72, 20, 0x301, 1, 0, family, protocol, 0, 1 << state))
    netlink.close()
    diag.close()


def enter(descriptor: int) -> list[socket.socket]:
    set_network_namespace(descriptor)
    opened = [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) for protocol in (0, 4)]
    for one in opened:
        one.bind((0, 0))
    return opened


def processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def best(work: Callable[[], object]) -> float:
    seconds = []
    for _try in range(TRIES):
        begin = processor_time()
        work()
        seconds.append(processor_time() - begin)
    return min(seconds)


if __name__ == "__main__":
    options = Options(SOCKET, 60, PARTS)
    result = survey(options)
    times = {"survey": best(lambda: survey(options)), "plain": best(plain)}
    print(json.dumps({**times, "containers": len(result["containers"])}))
