# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers come and go, twenty a second, while the host is read: no failure, and no row of two instances."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import time

from wiring.host import BACKEND, IMAGE, SCRIPTS, Host, Row

# The engine's data in memory: on a disk, most of the time of a start is that of the disk.
_PREPARE = f"""
set -eu
systemctl stop docker.socket docker.service containerd.service 2>/dev/null || :
for folder in /var/lib/docker /var/lib/containerd; do mount -t tmpfs tmpfs $folder; done
cat >/etc/docker/daemon.json <<'END'
{{"exec-opts": ["native.cgroupdriver=cgroupfs"], "runtimes": {{"crun": {{"path": "{SCRIPTS}/crun.sh"}}}}}}
END
mkdir -p /run/systemd/system/containerd.service.d
printf '[Service]\nEnvironment=GOGC=400\n' >/run/systemd/system/containerd.service.d/fast.conf
systemctl daemon-reload
systemctl reset-failed
systemctl start containerd.service docker.service
"""
_RESTORE = """
systemctl stop docker.socket docker.service containerd.service 2>/dev/null
rm -rf /etc/docker/daemon.json /run/systemd/system/containerd.service.d
systemctl daemon-reload
umount /var/lib/docker /var/lib/containerd
systemctl start containerd.service docker.service
"""
_START = """
set -eu
run() { name=$1; shift; docker run --detach --name "$name" "$@" >/dev/null; }
for number in 1 2 3 4 5; do docker network create --subnet 10.81.$number.0/24 net$number >/dev/null; done
docker network create --opt com.docker.network.bridge.enable_icc=false --subnet 10.84.0.0/24 apart >/dev/null
run anchor --network net3 IMAGE sleep 100000
ANCHORS
run stays1 --network net1 --publish 8080:80 --memory 64m IMAGE sleep 100000
docker network connect net2 stays1
run stays2 --network net2 IMAGE sleep 100000
run stays3 --network container:stays1 IMAGE sleep 100000
run stays4 --network host IMAGE sleep 100000
run stays5 --network none IMAGE sleep 100000
run stays6 --network apart IMAGE sleep 100000
"""
# A shim does one thing after the other, and lives as long as the first container of its group.
_GROUPS = 4
_ANCHOR = (
    "run anchor{number} --runtime {runtime} --annotation io.containerd.runc.v2.group=churn{number} --network none IMAGE"
    " sleep 100000"
)
STABLE = tuple(f"stays{number}" for number in range(1, 7))
_MODULE_EVERY = 12  # seconds
_FREE = 0.15
_LATE = 3  # seconds, after which what was started first is removed


@dataclasses.dataclass(frozen=True)
class Load:
    """How many containers a second, for how long. runtime: the engine's own if it is empty."""

    rate: float
    seconds: float
    runtime: str


def churn(host: Host, load: Load) -> tuple[str, list[str]]:
    if load.runtime:
        host.install(load.runtime)
        host.must(_PREPARE)
    host.engine_answers()
    host.empty()
    try:
        groups = range(_GROUPS if load.runtime else 0)
        anchors = "\n".join(_ANCHOR.format(number=number, runtime=load.runtime) for number in groups)
        host.must(_START.replace("ANCHORS", anchors).replace("IMAGE", IMAGE))
        return _judge(host, load)
    finally:
        host.empty()
        if load.runtime:
            host.run(_RESTORE)
            host.engine_answers()


def _judge(host: Host, load: Load) -> tuple[str, list[str]]:
    words = [IMAGE, str(load.seconds), "--rate", str(load.rate), "--record", "/root/record.json"]
    words += ["--joined", "anchor", "--runtime", load.runtime, "--groups", str(_GROUPS)] if load.runtime else []
    running = _background(host, f"python3 {SCRIPTS}/churn.py {shlex.join(words)}")
    watch = f"PYTHONPATH={BACKEND} python3 {SCRIPTS}/watch.py {load.seconds} {' '.join(STABLE)}"
    watching = _background(host, watch)
    broken: list[str] = []
    modules = 0
    while running.poll() is None:
        answer = host.module("docker_topology_info", False)
        modules += 1
        if answer.get("failed"):
            broken.append(f"the module failed: {answer.get('msg')} {answer.get('traceback', '')}")
        time.sleep(_MODULE_EVERY if load.seconds > _MODULE_EVERY else 1)
    made, seen = _answer(running), _answer(watching)
    record: list[Row] = json.loads(host.must("cat /root/record.json"))
    rows = [row for row in seen["rows"] if row["pid"] is not None]
    broken += [f"a reading failed: {error}" for error in seen["errors"][:3]]
    broken += [f"the load failed: {error}" for error in made["errors"][:3]]
    broken += list(dict.fromkeys(seen["differences"]))[:5]
    broken += [f"a finding that is none: {one['message']}" for one in seen["findings"]][:5]
    broken += [f"a veth that is said to belong to none: {one['name']}" for one in seen["strays"]][:5]
    broken += mixed(rows, record)[:8]
    rate = made["in_time"] / load.seconds
    slow = rate < load.rate - _LATE / load.seconds * load.rate
    if slow and made["free"] > _FREE:
        broken.append(f"{rate:.1f} a second only, and {made['free']:.0%} of the processors were free")
    limit = f" (all that {made['processors']} processors gave, {made['free']:.0%} of them free)" if slow else ""
    wired = sum(any(one["veth"] for one in row["endpoints"]) for row in rows)
    return (
        f"{rate:.1f} a second started and removed{limit}, {load.seconds:.0f} s ({made['bridged']} starts on bridges),"
        f" {seen['readings']} readings of at most {seen['longest']:.1f} s and {modules} runs of the module,"
        f" {len(rows)} rows of containers that came and went ({wired} with a veth)"
    ), broken


def mixed(rows: list[Row], record: list[Row]) -> list[str]:
    """Return what is not of one start of one container. record: of each start, as another reader has seen it."""
    starts: dict[str, list[Row]] = {}
    for one in record:
        starts.setdefault(one["id"], []).append(one)
    found = []
    for row in rows:
        name = row["name"]
        same = [one for one in starts.get(row["id"], []) if one["pid"] == row["pid"]]
        if not same:
            # It had started, and was not yet noted, when it ended.
            if row["id"] in starts:
                found.append(f"{name}: process {row['pid']} is none of its starts {starts[row['id']]}")
            continue
        start = same[0]
        if start["name"] != name or start["inode"] != row["inode"]:
            found.append(f"{name}: namespace {row['inode']}, and it has {start['inode']} ({start['name']})")
        found += _endpoints(row, start)
    return found


def _endpoints(row: Row, start: Row) -> list[str]:
    _word, network, address, _number = row["name"].split("-")
    if network == "0":
        wrong = row["endpoints"] != [] or row["network_mode"] != "container:anchor"
        return [f"{row['name']}: {row['network_mode']}, {row['endpoints']}"] if wrong else []
    if len(row["endpoints"]) != 1:
        return [f"{row['name']}: {len(row['endpoints'])} endpoints"]
    (endpoint,) = row["endpoints"]
    if endpoint["interface"] is None:
        said = any(field.startswith("endpoints.interface") for field in row["unknown"])
        return [] if said else [f"{row['name']}: no interface, and no reason"]
    wanted = (f"net{network}", f"10.81.{network}.{address}/24", start["mac"])
    found = []
    if (endpoint["network"], endpoint["ipv4"], endpoint["mac"]) != wanted:
        found.append(f"{row['name']}: {endpoint} and not {wanted}")
    if start["veth"] is not None and endpoint["veth"] not in (None, start["veth"]):
        found.append(f"{row['name']}: {endpoint['veth']}, and its packets come in on {start['veth']}")
    if endpoint["veth"] is None:
        found.append(f"{row['name']}: an interface without a veth")
    return found


def _background(host: Host, command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["docker", "exec", host.container, "sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answer(process: subprocess.Popen[str]) -> Row:
    stdout, stderr = process.communicate(timeout=300)
    if process.returncode != 0:
        raise RuntimeError(stderr[-600:])
    found: Row = json.loads(stdout)
    return found
