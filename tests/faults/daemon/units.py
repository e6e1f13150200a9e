# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as people have them: other sockets, drop-ins that systemd has not read, an engine of another unit."""

from __future__ import annotations

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]
_CONTAINERD = "--containerd=/run/containerd/containerd.sock"
_STOP = "systemctl stop docker.socket docker; systemctl reset-failed docker docker.socket"
# Of a container, its first process is there as soon as it has been started.
_RUNNING = "systemctl show docker --property=MainPID --value; pgrep --exact docker-init | sort"


def _restart_with(host: Host, flags: str, units: str = "docker") -> None:
    host.starts_by(f"{_CONTAINERD} {flags}")
    host.must(f"{_STOP}; systemctl start {units}")


def _tidy(host: Host) -> None:
    host.without_drop_ins()
    host.must(f"{_STOP}; systemctl start docker.socket docker; docker start plain always")
    host.base()


def tcp_only(host: Host) -> Outcome:
    """Have it listen on TCP alone: it runs, has containers, and nobody can ask it here."""
    _restart_with(host, "-H tcp://127.0.0.1:2375")
    host.must("timeout 30 sh -c 'until DOCKER_HOST=tcp://127.0.0.1:2375 docker start plain always; do sleep 0.5; done'")
    before = host.must(_RUNNING)
    answers = [
        host.daemon(config=BASE),
        host.daemon(config={"debug": True}, on_running_containers="proceed", restart="always"),
    ]
    broken = [f"it says {answer}" for answer in answers if answer.get("error_code") != "daemon_engine_silent"]
    broken += [answer["msg"] for answer in answers if "does not answer on /" not in answer["msg"]]
    now = host.must(_RUNNING)
    if now != before:
        broken.append(f"processes of engine and containers were {before.split()} and are {now.split()}")
    _tidy(host)
    return "refused, with the sockets that were asked", broken


def _on_socket(host: Host, socket: str) -> list[str]:
    """Change a key that takes a reload and one that takes a restart, on an engine with another socket."""
    docker = f"DOCKER_HOST=unix://{socket} docker"
    host.must(f"timeout 30 sh -c 'until {docker} start plain always; do sleep 0.5; done'")
    before = host.must(_RUNNING)
    reloaded = host.daemon(config={"debug": True})
    broken = [] if reloaded.get("action_taken") == "reload" else [f"a reload ends with {reloaded['msg']}"]
    if host.must(_RUNNING) != before:
        broken.append("engine or containers are not the same after a reload")
    restarted = host.daemon(config={"dns-search": ["example.com"]}, on_running_containers="proceed")
    if restarted.get("containers_restarted") != ["always", "plain"]:
        broken.append(f"a restart ends with {restarted['msg']}")
    _tidy(host)
    return broken


def socket_without_a_space(host: Host) -> Outcome:
    _restart_with(host, "-Hunix:///run/alt.sock")
    return "found", _on_socket(host, "/run/alt.sock")


def socket_unit_moved(host: Host) -> Outcome:
    host.must("mkdir -p /etc/systemd/system/docker.socket.d")
    host.write(
        "[Socket]\nListenStream=\nListenStream=/run/moved.sock\n", "/etc/systemd/system/docker.socket.d/moved.conf"
    )
    host.must(f"systemctl daemon-reload; {_STOP}; systemctl start docker.socket docker")
    return "found", _on_socket(host, "/run/moved.sock")


def not_read_yet(host: Host) -> Outcome:
    """Write a drop-in and leave it at that: the next boot starts another engine than the one that is looked at."""
    before = host.state()
    host.starts_by("-H fd:// --log-level=warn", known=False)
    answers = [host.daemon(check=check, config={"log-level": "debug"}, restart="always") for check in (True, False)]
    broken = [f"it says {answer['msg']}" for answer in answers if answer.get("error_code") != "engine_unit_outdated"]
    broken += host.healthy(before, same_engine=True)
    unchanged = host.daemon(config=BASE)
    if unchanged.get("failed") or unchanged["changed"]:
        broken.append(f"what is as declared ends with {unchanged['msg']}")
    host.without_drop_ins()
    return "refused until systemd has read it", broken


def quotes_in_flags(host: Host) -> Outcome:
    """Have a flag with a blank in its value, which systemctl shows without its quotes."""
    host.must("rm -rf /etc/docker/daemon.json /var/lib/dockyard")  # which has labels as well
    _restart_with(host, '-H fd:// --label "rack=row 7"', "docker.socket docker")
    host.must("docker start plain always")
    answer = host.daemon(config={"dns-search": ["example.com"]}, on_running_containers="proceed")
    broken = [answer["msg"]] if answer.get("failed") else []
    if "rack=row 7" not in host.must("docker info --format '{{json .Labels}}'"):
        broken.append("the label is not there")
    _tidy(host)
    return "changed", broken


def no_exec_reload(host: Host) -> Outcome:
    before = host.state()
    host.drop_in("ExecReload=")
    answer = host.daemon(config={"debug": True})
    broken = [] if answer.get("action_taken") == "reload" else [f"it says {answer['msg']}"]
    if host.must("docker info --format '{{.Debug}}'") != "true":
        broken.append("the engine has not taken it over")
    host.without_drop_ins()
    host.base()
    return "reloaded by the signal itself", broken + host.healthy(before)


_AS_SNAP = """
set -eu
unit=$(systemctl show docker --property=FragmentPath --value)
systemctl stop docker.socket docker
sed 's/-H fd:\\/\\//-H unix:\\/\\/\\/var\\/run\\/docker.sock/; /docker.socket/d' "$unit" \
    > /etc/systemd/system/snap.docker.dockerd.service
mv "$unit" /root/docker.service
systemctl daemon-reload
systemctl start snap.docker.dockerd
timeout 60 sh -c 'until docker start plain always; do sleep 0.5; done'
echo "$unit"
"""


def of_a_snap(host: Host) -> Outcome:
    """Have the engine run by a unit of another name, as a snap's is."""
    unit = host.must(_AS_SNAP).splitlines()[-1]
    running = "systemctl show snap.docker.dockerd --property=MainPID --value; docker ps --quiet | sort"
    before, file = host.must(running), host.read()
    answers = [
        host.daemon(config={"debug": True}, restart="always", on_running_containers="proceed"),
        host.bridge(mtu=1400, restart="always"),
    ]
    broken = []
    for answer in answers:
        if answer.get("error_code") != "engine_foreign" or "snap.docker.dockerd.service" not in answer["msg"]:
            broken.append(f"it says {answer}")
    if (host.must(running), host.read()) != (before, file):
        broken.append("engine, containers or file are not the same")
    host.must(
        "systemctl stop snap.docker.dockerd; rm /etc/systemd/system/snap.docker.dockerd.service;"
        f" mv /root/docker.service {unit}; systemctl daemon-reload; systemctl start docker.socket docker;"
        " docker start plain always"
    )
    host.base()
    return "refused by its name", broken


FAULTS = [
    ("unit: listens on TCP only", tcp_only),
    ("unit: -Hunix:// without a space", socket_without_a_space),
    ("unit: docker.socket moved by a drop-in", socket_unit_moved),
    ("unit: a drop-in that systemd has not read", not_read_yet),
    ("unit: no ExecReload", no_exec_reload),
    ("unit: a flag with a blank in its value", quotes_in_flags),
    ("unit: that of a snap", of_a_snap),
]
# Each of its own kind, and none of them takes long.
SMALL = [fault for fault in FAULTS if fault[1] in (tcp_only, socket_unit_moved, not_read_yet, of_a_snap)]
