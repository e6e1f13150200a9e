# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The steps of a Harbor upgrade from the stop to the proof: as few as can be, since nobody is served meanwhile.

Each can be repeated after a kill: it looks at what is there instead of trusting that it begins from nothing.
"""

from __future__ import annotations

import os
import re
import shutil

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file, tree_copy

from .. import database, releases
from ..containers import find_containers, stop_and_remove
from ..data_volume import database_major
from ..version import Version
from . import images, proof, steps_online
from .context import Run, tail
from .job import Hop

_STOP = 300.0  # seconds; PostgreSQL writes all it has to disk
_INSTALL = 3600.0
_COMMAND = 24 * 3600.0  # a dump of a large external database
# What belongs to a release or is made by its `prepare`. Everything else in an install folder is somebody's own.
_RELEASED = re.compile(
    r"prepare|install\.sh|common\.sh|LICENSE|open_source_license|NOTICE|harbor\.yml(\.tmpl)?|harbor\.cfg|common|input"
    r"|docker-compose(\.(notary|clair|chartmuseum))?(\.tpl)?\.yml|harbor\.v.*\.tar\.gz|ha|make"
)


def previous(run: Run) -> str:
    """Where the folder of the version before lies."""
    return os.path.join(run.job.work, f"before-{run.job.id}")


def stop(run: Run) -> None:
    run.goes_down()
    stop_and_remove(run.job.path, _STOP)


def copy_again(run: Run) -> None:
    """Brings the copy up to date, now that nobody writes, and dumps what is not on this host."""
    job = run.job
    running = [container.name for container in find_containers(job.path) if container.state == "running"]
    if running:  # a reboot between two runs, or somebody's hand
        stop_and_remove(job.path, _STOP)
    copied = steps_online.copy_parts(run, in_use=False)
    run.say(f"Copied {copied >> 20} MiB that had changed meanwhile; the copy in {job.backup} is consistent")
    if job.database_major is not None:
        major = database_major(job.data_volume, Version.parse(job.source))
        if major != job.database_major:
            raise Problem(f"The database on disk is of PostgreSQL {major}, and was of {job.database_major} in the plan")
    backup_command = job.options.get("database_backup_command")
    if backup_command:
        done = run.command(backup_command, timeout=_COMMAND)
        if done.returncode != 0:
            raise Problem(f"The command that saves the database failed with {done.returncode}: {tail(done.stdout)}")


def swap(run: Run, hop: Hop) -> None:
    """Puts the release in the place of the folder of the version before."""
    job = run.job
    if not os.path.isdir(hop.release):
        if not os.path.isdir(job.path):
            raise Problem(f"Neither {hop.release} nor {job.path} is there; somebody has moved them")
        return  # done by a run that was killed right after
    first = hop is job.hops[0]
    aside = previous(run) if first else os.path.join(job.work, f"passed-{job.id}")
    if os.path.isdir(job.path):
        _carry_over(job.path, hop.release)
        if not first:
            shutil.rmtree(aside, ignore_errors=True)
        os.rename(job.path, aside)
    os.rename(hop.release, job.path)
    atomic_file.sync_folder(os.path.dirname(job.path))


def _carry_over(old: str, new: str) -> None:
    """Somebody's own files in the install folder: certificates, an override of the compose file, scripts."""
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


def migrate_database(run: Run, hop: Hop) -> None:
    """Before 1.7, the database is migrated by an image of its own, while Harbor is down."""
    source = Version.parse(run.job.before(hop))
    target = Version.parse(hop.version)
    migration = releases.migration(source, target)
    config = run.config(run.job.source)
    words = {
        "image": migration.image.format(tag=target.tag),
        "data": run.job.data_volume,
        "db_password": str(config.get("db_password", "")),
        "old_configuration": os.path.join(run.job.path, releases.configuration_name(source)),
    }
    for arguments, folder in zip(migration.databases, migration.folders):
        if not os.path.isdir(os.path.join(run.job.data_volume, folder)):
            continue
        command = ["docker", *(word.format(**words) for word in arguments)]
        done = run.command(command, timeout=_INSTALL, answers=migration.answers)
        if done.returncode != 0:
            raise Problem(f"The migration of the database failed with {done.returncode}: {tail(done.stdout)}")


def install(run: Run, hop: Hop) -> None:
    """The release's own installer, with the same components as before."""
    job = run.job
    database.leave_alone(run)
    if hop is not job.hops[0]:
        # The new compose file does not know what the old one had, and would leave it running.
        stop_and_remove(job.path, _STOP)
    for other in os.listdir(job.path):
        if re.fullmatch(r"harbor\.v.*\.tar\.gz", other):
            raise Problem(f"{other} lies in {job.path}; the installer would load it")
    allowed = releases.component_flags(Version.parse(hop.version))
    flags = [flag for flag in job.flags if flag in allowed]
    done = run.command(["./install.sh", *flags], cwd=job.path, timeout=_INSTALL)
    if done.returncode != 0:
        raise Problem(
            f"The installer of Harbor {hop.version} failed with status {done.returncode}: {tail(done.stdout)}"
        )


def wait(run: Run, hop: Hop) -> None:
    proof.wait(run, hop.version, run.job.options["timeout"])
    if hop is not run.job.hops[-1]:
        # An empty database is healthy too; the next hop would only hide where that happened.
        proof.verify(run, hop.version)


def verify(run: Run) -> None:
    """With this, Harbor serves again, and the time without service ends."""
    job = run.job
    job.census_after = proof.verify(run, job.target)
    run.serves()
    now = job.census_after
    run.say(f"Harbor {job.target} serves with {now}, and {now.sampled} as before; it was down for {job.downtime:.0f} s")


def remove_working_files(run: Run) -> None:
    """What was made on the way and serves nobody afterwards, whichever version stays."""
    for name in ("releases", "configuration", "archives", f"passed-{run.job.id}"):
        shutil.rmtree(os.path.join(run.job.work, name), ignore_errors=True)


def remove_empty_folders(run: Run) -> None:
    """The folders of all upgrades, where nothing is kept in them."""
    for folder in (run.job.work, os.path.dirname(run.job.backup)):
        if os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)


def tidy(run: Run) -> None:
    """Takes away what only the upgrade needed. The way back stays, if it is wanted."""
    job = run.job
    for hop in job.hops:
        aside = images.tarball_aside(hop)
        if os.path.exists(aside):
            if hop is job.hops[-1] and hop.images is not None:
                os.replace(aside, os.path.join(job.path, hop.images))
            else:
                os.unlink(aside)
        shutil.rmtree(hop.release, ignore_errors=True)
    remove_working_files(run)
    # Those of the versions in between have never served anybody.
    images.unload(run, job.hops[:-1])
    if not job.options["keep_backup"]:
        shutil.rmtree(job.backup, ignore_errors=True)
        shutil.rmtree(previous(run), ignore_errors=True)
    _remove_older(run)


def _remove_older(run: Run) -> None:
    """One way back is enough: that of the last upgrade."""
    job = run.job
    for folder, prefix in ((os.path.dirname(job.backup), "upgrade-"), (job.work, "before-")):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in names:
            if name.startswith(prefix) and name != f"{prefix}{job.id}":
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    remove_empty_folders(run)
