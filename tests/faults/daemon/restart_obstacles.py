# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines and containers that run, and that could not start again whatever daemon.json holds."""

from __future__ import annotations

from typing import Any

from daemon.host import Host

Outcome = tuple[str, list[str]]
_ROOT = "/srv/full"


def _refused(host: Host, code: str, *says: str, **options: Any) -> list[str]:
    """Ask for a change that takes a restart, in check mode and without. Return what is not as it must be."""
    before = host.state()
    wanted = {"config": {"dns-search": ["a.example"]}, "on_running_containers": "proceed", **options}
    answers = [host.daemon(check=check, **wanted) for check in (True, False)]
    broken = [f"it is not {code}: {answer}" for answer in answers if answer.get("error_code") != code]
    for answer in answers:
        texts = (*says, "Nothing was changed.")
        broken += [f"it does not say {text!r}: {answer['msg']}" for text in texts if text not in answer["msg"]]
    return broken + host.healthy(before, same_engine=True)


def unit_lacks(host: Host) -> Outcome:
    """Take from the unit an environment file, its folder, a program and a unit, while the engine runs."""
    host.must(
        "touch /etc/default/docker-gone; mkdir /srv/gone; cp /bin/true /root/gone;"
        " printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' > /etc/systemd/system/gone.service"
    )
    host.drop_in(
        "EnvironmentFile=/etc/default/docker-gone\nWorkingDirectory=/srv/gone\nExecStartPre=/root/gone\n"
        "[Unit]\nRequires=gone.service\nAfter=gone.service\nConditionPathIsDirectory=/srv/gone\nAssertPathExists=!/srv/new"
    )
    restarted = host.daemon(config={"dns-search": ["b.example"]}, on_running_containers="proceed")
    broken = [restarted["msg"]] if restarted.get("failed") else []
    host.must(
        "rm /etc/default/docker-gone /root/gone /etc/systemd/system/gone.service; rmdir /srv/gone; touch /srv/new;"
        " systemctl mask --quiet gone.service"
    )
    broken += _refused(
        host,
        "engine_unit_cant_start",
        "it reads the environment file /etc/default/docker-gone, which is not there;"
        " it works in the folder /srv/gone, which is not there;"
        " its ExecStartPre is the program /root/gone, which is not there or can't be run;"
        " it requires gone.service, which is masked; its ConditionPathIsDirectory=/srv/gone does not hold;"
        " its AssertPathExists=!/srv/new does not hold. Bring that back",
    )
    reloaded = host.daemon(config={"debug": True})
    broken += [reloaded["msg"]] if reloaded.get("action_taken") != "reload" else []
    host.must(
        "systemctl unmask --quiet gone.service; rm /srv/new;"
        " printf '[Mount]\nWhat=/dev/gone\nWhere=/srv/gone\nType=ext4\n' > /etc/systemd/system/srv-gone.mount"
    )
    host.drop_in("[Unit]\nRequiresMountsFor=/srv/gone")
    broken += _refused(
        host,
        "engine_unit_cant_start",
        "it requires srv-gone.mount, which is not mounted and whose device /dev/gone is not there.",
    )
    host.must("rm /etc/systemd/system/srv-gone.mount")
    host.without_drop_ins()
    host.base()
    return "refused, with each of them", broken


def systemd_says_why(host: Host) -> Outcome:
    """Have systemd fail before the engine is there: nothing but its own words tells why."""
    host.must("printf '#!/nowhere/sh\n' > /root/prepare; chmod 755 /root/prepare")
    host.drop_in("ExecStartPre=/root/prepare")
    answer = host.daemon(config={"dns-search": ["a.example"]}, on_running_containers="proceed", timeout=20)
    first, _separator, then = answer["msg"].partition("The old file is back")
    broken = [
        f"it does not say why: {answer['msg']}" for part in (first, then) if "/root/prepare: No such file" not in part
    ]
    host.without_drop_ins()
    host.must("rm /root/prepare; systemctl reset-failed docker docker.socket; systemctl restart docker")
    host.containers_up()
    host.base()
    return "its words are in the message", broken


def full_disk(host: Host) -> Outcome:
    """Fill the disk of the data root before the restart, and during it."""
    host.must(f"mkdir {_ROOT}; mount -t tmpfs -o size=400m tmpfs {_ROOT}")
    moved = host.daemon(config={"data-root": _ROOT}, restart="always", on_data_move="proceed")
    broken = [moved["msg"]] if moved.get("failed") else []
    host.import_image()
    host.containers_up()
    host.must(f"cat /dev/zero > {_ROOT}/fill || true")
    broken += _refused(host, "daemon_no_room", f"The disk of the engine's data ({_ROOT}) is full: only 0 KiB are free")
    pending = host.daemon(config={"dns-search": ["a.example"]}, restart="never")
    broken += [pending["msg"]] if pending.get("failed") or not pending["restart_pending"] else []
    host.must(f"rm {_ROOT}/fill")
    host.drop_in(f"ExecStartPre=/bin/sh -c 'cat /dev/zero > {_ROOT}/fill || true'")
    answer = host.daemon(config={"dns-search": ["b.example"]}, on_running_containers="proceed", timeout=20)
    if "(its log says: no space left on device)" not in answer["msg"]:
        broken.append(f"it does not say why: {answer['msg']}")
    host.must(f"rm -f {_ROOT}/fill")
    host.without_drop_ins()
    host.must("rm -rf /etc/docker/daemon.json /var/lib/dockyard; systemctl reset-failed docker docker.socket")
    host.must(f"systemctl restart docker; umount --recursive {_ROOT} || umount --lazy {_ROOT}; rmdir {_ROOT}")
    host.containers_up()
    host.base()
    return "refused, and named where it happens", broken


def lost_places(host: Host) -> Outcome:
    """Take away the log server of a container, and the address on which another one publishes a port."""
    host.must(
        "systemd-run --quiet --unit logs python3 -m http.server --bind 127.0.0.1 5140;"
        " timeout 30 sh -c 'until ss -tln | grep -q 127.0.0.1:5140; do sleep 0.1; done';"
        " ip address add 192.0.2.200/32 dev eth0;"
        " docker run --detach --init --name logs --log-driver syslog --log-opt syslog-address=tcp://127.0.0.1:5140"
        " small:1 sleep 100000 >/dev/null;"
        " docker run --detach --init --name vip --publish 192.0.2.200:8070:80 small:1 sleep 100000 >/dev/null"
    )
    answer = host.daemon(config={"dns-search": ["b.example"]}, on_running_containers="proceed")
    broken = [answer["msg"]] if answer.get("failed") else []
    host.must("systemctl stop logs; ip address del 192.0.2.200/32 dev eth0")
    broken += _refused(
        host,
        "daemon_containers_cant_start",
        "(logs needs the log server 127.0.0.1:5140, which takes no connection for syslog ([Errno 111] Connection"
        " refused); vip needs the address 192.0.2.200, which no device of the host has)",
    )
    host.must("docker rm --force logs vip")
    host.base()
    return "refused by their names", broken


FAULTS = [
    ("no start again: the unit lacks files and a unit", unit_lacks),
    ("no start again: systemd fails before the engine", systemd_says_why),
    ("no start again: the disk of the data is full", full_disk),
    ("no start again: log server and address of containers are gone", lost_places),
]
SMALL = [fault for fault in FAULTS if fault[1] in (unit_lacks, lost_places)]
