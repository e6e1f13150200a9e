# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as people have them: other sockets, drop-ins that systemd has not read, an engine of another unit."""

from __future__ import annotations

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]
_DROP_INS = "/etc/systemd/system/docker.service.d"
_DOCKERD = r"$(systemctl show docker --property=ExecStart | grep -o '/[^ ;]*dockerd' | head -1)"
_CONTAINERD = "--containerd=/run/containerd/containerd.sock"
_RESTART = "systemctl daemon-reload; systemctl stop docker.socket docker; systemctl reset-failed docker docker.socket"
_TIDY = f"""
rm -rf {_DROP_INS} /etc/systemd/system/docker.socket.d
{_RESTART}; systemctl start docker.socket docker
docker start plain always
"""
_RUNNING = """
systemctl show docker --property=MainPID --value
pgrep --full 'sleep 100000' | wc --lines
"""


def _with_flags(flags: str) -> str:
    return f"""
mkdir -p {_DROP_INS}
dockerd={_DOCKERD}
printf '[Service]\\nExecStart=\\nExecStart=%s {_CONTAINERD} {flags}\\n' "$dockerd" > {_DROP_INS}/flags.conf
{_RESTART}; systemctl start docker
"""


def tcp_only(host: Host) -> Outcome:
    """Have it listen on TCP alone: it runs, has containers, and nobody can ask it here."""
    host.must(_with_flags("-H tcp://127.0.0.1:2375"))
    host.must("timeout 30 sh -c 'until DOCKER_HOST=tcp://127.0.0.1:2375 docker start plain always; do sleep 0.5; done'")
    before = host.must(_RUNNING)
    answers = [
        host.daemon(config=BASE),
        host.daemon(config={"debug": True}, on_running_containers="proceed", restart="always"),
    ]
    broken = [f"it says {answer}" for answer in answers if answer.get("error_code") != "daemon_engine_silent"]
    broken += [answer["msg"] for answer in answers if "does not answer on /" not in answer["msg"]]
    if host.must(_RUNNING) != before:
        broken.append("engine or containers are not the same")
    host.must(_TIDY)
    host.base()
    return "refused, with the sockets that were asked", broken


def _on_socket(host: Host, arrange: str, socket: str) -> list[str]:
    """Change a key that takes a reload and one that takes a restart, on an engine with another socket."""
    host.must(arrange)
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
    host.must(_TIDY)
    host.base()
    return broken


def socket_without_a_space(host: Host) -> Outcome:
    return "found", _on_socket(host, _with_flags("-Hunix:///run/alt.sock"), "/run/alt.sock")


def socket_unit_moved(host: Host) -> Outcome:
    moved = f"""
mkdir -p /etc/systemd/system/docker.socket.d
printf '[Socket]\\nListenStream=\\nListenStream=/run/moved.sock\\n' > /etc/systemd/system/docker.socket.d/moved.conf
{_RESTART}; systemctl start docker.socket docker
"""
    return "found", _on_socket(host, moved, "/run/moved.sock")


def not_read_yet(host: Host) -> Outcome:
    """Write a drop-in and leave it at that: the next boot starts another engine than the one that is looked at."""
    before = host.state()
    host.must(
        f"mkdir -p {_DROP_INS}; printf '[Service]\\nExecStart=\\nExecStart=%s -H fd:// --log-level=warn\\n'"
        f' "{_DOCKERD}" > {_DROP_INS}/later.conf'
    )
    answers = [host.daemon(check=check, config={"log-level": "debug"}, restart="always") for check in (True, False)]
    broken = [f"it says {answer['msg']}" for answer in answers if answer.get("error_code") != "engine_unit_outdated"]
    broken += host.healthy(before, same_engine=True)
    unchanged = host.daemon(config=BASE)
    if unchanged.get("failed") or unchanged["changed"]:
        broken.append(f"what is as declared ends with {unchanged['msg']}")
    host.must(f"rm -r {_DROP_INS}; systemctl daemon-reload")
    return "refused until systemd has read it", broken


def quotes_in_flags(host: Host) -> Outcome:
    """Have a flag with a blank in its value, which systemctl shows without its quotes."""
    host.must("rm -rf /etc/docker/daemon.json /var/lib/dockyard")  # which has labels as well
    host.must(_with_flags('-H fd:// --label "rack=row 7"').replace("start docker\n", "start docker.socket docker\n"))
    host.must("docker start plain always")
    answer = host.daemon(config={"dns-search": ["example.com"]}, on_running_containers="proceed")
    broken = [answer["msg"]] if answer.get("failed") else []
    if "rack=row 7" not in host.must("docker info --format '{{json .Labels}}'"):
        broken.append("the label is not there")
    host.must(_TIDY)
    host.base()
    return "changed", broken


def no_exec_reload(host: Host) -> Outcome:
    before = host.state()
    host.must(
        f"mkdir -p {_DROP_INS}; printf '[Service]\\nExecReload=\\n' > {_DROP_INS}/x.conf; systemctl daemon-reload"
    )
    answer = host.daemon(config={"debug": True})
    broken = [] if answer.get("action_taken") == "reload" else [f"it says {answer['msg']}"]
    if host.must("docker info --format '{{.Debug}}'") != "true":
        broken.append("the engine has not taken it over")
    host.must(f"rm -r {_DROP_INS}; systemctl daemon-reload")
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
