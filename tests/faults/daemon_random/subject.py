# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of daemon.json drawn at random, over hosts drawn from a table: what a host has must stay in sight.

After each change the engine has what it had, or what is out of sight was allowed and is named; containers that are said
to run again do run; and where it is said that nothing was changed, file and engine are the same. A row is one host with
a few changes; its seed is in its name, and `--seed N --only "seed N/EPISODE "` does the same again.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any, Callable

import table
from daemon.host import BASE, Host
from daemon.host import SUITES as ENGINES

from daemon_random import shapes, values

SUITES = DEFAULT = ENGINES
_PER_HOST = 4
_settings = {"seed": 0, "changes": 0}

# Asked by its own means, not by what is tested.
_INVENTORY = r"""
docker info --format '{"driver": "{{.Driver}}", "root": "{{.DockerRootDir}}"}'
echo "$(docker images --no-trunc --quiet | sort --unique | tr '\n' ' ')"
echo "$(docker volume ls --quiet | sort | tr '\n' ' ')"
echo "$(docker network ls --filter type=custom --filter scope=local --format '{{.Name}}' | sort | tr '\n' ' ')"
docker inspect $(docker ps --all --quiet --no-trunc) 2>/dev/null
"""


def draw(seed: int | None, changes: int) -> None:
    """Choose the seed of a run, and say it. changes: on each suite."""
    _settings.update(seed=random.SystemRandom().randrange(10**6) if seed is None else seed, changes=changes)
    print(f"seed {_settings['seed']}", flush=True)


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    host = Host(suite, kill_every=0.1)
    host.up()
    try:
        for episode in range(-(-_settings["changes"] // _PER_HOST)):
            source = random.Random(f"{_settings['seed']}/{suite}/{episode}")
            shape = shapes.SHAPES[(episode + SUITES.index(suite)) % len(shapes.SHAPES)]
            name = f"seed {_settings['seed']}/{episode} on a host with {shape.name}"
            if wanted(name):
                result.inject(suite, name, lambda: _episode(host, shape, source))  # noqa: B023  # called at once
                _clean(host)
    finally:
        host.down()


def _episode(host: Host, shape: shapes.Shape, source: random.Random) -> tuple[str, list[str]]:
    host.must(shape.arrange)
    ready = host.daemon(config=shape.config, state="replaced", restart="always")
    broken = [f"the host is not to be had: {ready['msg']}"] if ready.get("failed") else []
    outcomes = []
    for _number in range(_PER_HOST):
        options = values.change(source)
        before, file, process = _inventory(host), host.read(), host.state().engine
        answer = host.daemon(**options)
        wrong = _wrong(host, before, file, process, answer)
        outcomes.append(answer.get("error_code") or answer.get("action_taken", "?"))
        broken += [f"{json.dumps(options)}: {what} ({answer.get('msg')})" for what in wrong]
        if wrong or any(answer.get("out_of_sight", {}).values()):
            host.must(f"cat > /etc/docker/daemon.json <<'END'\n{file}\nEND")
            host.run("systemctl reset-failed docker docker.socket; systemctl restart docker")
            host.run("docker start " + " ".join(before["running"]))
            host.daemon(config=BASE, state="replaced", restart="always", on_data_move="proceed")
            if wrong:
                break
    host.run(shape.tidy)
    return ", ".join(outcomes), broken


def _wrong(host: Host, before: dict[str, Any], file: str, process: str, answer: dict[str, Any]) -> list[str]:
    wrong = []
    if answer.get("no_answer") or "traceback" in answer:
        wrong.append("no answer of a module")
    if answer.get("failed") and not answer.get("error_code"):
        wrong.append("a refusal without a code")
    now = _inventory(host)
    if "Nothing was changed" in answer.get("msg", "") and (host.read(), host.state().engine) != (file, process):
        wrong.append("something was changed")
    hidden = answer.get("out_of_sight") or {}
    if answer.get("action_taken") != "restart":
        hidden = {}
    for kind in ("containers", "images", "volumes", "networks"):
        gone = set(before[kind]) - set(now[kind])
        if gone and not hidden.get(kind):
            wrong.append(f"{kind} are gone: {', '.join(sorted(gone))}")
    again = set(answer.get("containers_restarted") or [])
    if again:
        time.sleep(2)  # one that runs now may die in a moment
        now = _inventory(host)
    if again - set(now["running"]):
        wrong.append(f"said to run again and does not: {', '.join(sorted(again - set(now['running'])))}")
    if hidden.get("containers"):
        return wrong + (["the engine does not answer"] if not now["driver"] else [])
    for name in before["running"]:
        if name not in now["running"]:
            wrong.append(f"{name} ran, and does not")
        elif set(before["attached"][name]) - set(now["attached"][name]):
            wrong.append(f"{name} had {before['attached'][name]}, and has {now['attached'][name]}")
    if not hidden.get("images") and (before["driver"], before["root"]) != (now["driver"], now["root"]):
        wrong.append(f"driver and root were {before['driver']} {before['root']}, are {now['driver']} {now['root']}")
    return wrong


def _inventory(host: Host) -> dict[str, Any]:
    """Return what the engine has; running: without those that start again and again."""
    found = host.run(_INVENTORY).stdout
    if not found.startswith("{"):
        time.sleep(3)
        found = host.run(_INVENTORY).stdout
    lines = found.split("\n", 4)
    info = json.loads(lines[0]) if lines[0].startswith("{") else {"driver": "", "root": ""}
    containers = json.loads(lines[4] or "[]") if len(lines) > 4 else []
    running = [item for item in containers if item["State"]["Running"] and item["Name"] != "/loop"]
    return {
        **info,
        **{kind: lines[line].split() if len(lines) > line else [] for line, kind in _LINES.items()},
        "containers": [item["Id"] for item in containers if not _of_swarm(item)],
        "running": sorted(item["Name"].lstrip("/") for item in running if not _of_swarm(item)),
        "attached": {item["Name"].lstrip("/"): _attached(item) for item in running},
    }


_LINES = {1: "images", 2: "volumes", 3: "networks"}


def _of_swarm(item: dict[str, Any]) -> bool:
    return "com.docker.swarm.task.id" in (item["Config"].get("Labels") or {})


def _attached(item: dict[str, Any]) -> list[str]:
    """Return the networks in which it has an address, and its ports that are published as declared."""
    networks = item["NetworkSettings"]["Networks"]
    ports = item["NetworkSettings"]["Ports"] or {}
    return [name for name, endpoint in networks.items() if endpoint.get("IPAddress")] + [
        port for port, bindings in ports.items() if bindings
    ]


def _clean(host: Host) -> None:
    """Back to the state that every host starts from, whatever the changes have left."""
    host.run(
        "rm -f /run/busy /usr/local/bin/docker; rm -rf /etc/systemd/system/docker.service.d /var/lib/dockyard;"
        " rm -f /etc/docker/daemon.json; systemctl daemon-reload; systemctl reset-failed docker docker.socket;"
        " systemctl restart docker.socket docker; docker rm --force $(docker ps --all --quiet);"
        " docker volume rm $(docker volume ls --quiet); docker network rm back; rm -rf /srv/docker"
    )
    if (
        host.run("docker image inspect small:1").returncode
        or host.run("docker network inspect user-defined").returncode
    ):
        host.down()
        host.up()
    host.containers_up()
    host.base()
