# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores that are interrupted by a host that goes off, and backups that can't be made: good ones stay."""

from __future__ import annotations

import functools
import json
from typing import Any

from data_ways.host import BACKUPS, FOLDER, NAME, SMALL, Family, Host, Outcome


def _count(host: Host, family: Family) -> int:
    return int(host.must(f"{family.count} | tail -n 1"))


def _note(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.must("/etc/ansible/facts.d/dockyard_backups.fact"))[NAME]
    return found


def off_in_backup(host: Host, family: Family) -> Outcome:
    """Switch the host off in the middle of a backup."""
    host.begin(family)
    first = host.back_up(keep=1)
    host.stop_writing()
    # The server has more to write then, so that there is a middle.
    host.must(family.more)
    running = host.start("database_backup", False, container_name=NAME, directory=BACKUPS, keep=1)
    host.wait_for(f"ls {BACKUPS}/.unfinished-*/*")
    host.reboot()
    running.kill()
    host.wait_for("docker version")
    host.wait_for(family.count)
    left = host.must(f"ls -A {BACKUPS}").split()
    unfinished = any(name.startswith(".") for name in left)
    # One that was completed before the host went off takes the place of the first.
    good = [name for name in left if not name.startswith(".")]
    broken = [] if first["path"].rpartition("/")[2] in good or (good and not unfinished) else ["the good one is gone"]
    tried = host.module("database_restore", False, container_name=NAME, directory=BACKUPS)
    broken += [f"the rehearsal: {tried['msg']}"] if tried.get("failed") else []
    again = host.back_up(keep=1)
    broken += [f"the next backup: {again['msg']}"] if again.get("failed") else []
    after = host.must(f"ls -A {BACKUPS}")
    broken += [f"{after} is left"] if len(after.split()) != 1 else []
    return f"{'in the middle' if unfinished else 'after it'}; left: {' '.join(left)}"[:120], broken


def off_in_restore(host: Host, family: Family, moment: str) -> Outcome:
    """Switch the host off in the middle of a restore. The old data have to be up, or the restored ones."""
    host.begin(family)
    host.stop_writing()
    options: dict[str, Any] = {
        "container_name": NAME,
        "directory": BACKUPS,
        "state": "restored",
        "replace_data_of": NAME,
    }
    made = host.back_up()
    before = _count(host, family)
    host.must(family.more)
    more = _count(host, family)
    running = host.start("database_restore", False, **options)
    host.wait_for(moment.format(name=NAME, folder=f"{FOLDER}/{NAME}"), 120)
    host.reboot()
    running.kill()
    host.wait_for("docker version")
    again = host.module("database_restore", False, **options)
    now = _count(host, family)
    broken = [f"the next run: {again['msg']}"] if again.get("failed") else []
    broken += [f"{now} rows or keys, and not {before}"] if now != before else []
    broken += [] if made.get("path") else [str(made)]
    if host.declare(family, family.old).get("changed"):
        broken.append("it is not as declared afterwards")
    return f"{more} before, {now} of the backup afterwards", broken


def can_not_be_made(host: Host, family: Family) -> Outcome:
    """Let backups fail in four ways; each is a fact, and the good ones stay."""
    host.begin(family)
    host.small_disk()
    directory = f"{SMALL}/backups"
    for _number in range(2):
        host.back_up(directory, keep=2)
    host.stop_writing()
    good = host.must(f"ls {directory}")
    broken = []
    ways = (
        ("full disk", host.fill_small_disk, f"rm {SMALL}/filler"),
        ("wrong password", functools.partial(host.must, family.wrong_password), family.right_password),
        ("server down", functools.partial(host.must, f"docker stop --time 100 {NAME}"), f"docker start {NAME}"),
    )
    for way, do, undo in ways:
        do()
        failed = host.back_up(directory, keep=1, timeout=10)
        note = _note(host)
        if not failed.get("failed") or note["ok"] or note["message"] not in failed["msg"] or note["good"] != 2:
            broken.append(f"{way}: {failed.get('msg')} {note}")
        if host.must(f"ls {directory}") != good:
            broken.append(f"{way}: the backups are {host.must(f'ls {directory}')}")
        host.must(undo)
        host.wait_for(family.count)
    made = host.back_up(directory, keep=2, timeout=60)
    if made.get("failed") or not _note(host)["ok"]:
        broken.append(f"a good one afterwards: {made['msg']}")
    return "full disk, wrong password, server down", broken
