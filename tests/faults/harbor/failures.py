# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the middle of an upgrade: the old Harbor is up with everything in it, or was never stopped."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any, Callable

from harbor.host import KILL, SOURCE, TARGET, Host

Fault = Callable[[Host], "tuple[str, list[str]]"]

_SMALL_DISK = "/small"
# At once, for the step that needs the room comes a second later.
_FILL = f"fallocate --length $(($(stat -f -c '%a * %S' {_SMALL_DISK}) - 65536)) {_SMALL_DISK}/filler"
# Ends for three seconds whoever asks how far the work is. Only they have come from outside of the host.
_NO_WATCHER = """
for round in $(seq 60); do
    for pid in $(pgrep -f [A]nsiballZ_harbor_upgrade); do
        [ "$(ps -o ppid= -p $pid | tr -d ' ')" = 0 ] && kill -9 $pid && killed=yes
    done
    sleep 0.05
done 2>/dev/null
[ "$killed" ]
"""
_THIEF = "systemd-run --quiet --unit thief sh -c 'until python3 -m http.server 80; do sleep 0.02; done'"


@dataclasses.dataclass(frozen=True)
class Failure:
    """says: what the message must say. stops: whether Harbor may be stopped at all before that.

    small: whether a small run has it too.
    """

    name: str
    says: str
    stops: bool
    variant: str | None = None
    small: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


# The variants are made by tests/harbor; what fails in them is described there.
FAILURES = (
    Failure(
        "migration of the database fails",
        r"migration of the database's schema failed: cannot alter type",
        True,
        "migration-fails",
        small=True,
    ),
    Failure(
        "core is never healthy", r"is not healthy after 30 seconds", True, "core-never-healthy", options={"timeout": 30}
    ),
    Failure("core hangs", r"is not healthy after 30 seconds", True, "core-hangs", options={"timeout": 30}),
    Failure(
        "the database is killed inside pg_upgrade",
        r"the upgrade of its database was interrupted|an interrupted upgrade has left",
        True,
        "database-killed",
    ),
    Failure("a component stays unhealthy", r"not healthy: \w*registryctl", True, "unhealthy", options={"timeout": 30}),
    Failure(
        "the migration loses data",
        r"does not have what was in it before: \d+ of \d+ projects",
        True,
        "loses-data",
        small=True,
    ),
    Failure("database container refuses the data", r"the database has failed", True, "database-refuses"),
    Failure("prepare fails", r"installer of Harbor .* failed with status", True, "prepare-fails"),
    Failure("image load fails", r"docker load .*failed with", False, "image-broken", small=True),
    Failure("archive is truncated", r"truncated", False, "truncated", small=True),
    Failure("migration of harbor.yml fails", r"migration of harbor\.yml .* failed with status", False, "migrate-fails"),
)


def _fails(host: Host, failure: Failure) -> tuple[str, list[str]]:
    running = host.containers()
    answer = host.upgrade(host.archive(TARGET, failure.variant), **failure.options)
    return _judged(host, answer, failure.says, failure.stops, running)


def _judged(
    host: Host, answer: dict[str, Any], says: str, stops: bool, running: dict[str, str]
) -> tuple[str, list[str]]:
    broken = host.lost(SOURCE)
    if not answer.get("failed"):
        broken.append(f"it did not fail: {answer.get('msg')}")
    if answer.get("outcome") != ("rolled_back" if stops else "refused"):
        broken.append(f"the outcome is {answer.get('outcome')}: {answer.get('msg')}")
    if not re.search(says, answer.get("msg", ""), re.DOTALL):
        broken.append(f"the message does not say /{says}/: {answer.get('msg')}")
    if not stops:
        broken += host.untouched(running)
    return str(answer.get("outcome")), broken


def wrong_checksum(host: Host) -> tuple[str, list[str]]:
    running = host.containers()
    answer = host.upgrade({**host.archive(TARGET), "checksum": "md5:00000000000000000000000000000000"})
    return _judged(host, answer, r"md5.*00000000000000000000000000000000", False, running)


def disk_full(host: Host, step: str, stops: bool, delay: float = 0.0) -> tuple[str, list[str]]:
    """Use the room up that the plan has seen."""
    host.must(f"mkdir -p {_SMALL_DISK} && mount -t tmpfs -o size=600m tmpfs {_SMALL_DISK}")
    running = host.containers()
    try:
        watched = host.start("harbor_upgrade", **host.options(backup_path=f"{_SMALL_DISK}/backups"))
        at = host.at(step, _FILL, delay)
        answer = host.end(watched)
    finally:
        host.run(f"umount -l {_SMALL_DISK}")
    outcome, broken = _judged(host, answer, r"file system is full", stops, running)
    return f"filled at {at}, then {outcome}", broken


def engine_restarts(host: Host, step: str, delay: float) -> tuple[str, list[str]]:
    """Restart the engine. The upgrade goes on or back; after either, Harbor is up."""
    at = host.begin(step, "systemctl restart docker", delay=delay)
    answer = host.upgrade()
    outcome = answer.get("outcome")
    broken = host.lost(TARGET if outcome == "upgraded" else SOURCE)
    if at is None or outcome not in ("upgraded", "rolled_back", "refused"):
        broken.append(f"restarted at {at}: {answer.get('msg')}")
    return f"restarted at {at}, then {outcome}", broken


def core_ends_while_the_database_recovers(host: Host) -> tuple[str, list[str]]:
    answer = host.upgrade(host.archive(TARGET, "database-recovers"))
    broken = host.lost(TARGET)
    if answer.get("outcome") != "upgraded":
        broken.append(f"it did not wait: {answer.get('msg')}")
    return str(answer.get("outcome")), broken


def database_killed_at_the_stop(host: Host) -> tuple[str, list[str]]:
    """Kill the database while Harbor stops. It is recovered, and ended in order, before it is copied."""
    watched = host.start("harbor_upgrade", **host.options())
    at = host.at("stop", "docker kill harbor-db")
    answer = host.end(watched)
    broken = host.lost(TARGET)
    journal = host.must("cat /var/lib/dockyard/harbor/*/journal.log")
    if answer.get("outcome") != "upgraded" or "was not ended in order (in production)" not in journal:
        broken.append(f"it was not recovered: {answer.get('msg')}")
    return f"killed at {at}, then {answer.get('outcome')}", broken


def session_stays_open(host: Host) -> tuple[str, list[str]]:
    """Keep a session of another program in the database, for which a smart shutdown would wait."""
    psql = "$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)/psql -h /tmp -U postgres"
    host.must(f"docker exec --detach harbor-db sh -c '{psql} -c \"SELECT pg_sleep(600)\"'")
    answer = host.upgrade()
    broken = host.lost(TARGET)
    journal = host.must("cat /var/lib/dockyard/harbor/*/journal.log")
    if answer.get("outcome") != "upgraded" or "was not ended in order" in journal:
        broken.append(f"the database was not ended in order: {answer.get('msg')}")
    return str(answer.get("msg")), broken


def reboots(host: Host, step: str) -> tuple[str, list[str]]:
    at = host.begin(step, "sync")
    host.reboot()
    host.wait_for("docker info >/dev/null 2>&1")
    answer = host.upgrade()
    broken = host.lost(TARGET)
    if answer.get("outcome") != "upgraded" or "goes on" not in " ".join(answer.get("resumed", [])):
        broken.append(f"the next run did not go on: {answer.get('msg')}")
    return f"rebooted at {at}, then {answer.get('outcome')}", broken


def port_taken(host: Host) -> tuple[str, list[str]]:
    """Another server takes the port in the moment in which nobody holds it, and is ended before the rollback."""
    running = host.containers()
    taken = host.begin("copy_again", _THIEF, timeout=30)
    host.at("back stop", "systemctl stop thief")
    answer = host.upgrade(timeout=30)
    outcome, broken = _judged(host, answer, r"not healthy|port is already allocated|in use", True, running)
    return f"taken at {taken}, then {outcome}", broken


def connection_breaks(host: Host) -> tuple[str, list[str]]:
    """End the controller's part in the middle. The work goes on, and the next run watches it."""
    running = host.start("harbor_upgrade", **host.options())
    at = host.at(f"unpack {TARGET}", "true")
    running.kill()
    running.communicate()
    answer = host.upgrade()
    broken = host.lost(TARGET)
    if answer.get("outcome") != "upgraded" or answer.get("resumed"):
        broken.append(f"the work did not go on by itself: {answer.get('msg')} {answer.get('resumed')}")
    return f"broken at {at}, then {answer.get('outcome')}", broken


def killed_while_watched(host: Host) -> tuple[str, list[str]]:
    """Whoever watches sees that the work has ended, and lets it go on."""
    running = host.start("harbor_upgrade", **host.options())
    at = host.at("copy_again", KILL)
    answer = host.end(running)
    broken = host.lost(TARGET)
    if answer.get("outcome") != "upgraded" or "goes on" not in " ".join(answer.get("resumed", [])):
        broken.append(f"it did not go on: {answer.get('msg')}")
    return f"killed at {at}, then {answer.get('outcome')}", broken


def watcher_killed(host: Host) -> tuple[str, list[str]]:
    """Whoever watches asks once more, and the work goes on undisturbed."""
    running = host.start("harbor_upgrade", **host.options())
    at = host.at("copy", _NO_WATCHER)
    answer = host.end(running)
    broken = host.lost(TARGET)
    if at is None or answer.get("outcome") != "upgraded" or answer.get("resumed"):
        broken.append(f"it was not watched to its end: {answer.get('msg')} {answer.get('resumed')}")
    return f"killed from {at} on, then {answer.get('outcome')}", broken


def two_at_once(host: Host) -> tuple[str, list[str]]:
    both = [host.start("harbor_upgrade", **host.options()) for _run in range(2)]
    answers = [host.end(running) for running in both]
    broken = host.lost(TARGET)
    if any(answer.get("failed") for answer in answers):
        broken.append(f"one failed: {[answer.get('msg') for answer in answers]}")
    jobs = {answer.get("job") for answer in answers}
    if len(jobs - {None}) != 1:
        broken.append(f"there were several jobs: {jobs}")
    return " and ".join(str(answer.get("outcome")) for answer in answers), broken


def taken_back(host: Host) -> tuple[str, list[str]]:
    """Roll an upgrade back that went well, on request; once more, nothing changes."""
    host.upgrade()
    answer = host.upgrade(state="rolled_back")
    broken = host.lost(SOURCE)
    if answer.get("failed") or not answer.get("changed"):
        broken.append(f"it was not taken back: {answer.get('msg')}")
    again = host.upgrade(state="rolled_back")
    if again.get("failed") or again.get("changed"):
        broken.append(f"a second time: {again.get('msg')}")
    return str(answer.get("msg")), broken


def of(small: bool) -> list[tuple[str, Fault]]:
    faults: list[tuple[str, Fault]] = [
        (failure.name, functools.partial(_fails, failure=failure)) for failure in FAILURES if failure.small or not small
    ]
    faults += [
        ("wrong checksum", wrong_checksum),
        ("disk fills during the copy", functools.partial(disk_full, step=f"unpack {TARGET}", stops=False)),
        ("connection breaks", connection_breaks),
    ]
    if small:
        return faults
    return [
        *faults,
        ("killed while it is watched", killed_while_watched),
        ("whoever watches is killed", watcher_killed),
        ("disk fills while Harbor is down", functools.partial(disk_full, step="stop", stops=True, delay=1.0)),
        ("core ends while the database recovers", core_ends_while_the_database_recovers),
        ("the database is killed at the stop", database_killed_at_the_stop),
        ("another program's session stays open", session_stays_open),
        *(
            (f"engine restarts at: {step}", functools.partial(engine_restarts, step=step, delay=delay))
            for step, delay in ((f"load {TARGET}", 1), ("stop", 1), (f"install {TARGET}", 4), (f"wait {TARGET}", 1))
        ),
        *(
            (f"host reboots at: {step}", functools.partial(reboots, step=step))
            for step in ("copy_again", f"wait {TARGET}")
        ),
        ("port is taken", port_taken),
        ("two runs at once", two_at_once),
        ("taken back on request", taken_back),
    ]
