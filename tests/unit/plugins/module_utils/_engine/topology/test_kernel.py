# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the kernel: netlink, /proc, cgroups."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import (
    cgroups,
    namespaces,
    netns_links,
    processes,
    socket_diag,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.netlink import Netlink
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.visit import Host
from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Visitor

ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_netlink_shows_the_loopback_device() -> None:
    with Netlink() as netlink:
        (loopback,) = [link for link in netlink.links() if link.name == "lo"]
        assert (loopback.index, loopback.mac, loopback.master, loopback.nsid) == (1, "00:00:00:00:00:00", None, None)
        assert loopback.mtu >= 16436 and loopback.counters["rx_errors"] == 0
        assert "127.0.0.1/8" in [str(address.interface) for address in netlink.addresses() if address.index == 1]
        assert {link.index for link in netlink.links()} == {index for index, _name in socket.if_nameindex()}
        listed = pathlib.Path("/proc/net/route").read_text().splitlines()[1:]
        defaults = [
            line.split()[0] for line in listed if line.split()[1] == "00000000" and line.split()[7] == "00000000"
        ]
        found = [route for route in netlink.routes() if route.destination is None and route.family == 4]
        assert [socket.if_indextoname(route.index or 0) for route in found] == defaults


def test_a_request_that_the_kernel_refuses_is_an_error() -> None:
    with Netlink() as netlink, pytest.raises(OSError, match="refused a request over netlink"):
        netlink.nsid(1 << 20)


def test_the_own_namespace() -> None:
    with Visitor() as visitor, Host(visitor) as host:
        assert host.inode == namespaces.inode_of("/proc/self/ns/net")
        assert host.links[1].name == "lo"
    assert namespaces.inode_of("/proc/nosuch/ns/net") is None


def test_mounted_namespaces(tmp_path: pathlib.Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        "391 490 0:38 / /sys/fs/cgroup rw,relatime shared:161 - cgroup2 cgroup2 rw\n"
        "1031 504 0:4 net:[4026534808] /run/docker/netns/1788b7c73cd2 rw shared:302 - nsfs nsfs rw\n"
        r"1032 504 0:4 net:[4026534808] /run/netns/a\040b rw shared:303 - nsfs nsfs rw" + "\n"
    )
    assert namespaces.mounted(str(mountinfo)) == {4026534808: ["/run/docker/netns/1788b7c73cd2", "/run/netns/a b"]}


def test_a_listening_socket_and_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        found = {(one.protocol, one.address, one.port): one.inode for one in processes.listeners(os.getpid())}
        keys = [("tcp", *server.getsockname()), ("udp", *bound.getsockname())]
        inodes = {found[key] for key in keys}
        shown = socket_diag.listeners()
        assert shown is None or {one for one in shown if one.inode in inodes} == {
            one for one in processes.listeners(os.getpid()) if one.inode in inodes
        }
        assert processes.owners([os.getpid()], inodes) == (dict.fromkeys(inodes, os.getpid()), True)


def test_a_process_counts_only_for_its_own_container() -> None:
    assert processes.is_container(os.getpid(), "f" * 64) is None
    assert processes.is_container(2**22 + 1, ID) is None
    (own,) = [process for process in processes.scan() if process.pid == os.getpid()]
    assert own.namespace == namespaces.inode_of("/proc/self/ns/net")


def test_cgroup_of_version_2(tmp_path: pathlib.Path) -> None:
    path = f"/system.slice/docker-{ID}.scope"
    folder = tmp_path / path.lstrip("/")
    folder.mkdir(parents=True)
    files = {
        **{"memory.max": "536870912", "memory.current": "1048576", "cpu.max": "150000 100000", "pids.max": "max"},
        **{"cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "pids.current": "3", "io.max": "8:0 rbps=max wbps=1048576"},
        "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n",
    }
    for name, content in files.items():
        (folder / name).write_text(content + "\n")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"24 1 0:22 / {tmp_path} rw shared:4 - cgroup2 cgroup2 rw\n")
    found, unknown = cgroups.usage(cgroups.Hierarchies(str(mountinfo)), f"0::{path}\n", ID)
    assert found == {
        "path": path,
        "version": 2,
        "memory": {"limit": 536870912, "used": 1048576},
        "cpu": {"limit": 1.5, "used": 2.5},
        "pids": {"limit": None, "used": 3},
        "io": {
            "limits": [{"device": "8:0", "write_bytes_per_second": 1048576}],
            "used": [{"device": "8:0", "read_bytes": 4096, "write_bytes": 8192}],
        },
    }
    assert unknown == []
    (folder / "memory.current").unlink()
    found, unknown = cgroups.usage(cgroups.Hierarchies(str(mountinfo)), f"0::{path}\n", ID)
    assert found["memory"] == {"limit": None, "used": None}
    assert [one["field"] for one in unknown] == ["cgroup.memory"]


# Where both versions are mounted, runc puts the container into both.
@pytest.mark.parametrize("second", ["/", f"/outer/docker/{ID}"])
def test_cgroup_of_version_1(tmp_path: pathlib.Path, second: str) -> None:
    files = {
        "memory/memory.limit_in_bytes": "9223372036854771712",
        "memory/memory.usage_in_bytes": "4096",
        "cpu,cpuacct/cpuacct.usage": "3000000000",
        "cpu,cpuacct/cpu.cfs_quota_us": "50000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "pids/pids.max": "100",
        "pids/pids.current": "2",
        "blkio/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\nTotal 30",
        "blkio/blkio.throttle.read_bps_device": "8:0 1000",
    }
    lines, mounts = [], []
    for number, controllers in enumerate(("memory", "cpu,cpuacct", "pids", "blkio"), 1):
        (tmp_path / controllers / "docker" / ID).mkdir(parents=True)
        lines.append(f"{number}:{controllers}:/outer/docker/{ID}")
        # As in a container that sees its own part of the tree.
        mounts.append(f"{number} 1 0:2{number} /outer {tmp_path}/{controllers} rw - cgroup cgroup rw,{controllers}")
    for name, content in files.items():
        controllers, _slash, file = name.partition("/")
        (tmp_path / controllers / "docker" / ID / file).write_text(content + "\n")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("\n".join(mounts) + "\n")
    text = "\n".join([*lines, f"0::{second}"])
    found, unknown = cgroups.usage(cgroups.Hierarchies(str(mountinfo)), text, ID)
    assert (found["version"], found["path"], unknown) == (1, f"/outer/docker/{ID}", [])
    assert found["memory"] == {"limit": None, "used": 4096}
    assert found["cpu"] == {"limit": 0.5, "used": 3.0}
    assert found["pids"] == {"limit": 100, "used": 2}
    assert found["io"] == {
        "limits": [{"device": "8:0", "read_bytes_per_second": 1000}],
        "used": [{"device": "8:0", "read_bytes": 10, "write_bytes": 20}],
    }


def test_links_and_why_they_are_stale(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns_links, "FOLDER", str(tmp_path))
    monkeypatch.setattr(netns_links, "RECORD", str(tmp_path / "nosuch"))
    (tmp_path / "killed").touch()
    (tmp_path / "young").touch()
    os.utime(tmp_path / "killed", (0, 0))
    (tmp_path / "text").write_text("mine")
    (tmp_path / "dangling").symlink_to("/proc/0/ns/net")
    (tmp_path / "own").symlink_to("/proc/self/ns/net")
    found = {link.name: link for link in netns_links.links()}
    kinds = {"killed": "plain", "young": "plain", "text": "other", "dangling": "dangling", "own": "namespace"}
    assert {name: link.kind for name, link in found.items()} == kinds
    assert {name for name, link in found.items() if netns_links.reason(link, set())} == {"killed", "dangling"}
    assert found["own"].inode == namespaces.inode_of("/proc/self/ns/net")
    made = netns_links.NetnsLink("web", "namespace", 7, ID)
    assert netns_links.reason(made, {7}) is None
    assert netns_links.reason(made, {8}) == "leads to a namespace that no container has any more"
    netns_links.remove(found["killed"])
    assert "killed" not in os.listdir(tmp_path)
