# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of network reports: a host with 30 containers on five networks, and the report on how they are wired.

The host is disposable (tests/hosts) and is given its containers by files/shop.sh, which also breaks three things. The
report is made as on real servers, by playbooks/network_report.yml. Run again, it takes the host that is there.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import demo

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = hosts.DEMO_TOPOLOGY
NAME = "shop.dockyard.test"
INVENTORY = demo.FOLDER / "topology.json"
REPORT = demo.FOLDER / "network_report"
NEXT = """
The report:
  {report}/index.html
  {report}/hosts/{host}.html
What to type next:
  {engine}docker exec -it {container} bash
      look around on the host: `docker stop cache-1`, `ip link`, whatever changes the wiring
  cp -r {report} {report}_before && make demo NAME=topology BASELINE={report}_before
      see what has changed since
  make demo-clean
      remove the host, its images and the engine that it ran on
On your own servers: ansible-playbook -i inventory.yml dockyard.ops.network_report"""


def prepare_host() -> None:
    if hosts.docker("ps", "--quiet", "--filter", f"name=^{hosts.container(HOST)}$"):
        demo.say(f"The host {NAME} of an earlier demo is there; it is used again")
        return
    demo.say(f"A Debian host with Docker, {NAME}: 30 containers on five networks, and three things that went wrong")
    hosts.up(HOST, "trixie", "engine", NAME, [])
    script = (HERE / "files" / "shop.sh").read_bytes()
    done = subprocess.run(["docker", "exec", "-i", hosts.container(HOST), "sh", "-s"], input=script, check=False)
    if done.returncode != 0:
        hosts.down([HOST])  # half a shop would be taken for a whole one by the next run
        sys.exit("The demo failed: the host's containers could not be made; the message is above.")


def write_inventory() -> None:
    connection = {"ansible_connection": "community.docker.docker", "ansible_docker_host": hosts.container(HOST)}
    settings = {**connection, "ansible_user": "root", "ansible_become": False}
    settings["ansible_python_interpreter"] = "/usr/bin/python3"
    demo.FOLDER.mkdir(parents=True, exist_ok=True)
    INVENTORY.write_text(json.dumps({"docker_hosts": {"hosts": {NAME: settings}}}, indent=2) + "\n")


def report(baseline: str) -> int:
    """Write the report, show the playbook's output, and return how many tasks changed something."""
    words = [f"network_report_folder={REPORT}", *([f"network_report_baseline={baseline}"] if baseline else [])]
    command = ["ansible-playbook", "-i", str(INVENTORY), "dockyard.ops.network_report"]
    command += [word for value in words for word in ("-e", value)]
    return demo.play(command, " ".join(command), NAME)


def prove() -> None:
    """Hold what the report says against what was made."""
    topology = json.loads((REPORT / "hosts" / f"{NAME}.json").read_text())["topology"]
    found = {one["kind"] for one in topology["findings"]}
    missing = {"icc_not_in_force", "masquerade_missing", "stray_veth"} - found
    if len(topology["containers"]) != 30 or missing:
        sys.exit(f"The demo failed: {len(topology['containers'])} of 30 containers, and not found: {sorted(missing)}.")
    demo.say("What the report found")
    for one in topology["findings"]:
        print(f"  {one['severity']}: {one['message']}")


def main() -> None:
    baseline = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else ""
    prepare_host()
    write_inventory()
    demo.say("The report")
    report(baseline)
    prove()
    demo.say("Run again, nothing changes")
    changed = report(baseline)
    if changed:
        sys.exit(f"The demo failed: a run that had nothing to do changed {changed} things.")
    print(
        NEXT.format(
            report=REPORT.relative_to(demo.ROOT),
            host=NAME,
            engine=demo.engine_address(),
            container=hosts.container(HOST),
        )
    )


if __name__ == "__main__":
    main()
