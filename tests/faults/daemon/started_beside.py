# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes up by itself when the engine starts, and what only Swarm or another unit can bring back."""

from __future__ import annotations

from typing import Any

from daemon.host import Host

Outcome = tuple[str, list[str]]
_RUN = "docker run --detach --init"
_SLEEP = "small:1 sleep 100000"
_CHANGE: dict[str, Any] = {"config": {"dns-search": ["example.com"]}, "on_running_containers": "proceed"}


def _change(host: Host, running: str, says: str = "") -> list[str]:
    """Change a key that needs a restart; running: the names of the containers that run afterwards."""
    foreseen = host.daemon(check=True, **_CHANGE)
    answer = host.daemon(**_CHANGE)
    broken = [answer["msg"]] if answer.get("failed") else []
    now = host.must("docker ps --format '{{.Names}}' | sort | xargs")
    broken += [] if now == running else [f"there run {now}, not {running}"]
    if says and says not in answer["msg"]:
        broken.append(f"it does not say {says!r}: {answer['msg']}")
    if says and not any("restart policy always" in warning for warning in foreseen.get("warnings", [])):
        broken.append(f"check mode does not warn of it: {foreseen}")
    return broken


def _tidy(host: Host, *names: str) -> None:
    host.must(f"docker rm --force {' '.join(names)}")
    host.base()


def fixed_address_taken(host: Host) -> Outcome:
    """Have the engine start one that takes, out of the same network, the fixed address of one that it does not."""
    host.must(f"{_RUN} --name fixed --network user-defined --ip 10.99.0.2 {_SLEEP}")
    for name in ("one", "two"):
        host.must(f"{_RUN} --name {name} --network user-defined --restart always {_SLEEP}")
    broken = _change(host, "always fixed one plain two")
    address = host.must(
        "docker inspect --format '{{(index .NetworkSettings.Networks \"user-defined\").IPAddress}}' fixed"
    )
    broken += [] if address == "10.99.0.2" else [f"fixed has {address}"]
    _tidy(host, "fixed", "one", "two")
    return "run again, with their addresses", broken


def port_taken_by_a_stopped_one(host: Host) -> Outcome:
    """Stop the old version of a service and run the new one on its port: the engine starts the old one."""
    host.must(f"{_RUN} --name green --restart always --publish 8099:80 {_SLEEP}; docker stop --time 1 green")
    host.must(f"{_RUN} --name blue --publish 8099:80 {_SLEEP}")
    broken = _change(host, "always blue plain", "green, which the engine had started as well, made room")
    _tidy(host, "green", "blue")
    return "the new one runs, the old one is stopped again", broken


def port_taken_out_of_a_range(host: Host) -> Outcome:
    host.must(f"{_RUN} --name first --publish 8110:80 {_SLEEP}")
    host.must(f"{_RUN} --name second --restart always --publish 8110-8115:80 {_SLEEP}")
    broken = _change(host, "always first plain second")
    _tidy(host, "first", "second")
    return "both run again", broken


def stopped_and_started(host: Host) -> Outcome:
    host.must(f"{_RUN} --name idle --restart always {_SLEEP}; docker stop --time 1 idle")
    broken = _change(host, "always idle plain", "the engine has also started idle, which did not run before")
    _tidy(host, "idle")
    return "said before and afterwards", broken


_UNIT = """
[Unit]
Requires=docker.service
After=docker.service
[Service]
ExecStartPre=-/usr/bin/docker rm --force app
ExecStartPre=/bin/sleep 5
ExecStart=/usr/bin/docker run --init --name app small:1 sleep 100000
"""


def of_a_unit(host: Host) -> Outcome:
    """Have a container that a unit creates again at each start, and then an engine that does not start at first."""
    host.write(_UNIT, "/etc/systemd/system/app.service")
    host.must(
        "systemctl daemon-reload; systemctl start app; timeout 30 sh -c 'until docker inspect app; do sleep 1; done'"
    )
    broken = _change(host, "always app plain")
    with host.late_failure() as failing:
        answer = host.daemon(config=failing, on_running_containers="proceed")
    broken += [] if answer.get("rolled_back") else [f"it was not put back: {answer['msg']}"]
    if host.run("systemctl is-active app").stdout.strip() != "active":
        broken.append("the unit does not run after the rollback")
    host.must("systemctl stop app; rm /etc/systemd/system/app.service; systemctl daemon-reload; docker rm --force app")
    host.base()
    return "waited for, and started again after a rollback", broken


def written_at_the_start(host: Host) -> Outcome:
    """Have the unit write a file of its own before the engine reads it."""
    before = host.state()
    host.drop_in("ExecStartPre=/bin/sh -c 'echo {} > /etc/docker/daemon.json'")
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed")
    broken = [] if answer.get("failed") and "another program had changed" in answer["msg"] else [f"it says {answer}"]
    broken += [] if host.state().containers == before.containers else [f"there run {host.state().containers}"]
    host.must("rm -f /etc/docker/daemon.json.*~")
    host.without_drop_ins()
    host.base()
    return "said", broken + host.healthy(before)


def written_by_another_program(host: Host) -> Outcome:
    """Have another program write the file right after the module, before the engine is up."""
    before = host.state()
    host.must(
        "(setsid sh -c 'while ! grep -q 31m /etc/docker/daemon.json; do sleep 0.05; done;"
        ' echo "{\\"debug\\": true}" > /etc/docker/daemon.json\' >/dev/null 2>&1 &)'
    )
    answer = host.daemon(config={"log-opts": {"max-size": "31m"}}, on_running_containers="proceed")
    broken = (
        []
        if answer.get("failed") and "what another program had written there is in" in answer["msg"]
        else [f"it says {answer}"]
    )
    kept = host.run("cat /etc/docker/daemon.json.*~").stdout.strip()
    broken += [] if kept == '{"debug": true}' else [f"kept is {kept!r}"]
    host.must("rm -f /etc/docker/daemon.json.*~")
    return "the old file is back, theirs is kept beside it", broken + host.healthy(before)


def placed_with_an_old_time(host: Host) -> Outcome:
    """Put a file there as rsync and cp --preserve do, with a time of before the engine's start."""
    host.must("rm -rf /var/lib/dockyard /etc/docker/daemon.json; sleep 1.1")
    return "seen", _restored_with_an_old_time(host)


def written_over_with_an_old_time(host: Host) -> Outcome:
    """Do so over the file that the engine has started with, which stays the same inode."""
    host.must("rm -rf /var/lib/dockyard; sleep 1.1")
    return "seen", _restored_with_an_old_time(host)


def _restored_with_an_old_time(host: Host) -> list[str]:
    host.must("""printf '{"labels": ["base=1"], "log-opts": {"max-size": "7m"}}' > /root/placed.json
touch --date '1 day ago' /root/placed.json; cp --preserve /root/placed.json /etc/docker/daemon.json""")
    answer = host.daemon(check=True, config={"log-opts": {"max-size": "7m"}}, on_running_containers="proceed")
    broken = [] if answer.get("action_needed") == "restart" else [f"it says {answer['msg']}"]
    host.base()
    return broken


def fails_after_the_start(host: Host) -> Outcome:
    """Have an ExecStartPost that fails: the engine says nothing, and systemd does."""
    before = host.state()
    host.drop_in("ExecStartPost=/bin/false")
    answer = host.daemon(config={"log-level": "warn"}, on_running_containers="proceed")
    broken = [] if "xited, " in answer["msg"].partition("either: ")[2] else [f"it gives no reason: {answer['msg']}"]
    host.without_drop_ins()
    host.must("systemctl reset-failed docker; systemctl start docker; docker start plain always")
    host.base()
    return "the reason is systemd's", broken + host.healthy(before)


def tasks_without_restart(host: Host) -> Outcome:
    host.must(
        "docker swarm init --advertise-addr 127.0.0.1; docker service create --detach --name once --restart-condition"
        " none small:1 sleep 100000; timeout 60 sh -c 'until docker ps | grep once; do sleep 1; done'"
    )
    before = host.state()
    answer = host.daemon(**_CHANGE)
    broken = [] if answer.get("error_code") == "daemon_tasks_end" else [f"it says {answer['msg']}"]
    broken += [] if "the tasks of once on this node" in answer["msg"] else [f"it does not name it: {answer['msg']}"]
    broken += host.healthy(before, same_engine=True)
    host.must("docker swarm leave --force; docker network rm docker_gwbridge")
    return "refused, with the service", broken


FAULTS = [
    ("started beside: a fixed address is taken", fixed_address_taken),
    ("started beside: the port of a new version by the old one", port_taken_by_a_stopped_one),
    ("started beside: a port out of a range", port_taken_out_of_a_range),
    ("started beside: stopped, and with the policy always", stopped_and_started),
    ("unit: one that creates its container again", of_a_unit),
    ("unit: writes the file before the engine reads it", written_at_the_start),
    ("unit: fails after the engine's start", fails_after_the_start),
    ("another program writes the file in the meantime", written_by_another_program),
    ("a file that was placed with an old time", placed_with_an_old_time),
    ("a file that was written over with an old time", written_over_with_an_old_time),
    ("tasks of a Swarm that are not started again", tasks_without_restart),
]
# Those after which something is down for good.
SMALL = [fault for fault in FAULTS if fault[1] in (fixed_address_taken, port_taken_by_a_stopped_one, of_a_unit)]
