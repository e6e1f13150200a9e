# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of a Harbor upgrade from the stop to the proof: as few as can be, since nobody is served in the meantime.

Each can be repeated after a kill: it looks at what is there instead of trusting that it begins from nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import time

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy

from .. import compose, database, releases
from ..containers import DATABASES, find_containers, stop_and_remove
from ..data_volume import IN_PRODUCTION, SHUT_DOWN, UNKNOWN_STATE, database_major, find_databases, server_state
from ..version import Version
from . import images, proof, room, steps_online
from .context import UpgradeContext, last_lines
from .job import Hop

_STOP = 300.0  # seconds; PostgreSQL writes all it has to disk
_INSTALL = 3600.0
_RECOVER = 600.0  # a database that was killed writes again what its log has
_LOOK_EVERY = 0.2
_COMMAND = 24 * 3600.0  # a dump of a large external database
# What belongs to a release or is made by its `prepare`. Everything else in an install folder is the user's own.
_RELEASED = re.compile(
    r"prepare|install\.sh|common\.sh|LICENSE|open_source_license|NOTICE|harbor\.yml(\.tmpl)?|harbor\.cfg|common|input"
    r"|docker-compose(\.(notary|clair|chartmuseum))?(\.tpl)?\.yml|harbor\.v.*\.tar\.gz|ha|make"
)


def folder_before(context: UpgradeContext) -> str:
    """Return where the folder of the version before is."""
    return os.path.join(context.job.work, f"before-{context.job.id}")


def stop(context: UpgradeContext) -> None:
    if context.job.down_since is None:  # nothing was stopped by a run before
        room.require_before_stop(context)
        room.keep_reserve(context)
    context.mark_down()
    stop_and_remove(context.job.path, _STOP)


def copy_again(context: UpgradeContext) -> None:
    """Bring the copy up to date, now that nobody writes, and dump what is not on this host."""
    job = context.job
    running = [container.name for container in find_containers(job.path) if container.state == "running"]
    if running:  # a reboot between two runs, or a user's hand
        stop_and_remove(job.path, _STOP)
    _end_database_in_order(context)
    copied = steps_online.copy_parts(context, in_use=False)
    context.log(f"Copied {copied >> 20} MiB that had changed in the meantime; the copy in {job.backup} is consistent")
    if job.database_major is not None:
        major = database_major(job.data_volume, Version.parse(job.source))
        if major != job.database_major:
            raise DockyardError(
                "harbor_changed_since_plan",
                f"The database on disk is of PostgreSQL {major}, and was of {job.database_major} in the plan",
            )
    backup_command = job.options.get("database_backup_command")
    if backup_command:
        done = context.run_command(backup_command, timeout=_COMMAND)
        if done.returncode != 0:
            raise DockyardError(
                "harbor_database_command_failed",
                f"The command that saves the database failed with {done.returncode}: {last_lines(done.stdout)}",
            )


def _end_database_in_order(context: UpgradeContext) -> None:
    """Require a database whose server has ended in order.

    A copy of any other is as after a crash. One that was killed, by an engine that was restarted for instance, is
    started alone, which recovers it, and ended.
    """
    job = context.job
    if job.database_major is None:
        return
    state = _database_state(context)
    if state != SHUT_DOWN and state != UNKNOWN_STATE:
        context.log(f"The database was not ended in order ({state}); starting it alone, to end it in order")
        compose.up(job.path, _INSTALL, services=[name for name in compose.services(job.path) if name in DATABASES])
        deadline = time.monotonic() + _RECOVER
        while _database_state(context) != IN_PRODUCTION and time.monotonic() < deadline:
            context.report_progress(0, 0)
            time.sleep(_LOOK_EVERY)
        stop_and_remove(job.path, _STOP)
        state = _database_state(context)
    if state != SHUT_DOWN:
        raise DockyardError(
            "harbor_database_not_ended",
            f"PostgreSQL was not ended in order (its control file says: {state}), so that no copy of its data would be"
            " consistent; look at postgresql.log, and run again when Harbor is healthy",
        )


def _database_state(context: UpgradeContext) -> str:
    folder = find_databases(context.job.data_volume).get(context.job.database_major or "")
    return server_state(folder) if folder else UNKNOWN_STATE


def swap(context: UpgradeContext, hop: Hop) -> None:
    """Put the release in the place of the folder of the version before."""
    job = context.job
    if not os.path.isdir(hop.release):
        if not os.path.isdir(job.path):
            raise DockyardError(
                "harbor_changed_since_plan",
                f"Neither {hop.release} nor {job.path} is there; a user or another process has moved them",
            )
        return  # done by a run that was killed right after
    first = hop is job.hops[0]
    aside = folder_before(context) if first else os.path.join(job.work, f"passed-{job.id}")
    if os.path.isdir(job.path):
        _carry_over(job.path, hop.release)
        if not first:
            shutil.rmtree(aside, ignore_errors=True)
        os.rename(job.path, aside)
    os.rename(hop.release, job.path)
    atomic_file.sync_folder(os.path.dirname(job.path))


def _carry_over(old: str, new: str) -> None:
    """Copy the user's own files in the install folder: certificates, an override of the compose file, scripts."""
    for name in sorted(os.listdir(old)):
        if _RELEASED.fullmatch(name) or os.path.lexists(os.path.join(new, name)):
            continue
        source, target = os.path.join(old, name), os.path.join(new, name)
        if os.path.isdir(source) and not os.path.islink(source):
            tree_copy.bring_up_to_date(source, target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)
            status = os.lstat(source)
            os.lchown(target, status.st_uid, status.st_gid)


def migrate_database(context: UpgradeContext, hop: Hop) -> None:
    """Migrate the database by an image of its own, while Harbor is down, as it is before 1.7."""
    source = Version.parse(context.job.version_before(hop))
    target = Version.parse(hop.version)
    migration = releases.migration(source, target)
    config = context.config(context.job.source)
    words = {
        "image": migration.image.format(tag=target.tag),
        "data": context.job.data_volume,
        "db_password": str(config.get("db_password", "")),
        "old_configuration": os.path.join(context.job.path, releases.configuration_name(source)),
    }
    for arguments, folder in zip(migration.databases, migration.folders):
        if not os.path.isdir(os.path.join(context.job.data_volume, folder)):
            continue
        command = ["docker", *(word.format(**words) for word in arguments)]
        done = context.run_command(command, timeout=_INSTALL, answers=migration.answers)
        if done.returncode != 0:
            raise DockyardError(
                "harbor_migration_failed",
                f"The migration of the database failed with {done.returncode}: {last_lines(done.stdout)}",
            )


def install(context: UpgradeContext, hop: Hop) -> None:
    """Run the release's own installer, with the same components as before."""
    job = context.job
    database.wait_for_upgrade(context)
    room.require_before_install(context, hop)
    if hop is not job.hops[0]:
        # The new compose file does not know what the old one had, and would leave it running.
        stop_and_remove(job.path, _STOP)
    for other in os.listdir(job.path):
        if re.fullmatch(r"harbor\.v.*\.tar\.gz", other):
            raise DockyardError("harbor_changed_since_plan", f"{other} is in {job.path}; the installer would load it")
    allowed = releases.component_flags(Version.parse(hop.version))
    flags = [flag for flag in job.flags if flag in allowed]
    done = context.run_command(["./install.sh", *flags], cwd=job.path, timeout=_INSTALL)
    if done.returncode != 0:
        raise DockyardError(
            "harbor_installer_failed",
            f"The installer of Harbor {hop.version} failed with status {done.returncode}: {last_lines(done.stdout)}",
        )


def wait(context: UpgradeContext, hop: Hop) -> None:
    proof.wait_until_healthy(context, hop.version, context.job.options["timeout"])
    if hop is not context.job.hops[-1]:
        # An empty database is healthy too; the next hop would only hide where that happened.
        proof.verify_contents(context, hop.version)


def verify(context: UpgradeContext) -> None:
    """Prove that all is there. With this, Harbor is up again, and its downtime ends."""
    job = context.job
    job.census_after = proof.verify_contents(context, job.target)
    context.mark_up()
    now = job.census_after
    context.log(
        f"Harbor {job.target} is up with {now}, and {now.sampled} as before; it was down for {job.downtime:.0f} s"
    )


def remove_working_files(context: UpgradeContext) -> None:
    """Remove what was made on the way and nobody needs afterwards, whichever version stays."""
    for name in ("releases", "configuration", "archives", f"passed-{context.job.id}"):
        shutil.rmtree(os.path.join(context.job.work, name), ignore_errors=True)


def remove_empty_folders(context: UpgradeContext) -> None:
    """Remove the folders of all upgrades, if nothing is kept in them."""
    for folder in (context.job.work, os.path.dirname(context.job.backup)):
        if os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)


def clean_up(context: UpgradeContext) -> None:
    """Remove what only the upgrade needed. What a rollback needs stays, if that is desired."""
    job = context.job
    room.free_reserve(context)
    for hop in job.hops:
        aside = images.tarball_aside(hop)
        if os.path.exists(aside):
            if hop is job.hops[-1] and hop.images is not None:
                os.replace(aside, os.path.join(job.path, hop.images))
            else:
                os.unlink(aside)
        shutil.rmtree(hop.release, ignore_errors=True)
    remove_working_files(context)
    # Those of the versions in between have never served anybody.
    images.unload(context, job.hops[:-1])
    if not job.options["keep_backup"]:
        shutil.rmtree(job.backup, ignore_errors=True)
        shutil.rmtree(folder_before(context), ignore_errors=True)
    _remove_older(context)


def _remove_older(context: UpgradeContext) -> None:
    """Remove what rollbacks of older upgrades needed: that of the last one is enough."""
    job = context.job
    for folder, prefix in ((os.path.dirname(job.backup), "upgrade-"), (job.work, "before-")):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in names:
            if name.startswith(prefix) and name != f"{prefix}{job.id}":
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    remove_empty_folders(context)
