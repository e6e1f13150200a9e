# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that were killed or interrupted by a reboot, pending restarts, engines that are down because of their file.

To kill at an exact moment, /usr/local/bin/systemctl stands in for the real one: it stops at the verb in question,
before or after it has handed it on, until the test has killed the module. The kill, the engine and systemd are real.
"""

from __future__ import annotations

import json
import re
from typing import Any

from daemon.host import BASE, PATH, Host

Outcome = tuple[str, list[str]]
WANTED = {"dns-search": ["example.com"]}
_NOT_SAVED = re.compile(
    r"The change of /etc/docker/daemon\.json is not complete: Can't write /var/lib/dockyard/docker_daemon/.*:"
    r" the file system is full.* The next run completes it\.$"
)
_GATE = """#!/bin/sh
# Hands everything on to the real systemctl, and stops at "{verb}" for the test, when it has passed that on as often.
[ "$1" != "{verb}" ] || echo >> /run/passed
if [ "$1" = "{verb}" ] && [ "$(wc -l < /run/passed)" -gt {passes} ]; then
    {before}
    echo $$ > /run/at-the-gate.new
    mv /run/at-the-gate.new /run/at-the-gate
    sleep 600
fi
exec /usr/bin/systemctl "$@"
"""


def _kill_at(host: Host, verb: str, handed_on: bool, passes: int = 0, **options: Any) -> None:
    """Start a change and kill it when it calls systemctl VERB; handed_on: systemd has got the order already.

    passes: how many of these calls are left alone before.
    """
    before = f"(setsid /usr/bin/systemctl {verb} docker.service >/dev/null 2>&1 &)" if handed_on else ":"
    host.write(_GATE.format(verb=verb, before=before, passes=passes), "/usr/local/bin/systemctl")
    host.must("chmod 755 /usr/local/bin/systemctl; rm -f /run/at-the-gate /run/passed")
    running = host.start("docker_daemon", on_running_containers="proceed", **options)
    try:
        host.wait_for("test -e /run/at-the-gate")
        killed = host.kill_module()
    finally:
        # What waits at the gate would hand its order on in the middle of a later fault.
        host.run("kill -9 $(cat /run/at-the-gate); rm -f /usr/local/bin/systemctl")
    host.end(running)
    if not killed:
        raise RuntimeError("there was no module to kill")


def _completes(host: Host, wanted: dict[str, object]) -> list[str]:
    """Run again, and once more, which must find nothing to do."""
    answers = [host.daemon(config=WANTED, on_running_containers="proceed") for _time in range(2)]
    broken = [f"{answer['msg']}" for answer in answers if answer.get("failed")]
    if not broken and (answers[1]["changed"] or answers[1]["restart_pending"]):
        broken.append(f"not complete after one run: {answers[1]['msg']}")
    if json.loads(host.read()) != wanted:
        broken.append(f"the file holds {host.read()}")
    return broken + _all_up(host)


def _all_up(host: Host) -> list[str]:
    state = host.state()
    broken = [] if state.engine.split(" pid ")[0] else ["the engine does not answer"]
    return (
        broken + ([] if state.containers == "always plain" else [f"there run: {state.containers}"]) + host.leftovers()
    )


def _tidy(host: Host) -> None:
    host.base()
    host.containers_up()


def killed_before_restart(host: Host) -> Outcome:
    _kill_at(host, "restart", False, config=WANTED)
    broken = [] if "example.com" in host.read() else ["the fault is not there: the file was not written"]
    broken += _all_up(host)
    seen = host.daemon(check=True, config=WANTED, on_running_containers="proceed")
    if seen.get("action_taken") != "restart" or seen.get("changed_keys") != []:
        broken.append(f"the pending restart is not seen: {seen['msg']}")
    broken += _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "the next run restarts", broken


def killed_during_restart(host: Host) -> Outcome:
    _kill_at(host, "restart", True, config=WANTED)
    host.wait_for("docker info >/dev/null 2>&1")
    seen = host.daemon(check=True, config=WANTED, on_running_containers="proceed")
    down = "these containers are down since: plain; they would be started first."
    broken = [] if down in seen["msg"] and seen["changed"] else [f"check mode says {seen['msg']}"]
    broken += _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "the next run brings the containers back", broken


def killed_during_rollback(host: Host) -> Outcome:
    """Kill a run that has put the old file back, and not restarted the engine with it."""
    _kill_at(host, "restart", False, passes=1, config={"exec-opts": ["native.cgroupdriver=nonsense"]})
    broken = [] if json.loads(host.read()) == BASE else [f"the fault is not there: the file holds {host.read()}"]
    seen = host.daemon(check=True, config=WANTED, on_running_containers="proceed")
    said = " ".join([seen["msg"], *seen.get("warnings", [])])
    # The engine is down, or has come up by itself.
    if not re.search(r"these containers(:| are down since:) (always, )?plain[.;]", said):
        broken.append(f"check mode says nothing of those that are down: {seen}")
    broken += _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "check mode names the containers, the next run starts them", broken


def repaired_by_the_change(host: Host) -> Outcome:
    """Leave a container down that needs just what the next task declares: a runtime whose program is gone."""
    host.must("cp -L $(command -v runc) /usr/local/bin/own-runc")
    runtime = {"runtimes": {"own": {"path": "/usr/local/bin/own-runc"}}}
    host.daemon(config=runtime)
    host.must("docker run --detach --init --name special --runtime own small:1 sleep 100000")
    _kill_at(host, "restart", True, config=WANTED)
    # Only that program ends what runs by it: without it containerd would keep the task, whatever is declared.
    down = "test $(docker inspect --format '{{.State.Running}}' special) = false"
    host.wait_for(f"systemctl is-active --quiet docker && docker info >/dev/null 2>&1 && {down}")
    host.must("rm /usr/local/bin/own-runc")
    refused = host.daemon(config={"dns-search": ["example.com"]}, timeout=20)
    broken = [] if refused.get("error_code") == "daemon_interrupted_restart" else [f"it says {refused['msg']}"]
    path = host.must("command -v runc")
    answer = host.daemon(config={"runtimes": {"own": {"path": path}}}, timeout=20)
    broken += [answer["msg"]] if answer.get("failed") else []
    if host.state().containers != "always plain special":
        broken.append(f"there run {host.state().containers}: {answer['msg']}")
    host.must("docker rm --force special")
    _tidy(host)
    return "changed, and then they run", broken


def rebooted_in_between(host: Host) -> Outcome:
    _kill_at(host, "restart", False, config=WANTED)
    host.reboot()
    broken = _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "the next run completes it", broken


def rebooted_with_a_file_that_kills(host: Host) -> Outcome:
    _kill_at(host, "restart", False, config={"exec-opts": ["native.cgroupdriver=nonsense"]})
    host.reboot()
    broken = [] if host.run("docker info").returncode else ["the fault is not there: the engine is up"]
    seen = host.daemon(check=True, config=WANTED, on_running_containers="proceed")
    broken += [] if "and then always, plain would be started" in seen["msg"] else [f"check mode says {seen['msg']}"]
    broken += _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "the next run reverts it", broken


_FILLING = """#!/bin/sh
# Hands everything on to the real systemctl, and fills the disk of the saved state before a restart.
[ "$1" != restart ] || dd if=/dev/zero of=/var/lib/dockyard/filler bs=1k 2>/dev/null
exec /usr/bin/systemctl "$@"
"""


def disk_full_during_restart(host: Host) -> Outcome:
    """Let the engine take the change over when that can't be saved any more."""
    host.must(
        "cp -a /var/lib/dockyard /root/dockyard; mount -t tmpfs -o size=64k tmpfs /var/lib/dockyard;"
        " cp -a /root/dockyard/. /var/lib/dockyard/"
    )
    host.write(_FILLING, "/usr/local/bin/systemctl")
    host.must("chmod 755 /usr/local/bin/systemctl")
    answer = host.daemon(config=WANTED, on_running_containers="proceed")
    host.must("rm /usr/local/bin/systemctl /var/lib/dockyard/filler")
    broken = [] if answer.get("failed") and answer["changed"] else [f"not failed and changed: {answer}"]
    if not _NOT_SAVED.search(answer["msg"]) or "Nothing was changed" in answer["msg"]:
        broken.append(f"it says {answer['msg']}")
    broken += _completes(host, {**BASE, **WANTED})
    host.must("umount /var/lib/dockyard; rm -r /root/dockyard")
    _tidy(host)
    return "said, and completed by the next run", broken


def disk_full_during_rollback(host: Host) -> Outcome:
    """Let the rollback succeed when that can't be saved any more: its reason must not be hidden."""
    before = host.state()
    host.must(
        "cp -a /var/lib/dockyard /root/dockyard; mount -t tmpfs -o size=64k tmpfs /var/lib/dockyard;"
        " cp -a /root/dockyard/. /var/lib/dockyard/"
    )
    host.write(_FILLING, "/usr/local/bin/systemctl")
    host.must("chmod 755 /usr/local/bin/systemctl")
    answer = host.daemon(config={"exec-opts": ["native.cgroupdriver=nonsense"]}, on_running_containers="proceed")
    host.must("rm /usr/local/bin/systemctl /var/lib/dockyard/filler")
    broken = host.healthy(before)
    for text in ("nonsense", "The old file is back", "always, plain run", "That could not be saved", "is full"):
        if text not in answer["msg"]:
            broken.append(f"it does not say {text!r}: {answer['msg']}")
    if "Nothing was changed" in answer["msg"]:
        broken.append(f"it says {answer['msg']}")
    broken += _completes(host, {**BASE, **WANTED})
    host.must("umount /var/lib/dockyard; rm -r /root/dockyard")
    _tidy(host)
    return "said with its reason, and completed by the next run", broken


def killed_anywhere(host: Host) -> Outcome:
    """Kill a run at every step of its life, until it is over before the kill comes."""
    broken: list[str] = []
    kills = 0
    for step in range(60):
        moment = step * host.kill_every
        running = host.start("docker_daemon", config=WANTED, on_running_containers="proceed")
        host.wait_for("pgrep -f '[A]nsiballZ_docker' && sleep 0.05")
        host.must(f"sleep {moment:.1f}")
        killed = host.kill_module()
        host.end(running)
        if not killed:
            break
        kills += 1
        content = host.read()
        if json.loads(content) not in (BASE, {**BASE, **WANTED}):
            broken.append(f"killed after {moment:.1f} s, the file holds {content}")
        broken += [f"killed after {moment:.1f} s: {what}" for what in _completes(host, {**BASE, **WANTED})]
        host.base()
    if kills < 3:
        broken.append(f"only {kills} kills hit")
    _tidy(host)
    return f"{kills} kills, every one completed", broken


def pending_restart(host: Host) -> Outcome:
    """Leave behind what a play does that failed before its handler, or that was told not to restart."""
    before = host.state()
    written = host.daemon(config=WANTED, restart="never")
    broken = host.healthy(before)
    broken = [what for what in broken if not what.startswith("file ")]
    if written.get("pending_keys") != ["dns-search"] or "by a restart, which is pending" not in written["msg"]:
        broken.append(f"it says {written}")
    broken += _completes(host, {**BASE, **WANTED})
    _tidy(host)
    return "the next run restarts", broken


def pending_by_hand(host: Host) -> Outcome:
    """Edited by hand long after the start, and nobody restarted the engine, which would not survive it."""
    host.must("rm -rf /var/lib/dockyard")
    host.write(json.dumps({**BASE, "exec-opts": ["native.cgroupdriver=nonsense"]}))
    answer = host.daemon(config=WANTED, on_running_containers="proceed")
    broken = [] if answer.get("rolled_back") else [f"it says {answer['msg']}"]
    broken += _all_up(host)
    if "nonsense" in host.read():
        broken.append("what the engine can't start with is in the file again")
    _tidy(host)
    return "put back to what the engine ran with", broken


def down_by_syntax(host: Host) -> Outcome:
    broken_file = '{"debug": true,, }'
    host.down_with(broken_file)
    answer = host.daemon(config=BASE)
    broken = [answer["msg"]] if answer.get("failed") else []
    kept = answer.get("backup_file", "")
    if not kept or host.run(f"cat {kept}").stdout != broken_file:
        broken.append(f"the broken file was not kept: {kept}")
    if answer.get("engine") != "failed" or answer.get("action_taken") != "start":
        broken.append(f"it says {answer}")
    host.must(f"rm -f {kept}; docker start plain always")
    broken += _all_up(host)
    _tidy(host)
    return "repaired, the broken file kept", broken


def down_by_bip(host: Host) -> Outcome:
    host.down_with(json.dumps({**BASE, "bip": "10.77.0.0/24"}))
    answer = host.bridge(bip="10.77.0.1/24")
    broken = [answer["msg"]] if answer.get("failed") else []
    if host.state().docker0 != "10.77.0.1/24":
        broken.append(f"docker0 has {host.state().docker0}")
    host.must("docker start plain always")
    broken += _all_up(host)
    host.bridge(state="absent", restart="always")
    _tidy(host)
    return "repaired", broken


def down_and_declared(host: Host) -> Outcome:
    """Find an engine down by its file, have a run fail at it too, and declare just that file."""
    content = json.dumps({**BASE, "log-driver": "nonsense"})
    host.down_with(content)
    first = host.daemon(config={"debug": True})
    broken = [] if "and the engine is down, as it was before" in first["msg"] else [f"it says {first['msg']}"]
    second = host.daemon(config=json.loads(content))
    if not second.get("failed") or f"{PATH} is as it was" not in second["msg"] or "is back" in second["msg"]:
        broken.append(f"with nothing to write it says {second}")
    left = host.daemon(config=json.loads(content), restart="never")
    if not left.get("restart_pending") or "but the engine is down and was not started" not in left["msg"]:
        broken.append(f"with restart: never it says {left['msg']}")
    repaired = host.daemon(config={"log-driver": None}, state="absent")
    broken += [repaired["msg"]] if repaired.get("failed") or repaired["action_taken"] != "start" else []
    host.must("docker start plain always")
    broken += _all_up(host)
    _tidy(host)
    return "said each time, and repaired by a removal", broken


def down_and_still_wrong(host: Host) -> Outcome:
    content = json.dumps({"nonsense": 1})
    host.down_with(content)
    answer = host.daemon(config={"debug": True})
    broken = [] if "match any configuration option: nonsense" in answer["msg"] else [f"it says {answer['msg']}"]
    if host.read() != content:
        broken.append("the file was touched")
    repaired = host.daemon(config=BASE, state="replaced", backup=True)
    broken += [repaired["msg"]] if repaired.get("failed") else []
    host.must(f"rm -f {repaired.get('backup_file', '')} {PATH}.*~; docker start plain always")
    broken += _all_up(host)
    _tidy(host)
    return "refused while it stays wrong, repaired by replaced", broken


FAULTS = [
    ("killed between write and restart", killed_before_restart),
    ("killed during the restart", killed_during_restart),
    ("killed during the rollback", killed_during_rollback),
    ("killed during the restart, and a container needs what is declared next", repaired_by_the_change),
    ("rebooted between write and restart", rebooted_in_between),
    ("rebooted with a file that kills the engine", rebooted_with_a_file_that_kills),
    ("disk full where the change is saved, during the restart", disk_full_during_restart),
    ("disk full where the change is saved, during the rollback", disk_full_during_rollback),
    ("killed at any moment", killed_anywhere),
    ("a pending restart", pending_restart),
    ("a pending restart, for a file that kills", pending_by_hand),
    ("engine down, file is no JSON", down_by_syntax),
    ("engine down, bip is the network's address", down_by_bip),
    ("engine down, and its file is what is declared", down_and_declared),
    ("engine down, and what is declared does not fix it", down_and_still_wrong),
]
