# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of databases: MariaDB and Redis on a disposable host, upgraded under clients that write, with nothing lost.

The host is disposable (tests/hosts). The servers are run, and upgraded, as on real servers, by the playbook
data_services; their images are built from two releases of Debian. Run again, it begins with a new host.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time

import demo

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = hosts.DEMO_DATABASES
NAME = "data.dockyard.test"
INVENTORY = demo.FOLDER / "databases.json"
WRITERS = HERE.parent / "integration" / "targets" / "database_upgrade" / "files"
PASSWORD = "demo-Ahk8ooph"  # of a host that nobody else reaches
SHOP, CACHE = "/root/shop", "/root/cache"
NEXT = """
What to type next:
  {engine}docker exec -it {container} bash
      look around on the host: `docker ps`, `ls /srv/mysql/shop/upgrades`, /etc/ansible/facts.d
  make demo-clean
      remove the host, its images and the engine that it ran on
On your own servers: ansible-playbook -i inventory.yml dockyard.ops.data_services"""


def on_host(script: str) -> str:
    done = subprocess.run(
        ["docker", "exec", "-i", hosts.container(HOST), "bash", "-euo", "pipefail", "-s"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"The demo failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def prepare_host() -> None:
    demo.say(f"A Debian host with Docker, {NAME}")
    hosts.down([HOST])
    hosts.up(HOST, "trixie", "engine", NAME, [])
    for folder in (SHOP, CACHE):
        on_host(f"mkdir -p {folder}")
    for file in WRITERS.iterdir():
        command = ["docker", "exec", "-i", hosts.container(HOST), "sh", "-c", f"cat > /root/{file.name}"]
        subprocess.run(command, input=file.read_bytes(), check=True)
    on_host("chmod 755 /root/*.sh")


def write_inventory() -> None:
    connection = {"ansible_connection": "community.docker.docker", "ansible_docker_host": hosts.container(HOST)}
    settings = {**connection, "ansible_user": "root", "ansible_become": False}
    settings["ansible_python_interpreter"] = "/usr/bin/python3"
    declared = {
        "images_build_mirror": on_host("awk '$1 == \"deb\" {print $2; exit}' /etc/apt/sources.list"),
        "mysql_image_source": "build",
        "mysql_backup_directory": "/srv/backups",
        "mysql_instances": [
            {
                "name": "shop",
                "databases": [{"name": "shop"}],
                "users": [{"name": "shop", "password": PASSWORD, "privileges": {"shop.*": "ALL"}}],
            }
        ],
        "redis_image_source": "build",
        "redis_backup_directory": "/srv/backups",
        "redis_instances": [{"name": "cache", "users": [{"name": "default", "password": PASSWORD}]}],
    }
    demo.FOLDER.mkdir(parents=True, exist_ok=True)
    group = {"hosts": {NAME: settings}, "vars": declared}
    INVENTORY.write_text(json.dumps({"data_hosts": group}, indent=2) + "\n")


def services(*further: str) -> int:
    """Run the playbook, show its output, and return how many tasks changed something."""
    words = [word for value in further for word in ("-e", value)]
    command = ["ansible-playbook", "-i", str(INVENTORY), "dockyard.ops.data_services", *words]
    return demo.play(command, " ".join(command), NAME)


def begin_to_write() -> None:
    on_host(f"""
        image=$(docker inspect --format '{{{{.Config.Image}}}}' shop)
        docker exec shop mariadb --no-defaults -h 127.0.0.1 -u shop -p{PASSWORD} shop \\
            -e 'CREATE TABLE w (n INT PRIMARY KEY)'
        setsid python3 /root/mysql_writer.py 3306 {PASSWORD} {SHOP} $image > /dev/null 2>&1 &
        setsid python3 /root/writer.py 6379 {PASSWORD} {CACHE} > /dev/null 2>&1 &""")
    time.sleep(5)


def acknowledged() -> list[str]:
    return on_host(f"cat {SHOP}/acknowledged; echo; cat {CACHE}/acknowledged").split()


def versions() -> str:
    return (
        on_host("docker inspect --format '{{.Name}} {{.Config.Image}}' shop cache")
        .replace("\n", ", ")
        .replace("/", "", 1)
    )


def main() -> None:
    prepare_host()
    write_inventory()
    demo.say("MariaDB and Redis of Debian 12, with their data on the host")
    services("images_build_suite=bookworm")
    begin_to_write()
    before, was = acknowledged(), versions()
    demo.say("The upgrade to those of Debian 13, under clients that write all the time")
    services("images_build_suite=trixie", "mysql_upgrade=true", "redis_upgrade=true")
    time.sleep(5)
    after = acknowledged()
    lost = [
        on_host(f"/root/mysql_lost.sh shop {PASSWORD} {SHOP}"),
        on_host(f"/root/lost.sh cache {PASSWORD} {CACHE}"),
    ]
    demo.say("What the clients saw")
    print(f"  before: {was}\n  after:  {versions()}")
    for name, then, now, said in zip(("shop", "cache"), before, after, lost):
        print(f"  {name}: {then} writes acknowledged before the upgrade, {now} after it; at the end {said}")
        if not said.endswith(", 0 lost") or int(now) <= int(then):
            sys.exit("The demo failed: a write was lost, or none was made afterwards.")
    demo.say("Run again, nothing changes")
    changed = services("images_build_suite=trixie")
    if changed:
        sys.exit(f"The demo failed: a run that had nothing to do changed {changed} things.")
    print(NEXT.format(engine=demo.engine_address(), container=hosts.container(HOST)))


if __name__ == "__main__":
    main()
