# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as people have them: files with mistakes, values that only the engine can judge, and a first mistake."""

from __future__ import annotations

import json
import re
from typing import Any

from daemon.host import BASE, Host

Outcome = tuple[str, list[str]]


def _file(host: Host, wanted: dict[str, Any]) -> list[str]:
    held = host.read()
    return [] if json.loads(held) == wanted else [f"the file holds {held}"]


def comma_keeps_keys(host: Host) -> Outcome:
    """Down by a comma too many, and a task with one key: all other keys stay."""
    before = host.state()
    file = {**BASE, "insecure-registries": ["reg:5000"]}
    host.down_with(json.dumps(file)[:-1] + ",\n// the last one\n}")
    answer = host.daemon(config={"debug": True})
    broken = [answer["msg"]] if answer.get("failed") else _file(host, {**file, "debug": True})
    if not any("was read and kept" in warning for warning in answer.get("warnings", [])):
        broken.append(f"it does not say that the keys were kept: {answer}")
    host.must(f"rm -f {answer.get('backup_file', '')}; docker start plain always")
    host.base()
    return "repaired, all keys kept", broken + host.healthy(before)


def first_mistake(host: Host) -> Outcome:
    """Written for an engine that is stopped, and that does not start with it; the corrected task does not name it."""
    before = host.state()
    host.must("systemctl stop docker docker.socket")
    mistake = host.daemon(config={"log-driver": "nonsense"})
    broken = [f"the first run failed: {mistake['msg']}"] if mistake.get("failed") else []
    host.run("systemctl start docker; sleep 8")
    answer = host.daemon(config={"debug": True})
    broken += [answer["msg"]] if answer.get("failed") else _file(host, {**BASE, "debug": True})
    host.must("docker start plain always")
    host.base()
    return "repaired by the corrected task", broken + host.healthy(before)


def found_and_taken(host: Host) -> Outcome:
    """Values that the engine runs with, and that no task may declare: a change of another key is made."""
    file = {
        **BASE,
        "insecure-registries": ["http://reg:5000"],
        "default-address-pools": [{"base": "10.100.0.1/16", "size": 24, "scope": "local"}],
        "labels": ["base=1", "base=1"],
    }
    host.write(json.dumps(file))
    host.must("systemctl restart docker; docker start plain always")
    answer = host.daemon(config={"debug": True})
    broken = [answer["msg"]] if answer.get("failed") else _file(host, {**file, "debug": True})
    if answer.get("action_taken") != "reload" or len(answer.get("warnings", [])) < 2:
        broken.append(f"it says {answer}")
    host.must("rm -rf /etc/docker/daemon.json /var/lib/dockyard; systemctl restart docker; docker start plain always")
    host.base()
    return "changed, with warnings", broken


# Each with which a healthy engine runs. From 23 on they read byte order marks, and a no-break space after the brace.
_TAKEN: dict[str, bytes] = {
    "mirrors twice": b'{"registry-mirrors": ["https://m.example.com", "https://m.example.com/"]}',
    "empty texts": b'{"data-root": "", "ip": "", "log-driver": ""}',
    "null": b'{"log-opts": null}',
    "wide pool": b'{"default-address-pools": [{"base": "172.17.0.0/12", "size": 20}]}',
    "overlapping pools": (
        b'{"default-address-pools": [{"base": "10.100.0.0/16", "size": 24}, {"base": "10.100.0.0/20", "size": 24}]}'
    ),
    "a flag's name": b'{"insecure-registry": ["reg:5000"]}',
}
_TAKEN_SINCE_23: dict[str, bytes] = {
    "byte order mark": b"\xef\xbb\xbf" + b'{"log-level": "warn"}',
    "UTF-16": '\ufeff{"log-level": "warn"}'.encode("utf-16-le"),
    "no-break space": '{"log-level": "warn"}\u00a0\n'.encode(),
}


def files_that_engines_take(host: Host) -> Outcome:
    """Change a key that needs a restart over each of them: what is in the file stays in force."""
    broken = []
    for name, content in {**_TAKEN, **({} if host.suite == "bookworm" else _TAKEN_SINCE_23)}.items():
        host.write(content)
        host.must(
            "systemctl reset-failed docker; systemctl restart docker; docker start plain always;"
            " rm -rf /var/lib/dockyard"
        )
        before = host.state()
        answer = host.daemon(config={"dns-search": ["example.com"]}, on_running_containers="proceed")
        if answer.get("failed"):
            broken.append(f"{name}: {answer['msg']}")
        now = host.state()
        if (now.containers, now.docker0) != (before.containers, before.docker0) or "pid" not in now.engine:
            broken.append(f"{name}: there run {now.containers}, and docker0 has {now.docker0}")
        text = content.decode("utf-16" if name == "UTF-16" else "utf-8-sig").strip()
        broken += [f"{name}: {what}" for what in _file(host, {**json.loads(text), "dns-search": ["example.com"]})]
    host.must("rm -rf /var/lib/dockyard /etc/docker/daemon.json; systemctl restart docker; docker start plain always")
    host.base()
    return "changed, all that they hold is kept", broken


def hosts_against_a_flag(host: Host) -> Outcome:
    """Declare hosts beside -H fd://, and do what the refusal says."""
    wanted = {"hosts": ["unix:///run/docker.sock", "tcp://127.0.0.1:2375"]}
    refused = host.daemon(config=wanted, restart="always")
    command = re.search(r"and ExecStart=(.*?), and systemctl daemon-reload", refused["msg"])
    broken = [] if refused.get("error_code") == "daemon_set_by_flag" and command else [f"it says {refused['msg']}"]
    if command:
        host.drop_in(f"ExecStart=\nExecStart={command[1]}")
        answer = host.daemon(config=wanted, on_running_containers="proceed")
        broken += [answer["msg"]] if answer.get("failed") else []
        if (
            "always plain"
            not in host.run("DOCKER_HOST=tcp://127.0.0.1:2375 docker ps --format '{{.Names}}' | sort | xargs").stdout
        ):
            broken.append("it does not answer there with its containers")
        host.without_drop_ins()
        host.must(
            "rm /etc/docker/daemon.json; systemctl stop docker docker.socket;"
            " systemctl reset-failed docker; systemctl start docker.socket docker; docker start plain always"
        )
    host.base()
    return "refused, and the way that it says works", broken


def declared_default(host: Host) -> Outcome:
    before, original = host.state(), host.read()
    defaults = {"icc": True, "mtu": 1500, "log-driver": "json-file", "storage-driver": "", "data-root": "", "ip": ""}
    answer = host.daemon(config=defaults)
    broken = [answer["msg"]] if answer.get("failed") else []
    if answer.get("action_needed") != "none":
        broken.append(f"it says {answer}")
    host.base()
    host.write(original)
    return "written, no restart", broken + host.healthy(before)


def without_iptables(host: Host) -> Outcome:
    """Set it, manage the host that has it, and go back."""
    before = host.state()
    answers = [
        host.daemon(config={"iptables": False}, on_running_containers="proceed"),
        host.daemon(config={"debug": True}),
        host.daemon(config={"iptables": False, "debug": True}, state="absent", on_running_containers="proceed"),
    ]
    broken = [answer["msg"] for answer in answers if answer.get("failed")]
    host.base()
    return "set, managed, removed", broken + host.healthy(before)


FAULTS = [
    ("people: down by a comma too many, other keys in the file", comma_keeps_keys),
    ("people: a first mistake, and the corrected task", first_mistake),
    ("people: values that only the engine takes", found_and_taken),
    ("people: files that engines take", files_that_engines_take),
    ("people: hosts against -H fd://", hosts_against_a_flag),
    ("people: a default that is declared", declared_default),
    ("people: iptables false", without_iptables),
]
# Those after which a host is down.
SMALL = FAULTS[:2]
