# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running containers in the way of a restart, with and without live-restore."""

from __future__ import annotations

import re

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]


def refused_with_names(host: Host) -> Outcome:
    before = host.state()
    answer = host.bridge(bip="10.77.0.1/24")
    broken = host.healthy(before, same_engine=True)
    for text in (
        "bip needs a restart",
        "running containers always, plain",
        "user-defined network",
        "on_running_containers: proceed",
    ):
        if text not in answer["msg"]:
            broken.append(f"the message does not say {text!r}: {answer['msg']}")
    return "refused by default, with their names", broken


def proceed(host: Host) -> Outcome:
    before = host.state()
    ids = host.must("docker ps --quiet --no-trunc | sort")
    answer = host.bridge(bip="10.77.0.1/24", on_running_containers="proceed")
    broken = [] if answer.get("containers_restarted") == ["always", "plain"] else [f"it says {answer}"]
    if host.must("docker ps --quiet --no-trunc | sort") != ids:
        broken.append("they are not the same containers")
    gateway = host.must("docker exec plain ip route show default")
    if "10.77.0.1" not in gateway:
        broken.append(f"a container's gateway is {gateway}")
    back = host.bridge(state="absent", on_running_containers="proceed")
    return "both run again", broken + ([back["msg"]] if back.get("failed") else []) + host.healthy(before)


def paused(host: Host) -> Outcome:
    host.must("docker pause plain")
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed")
    states = host.must("docker inspect --format '{{.State.Status}}' plain always").split()
    broken = [] if states == ["paused", "running"] else [f"they are {states}: {answer['msg']}"]
    host.must("docker unpause plain")
    host.base()
    return "runs again, and is paused again", broken


def started_with_rm(host: Host) -> Outcome:
    host.must("docker run --detach --init --rm --name passing small:1 sleep 100000")
    before = host.state()
    answers = [
        host.bridge(mtu=1400, on_running_containers="proceed"),
        host.bridge(mtu=1400, restart="always"),
    ]
    broken = host.healthy(before, same_engine=True)
    for answer in answers:
        if "The restart would stop passing, started with --rm" not in answer["msg"]:
            broken.append(f"it says {answer['msg']}")
    host.must("docker rm --force passing")
    return "refused, as it could not come back", broken


def published_on_docker0(host: Host) -> Outcome:
    """Publish a port on docker0's address: the container can't run once docker0 has another one."""
    address = host.state().docker0.split("/")[0]
    host.must(f"docker run --detach --init --name published --publish {address}:8080:80 small:1 sleep 100000")
    before = host.state()
    answer = host.bridge(bip="10.77.0.1/24", on_running_containers="proceed")
    broken = host.healthy(before, same_engine=True)
    for text in (f"bip takes the address {address} from docker0, and published can't run", "Nothing was changed."):
        if text not in answer["msg"]:
            broken.append(f"the message does not say {text!r}: {answer['msg']}")
    host.must("docker rm --force published")
    return "refused by its name", broken


_NO_PROXY = "printf '#!/bin/sh\\nexit 1\\n' > /usr/local/sbin/no-proxy; chmod 755 /usr/local/sbin/no-proxy"
_ATTACHED = "docker inspect --format '{{json .NetworkSettings.Networks}} {{json .NetworkSettings.Ports}}'"


def does_not_come_back(host: Host) -> Outcome:
    """Have the engine fail to publish a port, after which it drops the container's place in the network."""
    host.must(_NO_PROXY)
    for name, network in (("published", "bridge"), ("reached", "user-defined")):
        port = 8080 if network == "bridge" else 8081
        host.must(
            f"docker run --detach --init --name {name} --network {network} --publish {port}:80 small:1 sleep 100000"
        )
    before = host.state()
    wanted = {"userland-proxy-path": "/usr/local/sbin/no-proxy"}
    answer = host.daemon(config=wanted, on_running_containers="proceed", timeout=20)
    broken = host.healthy(before)
    for text in ("does not start", "The old file is back", "always, plain, published, reached run"):
        if text not in answer["msg"]:
            broken.append(f"the message does not say {text!r}: {answer['msg']}")
    for name in ("published", "reached"):
        attached = host.must(f"{_ATTACHED} {name}")
        if '"IPAddress":"1' not in attached or '"HostPort":"808' not in attached:
            broken.append(f"{name} is not attached as before: {attached}")
    host.must("docker rm --force published reached; rm /usr/local/sbin/no-proxy")
    return "file, networks, ports and containers as before", broken


_DIES = "docker run --detach --init --name {name} {options} small:1 bash -c '{command}'"


def crash_loops(host: Host) -> Outcome:
    """Let containers that run now die half a second after their next start, once and again and again."""
    for name, options in (("dies", ""), ("loops", "--restart always")):
        command = "if [ -e /again ]; then sleep 0.5; exit 3; fi; : > /again; exec sleep 100000"
        host.must(_DIES.format(name=name, options=options, command=command))
    host.must(_DIES.format(name="looped", options="--restart always", command="sleep 0.5; exit 3"))
    host.must("sleep 2")
    before = host.read()
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed", timeout=15)
    broken = [] if host.read() == before else ["the file is not the old one"]
    if answer.get("containers_restarted"):
        broken.append(f"it says that they were started: {answer}")
    # They die with the old file too, and that has to be said, of both.
    with_old = answer["msg"].partition("but not all containers run again: ")[2]
    # The one that loops is down or up when it is looked at.
    for text in ("dies ended again with 3", "loops (ended again with 3|starts again and again)"):
        if not re.search(text, with_old):
            broken.append(f"the message does not say {text!r} of the old file: {answer['msg']}")
    if "looped" in answer["msg"]:
        broken.append(f"what did so before is named: {answer['msg']}")
    if not {"always", "plain"} <= set(host.must("docker ps --format '{{.Names}}'").split()):
        broken.append("the others do not run")
    host.must("docker rm --force dies loops looped")
    host.base()
    return "found, and named", broken


_HEALTH = (
    "docker run --detach --init --name {name} --health-cmd '{check}' --health-interval 1s --health-retries 1"
    " small:1 bash -c '{command}'"
)


def health_checks(host: Host) -> Outcome:
    """Let a container run again, and one that is unhealthy after its next start."""
    host.must(_HEALTH.format(name="well", check="true", command="exec sleep 100000"))
    host.must("timeout 30 sh -c 'until docker ps | grep -q \"(healthy).*well\"; do sleep 0.2; done'")
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed")
    broken = [] if answer.get("containers_restarted") == ["always", "plain", "well"] else [f"it says {answer['msg']}"]
    host.base()
    command = "[ ! -e /once ] || : > /twice; : > /once; exec sleep 100000"
    host.must(_HEALTH.format(name="ill", check="[ ! -e /twice ]", command=command))
    host.must("timeout 30 sh -c 'until docker ps | grep -q \"(healthy).*ill\"; do sleep 0.2; done'")
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed", timeout=20)
    if "ill runs, and its health check says that it is unhealthy" not in answer["msg"]:
        broken.append(f"it says {answer['msg']}")
    host.must("docker rm --force well ill")
    host.base()
    return "asked for, and named", broken


def live_restore(host: Host) -> Outcome:
    """Hold that containers survive, and that docker0 does not change until none runs; then it does."""
    broken = []
    if host.daemon(config={"live-restore": True}).get("action_taken") != "reload":
        broken.append("live-restore was not taken over by a reload")
    processes = host.must("pgrep -x sleep | sort")
    survived = host.daemon(config={"log-level": "warn"})
    if survived.get("failed") or survived["action_taken"] != "restart":
        broken.append(f"a restart that stops nobody was refused: {survived['msg']}")
    refused = host.bridge(mtu=1400)
    if "live-restore, and as long as containers run (always, plain) it does not take over mtu" not in refused["msg"]:
        broken.append(f"without proceed it says: {refused['msg']}")
    pending = [host.bridge(mtu=1400, icc=False, on_running_containers="proceed") for _time in range(2)]
    for answer in pending:
        if answer.get("pending_keys") != ["icc", "mtu"] or answer["live"]["mtu"] != 1500 or not answer["live"]["icc"]:
            broken.append(f"what waits was not reported: {answer}")
        if "will only be taken over by a restart while no container runs" not in answer["msg"]:
            broken.append(f"with proceed it says: {answer['msg']}")
    if pending[1]["changed"]:
        broken.append("the second run changed something")
    if host.must("pgrep -x sleep | sort") != processes:
        broken.append("containers did not survive")
    host.must("docker rm --force plain always")
    applied = host.bridge(mtu=1400, icc=False)
    if applied.get("restart_pending") or applied["live"]["mtu"] != 1400 or applied["live"]["icc"]:
        broken.append(f"not taken over without containers: {applied}")
    host.base()
    host.containers_up()
    return "reported as pending, applied once none runs", broken


def source_gone(host: Host) -> Outcome:
    """Take away what a running container mounts: it could not be started again."""
    host.must(
        "mkdir /srv/gone; docker run --detach --init --name bound --mount type=bind,src=/srv/gone,dst=/x small:1"
        " sleep 100000; rmdir /srv/gone"
    )
    host.must(
        "mkdir /srv/vol; docker volume create --opt type=none --opt o=bind --opt device=/srv/vol vol;"
        " docker run --detach --init --name filled --volume vol:/x small:1 sleep 100000; rmdir /srv/vol;"
        " docker network create away >/dev/null; docker run --detach --init --name moved --network away small:1 sleep"
        " 100000 >/dev/null; docker network connect user-defined moved; docker network disconnect away moved;"
        " docker network rm away"
    )
    host.must(
        "mkdir /srv/cfg /srv/release; touch /srv/cfg/conf; ln -s /srv/release /srv/cur;"
        " docker run --detach --init --name cfg --volume /srv/cfg/conf:/conf small:1 sleep 100000;"
        " docker run --detach --init --name cur --volume /srv/cur:/x small:1 sleep 100000;"
        " rm /srv/cfg/conf; mkdir /srv/cfg/conf; rmdir /srv/release; mkdir /srv/disk; mount -t tmpfs tmpfs /srv/disk;"
        " docker run --detach --init --name disk --volume /srv/disk:/x small:1 sleep 100000; mkdir /srv/disk/data;"
        " docker run --detach --init --name data --volume /srv/disk/data:/x small:1 sleep 100000;"
        " umount --lazy /srv/disk"
    )
    before = host.state()
    answers = [
        host.daemon(check=check, config={"dns-search": ["a.example"]}, on_running_containers="proceed")
        for check in (True, False)
    ]
    broken = [f"it says {answer}" for answer in answers if answer.get("error_code") != "daemon_containers_cant_start"]
    said = (
        "(bound needs /srv/gone; cfg needs /srv/cfg/conf, which is a folder now; cur needs /srv/cur, a link to"
        " /srv/release, which is not there; data needs /srv/disk/data; disk needs /srv/disk, which is on another file"
        " system now; filled needs /srv/vol of the volume vol; moved needs the network away)"
    )
    broken += [answer["msg"] for answer in answers if said not in answer["msg"]]
    without = host.daemon(config={"bridge": "none"}, on_running_containers="proceed")
    if (
        without.get("error_code") != "daemon_bridge_in_use"
        or "always, bound, cfg, cur, data, disk, filled, plain have no" not in without["msg"]
    ):
        broken.append(f"without docker0 it says {without['msg']}")
    broken += host.healthy(before, same_engine=True)
    host.must(
        "docker rm --force bound cfg cur data disk moved filled; docker volume rm vol;"
        " rm -r /srv/cfg /srv/cur /srv/disk"
    )
    return "refused, with what is gone", broken


def engine_stopped(host: Host) -> Outcome:
    """Stop dockerd by SIGSTOP: for systemd it runs, and its containers do, but it answers nothing."""
    before = host.state()
    pid = host.must("systemctl show docker --property=MainPID --value")
    host.must(f"kill -STOP {pid}")
    try:
        answers = [
            host.daemon(config=BASE),
            host.daemon(check=True, config=BASE),
            host.bridge(mtu=1400, restart="always"),
        ]
    finally:
        host.must(f"kill -CONT {pid}")
    broken = host.healthy(before, same_engine=True)
    for answer in answers:
        if answer.get("error_code") != "daemon_engine_silent" or answer.get("changed"):
            broken.append(f"it says {answer}")
        for text in (f"runs (process {pid}) and does not answer on /", "/docker.sock", "Nothing was changed."):
            if text not in answer["msg"]:
                broken.append(f"the message does not say {text!r}: {answer['msg']}")
    return "refused, not restarted", broken


FAULTS = [
    ("containers run, default", refused_with_names),
    ("containers run, proceed", proceed),
    ("containers run, one of them paused", paused),
    ("containers run, one of them with --rm", started_with_rm),
    ("containers run, one publishes on docker0's address", published_on_docker0),
    ("containers run, one can't come back with its network", does_not_come_back),
    ("containers run, some die half a second after their start", crash_loops),
    ("containers run, with health checks", health_checks),
    ("containers run, live-restore", live_restore),
    ("containers run, what they need is gone", source_gone),
    ("containers run, engine stopped by SIGSTOP", engine_stopped),
]
