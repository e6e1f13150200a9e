# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other engines beside this one, engines without root, Swarm, and containers whose process can't be seen."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pathlib
import socket
import subprocess
import time
from typing import Any, cast

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology import (
    host,
    namespaces,
    ports,
    processes,
    survey,
)
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.containers import Reader
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.engine_view import EngineView
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.netlink import Address, Link
from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.visit import Host, Visit
from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Visitor
from ansible_collections.dockyard.ops.plugins.module_utils._host.processes import started_at

ID, OTHER = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "0b" * 32
NOBODY = 2**22 + 1  # above the largest number that a process may have


@pytest.mark.parametrize(
    ("path", "own", "foreign"),
    [
        (f"/system.slice/docker-{ID}.scope", (ID,), None),
        (f"/docker/{ID}", (ID,), None),
        (f"/parent.slice/docker-{ID}.scope/init.scope", (ID,), None),
        (f"/docker/{OTHER}/docker/{ID}", (OTHER, ID), None),
        (f"/machine.slice/libpod-{ID}.scope/container", (), ("libpod", ID)),
        (f"/machine.slice/libpod-conmon-{ID}.scope", (), None),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", (), ("cri-containerd", ID)),
        (f"/docker/{OTHER}/machine.slice/libpod-{ID}.scope/container", (OTHER,), ("libpod", ID)),
        ("/user.slice/user-1000.slice/session-3.scope", (), None),
        (f"/docker/{ID}0", (), None),
    ],
)
def test_whose_container_a_cgroup_is(path: str, own: tuple[str, ...], foreign: tuple[str, str] | None) -> None:
    assert processes.in_cgroup(f"2:cpu:/\n0::{path}\n") == (own, foreign)


def test_a_container_in_no_cgroup_of_its_own_is_known_by_its_shim() -> None:
    if processes.containers_of(os.getpid()):
        pytest.skip("These tests run in a container themselves, whose cgroup is named.")
    script = "sleep 60 & echo $!; wait"
    shim = ["sh", "-c", script, "shim", "-namespace", "moby", "-id", ID, "-address", "/run/containerd.sock"]
    with subprocess.Popen(shim, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            started = started_at(child)
            assert started is not None
            assert processes.is_container(child, ID) == started
            assert processes.is_container(child, OTHER) is None
            assert not processes.is_of_another(child)
            assert processes.descends(child, parent.pid) and processes.descends(child, os.getpid())
            assert not processes.descends(parent.pid, child)
        finally:
            os.kill(child, 9)
    assert processes.parent_of(NOBODY) is None


def test_a_process_of_containerd_for_another_program() -> None:
    shim = ["sh", "-c", "sleep 60 & echo $!; wait", "shim", "-namespace", "k8s.io", "-id", ID, "-address", "/x"]
    with subprocess.Popen(shim, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert processes.is_of_another(child)
        finally:
            os.kill(child, 9)


@pytest.mark.parametrize(
    ("path", "sandbox", "overlay"),
    [
        ("/run/docker/netns/031b2923869f", True, False),
        ("/run/docker/netns/1-dclvyjmp0d", False, True),
        ("/run/docker/netns/ingress_sbox", False, False),
        ("/run/docker/netns/lb_dclvyjmp0", False, False),
        ("/run/docker/netns/default", False, False),
        ("/run/netns/031b2923869f", False, False),
    ],
)
def test_what_the_engine_has_mounted(path: str, sandbox: bool, overlay: bool) -> None:
    """The link of Swarm's ingress is on a bridge and belongs to no container: it is no stray."""
    assert (namespaces.is_sandbox(path), namespaces.is_overlay(path)) == (sandbox, overlay)


class Engine:
    """An engine that says of its one container what it was made with."""

    def __init__(self, details: dict[str, Any]) -> None:
        self.details = details

    def ask(self, _method: str, _path: str) -> tuple[int, dict[str, Any]]:
        return 200, self.details


def details(**more: Any) -> dict[str, Any]:
    state = {"Status": "running", "Running": True, "Pid": NOBODY, "StartedAt": "2026-11-29T06:00:00Z"}
    return {"Id": ID, "Name": "/web", "State": state, **more}


def reader(answer: dict[str, Any], home: Host) -> Reader:
    view = EngineView("/nosuch.sock", cast(EngineApi, Engine(answer)), listed={ID: {"Id": ID, "Names": ["/web"]}})
    return Reader(view, home, True)


def test_a_container_whose_process_can_not_be_seen_is_there_and_says_so() -> None:
    with Visitor() as visitor, Host(visitor) as home:
        one = reader(details(), home)
        assert one.read(ID) is None and list(one.hidden) == [ID]  # the engine may not have noticed its end
        seen = one.read(ID)
        assert seen is not None and (seen.row["state"], seen.row["pid"]) == ("running", None)
        unknown = {entry["field"]: entry["reason"] for entry in seen.row["unknown"]}
        assert {"pid", "namespace.inode", "isolation", "endpoints.peer", "cgroup", "listeners"} <= set(unknown)
        assert unknown["pid"] == (
            f"The engine names the process {NOBODY}, and that is not one of this container where this module looks; run"
            " it as root (become: true), and in the host's own pid namespace."
        )


def test_a_container_that_has_started_again_in_between_is_left_out() -> None:
    with Visitor() as visitor, Host(visitor) as home:
        answer = details()
        one = reader(answer, home)
        assert one.read(ID) is None
        answer["State"]["StartedAt"] = "2026-11-29T06:00:07Z"
        assert one.read(ID) is None


@pytest.mark.parametrize(
    ("mode", "networks", "shown"),
    [
        ("default", {}, "bridge"),
        ("bridge", {"bridge": {}}, "bridge"),
        ("bridge", {"ingress": {}, "mesh": {}}, "mesh"),
        ("default", {"ingress": {}}, "ingress"),
        (None, {}, None),
    ],
)
def test_the_network_of_a_task_of_swarm(mode: str | None, networks: dict[str, Any], shown: str | None) -> None:
    with Visitor() as visitor, Host(visitor) as home:
        answer = details(HostConfig={"NetworkMode": mode}, NetworkSettings={"Networks": networks})
        answer["State"] = {"Status": "exited"}
        seen = reader(answer, home).read(ID)
        assert seen is not None and seen.row["network_mode"] == shown
        marked = [entry["reason"] for entry in seen.row["unknown"] if entry["field"] == "ports"]
        assert bool(marked) == ("ingress" in networks)
        assert all(reason.startswith("The container is of a service, whose ports Swarm publishes") for reason in marked)


def test_an_engine_without_root_is_not_mixed_up_with_the_host() -> None:
    view = EngineView("/nosuch.sock", info={"SecurityOptions": ["name=seccomp", "name=rootless"]})
    assert view.hidden.startswith(
        "The engine runs without root, and has its bridges and rules in a namespace of its own"
    )
    view.process = 77
    assert (view.hidden, view.namespace) == ("", "/proc/77/ns/net")
    with Visitor() as visitor, Host(visitor, True, blind=True) as blind:
        assert (blind.links, blind.addresses(), blind.routes(), blind.listeners()) == ({}, [], [], None)


def test_a_host_in_another_namespace_is_read_there() -> None:
    with Visitor() as visitor, Host(visitor, path="/proc/self/ns/net") as home:
        assert home.links[1].name == "lo" and home.inode == namespaces.inode_of("/proc/self/ns/net")


def test_a_child_that_the_engine_has_just_forked_is_not_the_engine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = os.fork()
        if child == 0:  # it has all that its parent has open, and its name
            time.sleep(60)
            os._exit(0)
        try:
            table = [processes.Process(pid, "dockerd", 1, ()) for pid in (os.getpid(), child)]
            sockets = ports.Listeners(table, {})._engine_sockets()
            assert sockets[os.fstat(server.fileno()).st_ino] == os.getpid()
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def test_what_was_mounted_a_moment_ago_is_a_plain_file_now(tmp_path: pathlib.Path) -> None:
    """The engine unmounts a namespace before it removes the file, and the kernel refuses a file that is none."""
    (tmp_path / "031b2923869f").touch()
    paths = [str(tmp_path / "031b2923869f"), str(tmp_path / "nosuch"), "/proc/self/ns/net"]
    with Visitor() as visitor, Host(visitor) as home:
        assert survey._numbers(home, paths) == survey._numbers(home, paths[2:])


def link(index: int, name: str, kind: str, master: int | None = None) -> Link:
    return Link(index, name, kind, 1500, "", True, None, None, master, {})


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan"])
def test_the_device_below_an_interface(kind: str) -> None:
    with Visitor() as visitor, Host(visitor) as home:
        inside = Visit(1, [], [], [], nsid=2, home=3)
        above = dataclasses.replace(link(9, "eth0", kind), link=1, nsid=3)
        assert home.parent(inside, above) == home.links[1]
        # The index is one of another namespace.
        assert home.parent(inside, dataclasses.replace(above, nsid=4)) is None
        assert home.parent(inside, dataclasses.replace(above, kind="vlan")) is None


def test_bridges_of_others_are_no_uplinks() -> None:
    links = [link(2, "eth0", ""), link(3, "podman1", "bridge"), link(4, "veth0", "veth", 3), link(5, "br0", "bridge")]
    links += [link(6, "eth1", "", 5), link(7, "virbr0", "bridge"), link(8, "tap0", "tun", 7)]
    addresses = [
        Address(one.index, ipaddress.ip_interface(f"192.0.{one.index}.1/24")) for one in links if one.master is None
    ]
    found = host.uplinks(EngineView("/nosuch.sock"), {one.index: one for one in links}, addresses, [])
    assert [one["name"] for one in found] == ["br0", "eth0"]
