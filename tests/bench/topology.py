# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_topology_info for 100 containers in one call against one docker_container_info for each of them.

Then the same module for 500 containers against five times that of 100, and what it does in its own process against the
plain cost of reading the same from the engine, netlink and /proc, without making anything of it. These two are in
processor time. And the page that network_report makes of 100 containers: its size, and how long a browser takes until
it is painted.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import topology_page

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = "dockyard-bench-topology"
FEW, MANY = 100, 500
NETWORKS = 5
IMAGE = "dockyard-bench/tools:1"
READ = "/root/bench/read.py"
Row = dict[str, object]

OURS = [{"name": "Read how the host is wired", "dockyard.ops.docker_topology_info": {}, "no_log": True}]


def theirs(containers: int) -> list[dict[str, object]]:
    return [
        {
            "name": "Read each container",
            "community.docker.docker_container_info": {"name": "{{ item }}"},
            "loop": [f"c{number}" for number in range(containers)],
            "no_log": True,
        }
    ]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"docker {' '.join(arguments)[:200]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def on_host(command: str) -> str:
    return docker("exec", hosts.container(HOST), "sh", "-c", command)


def prepare() -> None:
    """Make the image and the networks, and put the module's backend there."""
    script = ROOT / "tests/integration/targets/setup_docker_engine/files/make_image.sh"
    docker("cp", str(script), f"{hosts.container(HOST)}:/root/make_image.sh")
    on_host(f"sh /root/make_image.sh {IMAGE}")
    for number in range(NETWORKS):
        on_host(f"docker network create --subnet 10.9{number}.0.0/16 net{number}")
    target = "/root/bench/ansible_collections/dockyard/ops/plugins"
    on_host(f"mkdir -p {target}")
    docker("cp", str(ROOT / "plugins" / "module_utils"), f"{hosts.container(HOST)}:{target}/module_utils")
    docker("cp", str(ROOT / "tests" / "bench" / "topology_read.py"), f"{hosts.container(HOST)}:{READ}")


def start(first: int, end: int) -> None:
    """Start containers."""
    on_host(
        f"seq {first} {end - 1} | xargs -P 4 -I N sh -c "
        f"'docker run --detach --name cN --network net$((N % {NETWORKS})) {IMAGE} sleep 100000 >/dev/null'"
    )


def play(folder: pathlib.Path, tasks: list[dict[str, object]]) -> float:
    """Return the seconds of one run of ansible-playbook. End the measurement if it did not do what it should."""
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    begin = time.monotonic()
    done = ansible_playbook(str(playbook), {})
    seconds = time.monotonic() - begin
    print(f"  {len(tasks)} tasks: {seconds:.1f} s", file=sys.stderr, flush=True)
    recap = re.search(rf"^{hosts.container(HOST)} +: ok=(\d+)", done, re.MULTILINE)
    if tasks and (recap is None or int(recap[1]) != len(tasks)):
        sys.exit(f"The measured run did not do its work:\n{done[-2000:]}")
    return seconds


def ansible_playbook(playbook: str, values: dict[str, Any]) -> str:
    """Return what a run that succeeds prints."""
    values = {"ansible_python_interpreter": "/usr/bin/python3", **values}
    command = ["ansible-playbook", "-i", f"{hosts.container(HOST)},", "-c", "community.docker.docker"]
    command += ["-e", json.dumps(values), playbook]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit(f"The measured run failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def report(folder: pathlib.Path) -> pathlib.Path:
    """Return the page that network_report makes of the host."""
    values = {"dockyard_hosts": "all", "network_report_folder": str(folder), "ansible_become": False}
    ansible_playbook("dockyard.ops.network_report", {**values, "dockyard_network_report_fail": True})
    return folder / "hosts" / f"{hosts.container(HOST)}.html"


def inside(containers: int) -> tuple[float, float]:
    """Return the seconds of the module's own work, and of reading alone."""
    answer = json.loads(on_host(f"cd /root/bench && PYTHONPATH=/root/bench python3 {READ}"))
    if answer["containers"] != containers:
        sys.exit(f"The module has read {answer['containers']} containers, and there are {containers}.")
    print(
        f"  {containers} containers: {answer['survey']:.2f} s, reading alone {answer['plain']:.2f} s", file=sys.stderr
    )
    return answer["survey"], answer["plain"]


def measure(folder: pathlib.Path) -> list[Row]:
    prepare()
    start(0, FEW)
    begin = min(play(folder, []) for _try in range(2))
    ours = min(play(folder, OURS) for _try in range(2)) - begin
    each = play(folder, theirs(FEW)) - begin
    survey_few, plain_few = inside(FEW)
    page = report(folder)
    start(FEW, MANY)
    survey_many, _plain = inside(MANY)
    return [
        {
            "subject": f"docker_topology_info, {FEW} containers, the task alone",
            "ours_seconds": ours,
            "peer": f"one docker_container_info for each of {FEW} containers",
            "peer_seconds": each,
            "ratio": each / ours,
            "wanted": "20 times faster",
            "held": each / ours >= 20,
        },
        {
            "subject": f"docker_topology_info, {MANY} containers, processor time",
            "ours_seconds": survey_many,
            "peer": f"the same for {FEW} containers, times {MANY // FEW}",
            "peer_seconds": survey_few * MANY / FEW,
            "ratio": survey_few * MANY / FEW / survey_many,
            "wanted": "linear: at least 0.8",
            "held": survey_few * MANY / FEW / survey_many >= 0.8,
        },
        {
            "subject": f"docker_topology_info, {FEW} containers, processor time",
            "ours_seconds": survey_few,
            "peer": "reading the same from the engine, netlink and /proc, and nothing else",
            "peer_seconds": plain_few,
            "ratio": plain_few / survey_few,
            "wanted": "at most twice as long: at least 0.5",
            "held": plain_few / survey_few >= 0.5,
        },
        *topology_page.rows(page, FEW),
    ]


def rows() -> list[Row]:
    hosts.up(HOST, "trixie", "engine", None, [])
    try:
        with tempfile.TemporaryDirectory() as name:
            return measure(pathlib.Path(name))
    finally:
        hosts.down([HOST])


if __name__ == "__main__":
    for each in rows():
        print(json.dumps(each))
