# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of a Swarm: Traefik, Portainer, a registry and a service on three hosts; an update, and one that fails.

The hosts are disposable (tests/hosts) and get what a registry of images has elsewhere; in place of Portainer, whose
image can't be had there, is a stand-in (tests/standins/portainer). All else is real, and is deployed as on real
servers, by playbooks/traefik_stack.yml. Run again, it takes the hosts that are there.
"""

from __future__ import annotations

import json
import pathlib
import shlex
import subprocess
import sys
from typing import Any

import demo

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "hosts"), str(HERE.parent / "faults")]

import hosts  # noqa: E402  found through the path set above
from stack_cluster import CA, HELLO, HOST, REGISTRY, Cluster  # noqa: E402  found through the path set above

INVENTORY = demo.FOLDER / "stack.json"
PLAYBOOK = ["ansible-playbook", "-i", str(INVENTORY), "dockyard.ops.traefik_stack"]
SHOWN = "ansible-playbook -i stack.json dockyard.ops.traefik_stack"
NEXT = """
What answers, on each of the three hosts (the CA is {ca} on the first one):
{addresses}
What to type next:
  {engine}docker exec -it {host} bash
      look around on the first host: `docker service ls`, `docker node ls`
  $EDITOR {inventory} && make demo NAME=stack
      change the stack, and see what changes
  make demo-clean
      remove the hosts, their images and the engine that they ran on
On your own servers: ansible-playbook -i inventory.yml dockyard.ops.traefik_stack, see the guide of the stack."""


def prepare(cluster: Cluster) -> None:
    names = [node.container for node in cluster.nodes]
    running = hosts.docker("ps", "--format", "{{.Names}}").split()
    if all(name in running for name in names):
        demo.say("The three hosts of an earlier demo are there; they are used again")
        return
    demo.say("Three Debian hosts with Docker, and the images that a registry has elsewhere (some minutes)")
    cluster.up()


def write_inventory(cluster: Cluster) -> None:
    """Write the inventory, unless there is one: what was changed in it stays."""
    demo.FOLDER.mkdir(parents=True, exist_ok=True)
    if not INVENTORY.exists():
        INVENTORY.touch(mode=0o600)
        INVENTORY.write_text(json.dumps(cluster.inventory(), indent=2) + "\n")


def curl(cluster: Cluster, number: int, name: str, path: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask through Traefik on one of the hosts, and show the command."""
    address = cluster.address(cluster.nodes[number])
    words = ["curl", "--silent", "--show-error", "--cacert", CA, "--resolve", f"{name}:443:{address}", *options]
    return demo.on_host(*words, f"https://{name}{path}", host=cluster.first.name, prompt=HOST)


def log_in(cluster: Cluster) -> None:
    demo.say("A user logs in to Portainer, through Traefik on the second host")
    login = json.dumps({"Username": "admin", "Password": cluster.declared["traefik_stack_portainer_password"]})
    headers = ["-H", "Content-Type: application/json", "-H", f"Origin: https://{HOST}"]
    done = curl(cluster, 1, HOST, "/portainer/api/auth", "--fail", *headers, "--data", login)
    if "jwt" not in demo.must(done, "the login to Portainer"):
        sys.exit("The demo failed: the login gave no token.")
    demo.say("And to the registry, through Traefik on the third one")
    user = cluster.declared["traefik_stack_registry_users"][0]
    demo.must(
        curl(cluster, 2, REGISTRY, "/v2/", "--fail", "--user", f"{user['name']}:{user['password']}"),
        "the login to the registry",
    )


def answers(cluster: Cluster) -> None:
    for number in range(len(cluster.nodes)):
        demo.must(
            curl(cluster, number, HOST, "/hello/", "--fail", "--output", "/dev/null", "--write-out", "%{http_code}\\n"),
            "a service, asked through a host",
        )


def changed_service(**changes: Any) -> list[str]:
    """Return the words of the command line with which the service differs from the inventory."""
    return ["-e", json.dumps({"traefik_stack_services": [{**HELLO, **changes}]})]


def fail_an_update(cluster: Cluster) -> None:
    words = changed_service(command=["--unknown"])
    print(f"$ {SHOWN} {shlex.join(words)}", flush=True)
    done = subprocess.run([*PLAYBOOK, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    said = [line for line in done.stdout.splitlines() if "rolled edge_hello back" in line or "FAILED!" in line]
    print("\n".join(said[-4:]))
    if done.returncode == 0 or not any("rolled edge_hello back" in line for line in said):
        sys.exit(f"The demo failed: the update did not fail as it should.\n{done.stdout[-2000:]}")


def main() -> None:
    cluster = Cluster(hosts.DEMO_STACK, "trixie")
    prepare(cluster)
    write_inventory(cluster)
    demo.say("From three hosts to a Swarm with Traefik, Portainer, a registry and a service")
    demo.play(PLAYBOOK, SHOWN, cluster.first.name)
    log_in(cluster)
    demo.say("The service answers on each host")
    answers(cluster)
    demo.say("An update: two tasks in place of three")
    words = changed_service(replicas=2)
    demo.play([*PLAYBOOK, *words], f"{SHOWN} {shlex.join(words)}", cluster.first.name)
    demo.say("An update that fails: the service does not start with this command")
    fail_an_update(cluster)
    demo.say("What ran before still answers")
    answers(cluster)
    demo.say("Back to the inventory, and run again: nothing changes")
    demo.play(PLAYBOOK, SHOWN, cluster.first.name)
    changed = demo.play(PLAYBOOK, SHOWN, cluster.first.name)
    if changed:
        sys.exit(f"The demo failed: a run that had nothing to do changed {changed} things.")
    lines = [
        f"  {cluster.address(node)}  https://{HOST}/hello/  https://{HOST}/portainer/  https://{REGISTRY}/v2/"
        for node in cluster.nodes
    ]
    print(
        NEXT.format(
            ca=CA,
            addresses="\n".join(lines),
            engine=demo.engine_address(),
            host=cluster.first.container,
            inventory=INVENTORY.relative_to(demo.ROOT),
        )
    )


if __name__ == "__main__":
    main()
