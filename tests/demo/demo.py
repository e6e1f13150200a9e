# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a bare Debian host becomes a registry that is trusted, and proves it.

The host is disposable (tests/hosts): it boots systemd, has Python and nothing else. What happens to it is
what happens to a real server: playbooks/registry_host.yml, with the inventory that README.md shows.
Run again, it takes the host that is there. Its inventory and passwords are in .cache/demo/.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = hosts.DEMO
NAME = "registry.dockyard.test"
REGISTRY = f"{NAME}:5000"
FOLDER = ROOT / ".cache" / "demo"
INVENTORY = FOLDER / "inventory.json"
NEXT = """
What to type next:
  {engine}docker exec -it {host} bash
      look around on the host; `docker ps` there shows the registry
  $EDITOR {inventory} && make demo
      add a user, and see what changes
  make demo-clean
      remove the host, its images and the engine that it ran on
On your own servers: ansible-playbook -i inventory.yml dockyard.ops.registry_host, see README.md."""
PLAYBOOK = ["ansible-playbook", "-i", str(INVENTORY), "dockyard.ops.registry_host"]
SHOWN = f"ansible-playbook -i inventory.json {PLAYBOOK[-1]}"


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def on_host(*command: str, stdin: str = "", host: str = HOST, prompt: str = NAME) -> subprocess.CompletedProcess[str]:
    """Run a command on a host of the demo and show it the way one would have typed it."""
    print(f"{prompt}# {' '.join(command)}", flush=True)
    done = subprocess.run(
        ["docker", "exec", "--interactive", hosts.container(host), *command],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    output = (done.stdout + done.stderr).strip()
    if output:
        print("\n".join(f"    {line}" for line in output.splitlines()), flush=True)
    return done


def must(done: subprocess.CompletedProcess[str], what: str) -> str:
    if done.returncode != 0:
        sys.exit(f"The demo failed: {what}.")
    return done.stdout.strip()


def prepare_host() -> None:
    running = hosts.docker("ps", "--quiet", "--filter", f"name=^{hosts.container(HOST)}$")
    if running:
        say(f"The host {NAME} of an earlier demo is there; it is used again")
        return
    say(f"A bare Debian host, {NAME}: systemd and Python, no Docker")
    hosts.up(HOST, "trixie", "bare", NAME, [])


def inventory_password() -> str:
    """Return Alice's password from the inventory; one that is there is used as it is, with what was added to it."""
    if not INVENTORY.exists():
        write_inventory(secrets.token_urlsafe(18))
    inventory = json.loads(INVENTORY.read_text())
    host = inventory["registry_hosts"]["hosts"][HOST]
    if host.get("ansible_docker_host") != hosts.container(HOST):
        # The clone was moved since, or its hosts had other names then.
        host["ansible_docker_host"] = hosts.container(HOST)
        INVENTORY.write_text(json.dumps(inventory, indent=2) + "\n")
    users = inventory["registry_hosts"]["vars"]["registry_users"]
    return str(next(user["password"] for user in users if user["name"] == "alice"))


def write_inventory(secret: str) -> None:
    """Write the inventory. Ansible reads JSON as well as YAML, and JSON needs no library to write."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    inventory = {
        "registry_hosts": {
            "hosts": {HOST: {"ansible_connection": "community.docker.docker", "ansible_user": "root"}},
            "vars": {
                "ansible_python_interpreter": "/usr/bin/python3",
                "registry_name": NAME,
                "registry_users": [{"name": "alice", "password": secret}],
            },
        }
    }
    INVENTORY.touch(mode=0o600)
    INVENTORY.write_text(json.dumps(inventory, indent=2) + "\n")


def play(command: list[str], shown: str, host: str) -> int:
    """Run a playbook, show its output, and return how many tasks changed something.

    shown: the command as one would type it; host: the name by which the recap has the demo's host.
    """
    begin = time.monotonic()
    print(f"$ {shown}", flush=True)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    changed = None
    for line in process.stdout or ():
        print(line, end="", flush=True)
        recap = re.match(rf"{re.escape(host)} +: .*changed=(\d+)", line)
        changed = int(recap.group(1)) if recap else changed
    if process.wait() != 0 or changed is None:
        sys.exit("The demo failed: the playbook did not succeed; its messages are above.")
    print(f"({time.monotonic() - begin:.0f} seconds)", flush=True)
    return changed


def prove(secret: str) -> None:
    say("A wrong password is refused")
    refused = on_host("docker", "login", "--username", "alice", "--password-stdin", REGISTRY, stdin="not-hers")
    if refused.returncode == 0 or "401" not in refused.stderr + refused.stdout:
        sys.exit("The demo failed: the registry accepted a wrong password, or refused it for another reason.")

    say("The right one is accepted")
    login = on_host("docker", "login", "--username", "alice", "--password-stdin", REGISTRY, stdin=secret)
    must(login, "docker login with the right password")

    say("An image is pushed, forgotten, and pulled back by its digest")
    image = must(on_host("docker", "inspect", "--format", "{{.Config.Image}}", "registry"), "asking for an image")
    reference = f"{REGISTRY}/demo/hello:1"
    must(on_host("docker", "tag", image, reference), "docker tag")
    pushed = must(on_host("docker", "push", reference), "docker push")
    digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
    if digest is None:
        sys.exit("The demo failed: docker push named no digest.")
    must(on_host("docker", "image", "rm", reference), "docker image rm")
    by_digest = f"{REGISTRY}/demo/hello@{digest.group(1)}"
    pulled = must(on_host("docker", "pull", by_digest), "docker pull by digest")
    if digest.group(1) not in pulled:
        sys.exit("The demo failed: what was pulled is not what was pushed.")
    must(on_host("docker", "logout", REGISTRY), "docker logout")


def main() -> None:
    begin = time.monotonic()
    prepare_host()
    secret = inventory_password()
    say("From nothing to a registry")
    changed = play(PLAYBOOK, SHOWN, HOST)
    prove(secret)
    if changed:
        say("Run again, nothing changes")
        changed = play(PLAYBOOK, SHOWN, HOST)
    if changed:
        sys.exit(f"The demo failed: a run that had nothing to do changed {changed} things.")
    say(f"All of it held (changed=0 in the last run). {time.monotonic() - begin:.0f} seconds in all.")
    print(NEXT.format(engine=engine_address(), host=hosts.container(HOST), inventory=INVENTORY.relative_to(ROOT)))


def engine_address() -> str:
    """Return what a docker command starts with to reach the engine of the demo's host."""
    address = os.environ.get("DOCKER_HOST")
    return f"DOCKER_HOST={address} " if address else ""


if __name__ == "__main__":
    main()
