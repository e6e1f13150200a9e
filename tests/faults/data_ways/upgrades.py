# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades that are killed, that fail, and that are whole: none loses a write that was acknowledged."""

from __future__ import annotations

import dataclasses

from data_ways.host import FOLDER, NAME, SMALL, SQL, Family, Host, Outcome

STEPS = ("check", "configuration", "backup", "stop", "copy", "start", "prove", "open", "settle")
MORE_STEPS = {"mariadb": ("ahead",)}
_SETTINGS = f"echo \"SHOW GLOBAL VARIABLES WHERE Variable_name REGEXP 'fast_shutdown|max_dirty_pages'\" | {SQL}"


def killed(host: Host, family: Family, step: str) -> Outcome:
    """Kill the process of the upgrade at a step, and run again."""
    host.begin(family)
    target = family.image(family.new)
    there = host.begin_upgrade(target, step, "KILL")
    again = host.upgrade(target)
    broken = host.lost(family)
    if again.get("outcome") not in ("upgraded", "unchanged"):
        broken.append(f"the next run: {again.get('msg')}")
    elif host.declare(family, family.new).get("changed"):
        broken.append("it is not as declared afterwards")
    when = "at it" if there else "after it, which was too fast"
    return f"killed {when}; the next run: {again.get('outcome')}", broken


def rebooted(host: Host, family: Family, step: str) -> Outcome:
    """Switch the host off at a step, and run again."""
    host.begin(family)
    target = family.image(family.new)
    host.begin_upgrade(target, step, "STOP")
    host.reboot()
    host.wait_for("docker version")
    again = host.upgrade(target)
    broken = host.lost(family)
    if again.get("outcome") not in ("upgraded", "unchanged"):
        broken.append(f"the next run: {again.get('msg')}")
    return f"the next run: {again.get('outcome')}", broken


def full_disk_ahead(host: Host, family: Family) -> Outcome:
    """Fill the disk when the copy begins that is made while the server is up, and free it afterwards."""
    host.begin(family, 300000, 1000, small=True)
    before = host.must(_SETTINGS)
    there = host.begin_upgrade(family.image(family.new), "ahead", "STOP")
    host.fill_small_disk()
    host.signal_upgrade("CONT")
    failed = host.upgrade(family.image(family.new))
    broken = [] if there else ["the copy had not begun when the disk was filled"]
    if failed.get("outcome") != "refused":
        broken.append(f"the upgrade: {failed.get('msg')}")
    host.must(f"rm {SMALL}/filler")
    after = host.must(_SETTINGS)
    if after != before:
        broken.append(f"the server's settings were {before} and are {after}")
    return str(failed.get("msg"))[:160], [*broken, *_old_is_up(host, family)]


def full_disk(host: Host, family: Family) -> Outcome:
    """Fill the disk when the copy of the data begins, and free it afterwards."""
    # So much that the copy takes a while, of which a part is there before the disk is full.
    host.begin(family, 300000, 1000, small=True)
    target = family.image(family.new)
    there = host.begin_upgrade(target, "copy", "STOP")
    host.fill_small_disk()
    host.signal_upgrade("CONT")
    failed = host.upgrade(target)
    broken = [] if there else ["the copy had not begun when the disk was filled"]
    if failed.get("outcome") != "rolled_back":
        broken.append(f"the upgrade: {failed.get('msg')}")
    host.must(f"rm {SMALL}/filler")
    return str(failed.get("msg"))[:160], [*broken, *_old_is_up(host, family)]


def does_not_start(host: Host, family: Family) -> Outcome:
    """Upgrade to a new version whose server ends as soon as there are data."""
    host.begin(family)
    failed = host.upgrade(f"{family.name}-broken")
    broken = [] if failed.get("outcome") == "rolled_back" else [f"the upgrade: {failed.get('msg')}"]
    if "no way with these data" not in str(failed.get("msg")):
        broken.append("the server's own words are not in the message")
    return str(failed.get("msg"))[-110:], [*broken, *_old_is_up(host, family)]


def _old_is_up(host: Host, family: Family) -> list[str]:
    broken = host.lost(family)
    names = host.must("docker ps --all --format '{{.Names}} {{.Image}}'")
    if names != f"{NAME} {family.image(family.old)}":
        broken.append(f"the containers are {names}")
    return broken


def large(host: Host, family: Family) -> Outcome:
    """Upgrade a million of rows or keys of a kilobyte under a writer."""
    host.begin(family, 1000000, 1000)
    done = host.upgrade(family.image(family.new))
    broken = host.lost(family)
    if done.get("outcome") != "upgraded":
        broken.append(str(done.get("msg")))
    size = int(host.must(f"du -sm {FOLDER}/{NAME}/data").split()[0])
    seconds, copied = float(done.get("downtime", 0)), int(done.get("copied_bytes", 0)) >> 20
    return f"{size} MiB; down for {seconds:.1f} s, {copied} MiB copied", broken


def crashed_before(host: Host, family: Family) -> Outcome:
    """Kill the server, and upgrade: its own version has to start on the data and end properly first."""
    if family.module == "redis_server":
        # Snapshots alone would lose what was written since the last one, whoever upgrades.
        config = {**family.options["config"], "appendonly": True}
        family = dataclasses.replace(family, options={**family.options, "config": config})
    host.begin(family)
    host.must(f"docker update --restart no {NAME}; docker kill --signal KILL {NAME}")
    done = host.upgrade(family.image(family.new))
    journal = host.must("cat /var/lib/dockyard/databases/*/*.log")
    broken = host.lost(family)
    if done.get("outcome") != "upgraded" or "does not run; starting it with" not in journal:
        broken.append(f"{done.get('msg')}: {journal[-300:]}")
    return "started with its own version, stopped properly, upgraded", broken
