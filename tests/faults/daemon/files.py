# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the file and of its folder, and files that are not what they seem."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import Any

from daemon.host import BASE, PATH, Host

Outcome = tuple[str, list[str]]


def refused(host: Host, says: str, arrange: str, tidy: str, **options: Any) -> Outcome:
    """Make a change that must be refused with this text, in check mode as well, and leave everything as it was."""
    host.must(arrange)
    before = host.state()
    answers = [host.daemon(check=check, config={"debug": True}, **options) for check in (True, False)]
    broken = host.healthy(before, same_engine=True)
    for answer in answers:
        if not answer.get("failed") or not re.search(says, answer["msg"]):
            broken.append(f"the message does not say /{says}/: {answer.get('msg')}")
    host.must(tidy)
    return "refused, nothing changed", broken


def disk_full(host: Host) -> Outcome:
    return refused(
        host,
        "Can't write /etc/docker/daemon.json: the file system is full",
        "cp -a /etc/docker /root/docker; mount -t tmpfs -o size=32k tmpfs /etc/docker;"
        " cp -a /root/docker/. /etc/docker/;"
        " dd if=/dev/zero of=/etc/docker/filler 2>/dev/null || true",
        "umount /etc/docker; rm -r /root/docker",
    )


def state_disk_full(host: Host) -> Outcome:
    return refused(
        host,
        "Can't write /var/lib/dockyard/docker_daemon/etc-docker-daemon.json: the file system is full",
        "mount -t tmpfs -o size=32k tmpfs /var/lib/dockyard; mkdir /var/lib/dockyard/docker_daemon;"
        " dd if=/dev/zero of=/var/lib/dockyard/filler 2>/dev/null || true",
        "umount /var/lib/dockyard",
    )


def read_only(host: Host) -> Outcome:
    return refused(
        host,
        "Can't write /etc/docker/daemon.json: the file system is mounted read-only",
        "mount --bind /etc/docker /etc/docker; mount -o remount,ro,bind /etc/docker",
        "umount /etc/docker",
    )


def immutable(host: Host) -> Outcome:
    # What chattr does, which a test host does not have.
    flags = "import fcntl; fcntl.ioctl(open({path!r}), 0x40086602, ({flags}).to_bytes(8, {order!r}))"
    on, off = (flags.format(path=PATH, flags=value, order=sys.byteorder) for value in (0x10, 0))
    return refused(
        host,
        r"Can't write /etc/docker/daemon.json: operation not permitted \(an immutable file\?",
        f"python3 -c {shlex.quote(on)}",
        f"python3 -c {shlex.quote(off)}",
    )


def owned_by_another_user(host: Host) -> Outcome:
    return refused(host, "belongs to games", f"chown games {PATH}", f"chown root {PATH}")


def symbolic_link(host: Host) -> Outcome:
    return refused(
        host,
        "daemon.json is a symbolic link to /root/elsewhere.json",
        f"mv {PATH} /root/elsewhere.json; ln -s /root/elsewhere.json {PATH}",
        f"rm {PATH}; mv /root/elsewhere.json {PATH}",
    )


def a_folder(host: Host) -> Outcome:
    return refused(
        host,
        "is no regular file",
        f"mv {PATH} /root/kept.json; mkdir {PATH}",
        f"rmdir {PATH}; mv /root/kept.json {PATH}",
    )


def equal_file(host: Host) -> Outcome:
    """Written again in another order and form, after the engine has started: newer, and yet the same."""
    original = host.read()
    host.write("{\n\t" + ",\n\t".join(f"{json.dumps(key)}:{json.dumps(BASE[key])}" for key in reversed(BASE)) + "}")
    before = host.state()
    answers = [host.daemon(config=BASE, state=state) for state in ("merged", "replaced")]
    broken = host.healthy(before, same_engine=True)
    broken += [f"not unchanged: {answer['msg']}" for answer in answers if answer.get("failed") or answer["changed"]]
    host.write(original)
    return "changed=false", broken


def two_at_once(host: Host) -> Outcome:
    """Keep the engine from coming up; a second run waits for the first, a third one does not want to."""
    host.must("touch /run/hold")
    host.drop_in("ExecStartPre=/bin/sh -c 'while test -e /run/hold; do sleep 0.2; done'")
    proceed: dict[str, Any] = {"on_running_containers": "proceed"}
    first = host.start("docker_daemon", by_ansible=True, config={"log-level": "warn"}, **proceed)
    host.wait_for(f"grep -q warn {PATH}")
    second = host.start("docker_daemon", by_ansible=True, config={"dns-search": ["example.com"]}, **proceed)
    third = host.daemon(config={"debug": True}, lock_timeout=1)
    host.must("rm /run/hold")
    answers = [host.end(first), host.end(second)]
    broken = [f"one that waits failed: {answer['msg']}" for answer in answers if answer.get("failed")]
    if "Another run holds the lock on /var/lib/dockyard/docker_daemon for more than 1 second" not in third["msg"]:
        broken.append(f"the one that does not wait says: {third['msg']}")
    wanted = {**BASE, "log-level": "warn", "dns-search": ["example.com"]}
    if json.loads(host.read()) != wanted:
        broken.append(f"the file holds {host.read()}")
    host.without_drop_ins()
    host.base()
    return "one waits, one fails clearly", broken


def never_torn(host: Host) -> Outcome:
    """Another process reads the file all the time while it is changed back and forth."""
    reader = (
        "import json, time\nend = time.time() + 12\ncount = 0\nwhile time.time() < end:\n"
        f"    json.load(open({PATH!r})); count += 1\nprint(count)\n"
    )
    host.write(reader, "/root/reader.py")
    host.must("python3 /root/reader.py > /root/reader.out 2>&1 & true")
    labels = [["base=1", f"padding={'x' * 4000 * (number % 2)}"] for number in range(6)]
    answers = [host.daemon(config={"labels": label}) for label in labels]
    host.wait_for("! pgrep -f '[r]eader.py'")
    said = host.run("cat /root/reader.out").stdout.strip()
    broken = [] if said.isdigit() and int(said) > 100 else [f"the reader says: {said[-200:]}"]
    broken += [answer["msg"] for answer in answers if answer.get("failed") or answer.get("action_taken") != "reload"]
    host.base()
    return f"each of {said} readings was whole", broken


FAULTS = [
    ("disk full", disk_full),
    ("disk full where the change is remembered", state_disk_full),
    ("folder read-only", read_only),
    ("file that is immutable", immutable),
    ("file owned by another user", owned_by_another_user),
    ("symbolic link in its place", symbolic_link),
    ("folder in its place", a_folder),
    ("re-ordered and re-indented, but equal", equal_file),
    ("two runs at once", two_at_once),
    ("read all the time while it changes", never_torn),
]
